#include "base/metrics_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace base {
namespace {

using namespace std::chrono_literals;

bool is_name(std::string_view text) {
  return !text.empty() && (text[0] < '0' || text[0] > '9') && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == ':';
  });
}

// Removes one label, `name="value"` with its escapes, from the front. Returns false when there is
// no label.
bool take_label(std::string_view& text) {
  const std::size_t equals = text.find("=\"");
  if (equals == std::string_view::npos || !is_name(text.substr(0, equals))) return false;
  text.remove_prefix(equals + 2);
  while (!text.empty() && text[0] != '"') {
    const bool is_escape = text[0] == '\\';
    if (is_escape &&
        (text.size() < 2 || std::string_view("\"\\n").find(text[1]) == std::string_view::npos))
      return false;
    text.remove_prefix(is_escape ? 2 : 1);
  }
  if (text.empty()) return false;
  text.remove_prefix(1);
  return true;
}

// Returns whether the text is a sample's name, with or without labels in braces.
bool is_sample_name(std::string_view text) {
  const std::size_t brace = text.find('{');
  if (!is_name(text.substr(0, brace))) return false;
  if (brace == std::string_view::npos) return true;
  text.remove_prefix(brace + 1);
  while (take_label(text)) {
    if (text == "}") return true;
    if (!text.starts_with(',')) return false;
    text.remove_prefix(1);
  }
  return false;
}

struct Sample {
  std::string name;  // with its labels
  double value = 0;
};

// Returns the samples in the order of the text. REQUIRES: the text has the text format 0.0.4.
std::vector<Sample> list_samples(const std::string& text) {
  std::vector<Sample> samples;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# HELP ")) continue;
    if (line.starts_with("# TYPE ")) {
      EXPECT_TRUE(line.ends_with(" counter") || line.ends_with(" gauge") ||
                  line.ends_with(" histogram"))
          << line;
      continue;
    }
    const std::size_t space = line.rfind(' ');
    std::size_t parsed = 0;
    EXPECT_NE(space, std::string::npos) << line;
    Sample sample{.name = line.substr(0, space),
                  .value = std::stod(line.substr(space + 1), &parsed)};
    EXPECT_EQ(parsed, line.size() - space - 1) << line;
    EXPECT_TRUE(is_sample_name(sample.name)) << line;
    samples.push_back(std::move(sample));
  }
  EXPECT_TRUE(text.empty() || text.ends_with('\n'));
  return samples;
}

// The same by name.
std::map<std::string, double> parse_samples(const std::string& text) {
  std::map<std::string, double> by_name;
  for (const Sample& sample : list_samples(text)) {
    EXPECT_TRUE(by_name.emplace(sample.name, sample.value).second) << "twice: " << sample.name;
  }
  return by_name;
}

TEST(MetricsWriterTest, EveryLineIsOfTheTextFormat) {
  MetricsWriter writer;
  writer.counter("requests_total", "Requests.", 3, {{"method", "GET"}});
  writer.counter("requests_total", "Requests.", 4, {{"method", "POST"}});
  writer.gauge("open", "Open now.", -1.5);
  Histogram seconds;
  seconds.record(3ms);
  writer.histogram("latency_seconds", "Latency.", seconds, {{"path", "/"}});
  const auto samples = parse_samples(writer.text());
  EXPECT_EQ(samples.at(R"(requests_total{method="GET"})"), 3);
  EXPECT_EQ(samples.at(R"(requests_total{method="POST"})"), 4);
  EXPECT_EQ(samples.at("open"), -1.5);
  EXPECT_EQ(samples.at(R"(latency_seconds_count{path="/"})"), 1);
}

TEST(MetricsWriterTest, AFamilyIsDescribedOnceHoweverManyMetricsItHas) {
  MetricsWriter writer;
  writer.counter("a_total", "A.", 1, {{"x", "1"}});
  writer.gauge("b", "B.", 1);
  writer.counter("a_total", "A.", 1, {{"x", "2"}});
  const std::string text = writer.text();
  EXPECT_EQ(text.find("# TYPE a_total"), text.rfind("# TYPE a_total"));
  EXPECT_LT(text.find("x=\"2\""), text.find("# TYPE b"));
}

TEST(MetricsWriterTest, LabelValuesAreEscaped) {
  MetricsWriter writer;
  writer.gauge("g", "G.", 1, {{"name", "quote \" backslash \\ newline \n Agronomía"}});
  const auto samples = parse_samples(writer.text());
  EXPECT_EQ(samples.count(R"(g{name="quote \" backslash \\ newline \n Agronomía"})"), 1U)
      << writer.text();
}

TEST(MetricsWriterTest, LargeCountsAreNotRounded) {
  MetricsWriter writer;
  writer.counter("c_total", "C.", 9'007'199'254'740'991.0);
  EXPECT_EQ(parse_samples(writer.text()).at("c_total"), 9'007'199'254'740'991.0);
}

TEST(MetricsWriterTest, AHistogramIsCumulativeAndEndsWithTheTotal) {
  MetricsWriter writer;
  Histogram seconds;
  for (const auto value :
       std::initializer_list<std::chrono::nanoseconds>{50us, 3ms, 3ms, 200ms, 5s, 55s, 100s})
    seconds.record(value);
  writer.histogram("h_seconds", "H.", seconds);
  const std::string text = writer.text();
  const auto samples = parse_samples(text);
  EXPECT_EQ(samples.at("h_seconds_count"), 7);
  EXPECT_NEAR(samples.at("h_seconds_sum"), 160.20605, 1e-9);
  EXPECT_EQ(samples.at(R"(h_seconds_bucket{le="+Inf"})"), 7);
  constexpr std::string_view kBucket = "h_seconds_bucket{le=\"";
  double last_bound = 0;
  double last_count = 0;
  std::size_t buckets = 0;
  for (const auto& [name, count] : list_samples(text)) {
    if (!name.starts_with(kBucket)) continue;
    ++buckets;
    const double bound = std::stod(name.substr(kBucket.size()));
    EXPECT_GT(bound, last_bound);
    EXPECT_GE(count, last_count);
    if (bound < 10) {
      const double expected = bound < 0.003 ? 1 : bound < 0.2 ? 3 : bound < 5 ? 4 : 5;
      EXPECT_EQ(count, expected) << bound;
    }
    last_bound = bound;
    last_count = count;
  }
  EXPECT_EQ(buckets, 16U);
}

TEST(MetricsWriterTest, TheTextOfNoMetricsIsEmpty) { EXPECT_EQ(MetricsWriter().text(), ""); }

}  // namespace
}  // namespace base
