#include "estadio/load/report.h"

#include <cstdlib>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "estadio/load/json_reader.h"

namespace estadio::load {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

Measurements measured_from(int first_ms, int last_ms) {
  Measurements measured;
  for (int ms = first_ms; ms <= last_ms; ++ms) {
    measured.latency.record(milliseconds(ms));
    measured.service.record(microseconds(ms));
    measured.late.record(microseconds(10));
    ++measured.requests;
    ++measured.answered;
    ++measured.accepted_entries;
  }
  measured.started = seconds(100);
  measured.ended = seconds(110);
  return measured;
}

Report report_of(Measurements measured) {
  return {.url = "http://127.0.0.1:8080",
          .rate = 10'000,
          .connections = 64,
          .seed = 42,
          .measured = std::move(measured)};
}

// Returns the first number of that key.
double figure_of(const std::string& json, std::string_view key) {
  const std::string start = fmt::format(R"("{}":)", key);
  const std::size_t at = json.find(start);
  EXPECT_NE(at, std::string::npos) << key;
  return std::strtod(json.c_str() + at + start.size(), nullptr);
}

TEST(MeasurementsTest, MergingEqualsMeasuringTogether) {
  Measurements low = measured_from(1, 500);
  low.errors = {{"reset", 1}, {"timeout", 2}};
  low.reasons = {{"reset", "first"}};
  low.cpu_share = 0.25;
  low.busy_share = 0.75;
  low.retries = 3;
  Measurements high = measured_from(501, 1000);
  high.errors = {{"timeout", 5}};
  high.reasons = {{"reset", "third"}, {"timeout", "second"}};
  high.cpu_share = 0.5;
  high.busy_share = 0.5;
  high.started = seconds(99);
  high.ended = seconds(111);
  high.repeated_entries = 4;

  Measurements merged;
  merged.merge(low);
  merged.merge(high);
  const Measurements whole = measured_from(1, 1000);
  EXPECT_EQ(merged.requests, 1000U);
  EXPECT_EQ(merged.answered, 1000U);
  EXPECT_EQ(merged.accepted_entries, 1000U);
  EXPECT_EQ(merged.retries, 3U);
  EXPECT_EQ(merged.repeated_entries, 4U);
  EXPECT_EQ(merged.errors.at("timeout"), 7U);
  EXPECT_EQ(merged.reasons.at("reset"), "first");
  EXPECT_EQ(merged.reasons.at("timeout"), "second");
  EXPECT_EQ(merged.errors.at("reset"), 1U);
  EXPECT_EQ(merged.cpu_share, 0.5);
  EXPECT_EQ(merged.busy_share, 0.75);
  EXPECT_EQ(merged.started, seconds(99));
  EXPECT_EQ(merged.ended, seconds(111));
  for (const double quantile : {0.0, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    EXPECT_EQ(merged.latency.quantile(quantile), whole.latency.quantile(quantile));
    EXPECT_EQ(merged.service.quantile(quantile), whole.service.quantile(quantile));
  }
}

TEST(ReportTest, TheRateIsOfAcceptedEntriesOverTheRun) {
  Measurements measured = measured_from(1, 1000);
  measured.accepted_entries = 50'000;
  const Report report = report_of(measured);
  EXPECT_EQ(report.duration_seconds(), 10);
  EXPECT_EQ(report.rate_reached(), 5000);
  EXPECT_EQ(Report{}.rate_reached(), 0);
}

TEST(ReportTest, JsonHoldsEveryFigure) {
  Measurements measured = measured_from(1, 1000);
  measured.errors = {{"http_503", 2}, {"timeout", 1}};
  measured.reasons = {{"timeout", "none in time"}, {"reset", "was retried"}};
  measured.requests += 3;
  measured.retries = 7;
  measured.repeated_entries = 5;
  measured.cpu_share = 0.125;
  measured.busy_share = 0.25;
  const std::string json = to_json(report_of(measured));
  EXPECT_THAT(json, HasSubstr(R"({"requests":1003,"entries":1003,"accepted":1000,"rate":100,)"
                              R"("duration_s":10,"errors":{"http_503":2,"timeout":1},)"
                              R"("reasons":{"timeout":"none in time"},)"));
  EXPECT_THAT(json, HasSubstr(R"("latency_ms":{"p50":500.)"));
  EXPECT_THAT(json, HasSubstr(R"("max":1000,"mean":500.5})"));
  EXPECT_THAT(json, HasSubstr(R"("service_ms":{"p50":0.5)"));
  EXPECT_THAT(json, HasSubstr(R"("retries":7,"repeated":5,"generator":{"saturated":false,)"
                              R"("late_ms_p99":0.01,"late_ms_max":0.01,"cpu_share":0.125,)"
                              R"("busy_share":0.25},"interrupted":false,)"
                              R"("asked":{"url":"http://127.0.0.1:8080","rate":10000,"batch":1,)"
                              R"("connections":64,"threads":1,"seed":42}})"));
}

TEST(ReportTest, JsonIsOneObjectEvenWithoutAMeasurement) {
  Report report;
  report.url = "http://h:1/\"quoted\"";
  std::string json = to_json(report);
  EXPECT_THAT(json, HasSubstr(R"("errors":{})"));
  EXPECT_THAT(json, HasSubstr(R"("rate":"max")"));
  EXPECT_EQ(json.find('\n'), std::string::npos);
  const std::size_t size = json.size();
  json.resize(size + JsonReader::kPadding);
  EXPECT_TRUE(JsonReader().read_entry(std::string_view(json).substr(0, size)));
}

TEST(ReportTest, PercentilesNeverDecreaseAndNeverExceedTheMaximum) {
  Measurements measured;
  for (const int ns : {1'234'567, 3'333'333, 59'999'999}) measured.latency.record(base::Nanos(ns));
  const std::string json = to_json(report_of(measured));
  double last = 0;
  for (const std::string_view key : {"p50", "p90", "p99", "p999", "max"}) {
    const double ms = figure_of(json, key);
    EXPECT_GE(ms, last) << key;
    last = ms;
  }
  EXPECT_EQ(last, 59.999999);
}

TEST(ReportTest, TextHasTheSameFigures) {
  Measurements measured = measured_from(1, 1000);
  measured.accepted_entries = 1'234'567;
  measured.errors = {{"http_503", 2}, {"timeout", 1000}};
  const std::string text = to_text(report_of(measured));
  EXPECT_THAT(text, HasSubstr("1,234,567 accepted of 1,000: 123,457 a second for 10.0 s"));
  EXPECT_THAT(text, HasSubstr("http_503 2, timeout 1,000"));
  EXPECT_THAT(text, HasSubstr("p99.9"));
  EXPECT_THAT(text, Not(HasSubstr("generator was")));
  EXPECT_THAT(text, Not(HasSubstr("never sent")));
  measured.errors["unsent"] = 1200;
  EXPECT_THAT(to_text(report_of(measured)), HasSubstr("1,200 were never sent"));
  EXPECT_THAT(to_text(report_of({})), HasSubstr("errors    none"));
}

TEST(ReportTest, SaysSoWhenTheGeneratorWasBusyAllTheTime) {
  Measurements measured = measured_from(1, 100);
  measured.cpu_share = 0.6;
  measured.busy_share = 0.97;
  const Report report = report_of(measured);
  EXPECT_THAT(to_text(report), HasSubstr("the generator was saturated: it was busy 97 % of the "
                                         "time, 60 % on a processor;"));
  EXPECT_THAT(to_json(report), HasSubstr(R"("saturated":true)"));
}

TEST(ReportTest, SaysSoWhenSendsWereLateMoreThanAFewTimes) {
  Measurements measured = measured_from(1, 100);
  for (int i = 0; i < 10; ++i) measured.late.record(milliseconds(5));
  EXPECT_EQ(report_of(measured).saturation(), "");
  measured.late.record(milliseconds(5));
  EXPECT_EQ(report_of(measured).saturation(), "11 sends were more than 1.00 ms late");
  // One in a hundred late sends is little in a long run.
  measured.late.record(microseconds(1), 1000);
  EXPECT_EQ(report_of(measured).saturation(), "");
}

TEST(ReportTest, NumbersAreReadable) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1000), "1,000");
  EXPECT_EQ(with_commas(12'345'678), "12,345,678");
}

}  // namespace
}  // namespace estadio::load
