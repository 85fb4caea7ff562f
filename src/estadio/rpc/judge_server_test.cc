// The server as any caller sees it. judge_client_test.cc tests it with our own client.
#include "estadio/rpc/judge_server.h"

#include <estadio/v1/judge.grpc.pb.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <numeric>
#include <thread>

#include "estadio/rpc/batch_codec.h"
#include "estadio/rpc/handshake.h"
#include "estadio/rpc/test_certificates.h"
#include "estadio/rpc/test_judge.h"

namespace estadio {
namespace {

using testing::HasSubstr;

constexpr std::string_view kGivenId = "3f2504e0-4f89-41d3-9a0c-0305e82c3302";

class JudgeServerTest : public testing::Test {
 protected:
  // The caller's side of a stream.
  class Caller {
   public:
    int times_shown = 0;  // replies without a kind

    explicit Caller(v1::Judge::Stub& stub) : stream_(stub.JudgeStream(&context_)) {}
    ~Caller() {
      if (!is_over_) context_.TryCancel(), static_cast<void>(stream_->Finish());
    }
    Caller(const Caller&) = delete;
    Caller& operator=(const Caller&) = delete;

    void send_handshake(const Contest& contest, std::string_view commitment = {}) {
      v1::JudgeRequest request;
      write_handshake_request({.contest = contest, .coin_commitment = commitment},
                              *request.mutable_handshake());
      send(request);
    }
    void send(const v1::JudgeRequest& request) { static_cast<void>(stream_->Write(request)); }
    void send_batch(std::uint64_t sequence, const EntryBatch& batch) {
      v1::JudgeRequest request;
      request.mutable_batch()->set_sequence(sequence);
      std::vector<std::uint32_t> places(batch.entries.size());
      std::iota(places.begin(), places.end(), 0);
      encode_batch(batch, places, *request.mutable_batch());
      send(request);
    }
    void half_close() { stream_->WritesDone(); }
    // Returns the next reply that has a kind, or a reply without one after the last.
    v1::JudgeReply read() {
      v1::JudgeReply reply;
      while (stream_->Read(&reply)) {
        if (reply.kind_case() != v1::JudgeReply::KIND_NOT_SET) return reply;
        ++times_shown;
      }
      reply.Clear();
      return reply;
    }
    // Skips the replies that were not read, and returns the status.
    grpc::Status status() {
      while (read().kind_case() != v1::JudgeReply::KIND_NOT_SET) {
      }
      is_over_ = true;
      return stream_->Finish();
    }

   private:
    grpc::ClientContext context_;
    std::unique_ptr<grpc::ClientReaderWriter<v1::JudgeRequest, v1::JudgeReply>> stream_;
    bool is_over_ = false;
  };

  // A JudgeOne call whose request does not come.
  class Waiting {
   public:
    explicit Waiting(const std::shared_ptr<grpc::Channel>& channel) : stub_(channel) {
      call_ = stub_.PrepareCall(&context_, "/estadio.v1.Judge/JudgeOne", &done_);
      call_->StartCall(nullptr);
      wait();
    }
    ~Waiting() {
      context_.TryCancel();
      if (!is_over_) static_cast<void>(status());
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

    void half_close() {
      call_->WritesDone(nullptr);
      wait();
    }
    grpc::Status status() {
      is_over_ = true;
      grpc::Status status;
      call_->Finish(&status, nullptr);
      wait();
      return status;
    }

   private:
    void wait() {
      void* tag = nullptr;
      bool is_ok = false;
      done_.Next(&tag, &is_ok);
    }

    grpc::GenericStub stub_;
    grpc::ClientContext context_;
    grpc::CompletionQueue done_;
    std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
    bool is_over_ = false;
  };

  // Sends three batches to a server with room for one. Returns when it has stopped reading.
  void send_until_paused(Caller& caller) {
    caller.send_handshake(contest_);
    caller.read();
    judges_.hold();
    for (std::uint64_t i = 1; i <= 3; ++i) caller.send_batch(i, test::numbered_batch(i, 1));
    ASSERT_TRUE(test::eventually([&] { return server_->stats().pauses == 1; }));
  }

  ~JudgeServerTest() override { judges_.release(); }

  void serve(JudgeServer::Options options = {}) {
    auto server = JudgeServer::open(std::move(options), deps());
    ASSERT_TRUE(server) << server.error().message();
    server_ = *std::move(server);
    channel_ = grpc::CreateChannel(address(), grpc::InsecureChannelCredentials());
    stub_ = v1::Judge::NewStub(channel_);
  }
  JudgeServer::Dependencies deps() {
    return {.contest = contest_,
            .retry = RetryRule(std::chrono::minutes(1)),
            .end = end_,
            .clock = clock_,
            .log = log_.logger(),
            .make_judge = [this] { return judges_.make(); }};
  }
  [[nodiscard]] std::string address() const { return fmt::format("127.0.0.1:{}", server_->port()); }

  grpc::Status judge_one(const v1::JudgeOneRequest& request, v1::JudgeOneReply& reply) {
    grpc::ClientContext context;
    return stub_->JudgeOne(&context, request, &reply);
  }
  // Returns the status of a call that the server refuses.
  grpc::Status refusal_of_one(const v1::JudgeOneRequest& request) {
    v1::JudgeOneReply reply;
    return judge_one(request, reply);
  }
  static v1::JudgeOneRequest one(std::string_view faculty = "ingenieria",
                                 std::int64_t discipline = 1) {
    v1::JudgeOneRequest request;
    request.set_faculty(std::string(faculty));
    request.set_discipline(discipline);
    return request;
  }

  // Sends one message to a method and takes one back, as bytes.
  grpc::Status call_raw(const std::string& method, std::string_view request, std::string& reply) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    const grpc::Slice slice(request.data(), request.size());
    grpc::ByteBuffer sent(&slice, 1);
    grpc::ByteBuffer got;
    std::promise<grpc::Status> ended;
    stub.UnaryCall(&context, method, {}, &sent, &got,
                   [&](grpc::Status status) { ended.set_value(std::move(status)); });
    grpc::Status status = ended.get_future().get();
    std::vector<grpc::Slice> slices;
    reply.clear();
    if (status.ok() && got.Dump(&slices).ok()) {
      for (const grpc::Slice& each : slices) {
        reply.append(reinterpret_cast<const char*>(each.begin()), each.size());
      }
    }
    return status;
  }

  Contest contest_ = Contest::defaults();
  test::TestClock clock_;
  ContestEnd end_{std::nullopt, ContestEnd::LeaseNeed::kNone, clock_};
  test::CapturedLog log_;
  test::ScriptedJudges judges_;
  std::unique_ptr<JudgeServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Judge::Stub> stub_;
};

TEST_F(JudgeServerTest, CallersGetTheRetryWindowAndWithEachReplyTheServersTime) {
  serve();
  Caller caller(*stub_);
  caller.send_handshake(contest_);
  const v1::JudgeReply handshake = caller.read();
  EXPECT_EQ(handshake.handshake().retry_window_ms(), 60'000);
  EXPECT_EQ(handshake.now_ms(), clock_.wall_ms());
  clock_.advance(3'600'000);
  caller.send_batch(1, test::numbered_batch(1, 1));
  EXPECT_EQ(caller.read().now_ms(), clock_.wall_ms());
}

TEST_F(JudgeServerTest, AnIdleCallerIsShownTheServersTimeOnceASecond) {
  JudgeServer::Options options;
  options.stream_age = std::chrono::milliseconds(3000);
  serve(options);
  Caller caller(*stub_);
  caller.send_handshake(contest_);
  EXPECT_TRUE(caller.read().has_handshake());
  EXPECT_TRUE(caller.read().has_go_away());  // after two to four seconds
  EXPECT_GE(caller.times_shown, 1);
  EXPECT_LE(caller.times_shown, 4);
}

TEST_F(JudgeServerTest, BatchesAreAnsweredByTheirSequence) {
  serve();
  Caller caller(*stub_);
  caller.send_handshake(contest_);
  EXPECT_EQ(caller.read().handshake().disciplines_size(), 3);
  const EntryBatch batch = test::numbered_batch(1, 9);
  caller.send_batch(77, batch);
  const v1::JudgeReply reply = caller.read();
  EXPECT_EQ(reply.verdicts().sequence(), 77U);
  EXPECT_EQ(reply.verdicts().code(), 0);
  EXPECT_EQ(reply.verdicts().verdicts(), std::string("\1\0\3\0\1\2\1\0\3", 9));
  caller.half_close();
  EXPECT_TRUE(caller.status().ok());
  const auto entries = judges_.entries();
  ASSERT_EQ(entries.size(), 9U);
  EXPECT_EQ(entries[8].first.id, batch.entries[8].id);
  EXPECT_EQ(entries[8].second, "Zoë 9");
}

TEST_F(JudgeServerTest, AfterHalfClosingACallerGetsAllItWaitsFor) {
  serve();
  Caller caller(*stub_);
  caller.send_handshake(contest_);
  caller.read();
  judges_.hold();
  for (std::uint64_t i = 1; i <= 5; ++i) caller.send_batch(i, test::numbered_batch(i, 1));
  caller.half_close();
  ASSERT_TRUE(test::eventually([&] { return judges_.batches() == 5; }));
  judges_.release();
  for (std::uint64_t i = 1; i <= 5; ++i) EXPECT_EQ(caller.read().verdicts().sequence(), i);
  EXPECT_TRUE(caller.status().ok());
}

TEST_F(JudgeServerTest, AnErrorOfTheJudgeAnswersItsBatchAndTheStreamGoesOn) {
  serve();
  Caller caller(*stub_);
  caller.send_handshake(contest_);
  caller.read();
  judges_.fail_with({base::Code::kResourceExhausted, "the disk is full"});
  caller.send_batch(1, test::numbered_batch(1, 2));
  v1::JudgeReply reply = caller.read();
  EXPECT_EQ(reply.verdicts().code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(reply.verdicts().message(), "the disk is full");
  EXPECT_EQ(reply.verdicts().verdicts().size(), 2U);
  judges_.recover();
  caller.send_batch(2, test::numbered_batch(1, 2));
  EXPECT_EQ(caller.read().verdicts().code(), 0);
}

TEST_F(JudgeServerTest, AMalformedBatchIsAnsweredWithTheFieldAndTheStreamGoesOn) {
  serve();
  Caller caller(*stub_);
  caller.send_handshake(contest_);
  caller.read();
  v1::JudgeRequest request;
  request.mutable_batch()->set_sequence(4);
  request.mutable_batch()->set_ids("short");
  caller.send(request);
  v1::JudgeReply reply = caller.read();
  EXPECT_EQ(reply.verdicts().sequence(), 4U);
  EXPECT_EQ(reply.verdicts().code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(reply.verdicts().message(), HasSubstr("ids: expected 16 bytes"));
  EXPECT_EQ(reply.verdicts().verdicts(), "");
  caller.send_batch(5, test::numbered_batch(1, 1));
  EXPECT_EQ(caller.read().verdicts().sequence(), 5U);
  EXPECT_EQ(judges_.batches(), 1U);
  EXPECT_EQ(server_->stats().batches_malformed, 1U);
}

TEST_F(JudgeServerTest, AStreamBeginsWithOneHandshake) {
  serve();
  Caller batch_first(*stub_);
  batch_first.send_batch(1, test::numbered_batch(1, 1));
  EXPECT_EQ(batch_first.status().error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  Caller twice(*stub_);
  twice.send_handshake(contest_);
  twice.send_handshake(contest_);
  const grpc::Status status = twice.status();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("handshake"));
  Caller neither(*stub_);
  neither.send({});
  EXPECT_EQ(neither.status().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(judges_.batches(), 0U);
}

TEST_F(JudgeServerTest, ACallerOfAnotherContestIsRefusedWithWhatDiffers) {
  serve({.tls = {}, .disciplines = {}, .coin_commitment = "aa"});
  Caller caller(*stub_);
  caller.send_handshake(
      Contest::from_toml("partitions = 5\nfaculty = [{name='Medicina'}]", "").value(), "bb");
  const grpc::Status status = caller.status();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("no faculty 'Medicina'"));
  EXPECT_THAT(status.error_message(), HasSubstr("partitions are 5 for the caller, 2"));
  EXPECT_THAT(status.error_message(), HasSubstr("aa for the server"));
  EXPECT_EQ(server_->stats().streams_refused, 1U);
}

TEST_F(JudgeServerTest, ACallerThatSaysNothingIsEnded) {
  serve({.tls = {},
         .disciplines = {},
         .coin_commitment = {},
         .patience = std::chrono::milliseconds(1)});
  Caller caller(*stub_);
  EXPECT_EQ(caller.status().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(JudgeServerTest, AStreamThatStaysAfterAGoAwayIsEndedWithItsBatchesAnswered) {
  serve({.tls = {},
         .disciplines = {},
         .coin_commitment = {},
         .stream_age = std::chrono::milliseconds(1),
         .patience = std::chrono::seconds(1)});
  Caller caller(*stub_);
  caller.send_handshake(contest_);
  EXPECT_TRUE(caller.read().has_handshake());
  EXPECT_TRUE(caller.read().has_go_away());
  const grpc::Status status = caller.status();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("GoAway"));
}

TEST_F(JudgeServerTest, OneStreamTooManyIsRefused) {
  serve({.tls = {}, .disciplines = {}, .coin_commitment = {}, .streams_max = 1});
  Caller first(*stub_);
  first.send_handshake(contest_);
  first.read();
  Caller second(*stub_);
  EXPECT_EQ(second.status().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(JudgeServerTest, APeerCannotTakeAllStreams) {
  serve({.tls = {}, .disciplines = {}, .coin_commitment = {}, .streams_per_peer_max = 1});
  {
    Caller first(*stub_);
    first.send_handshake(contest_);
    first.read();
    Caller second(*stub_);
    const grpc::Status status = second.status();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_EQ(status.error_message(),
              "127.0.0.1 has 1 streams already, and a peer may have no more");
  }
  ASSERT_TRUE(test::eventually([&] { return server_->stats().streams_open == 0; }));
  Caller third(*stub_);
  third.send_handshake(contest_);
  EXPECT_TRUE(third.read().has_handshake());
  EXPECT_EQ(server_->stats().peers_refused, 1U);
}

TEST_F(JudgeServerTest, ACallerThatDoesNotReadItsLastAnswersIsCutOff) {
  serve({.tls = {},
         .disciplines = {},
         .coin_commitment = {},
         .patience = std::chrono::milliseconds(300)});
  // Without it gRPC takes ever more for a caller that does not read.
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  const auto stub = v1::Judge::NewStub(
      grpc::CreateCustomChannel(address(), grpc::InsecureChannelCredentials(), arguments));
  Caller caller(*stub);
  caller.send_handshake(contest_);
  caller.read();
  for (std::uint64_t i = 1; i <= 20; ++i) caller.send_batch(i, test::numbered_batch(i, 16'384));
  caller.half_close();
  EXPECT_TRUE(test::eventually([&] { return server_->stats().calls_cut_off == 1; }));
  EXPECT_TRUE(test::eventually([&] { return server_->stats().streams_open == 0; }));
}

TEST_F(JudgeServerTest, ACallerIsNotCutOffWhileTheJudgeHasItsBatches) {
  serve({.tls = {},
         .disciplines = {},
         .coin_commitment = {},
         .patience = std::chrono::milliseconds(50)});
  Caller caller(*stub_);
  caller.send_handshake(contest_);
  caller.read();
  judges_.hold();
  caller.send_batch(1, test::numbered_batch(1, 1));
  caller.half_close();
  ASSERT_TRUE(test::eventually([&] { return judges_.batches() == 1; }));
  // The clock of another caller shows that time passes.
  Caller silent(*stub_);
  EXPECT_EQ(silent.status().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  judges_.release();
  EXPECT_EQ(caller.read().verdicts().sequence(), 1U);
  EXPECT_TRUE(caller.status().ok());
}

TEST_F(JudgeServerTest, CompressedMessagesAreRefused) {
  serve();
  grpc::ClientContext context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  v1::JudgeOneRequest request = one();
  request.set_student(std::string(200, 'x'));
  v1::JudgeOneReply reply;
  EXPECT_EQ(stub_->JudgeOne(&context, request, &reply).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(judges_.batches(), 0U);
}

TEST_F(JudgeServerTest, ACallerIsNotReadBeyondTheBytesThatMayBeInFlight) {
  serve({.tls = {}, .disciplines = {}, .coin_commitment = {}, .in_flight_bytes = 1});
  Caller caller(*stub_);
  caller.send_handshake(contest_);
  caller.read();
  judges_.hold();
  // The first batch reaches the bound.
  for (std::uint64_t i = 1; i <= 20; ++i) caller.send_batch(i, test::numbered_batch(i, 10));
  ASSERT_TRUE(test::eventually([&] { return server_->stats().pauses > 0; }));
  EXPECT_EQ(judges_.batches(), 1U);
  judges_.release();
  for (std::uint64_t i = 1; i <= 20; ++i) EXPECT_EQ(caller.read().verdicts().sequence(), i);
}

TEST_F(JudgeServerTest, StreamsTakeTheJudgesOfThoseThatHaveGone) {
  serve();
  for (int i = 0; i < 5; ++i) {
    Caller caller(*stub_);
    caller.send_handshake(contest_);
    caller.read();
    caller.half_close();
    EXPECT_TRUE(caller.status().ok());
    ASSERT_TRUE(test::eventually([&] { return server_->stats().streams_open == 0; }));
  }
  EXPECT_LE(judges_.judges_made(), 3U);
}

TEST_F(JudgeServerTest, StoppingAnswersWhatCameAndSendsGoAway) {
  serve();
  Caller caller(*stub_);
  caller.send_handshake(contest_);
  caller.read();
  judges_.hold();
  for (std::uint64_t i = 1; i <= 3; ++i) caller.send_batch(i, test::numbered_batch(i, 1));
  ASSERT_TRUE(test::eventually([&] { return judges_.batches() == 3; }));
  std::jthread stopping([&] { server_->stop(test::kPatience); });
  EXPECT_TRUE(caller.read().go_away().stopping());
  // The server still judges batches that are on their way.
  caller.send_batch(4, test::numbered_batch(4, 1));
  ASSERT_TRUE(test::eventually([&] { return judges_.batches() == 4; }));
  Caller late(*stub_);
  EXPECT_EQ(late.status().error_code(), grpc::StatusCode::UNAVAILABLE);
  caller.half_close();
  judges_.release();
  for (std::uint64_t i = 1; i <= 4; ++i) EXPECT_EQ(caller.read().verdicts().sequence(), i);
  EXPECT_TRUE(caller.status().ok());
  stopping.join();
  EXPECT_EQ(refusal_of_one(one()).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(JudgeServerTest, AStreamThatIsNotReadGetsItsGoAwayAndIsReadOnAfterIt) {
  serve({.tls = {}, .disciplines = {}, .coin_commitment = {}, .in_flight_bytes = 1});
  Caller caller(*stub_);
  send_until_paused(caller);
  std::jthread stopping([&] { server_->stop(test::kPatience); });
  EXPECT_TRUE(caller.read().go_away().stopping());
  EXPECT_EQ(judges_.batches(), 1U);
  judges_.release();
  for (std::uint64_t i = 1; i <= 3; ++i) EXPECT_EQ(caller.read().verdicts().sequence(), i);
  caller.half_close();
  EXPECT_TRUE(caller.status().ok());
}

TEST_F(JudgeServerTest, AStreamThatIsNotReadEndsWhenItsCallerCancels) {
  serve({.tls = {}, .disciplines = {}, .coin_commitment = {}, .in_flight_bytes = 1});
  {
    Caller caller(*stub_);
    send_until_paused(caller);
  }
  EXPECT_TRUE(test::eventually([&] { return server_->stats().streams_open == 0; }));
  EXPECT_EQ(judges_.batches(), 1U);
}

TEST_F(JudgeServerTest, StoppingWithoutPatienceCutsOffWhatIsNotAnswered) {
  serve();
  Caller caller(*stub_);
  caller.send_handshake(contest_);
  caller.read();
  judges_.hold();
  caller.send_batch(1, test::numbered_batch(1, 1));
  ASSERT_TRUE(test::eventually([&] { return judges_.batches() == 1; }));
  server_->stop(std::chrono::nanoseconds(0));
  EXPECT_FALSE(caller.status().ok());
  judges_.release();  // the destructor waits for it
}

TEST_F(JudgeServerTest, OneEntryIsJudgedForPeople) {
  serve();
  v1::JudgeOneRequest request = one("INGENIERIA", 2);
  request.set_id(std::string(kGivenId));
  request.set_student("Zoë");
  request.set_age(20);
  v1::JudgeOneReply reply;
  ASSERT_TRUE(judge_one(request, reply).ok());
  EXPECT_EQ(reply.id(), kGivenId);
  EXPECT_EQ(reply.outcome(), v1::OUTCOME_WINNER);
  EXPECT_TRUE(reply.repeated());
  const auto [entry, student] = judges_.entries().at(0);
  EXPECT_EQ(entry.faculty, 0);
  EXPECT_EQ(entry.discipline, 1);
  EXPECT_EQ(entry.age, 20);
  EXPECT_TRUE(entry.is_id_given);
  EXPECT_EQ(student, "Zoë");
}

TEST_F(JudgeServerTest, AnEntryWithoutAnIdGetsOneOfItsOwn) {
  serve();
  v1::JudgeOneReply first;
  v1::JudgeOneReply second;
  ASSERT_TRUE(judge_one(one(), first).ok() && judge_one(one(), second).ok());
  EXPECT_NE(first.id(), second.id());
  const auto id = base::Uuid::parse(first.id());
  ASSERT_TRUE(id);
  EXPECT_TRUE(id->is_marked());
  EXPECT_FALSE(first.repeated());
}

TEST_F(JudgeServerTest, AWrongFieldOfOneEntryIsNamed) {
  serve();
  const auto refusal_with = [&](const auto& change) {
    v1::JudgeOneRequest request = one();
    change(request);
    const grpc::Status status = refusal_of_one(request);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    return status.error_message();
  };
  EXPECT_EQ(refusal_with([](auto& r) { r.set_faculty("Medicina"); }),
            "faculty: unknown; known are Ingeniería, Agronomía");
  EXPECT_EQ(refusal_with([](auto& r) { r.set_discipline(9); }),
            "discipline: unknown; known are 1 (Natación), 2 (Atletismo), 3 (Boxeo)");
  EXPECT_THAT(refusal_with([](auto& r) { r.set_id("7"); }), HasSubstr("id: expected a UUID"));
  EXPECT_EQ(refusal_with([](auto& r) { r.set_age(151); }), "age: expected 0 to 150, got 151");
  EXPECT_EQ(refusal_with([](auto& r) { r.set_student(std::string(201, 'x')); }),
            "student: expected at most 200 bytes, got 201");
  EXPECT_EQ(refusal_with([](auto& r) { r.set_student(std::string(1, '\0')); }),
            "student: expected a text without NUL");
  base::UuidGenerator ids;
  const auto old_id = ids.next(clock_.wall_ms() - 60'001).to_string();
  EXPECT_THAT(refusal_with([&](auto& r) { r.set_id(old_id); }), HasSubstr("at most 1m old"));
  const auto future_id = ids.next(clock_.wall_ms() + 30'001).to_string();
  EXPECT_THAT(refusal_with([&](auto& r) { r.set_id(future_id); }), HasSubstr("30s ahead"));
  const auto marked_id = ids.next_marked(clock_.wall_ms()).to_string();
  EXPECT_THAT(refusal_with([&](auto& r) { r.set_id(marked_id); }), HasSubstr("by the server"));
  EXPECT_EQ(judges_.batches(), 0U);
}

TEST_F(JudgeServerTest, WhenTheContestEndsAnIdMayHaveAnyTimeAndCallersLearnIt) {
  serve();
  base::UuidGenerator ids;
  v1::JudgeOneRequest request = one();
  request.set_id(ids.next(clock_.wall_ms() - 3'600'000).to_string());
  EXPECT_THAT(refusal_of_one(request).error_message(), HasSubstr("at most 1m old"));
  Caller before(*stub_);
  before.send_handshake(contest_);
  EXPECT_FALSE(before.read().ending());

  end_.set_phase(ContestPhase::kClosing);
  grpc::ClientContext context;
  v1::JudgeOneReply reply;
  EXPECT_TRUE(stub_->JudgeOne(&context, request, &reply).ok());
  Caller after(*stub_);
  after.send_handshake(contest_);
  EXPECT_TRUE(after.read().ending());
}

TEST_F(JudgeServerTest, AServerOfSomeDisciplinesSaysSo) {
  serve({.tls = {}, .disciplines = {3}, .coin_commitment = {}});
  Caller caller(*stub_);
  caller.send_handshake(contest_);
  const v1::JudgeReply reply = caller.read();
  ASSERT_EQ(reply.handshake().disciplines_size(), 1);
  EXPECT_EQ(reply.handshake().disciplines(0), 3);
  const grpc::Status status = refusal_of_one(one("Agronomía", 1));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(status.error_message(), "discipline: this server judges only 3 (Boxeo)");
}

TEST_F(JudgeServerTest, TheJudgesErrorIsThatOfTheOneCall) {
  serve();
  judges_.fail_with({base::Code::kUnavailable, "the log is away"});
  const grpc::Status status = refusal_of_one(one());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(status.error_message(), "the log is away");
}

TEST_F(JudgeServerTest, ACallWhoseDeadlinePassesIsEndedAndTheJudgeMayAnswerLater) {
  serve();
  judges_.hold();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(20));
  v1::JudgeOneReply reply;
  EXPECT_EQ(stub_->JudgeOne(&context, one(), &reply).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  judges_.release();
  EXPECT_TRUE(judge_one(one(), reply).ok());
}

TEST_F(JudgeServerTest, APeerCannotTakeAllCallsOfJudgeOne) {
  serve({.tls = {}, .disciplines = {}, .coin_commitment = {}, .ones_per_peer_max = 1});
  const Waiting first(channel_);
  ASSERT_TRUE(test::eventually([&] { return server_->stats().ones_under_way == 1; }));
  const grpc::Status status = refusal_of_one(one());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.error_message(),
            "127.0.0.1 has 1 JudgeOne calls already, and a peer may have no more");
  EXPECT_EQ(server_->stats().ones_refused, 1U);
  EXPECT_EQ(server_->stats().peers_refused, 1U);
}

TEST_F(JudgeServerTest, ARequestOfJudgeOneMustArriveInTime) {
  serve({.tls = {},
         .disciplines = {},
         .coin_commitment = {},
         .patience = std::chrono::milliseconds(50)});
  Waiting call(channel_);
  EXPECT_EQ(call.status().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(test::eventually([&] { return server_->stats().ones_under_way == 0; }));
  EXPECT_EQ(server_->stats().calls_cut_off, 1U);
}

TEST_F(JudgeServerTest, StoppingEndsCallsOfJudgeOneWhoseRequestsHaveNotArrived) {
  serve();
  Waiting call(channel_);
  ASSERT_TRUE(test::eventually([&] { return server_->stats().ones_under_way == 1; }));
  server_->stop(test::kPatience);
  EXPECT_EQ(call.status().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(JudgeServerTest, ARequestOfJudgeOneIsSmallAndWellFormed) {
  serve();
  v1::JudgeOneRequest large = one();
  large.set_student(std::string(JudgeServer::kJudgeOneBytesMax, 'x'));
  const grpc::Status status = refusal_of_one(large);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("and 4096 are allowed"));
  std::string reply;
  EXPECT_EQ(call_raw("/estadio.v1.Judge/JudgeOne", "\xFF", reply).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  Waiting empty(channel_);
  empty.half_close();
  EXPECT_EQ(empty.status().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(JudgeServerTest, OtherMethodsAreUnknown) {
  serve();
  std::string reply;
  EXPECT_EQ(call_raw("/estadio.v1.Judge/JudgeTwo", "", reply).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(JudgeServerTest, HealthIsWhatSetServingSays) {
  serve();
  std::string reply;
  const auto is_serving = [&](std::string_view request) {
    EXPECT_TRUE(call_raw("/grpc.health.v1.Health/Check", request, reply).ok());
    return reply == "\x08\x01";  // status: SERVING
  };
  const std::string named = "\x0A\x10" + std::string("estadio.v1.Judge");
  EXPECT_FALSE(is_serving("") || is_serving(named));
  server_->set_serving(true);
  EXPECT_TRUE(is_serving("") && is_serving(named));
  server_->set_serving(false);
  EXPECT_FALSE(is_serving("") || is_serving(named));
}

TEST_F(JudgeServerTest, ReflectionListsTheService) {
  serve();
  std::string reply;
  const std::string list_services("\x3A\0", 2);
  ASSERT_TRUE(call_raw("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                       list_services, reply)
                  .ok());
  EXPECT_THAT(reply, HasSubstr("estadio.v1.Judge"));
}

TEST_F(JudgeServerTest, AnAddressThatIsTakenIsAnError) {
  serve();
  const auto second = JudgeServer::open(
      {.address = address(), .tls = {}, .disciplines = {}, .coin_commitment = {}}, deps());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), base::Code::kUnavailable);
  EXPECT_THAT(second.error().message(), HasSubstr(address()));
}

TEST_F(JudgeServerTest, WrongOptionsAreNamed) {
  const auto error_of = [&](JudgeServer::Options options) {
    const auto server = JudgeServer::open(std::move(options), deps());
    return server ? std::string("none") : server.error().message();
  };
  EXPECT_THAT(error_of({.tls = {}, .disciplines = {9}, .coin_commitment = {}}),
              HasSubstr("no discipline 9"));
  const test::TempFolder folder;
  const test::Authority authority(folder.path(), "authority");
  TlsFiles files = authority.issue("server", {});
  test::write_file(folder / "junk.pem", "junk");
  const auto error_with = [&](TlsFiles wrong) {
    return error_of({.tls = std::move(wrong), .disciplines = {}, .coin_commitment = {}});
  };
  EXPECT_THAT(error_with({.certificate = files.certificate, .key = {}, .ca_certificates = {}}),
              HasSubstr("a certificate and its key"));
  EXPECT_THAT(error_with({}), HasSubstr("needs a certificate"));
  EXPECT_THAT(
      error_with({.certificate = folder / "junk.pem", .key = files.key, .ca_certificates = {}}),
      HasSubstr("junk.pem: expected PEM with 'CERTIFICATE"));
  EXPECT_THAT(
      error_with({.certificate = folder / "none.pem", .key = files.key, .ca_certificates = {}}),
      HasSubstr("none.pem"));
  const TlsFiles other = authority.issue("other", {});
  EXPECT_THAT(
      error_with({.certificate = files.certificate, .key = other.key, .ca_certificates = {}}),
      HasSubstr("other.key"));
}

}  // namespace
}  // namespace estadio
