// The cost of a sample of a host with many processes, by vigia's sources and by ps.
//
//   sources PROCESSES [ROUNDS [SOURCE]]
//
// Makes PROCESSES sleeping children. Then it measures in turn each source that works here, and
// `ps -e -o pid,ppid,stat,time,vsz,rss,comm`. Another process reads each source.
//
// Prints a JSON object with an object for each source. Its times are medians of the processor time
// of a reading and of a first reading, in us. Its memory is the peak of the last reader.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "vigia/app/sampler.h"

namespace {

constexpr int kReads = 20;  // in a round

double us_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
}

double cpu_us(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  return us_of(usage.ru_utime) + us_of(usage.ru_stime);
}

struct Cost {
  double read_us = 0;
  double first_us = 0;
  std::size_t processes = 0;
  std::size_t containers = 0;
  std::int64_t memory_bytes = 0;
};

// The cost of one source, measured within this process.
Cost cost_of(vigia::SourceChoice choice) {
  Cost cost;
  auto sampler = vigia::Sampler::open(choice);
  if (!sampler) return cost;
  vigia::Sample sample;
  double before = cpu_us(RUSAGE_SELF);
  if (!sampler->read(sample)) return cost;
  cost.first_us = cpu_us(RUSAGE_SELF) - before;
  before = cpu_us(RUSAGE_SELF);
  for (int i = 0; i < kReads; ++i) {
    if (!sampler->read(sample)) return {};
  }
  cost.read_us = (cpu_us(RUSAGE_SELF) - before) / kReads;
  cost.processes = sample.processes.size();
  cost.containers = sample.cgroups.size();
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  cost.memory_bytes = std::int64_t{usage.ru_maxrss} * 1024;
  return cost;
}

// Measures in a child, so that its memory is its own.
Cost measured_apart(const std::function<Cost()>& measure) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) std::abort();
  const pid_t child = ::fork();
  if (child < 0) std::abort();
  if (child == 0) {
    const Cost cost = measure();
    const bool is_written = ::write(ends[1], &cost, sizeof(cost)) == sizeof(cost);
    ::_exit(is_written ? 0 : 1);
  }
  ::close(ends[1]);
  Cost cost;
  const ssize_t count = ::read(ends[0], &cost, sizeof(cost));
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return count == sizeof(cost) ? cost : Cost();
}

Cost cost_of_ps() {
  const double before = cpu_us(RUSAGE_CHILDREN);
  const pid_t child = ::fork();
  if (child < 0) std::abort();
  if (child == 0) {
    const int null = ::open("/dev/null", O_WRONLY);
    ::dup2(null, STDOUT_FILENO);
    ::execlp("ps", "ps", "-e", "-o", "pid,ppid,stat,time,vsz,rss,comm", nullptr);
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  Cost cost;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    cost.read_us = cpu_us(RUSAGE_CHILDREN) - before;
  }
  return cost;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

std::vector<pid_t> make_children(int count) {
  std::vector<pid_t> children;
  for (int i = 0; i < count; ++i) {
    const pid_t child = ::fork();
    if (child < 0) {
      std::perror("sources: fork");
      for (const pid_t each : children) ::kill(each, SIGKILL);
      std::exit(1);
    }
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      while (true) ::pause();
    }
    children.push_back(child);
  }
  return children;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: sources PROCESSES [ROUNDS [SOURCE]]\n", stderr);
    return 2;
  }
  const std::vector<pid_t> children = make_children(std::atoi(argv[1]));
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  const std::string only = argc > 3 ? argv[3] : "";

  using vigia::SourceChoice;
  const std::map<std::string, std::function<Cost()>> measures = {
      {"module", [] { return cost_of(SourceChoice::kModule); }},
      {"module-json", [] { return cost_of(SourceChoice::kModuleJson); }},
      {"bpf", [] { return cost_of(SourceChoice::kBpf); }},
      {"proc", [] { return cost_of(SourceChoice::kProc); }},
      {"ps", cost_of_ps}};
  std::map<std::string, std::vector<Cost>> found;
  for (int round = 0; round < rounds; ++round) {
    for (const auto& [name, measure] : measures) {
      if (!only.empty() && name != only) continue;
      if (const Cost cost = measured_apart(measure); cost.read_us > 0) found[name].push_back(cost);
    }
  }
  for (const pid_t child : children) ::kill(child, SIGKILL);
  for (const pid_t child : children) ::waitpid(child, nullptr, 0);

  std::string out;
  base::JsonObject object(out);
  for (const auto& [name, costs] : found) {
    const auto median_of = [&costs](double Cost::* figure) {
      std::vector<double> values;
      for (const Cost& each : costs) values.push_back(each.*figure);
      return median(values);
    };
    base::JsonObject each(object.key(name));
    each.add("read_us", median_of(&Cost::read_us), 1);
    each.add("first_us", median_of(&Cost::first_us), 1);
    each.add("processes", costs.front().processes);
    each.add("containers", costs.front().containers);
    each.add("memory_bytes", costs.back().memory_bytes);
    each.close();
  }
  object.close();
  fmt::print("{}\n", out);
  return 0;
}
