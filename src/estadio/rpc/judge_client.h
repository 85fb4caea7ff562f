// Judging by servers elsewhere, over gRPC streams (proto/estadio/v1/judge.proto).
//
//   judge() -> divided by discipline over the streams -> a message each -> ... -> verdicts -> done
//
// JudgeChannels belongs to the app. It has a channel to each address, which all judges share, and
// a thread that opens streams and ends batches that are late. A judge has streams of its own on
// these channels (client_stream.h). So judges of several loops do not wait for each other. Many
// batches may be under way on each stream.
//
// A batch goes to as few streams as judge its disciplines together, the least busy first. A batch
// that no stream accepted was not logged (kUnavailable). A batch sent on a stream that broke or
// timed out may have been logged (kInternal, kDeadlineExceeded). Where entries of one batch differ,
// each verdict has its own durability. The judge sends nothing twice: the client decides whether to
// send again.
//
// A name may have several servers. Its streams are spread over them, and it is looked up again when
// a connection ends. A stream that ended is opened again at once. After a failure it is opened ever
// later, up to `backoff_max`, with jitter. When a server says GoAway, the next stream completes its
// handshake before the old one is given up.
//
// Bounds: a stream has at most `in_flight_bytes` of unanswered messages, then kResourceExhausted.
// An answer takes at most `answer_timeout`, a handshake at most `handshake_timeout`.
//
// Threads: JudgeChannels may be used from any thread. A judge belongs to one thread, as Judge says.
// `done` comes on gRPC's threads, on the thread of JudgeChannels, or within judge() when nothing
// can be sent.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics_writer.h"
#include "base/result.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/judge.h"
#include "estadio/contest/retry_window.h"
#include "estadio/rpc/tls_files.h"

namespace estadio {

class JudgeChannels {
 public:
  static constexpr std::size_t kAddressesMax = 64;
  static constexpr std::size_t kStreamsPerAddressMax = 16;

  struct Options {
    std::vector<std::string> addresses;  // "host:port" each
    std::optional<TlsFiles> tls;
    std::string coin_commitment;  // compared with the servers'; empty: not known
    // More than one where an address is a name that several servers have.
    std::size_t streams_per_address = 1;
    std::size_t in_flight_bytes = std::size_t{16} << 20;
    std::chrono::milliseconds answer_timeout = std::chrono::seconds(10);
    std::chrono::milliseconds handshake_timeout = std::chrono::seconds(5);
    std::chrono::milliseconds backoff_min{50};
    std::chrono::milliseconds backoff_max = std::chrono::seconds(1);
    std::uint64_t seed = 0;  // of the jitter
  };

  // All must outlive the channels.
  struct Dependencies {
    const Contest& contest;
    // Gets the shortest window of the servers in use, as reader 0; may be null. While no server is
    // in use it does not change.
    RetryWindow* window = nullptr;
    const base::Clock& clock;
    base::Logger& log;
  };

  struct Stats {
    std::size_t streams_open = 0;
    std::uint64_t streams_failed = 0;  // broke, or could not be opened
    std::uint64_t go_aways = 0;        // received
    std::uint64_t messages = 0;
    std::uint64_t entries = 0;
    std::uint64_t entries_refused = 0;  // no stream accepted them
    std::uint64_t entries_unknown = 0;  // the stream broke, or there was no answer in time
  };

  // Does not wait for a server. Errors: kInvalidArgument, and those of reading the TLS files.
  [[nodiscard]] static base::Result<std::unique_ptr<JudgeChannels>> open(Options options,
                                                                         const Dependencies& deps);

  // REQUIRES: its judges are gone.
  ~JudgeChannels();

  // Returns a judge that opens its streams without waiting for them. Its destructor answers batches
  // under way with "unknown", and returns when gRPC has ended the streams.
  [[nodiscard]] std::unique_ptr<Judge> make_judge();

  // Returns nothing when there is a judge, and every judge has a stream for every discipline. Else
  // it names a reason.
  [[nodiscard]] std::optional<std::string> unready_reason() const;

  // Answers batches under way with "unknown", and refuses further ones.
  void stop();

  [[nodiscard]] Stats stats() const;

 private:
  struct Impl;
  explicit JudgeChannels(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

void write_metrics(base::MetricsWriter& metrics, const JudgeChannels::Stats& stats);

}  // namespace estadio
