// A /proc that a test fills.
//
// For tests only. Threads: values.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fmt/format.h>
#include <string>
#include <string_view>

#include "base/test_folder.h"

namespace vigia::test {

class FakeProc {
 public:
  FakeProc() {
    write("sys/kernel/osrelease", "6.1.0-test\n");
    write("sys/kernel/random/boot_id", "0b6ad0b4-5a3c-4d2e-9f6a-0d7c3c1d2e4f\n");
    write("stat", "cpu  1 2 3 4 5 6 7 8\ncpu0 1 2 3 4 5 6 7 8\n");
    write("loadavg", "0.1 0.2 0.3 1/2 3\n");
    write("meminfo",
          "MemTotal: 8 kB\nMemFree: 7 kB\nMemAvailable: 6 kB\nBuffers: 5 kB\nCached: 4 kB\n"
          "SwapTotal: 3 kB\nSwapFree: 2 kB\nSReclaimable: 1 kB\n");
    std::filesystem::create_directory(folder_ / "irq");
  }

  void write(const std::string& path, std::string_view text) {
    const std::filesystem::path file = folder_ / path;
    std::filesystem::create_directories(file.parent_path());
    base::test::write_file(file, text);
  }
  void remove(const std::string& path) { std::filesystem::remove_all(folder_ / path); }

  // `start` is in clock ticks.
  void add_process(int pid, std::string_view name = "sleep", int start = 500, int rss_pages = 10) {
    write_stat(pid, name, start, rss_pages);
    const std::string folder = std::to_string(pid);
    write(folder + "/status",
          fmt::format("Uid:\t{}\nRssAnon:\t{} kB\nRssFile:\t1 kB\nRssShmem:\t2 kB\n", 1000 + pid,
                      rss_pages));
    write(folder + "/cgroup", "0::/system.slice\n");
    write(folder + "/oom_score_adj", "-1000\n");
    write(folder + "/cmdline", std::string("sleep\0"
                                           "60\0",
                                           9));
  }
  void write_stat(int pid, std::string_view name, int start, int rss_pages, int threads = 4) {
    write(std::to_string(pid) + "/stat",
          fmt::format("{} ({}) R 1 1 1 0 -1 0 0 0 0 0 7 3 0 0 20 0 {} 0 {} 8192 {} 0\n", pid, name,
                      threads, start, rss_pages));
  }

  [[nodiscard]] std::string path() const { return folder_.path(); }

 private:
  base::test::TempFolder folder_;
};

}  // namespace vigia::test
