// Serves a Judge over gRPC (proto/estadio/v1/judge.proto): streams of batches for programs, a call
// for one entry for people, and the standard health and reflection services.
//
// A stream has a judge of its own while it lasts. The judge gets the batches in the order in which
// they came. Answers leave in any order. An error of the judge is the answer to its batch, and the
// stream goes on.
//
// An old stream gets a GoAway. Its caller then opens another, which may reach another server. The
// caller sends nothing more on the old stream and still gets its answers. So servers that were
// added get callers. Connections end at about the same age, which makes callers look up the
// addresses again.
//
// Bounds: `streams_max` streams, `streams_per_peer_max` of one peer. The server stops reading a
// stream that has `in_flight_bytes` of unanswered batches. Then the caller's writes wait. A message
// has at most kMessageBytesMax. JudgeOne answers RESOURCE_EXHAUSTED beyond kJudgeOneCallsMax calls
// under way, and beyond `ones_per_peer_max` of one peer.
//
// gRPC checks a message's size only when the message is complete, and a prefix may promise 4 GiB.
// So `memory_bytes` bounds what gRPC keeps for all connections: incomplete messages above all.
// Beyond it gRPC ends streams, one at a time, until enough memory is free.
//
// Files: server_stream.cc implements a stream, judge_one_call.cc a JudgeOne call. server_calls.h
// holds their shared state.
//
// Threads: all methods from any thread; judges are called on gRPC's threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics_writer.h"
#include "base/result.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/contest_end.h"
#include "estadio/contest/judge.h"
#include "estadio/dedup/retry_rule.h"
#include "estadio/rpc/tls_files.h"

namespace estadio {

class JudgeServer {
 public:
  static constexpr std::size_t kJudgeOneCallsMax = 1024;
  static constexpr std::size_t kJudgeOneBytesMax = 4096;

  struct Options {
    std::string address = "127.0.0.1:0";  // "host:port"; port 0 asks the system for a free one
    std::optional<TlsFiles> tls;
    std::vector<std::int64_t> disciplines;  // ids of those that are judged here; empty: all
    std::string coin_commitment;            // compared with the callers'; empty: not known
    std::int64_t started_at_ms = 0;         // of the contest, since 1970; 0: not known
    std::size_t streams_max = 1024;
    std::size_t streams_per_peer_max = 256;
    std::size_t ones_per_peer_max = 128;  // JudgeOne calls under way
    std::size_t memory_bytes = std::size_t{256} << 20;
    std::size_t in_flight_bytes = std::size_t{16} << 20;
    // A stream gets its GoAway at 80 % to 120 % of this age.
    std::chrono::milliseconds stream_age = std::chrono::minutes(5);
    // A caller has this long for its handshake, and to close a stream after GoAway. Then the server
    // ends the stream. It has as long to read the last answers, and to send the request of
    // JudgeOne. Then the server cancels the call.
    std::chrono::milliseconds patience = std::chrono::seconds(10);
    std::uint64_t seed = 0;  // seeds the random stream ages
  };

  // All must outlive the server.
  struct Dependencies {
    const Contest& contest;
    RetryRule retry;  // its window is sent to callers; JudgeOne applies it
    const ContestEnd& end;
    const base::Clock& clock;
    base::Logger& log;
    // Called once for JudgeOne, and for a stream when no spare judge is left.
    std::function<std::unique_ptr<Judge>()> make_judge;
  };

  struct Stats {
    std::size_t streams_open = 0;
    // Streams over the limit, during stop(), or with a refused handshake.
    std::uint64_t streams_refused = 0;
    std::size_t ones_under_way = 0;   // JudgeOne calls
    std::uint64_t ones_refused = 0;   // over a limit, too large, or during stop()
    std::uint64_t peers_refused = 0;  // streams and JudgeOne calls over their peer's limit
    std::uint64_t calls_cut_off = 0;  // callers that did not send or read in time
    std::uint64_t go_aways = 0;       // sent
    std::uint64_t batches = 0;
    std::uint64_t batches_malformed = 0;
    std::uint64_t entries = 0;
    std::uint64_t pauses = 0;  // times that a stream reached in_flight_bytes and was not read
  };

  // Listens and serves. The health service says NOT_SERVING until set_serving(true).
  // Errors: kInvalidArgument, and those of reading the TLS files; kUnavailable when the server
  // cannot listen on the address.
  [[nodiscard]] static base::Result<std::unique_ptr<JudgeServer>> open(Options options,
                                                                       Dependencies deps);

  // Calls stop(0) and waits for the judges' answers.
  ~JudgeServer();

  [[nodiscard]] int port() const;

  // Sets the health of all services ("") and of estadio.v1.Judge.
  void set_serving(bool is_serving);

  // Sets health to NOT_SERVING, refuses new calls, sends GoAway on all streams and answers all
  // batches that arrived. After `patience` it cuts off the rest. Returns when no connection is
  // left.
  void stop(std::chrono::nanoseconds patience);

  [[nodiscard]] Stats stats() const;

 private:
  struct Impl;
  explicit JudgeServer(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

void write_metrics(base::MetricsWriter& metrics, const JudgeServer::Stats& stats);

}  // namespace estadio
