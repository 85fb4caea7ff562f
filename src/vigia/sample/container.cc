#include "vigia/sample/container.h"

#include <algorithm>
#include <array>

namespace vigia {
namespace {

constexpr std::size_t kIdDigits = 64;

bool is_id(std::string_view text) {
  return text.size() == kIdDigits && std::ranges::all_of(text, [](char each) {
           return (each >= '0' && each <= '9') || (each >= 'a' && each <= 'f');
         });
}

struct Prefix {
  std::string_view text;
  std::string_view runtime;
};
constexpr std::array<Prefix, 6> kPrefixes = {{{"docker-", "docker"},
                                              {"libpod-payload-", "podman"},
                                              {"libpod-", "podman"},
                                              {"nerdctl-", "containerd"},
                                              {"cri-containerd-", "kubernetes"},
                                              {"crio-", "cri-o"}}};

struct Scope {
  std::string_view runtime;
  std::string_view id;
};

// A segment "docker-ID.scope". Without systemd it has no ".scope".
std::optional<Scope> scope_of(std::string_view segment) {
  constexpr std::string_view kScope = ".scope";
  if (segment.ends_with(kScope)) segment.remove_suffix(kScope.size());
  for (const Prefix& prefix : kPrefixes) {
    if (!segment.starts_with(prefix.text)) continue;
    const std::string_view id = segment.substr(prefix.text.size());
    if (is_id(id)) return Scope{.runtime = prefix.runtime, .id = id};
  }
  return std::nullopt;
}

std::string_view runtime_below(std::string_view parent) {
  if (parent == "docker") return "docker";
  if (parent == "default" || parent == "k8s.io") return "containerd";
  return {};
}

}  // namespace

std::optional<ContainerName> container_of(std::string_view cgroup) {
  // A group that was removed while a zombie is in it has this end.
  constexpr std::string_view kDeleted = " (deleted)";
  if (cgroup.ends_with(kDeleted)) cgroup.remove_suffix(kDeleted.size());
  const std::string_view path = cgroup;
  std::string_view parent;
  bool is_of_pod = false;
  while (!cgroup.empty()) {
    const auto end = std::min(cgroup.find('/'), cgroup.size());
    const std::string_view segment = cgroup.substr(0, end);
    cgroup.remove_prefix(std::min(end + 1, cgroup.size()));
    if (segment.empty()) continue;
    const auto of = [&](std::string_view runtime, std::string_view id) {
      const auto size = static_cast<std::size_t>(segment.data() + segment.size() - path.data());
      return ContainerName{.runtime = runtime, .id = id, .path = path.substr(0, size)};
    };
    if (is_id(segment)) return of(is_of_pod ? "kubernetes" : runtime_below(parent), segment);
    if (const auto scope = scope_of(segment)) return of(scope->runtime, scope->id);
    is_of_pod |= segment.starts_with("kubepods");
    parent = segment;
  }
  return std::nullopt;
}

}  // namespace vigia
