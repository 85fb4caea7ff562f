// Files of /proc: any bytes are read without harm, and every text found lies within the input.
// The first byte chooses the parser of the rest.
#include "vigia/sources/proc_text.h"

#include <algorithm>

#include "base/check.h"
#include "fuzz.h"
#include "vigia/sample/container.h"

namespace {

constexpr std::int64_t kTickNs = 10'000'000;

bool is_within(std::string_view part, std::string_view text) {
  return part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = fuzz::text_of(data + 1, size - 1);
  switch (data[0]) {
    case 's':
      if (const auto stat = vigia::parse_proc_stat(text)) {
        CHECK(is_within(stat->name, text));
        // The parser turns ticks into nanoseconds.
        CHECK((stat->user_ticks + stat->system_ticks) * kTickNs >= 0);
        CHECK(stat->start_ticks * kTickNs >= 0 && stat->vsz_bytes >= 0);
      }
      break;
    case 'u':
      if (const auto status = vigia::parse_proc_status(text)) {
        CHECK(status->rss_anon_bytes + status->rss_file_bytes + status->rss_shmem_bytes >= 0);
      }
      break;
    case 'c': {
      const std::string command = vigia::command_of(text);
      CHECK(command.size() <= text.size() && std::ranges::count(command, '\0') == 0);
      break;
    }
    case 'g':
      if (const auto cgroup = vigia::cgroup_of(text)) {
        CHECK(cgroup->empty() || (is_within(*cgroup, text) && cgroup->starts_with('/')));
        static_cast<void>(vigia::container_of(*cgroup));
      }
      break;
    case 'h':
      if (const auto cpu = vigia::parse_host_cpu(text, 100)) {
        CHECK(cpu->all.user_ns >= 0 && cpu->each.size() <= text.size());
      }
      break;
    case 'm':
      if (const auto memory = vigia::parse_memory(text)) CHECK(memory->total_bytes >= 0);
      break;
    case 'l': static_cast<void>(vigia::parse_load(text)); break;
    default: break;
  }
  return 0;
}
