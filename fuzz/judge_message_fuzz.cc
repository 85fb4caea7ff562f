// Messages of gRPC streams: any bytes that protobuf accepts are read without harm. An accepted
// batch meets the program's requirements, and is encoded again unchanged.
#include <estadio/v1/judge.pb.h>
#include <simdjson.h>

#include <numeric>
#include <string>
#include <vector>

#include "base/check.h"
#include "estadio/rpc/batch_codec.h"
#include "estadio/rpc/handshake.h"
#include "estadio/rpc/one_entry.h"
#include "fuzz.h"

namespace {

using estadio::Entry;

const estadio::CallerIndexes kCaller{.faculties = {0, 1},
                                     .disciplines = {0, estadio::CallerIndexes::kNotJudged, 2}};

void check_entry(const estadio::EntryBatch& batch, const Entry& entry) {
  CHECK(entry.faculty < 2 && (entry.discipline == 0 || entry.discipline == 2));
  CHECK(entry.age >= Entry::kNoAge && entry.age <= Entry::kAgeMax);
  CHECK(entry.student_size <= Entry::kStudentBytesMax);
  CHECK(entry.has_student || entry.student_size == 0);
  CHECK(std::size_t{entry.student_at} + entry.student_size <= batch.text.size());
  const std::string_view student = batch.student(entry);
  CHECK(simdjson::validate_utf8(student.data(), student.size()));
  CHECK(student.find('\0') == std::string_view::npos);
}

void check_batch(const estadio::v1::Batch& message) {
  estadio::EntryBatch batch;
  if (!estadio::decode_batch(message, kCaller, batch)) return;
  CHECK(!batch.entries.empty() && batch.entries.size() <= estadio::kBatchEntriesMax);
  for (const Entry& entry : batch.entries) check_entry(batch, entry);
  std::vector<std::uint32_t> places(batch.entries.size());
  std::iota(places.begin(), places.end(), 0);
  estadio::v1::Batch again;
  again.set_sequence(message.sequence());
  estadio::encode_batch(batch, places, again);
  CHECK(again.SerializeAsString() == [&] {
    estadio::v1::Batch known = message;
    known.DiscardUnknownFields();
    return known.SerializeAsString();
  }());
}

void check_handshake(const estadio::v1::HandshakeRequest& request) {
  static const estadio::Contest contest = estadio::Contest::defaults();
  const estadio::HandshakeParty party{.contest = contest, .coin_commitment = "aa"};
  const auto caller = estadio::read_handshake_request(request, party, estadio::mask_of(2));
  if (!caller) return;
  CHECK(caller->faculties.size() == static_cast<std::size_t>(request.faculties_size()));
  for (const auto faculty : caller->faculties) CHECK(faculty < 2);
  for (const auto discipline : caller->disciplines) {
    CHECK(discipline == 2 || discipline == estadio::CallerIndexes::kNotJudged);
  }
  estadio::v1::HandshakeResponse response;
  estadio::write_handshake_response(party, *caller, response);
  CHECK(estadio::read_handshake_response(response, party).has_value());
}

void check_verdicts(const estadio::v1::Verdicts& message) {
  std::vector<estadio::Verdict> verdicts(message.verdicts().size());
  std::vector<std::uint32_t> places(verdicts.size());
  std::iota(places.rbegin(), places.rend(), 0);
  if (!estadio::decode_verdicts(message.verdicts(), places, verdicts)) return;
  std::vector<estadio::Verdict> in_order(verdicts.rbegin(), verdicts.rend());
  CHECK(estadio::encode_verdicts(in_order) == message.verdicts());
}

void check_one(const estadio::v1::JudgeOneRequest& request) {
  static const estadio::Contest contest = estadio::Contest::defaults();
  estadio::EntryBatch batch;
  if (!estadio::read_one_entry(
          request,
          {.contest = contest,
           .judged = estadio::mask_of(0) | estadio::mask_of(2),
           .times = {.earliest_ms = 1'790'000'000'000, .latest_ms = 1'790'000'000'000}},
          batch)) {
    return;
  }
  CHECK(batch.entries.size() == 1);
  check_entry(batch, batch.entries.front());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text_of(data, size);
  const int length = static_cast<int>(input.size());
  if (estadio::v1::JudgeRequest request; request.ParseFromArray(input.data(), length)) {
    check_batch(request.batch());
    check_handshake(request.handshake());
  }
  if (estadio::v1::JudgeReply reply; reply.ParseFromArray(input.data(), length)) {
    check_verdicts(reply.verdicts());
  }
  if (estadio::v1::JudgeOneRequest request; request.ParseFromArray(input.data(), length)) {
    check_one(request);
  }
  return 0;
}
