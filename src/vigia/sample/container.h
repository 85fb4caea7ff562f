// Finds a control group's container from its path alone, without a container engine.
//
// Threads: functions.
#pragma once

#include <optional>
#include <string_view>

namespace vigia {

struct ContainerName {
  // "docker", "podman", "containerd", "cri-o" or "kubernetes"; empty if the path does not say.
  std::string_view runtime;
  std::string_view id;    // 64 hexadecimal digits
  std::string_view path;  // of the container's own group, without the groups below it

  friend bool operator==(const ContainerName&, const ContainerName&) = default;
};

// The container of a path such as these, or of a group below them:
//
//   /docker/ID                                            Docker, driver cgroupfs
//   /system.slice/docker-ID.scope                         Docker, driver systemd
//   /machine.slice/libpod-ID.scope, /…/libpod-payload-ID  Podman
//   /default/ID, /k8s.io/ID, /…/nerdctl-ID.scope          containerd
//   /kubepods/burstable/podUID/ID                         Kubernetes, driver cgroupfs
//   /kubepods.slice/….slice/cri-containerd-ID.scope       Kubernetes, driver systemd
//   /kubepods.slice/….slice/crio-ID.scope                 CRI-O
//
// For a container within another it returns the outer one, which this host's engine knows. The
// monitor of a container (`libpod-conmon-ID.scope`) is not part of it. Returns nothing if the path
// belongs to no container. `id` and `path` are views into `cgroup`.
[[nodiscard]] std::optional<ContainerName> container_of(std::string_view cgroup);

}  // namespace vigia
