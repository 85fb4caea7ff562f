// The cost of one entry at each hop of the hot path, in isolation: build/release/bin/hot_path.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <string>

#include "base/check.h"
#include "base/test_folder.h"
#include "base/uuid.h"
#include "estadio/contest/coin.h"
#include "estadio/contest/record.h"
#include "estadio/contest/record_chain.h"
#include "estadio/dedup/repeat_filter.h"
#include "estadio/faculty/entry_parser.h"
#include "estadio/log/block.h"
#include "estadio/log/disk_log.h"
#include "http/chunked_decoder.h"
#include "http/request_parser.h"

namespace estadio {
namespace {

constexpr std::string_view kEntry = R"({"faculty":"Ingeniería","discipline":1})";
constexpr std::string_view kRequest =
    "POST /v1/entries HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Type: application/json\r\n"
    "Content-Length: 40\r\n\r\n";

void parse_request_head(benchmark::State& state) {
  http::RequestHead head;
  http::ParseError error;
  for (auto _ : state) {
    std::size_t scanned = 0;
    benchmark::DoNotOptimize(http::parse_head(kRequest, scanned, head, error));
  }
}
BENCHMARK(parse_request_head);

void decode_a_chunked_body(benchmark::State& state) {
  static_assert(kEntry.size() == 0x28);
  constexpr int kChunks = 100;
  http::ChunkedDecoder decoder;
  http::ParseError error;
  std::string data;
  for (int i = 0; i < kChunks; ++i) ((data += "28\r\n") += kEntry) += "\r\n";
  data += "0\r\n\r\n";
  std::string body;
  for (auto _ : state) {
    std::size_t used = 0;
    body.clear();
    decoder.reset();
    benchmark::DoNotOptimize(decoder.decode(data, data.size(), body, used, error));
  }
  state.SetItemsProcessed(state.iterations() * kChunks);
}
BENCHMARK(decode_a_chunked_body);

void parse_one_entry(benchmark::State& state) {
  const Contest contest = Contest::defaults();
  EntryParser parser(contest);
  EntryBatch batch;
  for (auto _ : state) {
    batch.clear();
    benchmark::DoNotOptimize(
        parser.parse(kEntry, {.faculty = {}, .now_ms = 1, .judges = {}}, batch));
  }
}
BENCHMARK(parse_one_entry);

void parse_a_thousand_lines(benchmark::State& state) {
  const Contest contest = Contest::defaults();
  EntryParser parser(contest);
  EntryBatch batch;
  std::string body;
  for (int i = 0; i < 1000; ++i) (body += kEntry) += '\n';
  for (auto _ : state) {
    batch.clear();
    benchmark::DoNotOptimize(parser.parse(
        body, {.format = BodyFormat::kNdjson, .faculty = {}, .now_ms = 1, .judges = {}}, batch));
  }
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(parse_a_thousand_lines);

void toss_a_coin(benchmark::State& state) {
  const Coin coin(CoinSeed{1, 2, 3});
  base::UuidGenerator ids;
  const base::Uuid id = ids.next(1);
  for (auto _ : state) benchmark::DoNotOptimize(coin.toss(id));
}
BENCHMARK(toss_a_coin);

void give_an_id(benchmark::State& state) {
  base::UuidGenerator ids;
  for (auto _ : state) benchmark::DoNotOptimize(ids.next(1));
}
BENCHMARK(give_an_id);

void write_a_record(benchmark::State& state) {
  const RecordFormat format(Contest::defaults());
  std::string out;
  Entry entry;
  entry.discipline = 2;
  for (auto _ : state) {
    out.clear();
    format.append(out, entry, {}, Outcome::kWinner);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(write_a_record);

void read_a_record(benchmark::State& state) {
  const RecordFormat format(Contest::defaults());
  std::string line;
  Entry entry;
  entry.faculty = 1;
  entry.discipline = 2;
  format.append(line, entry, {}, Outcome::kLoser);
  line.pop_back();
  for (auto _ : state) benchmark::DoNotOptimize(format.parse(line));
}
BENCHMARK(read_a_record);

void add_a_link_to_the_chain(benchmark::State& state) {
  const RecordFormat format(Contest::defaults());
  std::string line;
  format.append(line, Entry(), {}, Outcome::kLoser);
  line.pop_back();
  const std::vector<LoggedRecord> records(
      1000, {.offset = 7, .time_ms = 1'790'000'000'000, .line = line});
  RecordChain chain;
  for (auto _ : state) {
    chain.add(records);
    benchmark::DoNotOptimize(chain);
  }
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(add_a_link_to_the_chain);

void encode_a_block_of_64(benchmark::State& state) {
  const RecordFormat format(Contest::defaults());
  RecordBatch batch(2);
  for (int i = 0; i < 64; ++i) {
    RecordBatch::Part& part = batch.parts[static_cast<std::size_t>(i) % 4];
    format.append(part.lines, Entry(), {}, i % 4 < 2 ? Outcome::kWinner : Outcome::kLoser);
    ++part.count;
  }
  const std::vector<std::int64_t> offsets(4);
  GatheredRecords gathered(2);
  std::string block;
  for (auto _ : state) {
    gathered.clear();
    gathered.add(batch);
    encode_block(block, gathered, 1, offsets, 1);
    benchmark::DoNotOptimize(block.data());
  }
}
BENCHMARK(encode_a_block_of_64);

// Records with clients' ids of version 7, spread over the range's number of held ids.
void decide_on_a_given_id(benchmark::State& state) {
  const Contest contest = Contest::defaults();
  const RecordFormat format(contest);
  const base::SystemClock clock;
  const base::test::TempFolder folder;
  base::Logger logger(clock, {.fd = STDERR_FILENO});
  const auto log = DiskLog::open({.folder = folder / "log"}, clock, logger).value();
  IdMemory memory({.bytes_max = std::size_t{64} << 20, .folder = folder.path()});
  RepeatFilter filter(RetryRule(RetryRule::kWindowDefault),
                      {.topic = Outcome::kWinner, .number = 0},
                      {.events = *log, .format = format, .memory = memory, .clock = clock});
  filter.restart(0);
  base::UuidGenerator ids;
  const std::int64_t start_ms = clock.wall_ms();
  const auto held = state.range(0);
  std::int64_t number = 0;
  const auto decide = [&] {
    // The window's minutes fill one after the other, as in a contest.
    const std::int64_t time_ms = start_ms + number++ * 600'000 / held;
    return filter.decide({.id = ids.next(time_ms), .is_id_given = true},
                         {.offset = number, .time_ms = time_ms, .line = {}});
  };
  while (number < held) CHECK(decide().value() == RepeatFilter::Decision::kCounts);
  for (auto _ : state) benchmark::DoNotOptimize(decide());
  state.counters["held"] = static_cast<double>(filter.size());
  state.counters["file MiB"] = static_cast<double>(memory.stats().file_bytes) / (1 << 20);
}
BENCHMARK(decide_on_a_given_id)->Arg(1000)->Arg(1'000'000)->Arg(60'000'000);

}  // namespace
}  // namespace estadio
