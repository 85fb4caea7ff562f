#include "estadio/rpc/greeting.h"

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

base::Result<CallerIndexes> greet(const Contest& caller, const Contest& server) {
  v1::Hello hello;
  write_hello({.contest = caller, .coin_commitment = {}}, hello);
  return read_hello(hello, {.contest = server, .coin_commitment = {}}, all_disciplines(server));
}

TEST(GreetingTest, IndexesAreTranslatedByNameAndId) {
  const Contest caller = contest_of(
      "faculty = [{name='Derecho'}, {name='Letras'}]\ndiscipline = [{id=4,name='Remo'}, "
      "{id=2,name='Judo'}]");
  const Contest server = contest_of(
      "faculty = [{name='Letras'}, {name='Artes'}, {name='Derecho'}]\n"
      "discipline = [{id=2,name='Judo'}, {id=3,name='Polo'}, {id=4,name='Remo'}]");
  const auto indexes = greet(caller, server);
  ASSERT_TRUE(indexes) << indexes.error().message();
  EXPECT_EQ(indexes->faculties, (std::vector<FacultyIndex>{2, 0}));
  EXPECT_EQ(indexes->disciplines, (std::vector<DisciplineIndex>{2, 0}));
}

TEST(GreetingTest, EverythingThatDiffersIsNamed) {
  const Contest caller = contest_of(
      "partitions = 3\nfaculty = [{name='Ingeniería'}, {name='Medicina'}]\n"
      "discipline = [{id=1,name='Natación'}, {id=9,name='Ajedrez'}]");
  EXPECT_EQ(refusal_of(greet(caller, Contest::defaults())),
            "the contests differ: the server has no faculty 'Medicina'; the server has no "
            "discipline 9; partitions are 3 for the caller, 2 for the server");
}

TEST(GreetingTest, CoinsAreComparedWhereBothAreKnown) {
  const Contest contest = Contest::defaults();
  const auto greet = [&](std::string_view callers, std::string_view servers) {
    v1::Hello hello;
    write_hello({.contest = contest, .coin_commitment = callers}, hello);
    return read_hello(hello, {.contest = contest, .coin_commitment = servers},
                      all_disciplines(contest));
  };
  EXPECT_TRUE(greet("", "") && greet("aa", "") && greet("", "bb") && greet("aa", "aa"));
  EXPECT_EQ(refusal_of(greet("aa", "bb")),
            "the contests differ: the coin's commitment is aa for the caller, bb for the server");
}

TEST(GreetingTest, AWelcomeSaysWhichDisciplinesAreJudged) {
  const Contest contest = Contest::defaults();
  const GreetingParts parts{.contest = contest, .coin_commitment = "aa"};
  v1::Hello hello;
  write_hello(parts, hello);
  const auto indexes = read_hello(hello, parts, mask_of(1));
  ASSERT_TRUE(indexes);
  EXPECT_EQ(indexes->disciplines[0], CallerIndexes::kNotJudged);
  v1::Welcome welcome;
  write_welcome(parts, *indexes, welcome);
  EXPECT_EQ(read_welcome(welcome, parts).value(), mask_of(1));
  welcome.set_coin_commitment("bb");
  EXPECT_FALSE(read_welcome(welcome, parts));
  welcome.clear_coin_commitment();
  welcome.add_disciplines(77);  // of a later contest
  EXPECT_EQ(read_welcome(welcome, parts).value(), mask_of(1));
}

TEST(GreetingTest, AHelloOfTooMuchOrNothingIsRefused) {
  const Contest contest = Contest::defaults();
  const GreetingParts parts{.contest = contest, .coin_commitment = {}};
  v1::Hello hello;
  EXPECT_EQ(read_hello(hello, parts, 1).error().message(),
            "hello.faculties: expected 1 to 64, got 0");
  write_hello(parts, hello);
  for (int i = 0; i < 64; ++i) hello.add_disciplines(1);
  EXPECT_EQ(read_hello(hello, parts, 1).error().message(),
            "hello.disciplines: expected 1 to 64, got 67");
}

TEST(GreetingTest, MasksHaveABitForEachDiscipline) {
  EXPECT_EQ(all_disciplines(Contest::defaults()), 7U);
  EXPECT_EQ(names_of(5, Contest::defaults()), "1 (Natación), 3 (Boxeo)");
}

}  // namespace
}  // namespace estadio
