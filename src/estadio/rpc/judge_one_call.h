// One JudgeOne call at the server: reads the entry, judges it and answers.
//
// Beyond kJudgeOneCallsMax calls under way a call ends with RESOURCE_EXHAUSTED.
//
// Threads: gRPC's and the judge's.
#pragma once

namespace grpc {
class ServerUnaryReactor;
}

namespace estadio::v1 {
class JudgeOneReply;
class JudgeOneRequest;
}  // namespace estadio::v1

namespace estadio {

class ServerCalls;

// Starts the call and returns it for gRPC. The call deletes itself once gRPC and the judge are done
// with it. REQUIRES: `calls` outlives the call; gRPC keeps the messages until the call has ended.
[[nodiscard]] grpc::ServerUnaryReactor* start_judge_one_call(ServerCalls& calls,
                                                             const v1::JudgeOneRequest& request,
                                                             v1::JudgeOneReply& reply);

}  // namespace estadio
