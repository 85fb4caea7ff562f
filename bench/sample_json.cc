// Measures a sample of a thousand processes and fifty containers on its way through JSON, in
// isolation: build/release/bin/sample_json.
#include "vigia/sample/sample_json.h"

#include <benchmark/benchmark.h>

#include <fmt/format.h>
#include <numeric>
#include <string>
#include <vector>

#include "vigia/sample/usage.h"
#include "vigia/sample/usage_json.h"

namespace vigia {
namespace {

constexpr int kProcesses = 1000;
constexpr int kContainers = 50;
constexpr std::int64_t kSecond = 1'000'000'000;

std::string path_of(int container) { return fmt::format("/docker/{:064x}", container); }

Process process_at(int place, std::int64_t now_ns) {
  return {.pid = 100 + place,
          .ppid = 1,
          .threads = 4,
          .oom_score_adj = 0,
          .uid = 1000,
          .state = 'S',
          .start_ns = kSecond * place,
          .read_ns = now_ns + 1000 * place,
          .user_ns = now_ns / 10,
          .system_ns = now_ns / 100,
          .vsz_bytes = 700'000'000,
          .rss_anon_bytes = 40'000'000,
          .rss_file_bytes = 9'000'000,
          .rss_shmem_bytes = 65'536,
          .name = "postgres",
          .command = "postgres: worker process for a database of a hundred tables",
          .cgroup = path_of(place % kContainers)};
}

Sample sample_at(std::int64_t now_ns) {
  Sample sample;
  sample.source = "proc";
  sample.kernel = "6.1.0-44-amd64";
  sample.boot_id = "0b6ad0b4-5a3c-4d2e-9f6a-0d7c3c1d2e4f";
  sample.wall_ms = 1'790'000'000'000;
  sample.uptime_ns = now_ns;
  sample.cpus.resize(16);
  for (int i = 0; i < kProcesses; ++i) sample.processes.push_back(process_at(i, now_ns));
  for (int i = 0; i < kContainers; ++i) {
    Cgroup& group = sample.cgroups.emplace_back();
    group.path = path_of(i);
    group.read_ns = now_ns;
    group.cpu_ns = now_ns / 5;
    group.user_ns = group.system_ns = now_ns / 10;
    group.memory_bytes = group.working_set_bytes = group.peak_bytes = 800'000'000;
    group.pids = 80;
  }
  return sample;
}

void write_a_sample(benchmark::State& state) {
  const Sample sample = sample_at(5000 * kSecond);
  for (auto _ : state) benchmark::DoNotOptimize(to_json(sample));
}
BENCHMARK(write_a_sample);

void read_a_sample(benchmark::State& state) {
  const std::string text = to_json(sample_at(5000 * kSecond));
  SampleReader reader;
  Sample sample;
  for (auto _ : state) {
    if (!reader.read(text, sample)) state.SkipWithError("it was not read");
  }
}
BENCHMARK(read_a_sample);

void write_a_usage(benchmark::State& state) {
  const Usage usage = usage_of(sample_at(5000 * kSecond), sample_at(5010 * kSecond));
  std::vector<std::size_t> places(usage.sample.processes.size());
  std::iota(places.begin(), places.end(), 0);
  for (auto _ : state) benchmark::DoNotOptimize(to_json(usage, places));
}
BENCHMARK(write_a_usage);

}  // namespace
}  // namespace vigia
