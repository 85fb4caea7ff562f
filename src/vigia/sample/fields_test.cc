#include "vigia/sample/fields.h"

#include <gtest/gtest.h>

#include <fmt/format.h>
#include <set>
#include <string>

#include "base/test_folder.h"

namespace vigia {
namespace {

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::kCounter: return "counter";
    case Kind::kGauge: return "gauge";
    case Kind::kTimestamp: return "timestamp";
    case Kind::kLabel: return "label";
  }
  return "";
}

std::string_view name_of(Unit unit) {
  switch (unit) {
    case Unit::kNone: return "";
    case Unit::kNanoseconds: return "ns";
    case Unit::kMilliseconds: return "ms";
    case Unit::kBytes: return "bytes";
    case Unit::kPercent: return "%";
  }
  return "";
}

// Returns whether a catalogue has this field, with the same meaning.
template <class Fields, class Field>
bool has(const Fields& fields, const Field& wanted) {
  bool is_there = false;
  for_each_field(fields, [&](const auto& field) {
    is_there = is_there || (field.name == wanted.name && field.help == wanted.help);
  });
  return is_there;
}

template <class Field>
std::string row_of(const Field& field, std::string_view where) {
  const std::string_view heading = field.heading;
  return fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", field.name, name_of(field.kind),
                     name_of(field.unit()), where,
                     heading.empty() ? "" : fmt::format("`{}`", heading), field.help);
}

// Returns the table of docs/vigia.md: the fields of a recording, then a snapshot's further fields.
template <class Recorded, class Shown>
std::string table_of(const Recorded& recorded, const Shown& shown) {
  std::string table = "| member | kind | unit | in | column | means |\n|---|---|---|---|---|---|\n";
  for_each_field(recorded, [&](const auto& field) {
    table += row_of(field, has(shown, field) ? "both" : "recording");
  });
  for_each_field(shown, [&](const auto& field) {
    if (!has(recorded, field)) table += row_of(field, "snapshot");
  });
  return table;
}

// Calls visit(fields) for every catalogue.
template <class Visit>
void for_each_catalogue(const Visit& visit) {
  visit(kSampleFields);
  visit(kUsageFields);
  visit(kCpuFields);
  visit(kHostFields);
  visit(kMemoryFields);
  visit(kLoadFields);
  visit(kProcessFields);
  visit(kProcessUsageFields);
  visit(kCgroupFields);
  visit(kContainerUsageFields);
}

TEST(FieldsTest, NoCatalogueHasANameTwice) {
  for_each_catalogue([](const auto& fields) {
    std::set<std::string_view> names;
    for_each_field(fields, [&](const auto& field) {
      EXPECT_TRUE(names.insert(field.name).second) << field.name;
    });
  });
}

TEST(FieldsTest, EveryFieldSaysWhatItMeansOnOneLine) {
  for_each_catalogue([](const auto& fields) {
    for_each_field(fields, [](const auto& field) {
      EXPECT_FALSE(field.help.empty()) << field.name;
      EXPECT_EQ(field.help.find_first_of("|\n"), std::string_view::npos) << field.name;
      EXPECT_FALSE(field.help.ends_with('.')) << field.name;
    });
  });
}

TEST(FieldsTest, ANameEndsWithItsUnit) {
  EXPECT_EQ(unit_of("cpu_ns"), Unit::kNanoseconds);
  EXPECT_EQ(unit_of("wall_ms"), Unit::kMilliseconds);
  EXPECT_EQ(unit_of("rss_bytes"), Unit::kBytes);
  EXPECT_EQ(unit_of("cpu_percent"), Unit::kPercent);
  EXPECT_EQ(unit_of("threads"), Unit::kNone);
}

TEST(FieldsTest, AFieldOfAPartIsReadFromTheWhole) {
  Process process;
  process.threads = 7;
  const ProcessUsage usage = {.process = &process, .cpu_percent = {}, .container = nullptr};
  EXPECT_EQ(std::invoke(kOfProcess<&Process::threads>.get, usage), 7);
  EXPECT_EQ(kOfProcess<&Process::threads>.name, "threads");
}

TEST(FieldsTest, TheDocumentHasEveryField) {
  const std::string document = base::test::read_file(OLIMPIADAS_DOCS "/vigia.md");
  for (const std::string& table :
       {table_of(kSampleFields, kUsageFields),
        table_of(kCpuFields, std::tuple_cat(kCpuFields, kHostFields)),
        table_of(kMemoryFields, kMemoryFields), table_of(kLoadFields, kLoadFields),
        table_of(kProcessFields, kProcessUsageFields),
        table_of(kCgroupFields, kContainerUsageFields)}) {
    EXPECT_NE(document.find(table), std::string::npos) << "docs/vigia.md lacks this table:\n"
                                                       << table;
  }
}

}  // namespace
}  // namespace vigia
