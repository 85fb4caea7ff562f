// Which container a control group is of: its path tells, without asking an engine.
//
// Threads: functions.
#pragma once

#include <optional>
#include <string_view>

namespace vigia {

struct ContainerName {
  // "docker", "podman", "containerd", "cri-o" or "kubernetes"; empty where the path does not tell.
  std::string_view runtime;
  std::string_view id;    // 64 hexadecimal digits, within the path
  std::string_view path;  // of the container's own group, where what is below it is cut off

  friend bool operator==(const ContainerName&, const ContainerName&) = default;
};

// Of a path such as
//
//   /docker/ID                                            Docker, driver cgroupfs
//   /system.slice/docker-ID.scope                         Docker, driver systemd
//   /machine.slice/libpod-ID.scope, /…/libpod-payload-ID  Podman
//   /default/ID, /k8s.io/ID, /…/nerdctl-ID.scope          containerd
//   /kubepods/burstable/podUID/ID                         Kubernetes, driver cgroupfs
//   /kubepods.slice/….slice/cri-containerd-ID.scope       Kubernetes, driver systemd
//   /kubepods.slice/….slice/crio-ID.scope                 CRI-O
//
// and of what is below it. Of containers within containers the outermost is told, which is the one
// that this host's engine knows. What watches over a container (`libpod-conmon-ID.scope`) is not in
// it. Nothing where the path is of no container.
[[nodiscard]] std::optional<ContainerName> container_of(std::string_view cgroup);

}  // namespace vigia
