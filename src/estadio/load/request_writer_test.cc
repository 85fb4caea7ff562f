#include "estadio/load/request_writer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <set>

#include "http/request_parser.h"

namespace estadio::load {
namespace {

const base::SystemClock kClock;

Entries entries_of(std::string_view text) { return *Entries::from_text(std::string(text), "test"); }

Target target_of(std::string_view url) { return *Target::parse(url); }

// The parts of a request. The parser has checked that the bytes are exactly one request.
struct Sent {
  std::string path, host, type, body;
};
Sent take_apart(std::string_view request) {
  http::RequestHead head;
  http::ParseError error;
  std::size_t scanned = 0;
  EXPECT_EQ(http::parse_head(request, scanned, head, error), http::ParseState::kDone) << request;
  EXPECT_EQ(request.size(), head.size + head.content_length) << request;
  Sent sent{.path = std::string(head.path),
            .host = {},
            .type = {},
            .body = std::string(request.substr(head.size))};
  for (const http::Header& each : std::span(head.headers).first(head.header_count)) {
    if (each.name == "Host") sent.host = each.value;
    if (each.name == "Content-Type") sent.type = each.value;
  }
  return sent;
}

std::vector<std::string> bodies_of(RequestWriter& writer, int count) {
  std::vector<std::string> bodies;
  std::string room;
  SentEntries sent_entries;
  bodies.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i)
    bodies.push_back(take_apart(writer.next(room, sent_entries)).body);
  return bodies;
}

TEST(RequestWriterTest, TheEntriesOfAFileAreSentInTurnAsTheyAre) {
  const Entries entries = entries_of("{\"n\":1}\n{\"n\": 2}\n{\"n\":3}\n");
  RequestWriter writer(entries, target_of("http://h:8080/x"), {}, kClock);
  std::string room;
  SentEntries sent_entries;
  const Sent sent = take_apart(writer.next(room, sent_entries));
  EXPECT_EQ(sent.path, "/x");
  EXPECT_EQ(sent.host, "h:8080");
  EXPECT_EQ(sent.type, "application/json");
  EXPECT_EQ(sent.body, R"({"n":1})");
  EXPECT_THAT(bodies_of(writer, 4),
              testing::ElementsAre(R"({"n": 2})", R"({"n":3})", R"({"n":1})", R"({"n": 2})"));
}

TEST(RequestWriterTest, AFileTooLargeToPrepareIsSentTheSameWay) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += fmt::format("{{\"n\":{}}}\n", i);
  const Entries entries = entries_of(text);
  RequestWriter writer(entries, target_of("http://h:1"), {}, kClock);
  const auto bodies = bodies_of(writer, 10'001);
  EXPECT_EQ(bodies[9'999], R"({"n":9999})");
  EXPECT_EQ(bodies[10'000], R"({"n":0})");
}

TEST(RequestWriterTest, ThreadsTogetherSendEveryEntryInItsTurn) {
  const Entries entries = entries_of("{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n");
  for (const std::int64_t batch : {1, 2}) {
    RequestWriter whole(entries, target_of("http://h:1"), {.batch = batch}, kClock);
    const auto expected = bodies_of(whole, 30);
    for (std::int64_t thread = 0; thread < 3; ++thread) {
      RequestWriter part(entries, target_of("http://h:1"),
                         {.batch = batch, .thread = thread, .threads = 3}, kClock);
      const auto bodies = bodies_of(part, 10);
      for (std::size_t i = 0; i < bodies.size(); ++i) {
        EXPECT_EQ(bodies[i], expected[i * 3 + static_cast<std::size_t>(thread)]);
      }
    }
  }
}

TEST(RequestWriterTest, ABatchIsLinesOfJson) {
  const Entries entries = entries_of("{\"n\":1}\n{\"n\":2}\n");
  RequestWriter writer(entries, target_of("http://h:1"), {.batch = 3}, kClock);
  std::string room;
  SentEntries sent_entries;
  const Sent sent = take_apart(writer.next(room, sent_entries));
  EXPECT_EQ(sent.type, "application/x-ndjson");
  EXPECT_EQ(sent.body, "{\"n\":1}\n{\"n\":2}\n{\"n\":1}");
  EXPECT_EQ(take_apart(writer.next(room, sent_entries)).body, "{\"n\":2}\n{\"n\":1}\n{\"n\":2}");
}

TEST(RequestWriterTest, GivenIdsAreOfVersion7AndDiffer) {
  const Entries entries = entries_of("{\"n\":1}\n{}\n{ }\n");
  RequestWriter writer(entries, target_of("http://h:1"), {.gives_ids = true}, kClock);
  std::string room;
  SentEntries sent_entries;
  std::set<std::string> seen;
  for (int i = 0; i < 300; ++i) {
    const std::string body = take_apart(writer.next(room, sent_entries)).body;
    const auto id = base::Uuid::parse(sent_entries.ids);
    ASSERT_TRUE(id) << sent_entries.ids;
    EXPECT_EQ(id->version(), 7);
    EXPECT_TRUE(seen.insert(sent_entries.ids).second);
    const char* const members[] = {R"(,"n":1})", "}", " }"};
    EXPECT_EQ(body, fmt::format(R"({{"id":"{}"{})", sent_entries.ids, members[i % 3]));
  }
}

TEST(RequestWriterTest, AnEntrysOwnIdIsLeftAlone) {
  const Entries entries =
      entries_of("{\"id\":\"01934f5a-7c00-7abc-8def-0123456789ab\"}\n{\"id\":null}\n");
  RequestWriter writer(entries, target_of("http://h:1"), {.batch = 2, .gives_ids = true}, kClock);
  std::string room;
  SentEntries sent_entries;
  EXPECT_EQ(take_apart(writer.next(room, sent_entries)).body,
            "{\"id\":\"01934f5a-7c00-7abc-8def-0123456789ab\"}\n{\"id\":null}");
  EXPECT_EQ(sent_entries.ids, "01934f5a-7c00-7abc-8def-0123456789ab");
}

TEST(RequestWriterTest, SaysWhereTheIdComesFromAndWhichEntryItIs) {
  using IdSource = SentEntries::IdSource;
  const Entries entries = entries_of(
      "{\"faculty\":\"a\"}\n{\"id\":\"01934f5a-7c00-7abc-8def-0123456789ab\"}\n"
      "{\"id\":7,\"discipline\":3}\n");
  std::string room;
  SentEntries sent;
  for (const bool gives_ids : {false, true}) {
    RequestWriter writer(entries, target_of("http://h:1"), {.gives_ids = gives_ids}, kClock);
    static_cast<void>(writer.next(room, sent));
    EXPECT_EQ(sent.id_source, gives_ids ? IdSource::kClient : IdSource::kServer);
    EXPECT_EQ(sent.ids.size(), gives_ids ? base::Uuid::kTextSize : 0U);
    EXPECT_EQ(writer.facts_of(sent.entries.front()), R"(,"faculty":"a")");
    static_cast<void>(writer.next(room, sent));
    EXPECT_EQ(sent.id_source, IdSource::kClient);
    EXPECT_EQ(sent.ids, "01934f5a-7c00-7abc-8def-0123456789ab");
    EXPECT_EQ(writer.facts_of(sent.entries.front()), "");
    static_cast<void>(writer.next(room, sent));
    EXPECT_EQ(sent.id_source, IdSource::kUnknown);
    EXPECT_EQ(sent.ids, "");
    EXPECT_EQ(writer.facts_of(sent.entries.front()), R"(,"discipline":3)");
  }
}

TEST(RequestWriterTest, TheEntriesOfABatchAreThoseWithIds) {
  const Entries entries = entries_of("{\"id\":7}\n{\"n\":1}\n{\"n\":2}\n");
  RequestWriter writer(entries, target_of("http://h:1"), {.batch = 3, .gives_ids = true}, kClock);
  std::string room;
  SentEntries sent;
  static_cast<void>(writer.next(room, sent));
  EXPECT_EQ(sent.ids.size(), 2 * base::Uuid::kTextSize);
  EXPECT_THAT(sent.entries, testing::ElementsAre(1, 2));
}

TEST(RequestWriterTest, GeneratedEntriesAreUniformAndFollowTheSeed) {
  const Entries entries = Entries::of_contest({"Ingeniería", "Agronomía"}, {1, 2, 3});
  const auto drawn = [&](std::uint64_t seed) {
    RequestWriter writer(entries, target_of("http://h:1"), {.seed = seed}, kClock);
    return bodies_of(writer, 6000);
  };
  const auto bodies = drawn(42);
  EXPECT_EQ(bodies, drawn(42));
  EXPECT_NE(bodies, drawn(43));
  std::map<std::string, int> counts;
  for (const std::string& body : bodies) ++counts[body];
  EXPECT_EQ(counts.size(), 6U);
  for (const auto& [body, count] : counts) EXPECT_NEAR(count, 1000, 150) << body;
}

}  // namespace
}  // namespace estadio::load
