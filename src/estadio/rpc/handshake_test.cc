#include "estadio/rpc/handshake.h"

#include <estadio/v1/judge.pb.h>
#include <gtest/gtest.h>

namespace estadio {
namespace {

Contest contest_of(std::string_view toml) { return Contest::from_toml(toml, "test").value(); }

std::string refusal_of(const base::Result<CallerIndexes>& read) {
  if (read) return "none";
  EXPECT_EQ(read.error().code(), base::Code::kFailedPrecondition);
  return read.error().message();
}

base::Result<CallerIndexes> shake_hands(const Contest& caller, const Contest& server) {
  v1::HandshakeRequest request;
  write_handshake_request({.contest = caller, .coin_commitment = {}}, request);
  return read_handshake_request(request, {.contest = server, .coin_commitment = {}},
                                all_disciplines(server));
}

TEST(HandshakeTest, IndexesAreTranslatedByNameAndId) {
  const Contest caller = contest_of(
      "faculty = [{name='Derecho'}, {name='Letras'}]\ndiscipline = [{id=4,name='Remo'}, "
      "{id=2,name='Judo'}]");
  const Contest server = contest_of(
      "faculty = [{name='Letras'}, {name='Artes'}, {name='Derecho'}]\n"
      "discipline = [{id=2,name='Judo'}, {id=3,name='Polo'}, {id=4,name='Remo'}]");
  const auto indexes = shake_hands(caller, server);
  ASSERT_TRUE(indexes) << indexes.error().message();
  EXPECT_EQ(indexes->faculties, (std::vector<FacultyIndex>{2, 0}));
  EXPECT_EQ(indexes->disciplines, (std::vector<DisciplineIndex>{2, 0}));
}

TEST(HandshakeTest, EverythingThatDiffersIsNamed) {
  const Contest caller = contest_of(
      "partitions = 3\nfaculty = [{name='Ingeniería'}, {name='Medicina'}]\n"
      "discipline = [{id=1,name='Natación'}, {id=9,name='Ajedrez'}]");
  EXPECT_EQ(refusal_of(shake_hands(caller, Contest::defaults())),
            "the contests differ: the server has no faculty 'Medicina'; the server has no "
            "discipline 9; partitions are 3 for the caller, 2 for the server");
}

TEST(HandshakeTest, CoinsAreComparedWhereBothAreKnown) {
  const Contest contest = Contest::defaults();
  const auto shake_hands = [&](std::string_view callers, std::string_view servers) {
    v1::HandshakeRequest request;
    write_handshake_request({.contest = contest, .coin_commitment = callers}, request);
    return read_handshake_request(request, {.contest = contest, .coin_commitment = servers},
                                  all_disciplines(contest));
  };
  EXPECT_TRUE(shake_hands("", "") && shake_hands("aa", "") && shake_hands("", "bb") &&
              shake_hands("aa", "aa"));
  EXPECT_EQ(refusal_of(shake_hands("aa", "bb")),
            "the contests differ: the coin's commitment is aa for the caller, bb for the server");
}

TEST(HandshakeTest, AResponseSaysWhichDisciplinesAreJudged) {
  const Contest contest = Contest::defaults();
  const HandshakeParty party{.contest = contest, .coin_commitment = "aa"};
  v1::HandshakeRequest request;
  write_handshake_request(party, request);
  const auto indexes = read_handshake_request(request, party, mask_of(1));
  ASSERT_TRUE(indexes);
  EXPECT_EQ(indexes->disciplines[0], CallerIndexes::kNotJudged);
  v1::HandshakeResponse response;
  write_handshake_response(party, *indexes, response);
  EXPECT_EQ(read_handshake_response(response, party).value(), mask_of(1));
  response.set_coin_commitment("bb");
  EXPECT_FALSE(read_handshake_response(response, party));
  response.clear_coin_commitment();
  response.add_disciplines(77);  // of a later contest
  EXPECT_EQ(read_handshake_response(response, party).value(), mask_of(1));
}

TEST(HandshakeTest, ARequestOfTooMuchOrNothingIsRefused) {
  const Contest contest = Contest::defaults();
  const HandshakeParty party{.contest = contest, .coin_commitment = {}};
  v1::HandshakeRequest request;
  EXPECT_EQ(read_handshake_request(request, party, 1).error().message(),
            "handshake.faculties: expected 1 to 64, got 0");
  write_handshake_request(party, request);
  for (int i = 0; i < 64; ++i) request.add_disciplines(1);
  EXPECT_EQ(read_handshake_request(request, party, 1).error().message(),
            "handshake.disciplines: expected 1 to 64, got 67");
}

TEST(HandshakeTest, MasksHaveABitForEachDiscipline) {
  EXPECT_EQ(all_disciplines(Contest::defaults()), 7U);
  EXPECT_EQ(names_of(5, Contest::defaults()), "1 (Natación), 3 (Boxeo)");
}

}  // namespace
}  // namespace estadio
