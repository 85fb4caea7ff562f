// Lines of the log: any bytes are read without harm. The record read is the line's beginning.
#include "estadio/contest/record.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "base/check.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const estadio::RecordFormat format(estadio::Contest::defaults());
  const std::string_view line = fuzz::text_of(data, size);
  const auto record = format.parse(line);
  if (!record) return 0;
  estadio::Entry entry;
  entry.id = record->id;
  entry.faculty = record->faculty;
  entry.discipline = record->discipline;
  entry.is_id_given = record->is_id_given;
  std::string written;
  format.append(written, entry, {}, record->outcome);
  CHECK(written.ends_with("}\n"));
  written.resize(written.size() - 2);
  // The line may have the id in upper case.
  std::string start(line.substr(0, written.size()));
  const std::string id = entry.id.to_string();
  std::string id_there(estadio::RecordFormat::id_text(line));
  std::ranges::transform(id_there, id_there.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  CHECK(id_there == id);
  start.replace(written.find(id), id.size(), id);
  CHECK(start == written);
  return 0;
}
