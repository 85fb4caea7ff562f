// One JudgeOne call at the server: reads the entry, judges it and answers.
//
// gRPC reads the request of a unary method before it shows the call to the server, however long
// that takes. So the server treats JudgeOne as a method of streams, which look the same on the
// wire. It then refuses a call before it reads, and ends a call whose request does not arrive.
//
// Bounds: kJudgeOneCallsMax calls, `ones_per_peer_max` of one peer, kJudgeOneBytesMax bytes. Beyond
// them a call ends with RESOURCE_EXHAUSTED. A caller has `patience` to send the request, and to
// take the answer.
//
// Threads: gRPC's, the judge's and the thread that calls tick(). The call's own lock guards shared
// state. It is taken after that of ServerCalls.
#pragma once

namespace grpc {
class ByteBuffer;
class CallbackServerContext;
template <class Request, class Response>
class ServerBidiReactor;
}  // namespace grpc

namespace estadio {

class ServerCalls;

// Starts the call and returns it for gRPC. The call deletes itself once gRPC and the judge are done
// with it. REQUIRES: `calls` outlives the call.
[[nodiscard]] grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* start_judge_one_call(
    ServerCalls& calls, grpc::CallbackServerContext& context);

}  // namespace estadio
