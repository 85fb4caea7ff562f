// One stream at the server (JudgeStream of proto/estadio/v1/judge.proto).
//
// The first message is the handshake, each further one a batch. A batch goes to the stream's own
// judge, and its verdicts are written when the judge has answered. An error of the judge, or a
// malformed batch, is answered for that batch alone.
//
// Bounds: see JudgeServer::Options. Beyond `in_flight_bytes` of batches without sent verdicts the
// stream is not read.
//
// Threads: gRPC's read, the judge's answer, ServerCalls' thread calls tick(). A lock of the
// stream's own guards what they share. It is taken after that of ServerCalls.
#pragma once

#include "base/clock.h"

namespace grpc {
template <class Request, class Response>
class ServerBidiReactor;
}

namespace estadio::v1 {
class JudgeReply;
class JudgeRequest;
}  // namespace estadio::v1

namespace estadio {

class ServerCalls;

// The stream as ServerCalls sees it.
class ServerStream {
 public:
  virtual ~ServerStream() = default;

  // Does what is due by now.
  virtual void tick(base::Nanos now) = 0;

  // Sends a GoAway that says that the server stops. Ends a stream that has no handshake.
  virtual void stop(base::Nanos now) = 0;
};

// Starts a stream and returns it for gRPC. The stream deletes itself once gRPC and the judge are
// done with it. REQUIRES: `calls` outlives the stream.
[[nodiscard]] grpc::ServerBidiReactor<v1::JudgeRequest, v1::JudgeReply>* start_server_stream(
    ServerCalls& calls);

}  // namespace estadio
