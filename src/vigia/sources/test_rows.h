// Rows (abi/vigia_records.h) for tests, and the bytes of a stream of them.
//
// For tests only. Threads: functions.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "vigia/sources/rows.h"

namespace vigia::test {

// Returns the smallest row that parse_rows() accepts.
inline Row row_of(std::int32_t pid) {
  Row row{};
  row.kind = VIGIA_PROCESS;
  row.pid = pid;
  row.ppid = 1;
  row.threads = 1;
  row.state = 'S';
  return row;
}

inline vigia_header header_of_rows() {
  return {.magic = VIGIA_MAGIC, .schema = VIGIA_SCHEMA, .record_bytes = sizeof(Row), .reserved = 0};
}

inline Row end_after(std::size_t processes) {
  Row end{};
  end.kind = VIGIA_END;
  end.pid = static_cast<std::int32_t>(processes);
  return end;
}

template <class T>
void append_bytes(std::string& bytes, const T& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

// Returns a header and the rows unchanged, without an END.
inline std::string bytes_of(std::span<const Row> rows,
                            const vigia_header& header = header_of_rows()) {
  std::string bytes;
  append_bytes(bytes, header);
  for (const Row& each : rows) append_bytes(bytes, each);
  return bytes;
}

inline std::string stream_of(std::span<const Row> rows) {
  std::string bytes = bytes_of(rows);
  append_bytes(bytes, end_after(rows.size()));
  return bytes;
}

}  // namespace vigia::test
