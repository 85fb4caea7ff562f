// One stream at the server (JudgeStream of proto/estadio/v1/judge.proto).
//
// The first message is the handshake, each further one a batch. A batch goes to the stream's own
// judge, and its verdicts are written when the judge has answered. An error of the judge, or a
// malformed batch, is answered for that batch alone.
//
// Bounds: see JudgeServer::Options. The server stops reading a stream that has `in_flight_bytes` of
// unanswered batches. A caller has `patience` to read the last answers and the status.
//
// Threads: gRPC's threads, the judge's threads and the thread that calls tick(). The stream's own
// lock guards shared state. It is taken after that of ServerCalls.
#pragma once

namespace grpc {
class CallbackServerContext;
template <class Request, class Response>
class ServerBidiReactor;
}  // namespace grpc

namespace estadio::v1 {
class JudgeReply;
class JudgeRequest;
}  // namespace estadio::v1

namespace estadio {

class ServerCalls;

// Starts a stream and returns it for gRPC. The stream deletes itself once gRPC and the judge are
// done with it. REQUIRES: `calls` outlives the stream.
[[nodiscard]] grpc::ServerBidiReactor<v1::JudgeRequest, v1::JudgeReply>* start_server_stream(
    ServerCalls& calls, grpc::CallbackServerContext& context);

}  // namespace estadio
