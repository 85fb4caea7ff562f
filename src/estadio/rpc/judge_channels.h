// A Judge that sends batches to remote servers over gRPC streams (proto/estadio/v1/judge.proto).
//
//   judge() -> divided by discipline over the streams -> a message each -> ... -> verdicts -> done
//
// JudgeChannels belongs to the app. It has a channel to each address. All judges share the
// channels. Its thread opens broken streams again and ends late batches. A judge has streams of its
// own on these channels (client_stream.h). So the judges of several threads do not wait for each
// other. Many batches may be under way on each stream.
//
// A batch is divided greedily over few streams (routing.h). A batch that no stream accepted was not
// logged (kUnavailable). A batch sent on a stream that broke or timed out may have been logged
// (kInternal, kDeadlineExceeded). The batch gets the worst status of its sub-batches. Entries with
// a better one get a durability of their own. The judge sends nothing twice: the client decides
// whether to send again.
//
// A name may have several servers. Its streams are spread over them, and it is looked up again when
// a connection ends. A stream that broke is opened again after a pause. The pause is random,
// between half of the backoff and all of it. The backoff starts at `backoff_min` and doubles up to
// `backoff_max`. After a GoAway the next stream opens at once. The old stream is retired once the
// next one is open. If the old stream's server is stopping, the old stream is retired even when the
// next one cannot open.
//
// Bounds: a stream with `in_flight_bytes` or more of unanswered messages takes no batch. Entries
// that only full streams judge get kResourceExhausted. If no stream at all judges some entry, all
// unassigned entries of its batch get kUnavailable. An answer takes at most `answer_timeout`, a
// handshake at most `handshake_timeout`.
//
// Threads: JudgeChannels may be used from any thread. A judge belongs to one thread, as Judge says.
// `done` comes on gRPC's threads, on the thread of JudgeChannels, or within judge().
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
#include "estadio/rpc/remote_clocks.h"
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
    // Use more than one when an address is the name of several servers.
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

  // REQUIRES: its judges are destroyed.
  ~JudgeChannels();

  // Returns a judge that opens its streams without waiting for them. Its destructor cancels the
  // streams and returns when gRPC has ended them. Sent sub-batches end with kInternal, unsent ones
  // with kUnavailable.
  [[nodiscard]] std::unique_ptr<Judge> make_judge();

  // Returns nothing when there is a judge, and every judge has a stream for every discipline. Else
  // it names a reason.
  [[nodiscard]] std::optional<std::string> unready_reason() const;

  // Cancels the streams. Sent sub-batches end with kInternal, unsent ones and further batches with
  // kUnavailable.
  void stop();

  [[nodiscard]] Stats stats() const;

  // The clocks of the servers. They are known once a judge has a stream.
  [[nodiscard]] const RemoteClocks& clocks() const;

 private:
  struct Impl;
  explicit JudgeChannels(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

void write_metrics(base::MetricsWriter& metrics, const JudgeChannels::Stats& stats);

}  // namespace estadio
