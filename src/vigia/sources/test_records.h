// Records (abi/vigia_records.h) as a test says them, and the bytes of a stream of them.
//
// For tests only. Threads: functions.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vigia_records.h>

namespace vigia::test {

// A process that has nothing but what each must have.
inline vigia_record record_of(std::int32_t pid) {
  vigia_record record{};
  record.kind = VIGIA_PROCESS;
  record.pid = pid;
  record.ppid = 1;
  record.threads = 1;
  record.state = 'S';
  return record;
}

inline vigia_header header_of_records() {
  return {.magic = VIGIA_MAGIC,
          .schema = VIGIA_SCHEMA,
          .record_bytes = sizeof(vigia_record),
          .reserved = 0};
}

inline vigia_record end_after(std::size_t processes) {
  vigia_record end{};
  end.kind = VIGIA_END;
  end.pid = static_cast<std::int32_t>(processes);
  return end;
}

template <class T>
void append_bytes(std::string& bytes, const T& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

// Header, records as they are, and no END.
inline std::string bytes_of(std::span<const vigia_record> records,
                            const vigia_header& header = header_of_records()) {
  std::string bytes;
  append_bytes(bytes, header);
  for (const vigia_record& each : records) append_bytes(bytes, each);
  return bytes;
}

inline std::string stream_of(std::span<const vigia_record> records) {
  std::string bytes = bytes_of(records);
  append_bytes(bytes, end_after(records.size()));
  return bytes;
}

}  // namespace vigia::test
