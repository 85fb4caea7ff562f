#include "estadio/contest/contest.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "estadio/contest/test_world.h"

namespace estadio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Contest contest_of(std::string_view toml) {
  auto contest = Contest::from_toml(toml, "contest.toml");
  EXPECT_TRUE(contest) << contest.error().message();
  return contest ? *std::move(contest) : Contest::defaults();
}

TEST(FoldNameTest, RemovesCaseAndMarksInEveryForm) {
  for (const char* name :
       {"Ingeniería", "INGENIERÍA", "ingenieria", "Ingenieri\u0301a", "ｉｎｇｅｎｉｅｒｉａ"}) {
    EXPECT_EQ(fold_name(name), "ingenieria") << name;
  }
  EXPECT_EQ(fold_name("Straße"), "strasse");
  EXPECT_EQ(fold_name("Ñandú"), "nandu");
  EXPECT_EQ(fold_name("Bellas Artes"), "bellas artes");
  EXPECT_EQ(fold_name(""), "");
  EXPECT_NE(fold_name("工学"), fold_name("農学"));
}

TEST(FoldNameTest, InvalidUtf8EqualsNoOtherName) { EXPECT_EQ(fold_name("Ing\xFF"), "Ing\xFF"); }

TEST(ContestTest, DefaultsAreTheTwoFacultiesAndThreeDisciplines) {
  const Contest contest = Contest::defaults();
  ASSERT_EQ(contest.faculties().size(), 2U);
  EXPECT_EQ(contest.faculties()[0].name, "Ingeniería");
  EXPECT_THAT(contest.faculties()[0].slugs, ElementsAre("ingenieria", "engineering"));
  EXPECT_EQ(contest.faculties()[1].name, "Agronomía");
  EXPECT_THAT(contest.faculties()[1].slugs, ElementsAre("agronomia", "agronomy"));
  ASSERT_EQ(contest.disciplines().size(), 3U);
  EXPECT_EQ(contest.disciplines()[0].name, "Natación");
  EXPECT_EQ(contest.disciplines()[2].id, 3);
  EXPECT_EQ(contest.partitions(), 2);
  EXPECT_FALSE(contest.closes_at_ms());
}

TEST(ContestTest, FacultiesAreFoundByNameAliasCaseAndAccent) {
  const Contest contest = Contest::defaults();
  for (const char* name : {"Ingeniería", "ingenieria", "INGENIERÍA", "Ingenieri\u0301a",
                           "engineering", "Engineering", "ÉNGINEERING"}) {
    EXPECT_EQ(contest.find_faculty(name), FacultyIndex{0}) << name;
  }
  EXPECT_EQ(contest.find_faculty("AGRONOMY"), FacultyIndex{1});
  for (const std::string& name :
       {std::string(), std::string("Ingenier"), std::string("Cocina"), std::string("Ing\xFF"),
        std::string("ingenieria\0", 11), std::string(1'000'000, 'x')}) {
    EXPECT_FALSE(contest.find_faculty(name)) << name.substr(0, 20);
  }
}

TEST(ContestTest, DisciplinesAreFoundById) {
  const Contest contest = contest_of(R"(
    [[discipline]]
    id = 9999
    name = "Last"
    [[discipline]]
    id = 0
    name = "First"
  )");
  EXPECT_EQ(contest.find_discipline(9999), DisciplineIndex{0});
  EXPECT_EQ(contest.find_discipline(0), DisciplineIndex{1});
  for (const std::int64_t id : {std::int64_t{1}, std::int64_t{-1}, std::int64_t{10'000},
                                std::int64_t{65'536}, INT64_MIN, INT64_MAX}) {
    EXPECT_FALSE(contest.find_discipline(id)) << id;
  }
}

TEST(ContestTest, MissingKeysHaveTheirDefaults) {
  const Contest contest = contest_of("name = \"Copa\"\npartitions = 256\n");
  EXPECT_EQ(contest.name(), "Copa");
  EXPECT_EQ(contest.partitions(), 256);
  EXPECT_EQ(contest.faculties().size(), 2U);
  EXPECT_EQ(contest.disciplines().size(), 3U);
  EXPECT_EQ(contest_of("").name(), Contest::defaults().name());
}

TEST(ContestTest, FacultiesHaveTheirNamesAliasesAndPaths) {
  const Contest contest = contest_of(R"(
    [[faculty]]
    name = "Bellas Artes"
    aliases = ["Fine Arts", "ARTES", "bellas artes", "Artes"]
  )");
  ASSERT_EQ(contest.faculties().size(), 1U);
  const Faculty& faculty = contest.faculties()[0];
  EXPECT_EQ(faculty.aliases.size(), 4U);
  EXPECT_THAT(faculty.slugs, ElementsAre("bellas-artes", "fine-arts", "artes"));
  EXPECT_EQ(contest.find_faculty("fine ARTS"), FacultyIndex{0});
  EXPECT_FALSE(contest.find_faculty("Ingeniería"));
}

TEST(ContestTest, NoTwoFacultiesShareAPath) {
  const auto tables = [](const char* one, const char* other) {
    return fmt::format("[[faculty]]\nname = \"{}\"\n[[faculty]]\nname = \"{}\"\n", one, other);
  };
  for (const auto& [one, other] :
       {std::pair("工学", "農学"), std::pair("Arte y Letras", "Arte-y-Letras"),
        std::pair("C++", "C--")}) {
    const auto contest = Contest::from_toml(tables(one, other), "contest.toml");
    if (!contest) continue;  // a refusal is right too
    std::set<std::string> slugs;
    for (const Faculty& faculty : contest->faculties()) {
      for (const std::string& slug : faculty.slugs) {
        EXPECT_TRUE(slugs.insert(slug).second)
            << one << " and " << other << " are both at /" << slug;
      }
    }
  }
}

TEST(ContestTest, ClosingTimesHaveTheirOffset) {
  constexpr std::int64_t kClosesMs = 1'796'148'000'000;  // 2026-12-01T18:00:00Z
  for (const char* when : {"2026-12-01T18:00:00Z", "2026-12-01T12:00:00-06:00",
                           "2026-12-01 18:00:00Z", "2026-12-02T03:30:00+09:30"}) {
    EXPECT_EQ(contest_of(fmt::format("closes_at = {}\n", when)).closes_at_ms(), kClosesMs) << when;
  }
  EXPECT_EQ(contest_of("closes_at = 2026-12-01T18:00:00.25Z").closes_at_ms(), kClosesMs + 250);
  EXPECT_EQ(contest_of("closes_at = 1970-01-01T00:00:00Z").closes_at_ms(), 0);
}

TEST(ContestTest, TakesIdsOfAnyVersionUnlessItSaysOtherwise) {
  const base::Uuid v4 = *base::Uuid::parse("3f2504e0-4f89-41d3-9a0c-0305e82c3301");
  const base::Uuid v7 = *base::Uuid::parse("0193b3e4-7c1a-7def-8abc-0123456789ab");
  for (const char* any : {"", "ids = \"any\"\n"}) {
    EXPECT_EQ(contest_of(any).given_ids(), GivenIds::kOfAnyVersion);
    EXPECT_EQ(contest_of(any).why_refused(v4), std::nullopt);
  }
  const Contest strict = contest_of("ids = \"v7\"\n");
  EXPECT_EQ(strict.given_ids(), GivenIds::kOfVersion7);
  EXPECT_EQ(strict.why_refused(v7), std::nullopt);
  EXPECT_THAT(strict.why_refused(v4).value_or(""), HasSubstr("got version 4"));
  EXPECT_THAT(strict.why_refused(v4).value_or(""), HasSubstr("uuid.uuid7()"));
  EXPECT_THAT(strict.why_refused(base::Uuid()).value_or(""), HasSubstr("got version 0"));
}

TEST(ContestTest, AsManyAsAllowedAreTaken) {
  std::string toml;
  for (std::size_t i = 0; i < Contest::kFacultiesMax; ++i) {
    toml += fmt::format("[[faculty]]\nname = \"F{}\"\n", i);
  }
  for (std::size_t i = 0; i < Contest::kDisciplinesMax; ++i) {
    toml += fmt::format("[[discipline]]\nid = {}\nname = \"D{}\"\n", i, i);
  }
  const Contest contest = contest_of(toml);
  EXPECT_EQ(contest.find_faculty("f63"), FacultyIndex{63});
  EXPECT_EQ(contest.find_discipline(63), DisciplineIndex{63});
  EXPECT_EQ(contest_of("name = \"" + std::string(100, 'x') + "\"").name().size(), 100U);
}

// ---------------------------------------------------------------------------------------------
// Refused contests and their messages

struct BadContest {
  std::string toml;
  std::string place;   // line:column
  std::string detail;  // a part of the message
};

void PrintTo(const BadContest& each, std::ostream* out) { *out << each.toml.substr(0, 60); }

class BadContestTest : public testing::TestWithParam<BadContest> {};

TEST_P(BadContestTest, IsRefusedWithFileLineColumnAndExpectation) {
  const auto& [toml, place, detail] = GetParam();
  const auto contest = Contest::from_toml(toml, "copa.toml");
  ASSERT_FALSE(contest);
  EXPECT_EQ(contest.error().code(), base::Code::kInvalidArgument);
  EXPECT_TRUE(contest.error().message().starts_with("copa.toml:" + place + ": "))
      << contest.error().message();
  EXPECT_THAT(contest.error().message(), HasSubstr(detail));
}

std::vector<BadContest> bad_contests() {
  const auto faculty = [](const std::string& rest) { return "[[faculty]]\n" + rest; };
  const auto discipline = [](const std::string& rest) { return "[[discipline]]\n" + rest; };
  const std::string name_bounds = "expected a text of 1 to 100 bytes";
  std::vector<BadContest> contests = {
      {"name = ", "1:8", ""},
      {"name = \"a\"\nname = \"b\"\n", "2:8", ""},
      {"\n\nnonsense\n", "3:9", ""},
      {"name = \"\xFF\"", "1:8", ""},
      {"nombre = \"Copa\"\n", "1:10", "unknown key 'nombre'; known here are name, partitions"},
      {"name = 7\n", "1:8", name_bounds},
      {"name = \"\"\n", "1:8", name_bounds},
      {"name = \"" + std::string(101, 'x') + "\"\n", "1:8", name_bounds},
      {"name = \"a\\nb\"\n", "1:8", name_bounds},
      {"\npartitions = 0\n", "2:14", "expected a whole number from 1 to 256"},
      {"partitions = 257\n", "1:14", "expected a whole number from 1 to 256"},
      {"partitions = -1\n", "1:14", "expected a whole number from 1 to 256"},
      {"partitions = 2.0\n", "1:14", "expected a whole number from 1 to 256"},
      {"partitions = \"2\"\n", "1:14", "expected a whole number from 1 to 256"},
      {"closes_at = \"tomorrow\"\n", "1:13", "expected a time with its offset, such as 2026-"},
      {"closes_at = 2026-12-01T18:00:00\n", "1:13", "expected a time with its offset"},
      {"closes_at = 2026-12-01\n", "1:13", "expected a time with its offset"},
      {"ids = \"v4\"\n", "1:7", "ids: expected \"any\" or \"v7\""},
      {"ids = 7\n", "1:7", "ids: expected \"any\" or \"v7\""},
      {"ids = [\"v7\"]\n", "1:7", "ids: expected \"any\" or \"v7\""},
      {"faculty = \"Ingeniería\"\n", "1:11", "expected tables, each under [[faculty]]"},
      {"[faculty]\nname = \"A\"\n", "1:1", "expected tables, each under [[faculty]]"},
      {"discipline = [1, 2]\n", "1:14", "expected tables, each under [[discipline]]"},
      {faculty("aliases = [\"a\"]\n"), "1:1", "'name' is missing"},
      {faculty("name = true\n"), "2:8", name_bounds},
      {faculty("name = \"A\"\ncolour = \"red\"\n"), "3:10", "unknown key 'colour'"},
      {faculty("name = \"A\"\naliases = \"a\"\n"), "3:11", "expected an array of texts"},
      {faculty("name = \"A\"\naliases = [\"a\", 2]\n"), "3:17", name_bounds},
      {faculty("name = \"A\"\naliases = [\"\"]\n"), "3:12", name_bounds},
      {faculty("name = \"Química\"\n") + faculty("name = \"QUIMICA\"\n"), "4:8", "QUIMICA"},
      {faculty("name = \"A\"\naliases = [\"x\"]\n") + faculty("name = \"B\"\naliases = [\"X\"]\n"),
       "5:8", "expected names that differ"},
      {discipline("id = 1\n"), "1:1", "'name' is missing"},
      {discipline("name = \"A\"\n"), "1:1", "'id' is missing"},
      {discipline("id = 10000\nname = \"A\"\n"), "2:6", "expected a whole number from 0 to 9999"},
      {discipline("id = -1\nname = \"A\"\n"), "2:6", "expected a whole number from 0 to 9999"},
      {discipline("id = 1\nname = \"A\"\nteam = 1\n"), "4:8", "unknown key 'team'"},
      {discipline("id = 1\nname = \"A\"\n") + discipline("id = 1\nname = \"B\"\n"), "5:6",
       "expected another number"},
      {discipline("id = 1\nname = \"A\"\n") + discipline("id = 2\nname = \"A\"\n"), "6:8",
       "expected another name"},
  };
  std::string many;
  for (std::size_t i = 0; i <= Contest::kFacultiesMax; ++i) {
    many += faculty(fmt::format("name = \"F{}\"\n", i));
  }
  contests.push_back({many, "130:8", "expected at most 64"});
  many.clear();
  for (std::size_t i = 0; i <= Contest::kDisciplinesMax; ++i) {
    many += discipline(fmt::format("id = {}\nname = \"D{}\"\n", i, i));
  }
  contests.push_back({many, "194:6", "expected at most 64"});
  return contests;
}

INSTANTIATE_TEST_SUITE_P(All, BadContestTest, testing::ValuesIn(bad_contests()));

// Returns why a contest that began as `before` cannot go on as `after` in 2030. Empty when it can.
std::string why_it_cannot_follow(std::string_view before, std::string_view after) {
  const auto can = Contest::from_toml(after, "after")
                       ->can_follow(*Contest::from_toml(before, "before"), 1'900'000'000'000);
  return can ? "" : can.error().message();
}

TEST(ContestTest, CanGoOnWithMoreFacultiesDisciplinesAndAliases) {
  constexpr std::string_view kBefore =
      "[[faculty]]\nname = \"A\"\n[[discipline]]\nid = 1\nname = \"Remo\"\n";
  EXPECT_EQ(why_it_cannot_follow(kBefore, kBefore), "");
  EXPECT_EQ(why_it_cannot_follow(kBefore,
                                 "[[faculty]]\nname = \"B\"\n"
                                 "[[faculty]]\nname = \"A\"\naliases = [\"a1\"]\n"
                                 "[[discipline]]\nid = 2\nname = \"Boxeo\"\n"
                                 "[[discipline]]\nid = 1\nname = \"Rowing\"\n"),
            "");
}

TEST(ContestTest, CanGoOnWithOtherIds) {
  EXPECT_EQ(why_it_cannot_follow("", "ids = \"v7\"\n"), "");
  EXPECT_EQ(why_it_cannot_follow("ids = \"v7\"\n", "ids = \"any\"\n"), "");
}

TEST(ContestTest, CannotGoOnWithoutAFacultyOrDisciplineThatMayHaveCounts) {
  EXPECT_THAT(why_it_cannot_follow("[[faculty]]\nname = \"A\"\n[[faculty]]\nname = \"B\"\n",
                                   "[[faculty]]\nname = \"B\"\n"),
              HasSubstr("faculty 'A'"));
  EXPECT_THAT(why_it_cannot_follow("", "[[discipline]]\nid = 1\nname = \"Remo\"\n"),
              HasSubstr("discipline 2"));
  EXPECT_THAT(why_it_cannot_follow("partitions = 3", "partitions = 4"),
              HasSubstr("began with 3 partitions"));
}

TEST(ContestTest, CannotBeOpenedAgainOnceItsSeedWasShown) {
  constexpr std::string_view kOver = "closes_at = 2029-01-01T00:00:00Z";
  EXPECT_EQ(why_it_cannot_follow(kOver, kOver), "");
  for (const std::string_view again : {"", "closes_at = 2031-01-01T00:00:00Z"}) {
    EXPECT_THAT(why_it_cannot_follow(kOver, again), HasSubstr("is over"));
  }
  EXPECT_EQ(why_it_cannot_follow("closes_at = 2031-01-01T00:00:00Z", ""), "");
}

TEST(ContestFileTest, IsReadFromItsFileAndErrorsNameIt) {
  const test::TempFolder folder;
  const std::string path = folder / "contest.toml";
  test::write_file(path, "name = \"Copa\"\n");
  EXPECT_EQ(Contest::from_file(path)->name(), "Copa");
  test::write_file(path, "name = 1\n");
  EXPECT_THAT(Contest::from_file(path).error().message(), HasSubstr(path + ":1:8: "));
  const auto missing = Contest::from_file(folder / "none.toml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), base::Code::kNotFound);
  EXPECT_THAT(missing.error().message(), HasSubstr("none.toml"));
}

TEST(ContestFileTest, AFolderIsNoContestFile) {
  const test::TempFolder folder;
  EXPECT_FALSE(Contest::from_file(folder.path()));
}

}  // namespace
}  // namespace estadio
