#include "vigia/sample/container.h"

#include <gtest/gtest.h>

#include <string>

namespace vigia {
namespace {

const std::string kId(64, 'a');
const std::string kInner(64, 'b');

std::string runtime_of(const std::string& cgroup) {
  const auto container = container_of(cgroup);
  if (!container) return "none";
  EXPECT_EQ(container->id, kId) << cgroup;
  return std::string(container->runtime);
}

TEST(ContainerTest, EveryEnginesPathsAreKnown) {
  EXPECT_EQ(runtime_of("/docker/" + kId), "docker");
  EXPECT_EQ(runtime_of("/system.slice/docker-" + kId + ".scope"), "docker");
  EXPECT_EQ(runtime_of("/machine.slice/libpod-" + kId + ".scope"), "podman");
  EXPECT_EQ(runtime_of("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kId +
                       ".scope/container"),
            "podman");
  EXPECT_EQ(runtime_of("/libpod_parent/libpod-" + kId), "podman");
  EXPECT_EQ(runtime_of("/user.slice/app.service/libpod-payload-" + kId), "podman");
  EXPECT_EQ(runtime_of("/default/" + kId), "containerd");
  EXPECT_EQ(runtime_of("/system.slice/nerdctl-" + kId + ".scope"), "containerd");
  EXPECT_EQ(runtime_of("/kubepods/burstable/pod0b6ad0b4-5a3c-4d2e-9f6a-0d7c3c1d2e4f/" + kId),
            "kubernetes");
  EXPECT_EQ(runtime_of("/kubepods.slice/kubepods-besteffort.slice/"
                       "kubepods-besteffort-pod0b6a_d0b4.slice/cri-containerd-" +
                       kId + ".scope"),
            "kubernetes");
  EXPECT_EQ(runtime_of("/kubepods.slice/kubepods-pod1.slice/crio-" + kId + ".scope"), "cri-o");
}

TEST(ContainerTest, GroupsBelowBelongToTheContainer) {
  EXPECT_EQ(runtime_of("/docker/" + kId + "/init.scope"), "docker");
  EXPECT_EQ(runtime_of("/docker/" + kId + "/kubelet/kubepods/pod1/" + kInner), "docker");
}

TEST(ContainerTest, ItsOwnGroupIsTheOneThatHoldsItsId) {
  const auto path_of = [](const std::string& cgroup) {
    const auto container = container_of(cgroup);
    return std::string(container ? container->path : "none");
  };
  EXPECT_EQ(path_of("/docker/" + kId), "/docker/" + kId);
  EXPECT_EQ(path_of("/docker/" + kId + "/a b/" + kInner), "/docker/" + kId);
  EXPECT_EQ(path_of("/docker/" + kId + "/"), "/docker/" + kId);
  EXPECT_EQ(path_of("/docker/" + kId + " (deleted)"), "/docker/" + kId);
  EXPECT_EQ(path_of("/a\\x2db.slice/docker-" + kId + ".scope/init"),
            "/a\\x2db.slice/docker-" + kId + ".scope");
  EXPECT_EQ(path_of("/../../docker/" + kId + "/x"), "/../../docker/" + kId);
}

TEST(ContainerTest, AContainerUnderACustomParentHasNoKnownRuntime) {
  EXPECT_EQ(runtime_of("/batch/" + kId), "");
}

TEST(ContainerTest, ARemovedGroupStillBelongsToItsContainer) {
  EXPECT_EQ(runtime_of("/docker/" + kId + " (deleted)"), "docker");
}

TEST(ContainerTest, OtherPathsBelongToNoContainer) {
  for (const std::string& path :
       {std::string(), std::string("/"), std::string("/system.slice/ssh.service"),
        std::string("/docker"), "/docker/" + kId.substr(1), "/docker/" + kId + "0",
        "/docker/" + std::string(64, 'A'), "/machine.slice/libpod-conmon-" + kId + ".scope",
        "/system.slice/docker-" + kId + ".service", std::string("/a b/c\\x2dd")}) {
    EXPECT_EQ(runtime_of(path), "none") << path;
  }
}

}  // namespace
}  // namespace vigia
