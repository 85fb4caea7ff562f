// Files of control groups: any bytes are read without harm, no figure is below 0, and no path
// leaves its mount. The first byte chooses the parser of the rest.
#include "vigia/sources/cgroup_text.h"

#include <algorithm>

#include "base/check.h"
#include "fuzz.h"
#include "vigia/sample/container.h"

namespace {

void check(const vigia::Cgroup::Figure& figure) { CHECK(!figure || *figure >= 0); }

void check(const std::optional<vigia::CgroupThrottling>& throttling) {
  if (!throttling) return;
  CHECK(throttling->periods >= 0 && throttling->throttled_periods >= 0);
  CHECK(throttling->throttled_ns >= 0);
}

void check(const std::optional<vigia::CgroupMemory>& memory) {
  if (!memory) return;
  CHECK(memory->anon_bytes >= 0 && memory->inactive_file_bytes >= 0);
  check(memory->kernel_bytes);
  check(memory->sock_bytes);
}

void check(const std::optional<vigia::CgroupOoms>& ooms) {
  if (!ooms) return;
  check(ooms->ooms);
  check(ooms->oom_kills);
}

void check(const std::optional<vigia::CgroupIo>& io) {
  CHECK(!io || (io->read_bytes >= 0 && io->written_bytes >= 0));
}

// A mount's root and a path, with a newline between.
void check_path(std::string_view text) {
  const auto end = std::min(text.find('\n'), text.size());
  const auto below = vigia::below_mount(text.substr(0, end), text.substr(end));
  if (!below) return;
  CHECK(!below->empty() && below->front() != '/' && below->find('\0') == std::string::npos);
  CHECK(("/" + *below + "/").find("/../") == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = fuzz::text_of(data + 1, size - 1);
  switch (data[0]) {
    case 'f': check(vigia::parse_figure(text)); break;
    case 'l':
      if (const auto limit = vigia::parse_limit(text)) check(limit->most);
      break;
    case 't': check(vigia::parse_throttling(text)); break;
    case 'c':
      if (const auto cpu = vigia::parse_cgroup_cpu(text)) {
        CHECK(cpu->usage_ns >= 0 && cpu->user_ns >= 0 && cpu->system_ns >= 0);
        check(cpu->throttling);
      }
      break;
    case 'a':
      if (const auto times = vigia::parse_cpuacct_stat(text, 100)) {
        CHECK(times->user_ns >= 0 && times->system_ns >= 0);
      }
      break;
    case '1': check(vigia::parse_cgroup_memory_v1(text)); break;
    case '2': check(vigia::parse_cgroup_memory_v2(text)); break;
    case 'e': check(vigia::parse_memory_events(text)); break;
    case 'o': check(vigia::parse_oom_control(text)); break;
    case 'i': check(vigia::parse_io_stat(text)); break;
    case 'b': check(vigia::parse_blkio(text)); break;
    case 'm':
      if (const auto mounts = vigia::parse_cgroup_mounts(text)) {
        for (const auto& each : *mounts) CHECK(!each.point.empty() && !each.root.empty());
      }
      break;
    case 'p': check_path(text); break;
    case 'n':
      if (const auto container = vigia::container_of(text)) {
        CHECK(text.starts_with(container->path) && container->id.size() == 64);
        CHECK(vigia::container_of(container->path) == container);
      }
      break;
    default: break;
  }
  return 0;
}
