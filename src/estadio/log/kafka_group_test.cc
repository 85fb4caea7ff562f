#include "estadio/log/kafka_group.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

#include "base/unique_fd.h"
#include "estadio/contest/test_world.h"
#include "estadio/log/kafka_log.h"
#include "estadio/log/test_kafka.h"

namespace estadio {
namespace {

constexpr int kPartitions = 2;

// A member, and the share that it was assigned.
class Member {
 public:
  struct Traits {
    std::chrono::milliseconds loses_for{};  // how long it takes to give up what it has lost
    bool may_be_refused = false;
  };
  Member(const KafkaGroup::Options& options, base::Logger& log) : Member(options, log, Traits()) {}
  Member(const KafkaGroup::Options& options, base::Logger& log, Traits traits) {
    auto joined = KafkaGroup::join(options,
                                   {.gained =
                                        [this](std::span<const PartitionId> gained) {
                                          const std::scoped_lock lock(mutex_);
                                          share_.insert(share_.end(), gained.begin(), gained.end());
                                          ++admissions_;
                                        },
                                    .lost =
                                        [this, traits](std::span<const PartitionId> lost) {
                                          is_losing_ = true;
                                          std::this_thread::sleep_for(traits.loses_for);
                                          const std::scoped_lock lock(mutex_);
                                          for (const PartitionId each : lost)
                                            std::erase(share_, each);
                                        },
                                    .refused =
                                        [this, traits](const base::Error& why) {
                                          if (!traits.may_be_refused)
                                            ADD_FAILURE() << why.message();
                                          ++refusals_;
                                        }},
                                   clock_, log);
    EXPECT_TRUE(joined) << joined.error().message();
    if (joined) group_ = *std::move(joined);
  }
  [[nodiscard]] std::size_t share() const {
    const std::scoped_lock lock(mutex_);
    return share_.size();
  }
  [[nodiscard]] bool is_losing() const { return is_losing_; }
  // How often the group assigned it partitions, perhaps none.
  [[nodiscard]] int admissions() const { return admissions_; }
  [[nodiscard]] int refusals() const { return refusals_; }
  KafkaGroup& group() { return *group_; }
  void leave() { group_.reset(); }

 private:
  base::SystemClock clock_;
  std::atomic<bool> is_losing_ = false;
  std::atomic<int> admissions_ = 0;
  std::atomic<int> refusals_ = 0;
  mutable std::mutex mutex_;
  std::vector<PartitionId> share_;  // guarded by mutex_
  std::unique_ptr<KafkaGroup> group_;
};

class KafkaGroupTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = test::KafkaBroker::skip_reason()) GTEST_SKIP() << *why;
    static int number = 0;
    options_.cluster.brokers = test::KafkaBroker::shared().address();
    options_.topics = {.prefix = fmt::format("group{}-{}.", ::getpid(), number++),
                       .partitions = kPartitions};
    options_.group = options_.topics.prefix + "tally";
    options_.partitions = kPartitions;
    make_topics();
  }
  void make_topics() {
    const auto log = KafkaLog::open({.cluster = options_.cluster, .topics = options_.topics},
                                    clock_, log_.logger());
    ASSERT_TRUE(log) << log.error().message();
  }

  base::SystemClock clock_;
  test::CapturedLog log_;
  KafkaGroup::Options options_;
};

TEST_F(KafkaGroupTest, OneMemberHasAllPartitionsAndTwoShareThem) {
  Member first(options_, log_.logger());
  EXPECT_TRUE(test::eventually([&] { return first.share() == 4; }));
  {
    Member second(options_, log_.logger());
    EXPECT_TRUE(test::eventually([&] { return first.share() == 2 && second.share() == 2; }));
  }
  EXPECT_TRUE(test::eventually([&] { return first.share() == 4; })) << log_.text();
}

TEST_F(KafkaGroupTest, AMemberThatLeavesIsToldOfItsLoss) {
  Member member(options_, log_.logger());
  ASSERT_TRUE(test::eventually([&] { return member.share() == 4; }));
  member.leave();
  EXPECT_EQ(member.share(), 0U);
}

// As a tally does whose score book is away.
TEST_F(KafkaGroupTest, AMemberThatIsSlowToGiveUpItsShareLeavesAllTheSame) {
  Member slow(options_, log_.logger(), {.loses_for = std::chrono::seconds(4)});
  ASSERT_TRUE(test::eventually([&] { return slow.share() == 4; }));
  Member other(options_, log_.logger());
  ASSERT_TRUE(test::eventually([&] { return slow.is_losing(); }));
  slow.leave();
  EXPECT_TRUE(test::eventually([&] { return other.share() == 4; })) << log_.text();
}

// Takes a member out of its group, as the cluster does with one that was silent for too long. This
// is a LeaveGroup request of version 0 in Kafka's protocol. Numbers are big-endian; a text has its
// size before it:
//
//   size i32 | api 13 i16 | version 0 i16 | id i32 | client none i16 | group text i16 | member text
void take_out(const std::string& broker, const std::string& group, const std::string& member) {
  const auto number = [](std::uint32_t value, int bytes) {
    std::string text;
    for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
    return text;
  };
  const auto text = [&](const std::string& each) {
    return number(static_cast<std::uint32_t>(each.size()), 2) + each;
  };
  std::string request = number(13, 2) + number(0, 2) + number(1, 4) + number(0xFFFF, 2);
  request += text(group) + text(member);
  request = number(static_cast<std::uint32_t>(request.size()), 4) + request;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port =
      htons(static_cast<std::uint16_t>(std::stoi(broker.substr(broker.find(':') + 1))));
  const base::UniqueFd connection(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(connection.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::send(connection.get(), request.data(), request.size(), 0),
            static_cast<ssize_t>(request.size()));
  // size i32 | id i32 | error i16
  std::array<char, 10> answer{};
  ASSERT_EQ(::recv(connection.get(), answer.data(), answer.size(), MSG_WAITALL),
            static_cast<ssize_t>(answer.size()));
  ASSERT_EQ(answer[8], 0);
  ASSERT_EQ(answer[9], 0);
}

// Returns what the command prints.
std::string said_by(const std::string& command) {
  const std::unique_ptr<std::FILE, decltype(&::pclose)> out(::popen(command.c_str(), "r"),
                                                            &::pclose);
  std::string said;
  std::array<char, 256> buffer{};
  while (std::fgets(buffer.data(), buffer.size(), out.get()) != nullptr) said += buffer.data();
  return said;
}

TEST_F(KafkaGroupTest, AMemberThatTheClusterHasTakenOutIsAdmittedAgain) {
  Member member(options_, log_.logger());
  ASSERT_TRUE(test::eventually([&] { return member.share() == 4; }));
  const int before = member.admissions();
  std::string name = said_by(fmt::format(
      "{}/kafka cli kafka-consumer-groups --describe --members --group {} --bootstrap-server {} "
      "2>/dev/null | awk '$1 == \"{}\" {{ printf \"%s\", $2 }}'",
      OLIMPIADAS_TOOLS, options_.group, options_.cluster.brokers, options_.group));
  ASSERT_FALSE(name.empty());
  take_out(options_.cluster.brokers, options_.group, name);
  EXPECT_TRUE(test::eventually([&] { return member.admissions() > before; })) << log_.text();
  EXPECT_TRUE(member.is_losing());
  EXPECT_TRUE(test::eventually([&] { return member.share() == 4; })) << log_.text();
}

TEST_F(KafkaGroupTest, AMemberThatIsRefusedIsAdmittedOnceTheClusterAllowsIt) {
  const test::TempFolder folder;
  const test::KafkaBroker broker(
      folder / "kafka", 0,
      {"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
       "allow.everyone.if.no.acl.found=true"});
  ASSERT_FALSE(broker.address().empty());
  options_.cluster.brokers = broker.address();
  make_topics();
  const auto change_acls = [&](std::string_view how) {
    const std::string command = fmt::format(
        "{}/kafka cli kafka-acls {} --deny-principal User:ANONYMOUS --operation Read --group {} "
        "--bootstrap-server {} >/dev/null",
        OLIMPIADAS_TOOLS, how, options_.group, broker.address());
    ASSERT_EQ(std::system(command.c_str()), 0);
  };
  change_acls("--add");
  Member member(options_, log_.logger(), {.may_be_refused = true});
  ASSERT_TRUE(test::eventually([&] { return member.refusals() > 0; })) << log_.text();
  EXPECT_EQ(member.share(), 0U);
  change_acls("--remove --force");
  EXPECT_TRUE(test::eventually([&] { return member.share() == 4; })) << log_.text();
  EXPECT_EQ(member.refusals(), 1) << "the same error in a row is reported once";

  // A member that is refused later comes back too.
  const int before = member.admissions();
  change_acls("--add");
  EXPECT_TRUE(test::eventually([&] { return member.refusals() == 2; })) << log_.text();
  change_acls("--remove --force");
  EXPECT_TRUE(test::eventually([&] { return member.admissions() > before; })) << log_.text();
  EXPECT_TRUE(test::eventually([&] { return member.share() == 4; })) << log_.text();
}

TEST_F(KafkaGroupTest, PartitionsBeyondThoseInUseAreNobodys) {
  options_.partitions = 1;
  Member member(options_, log_.logger());
  EXPECT_TRUE(test::eventually([&] { return member.share() == 2; }));
}

TEST_F(KafkaGroupTest, PositionsAreShownByKafkasOwnTools) {
  Member member(options_, log_.logger());
  ASSERT_TRUE(test::eventually([&] { return member.share() == 4; }));
  const std::pair<PartitionId, std::int64_t> position = {{.topic = Outcome::kLoser, .number = 1},
                                                         41};
  const std::string command = fmt::format(
      "{}/kafka cli kafka-consumer-groups --describe --group {} --bootstrap-server {} 2>/dev/null "
      "| grep -Eq 'losers +1 +41 '",
      OLIMPIADAS_TOOLS, options_.group, options_.cluster.brokers);
  EXPECT_TRUE(test::eventually([&] {
    member.group().commit({&position, 1});
    return std::system(command.c_str()) == 0;
  }));
}

}  // namespace
}  // namespace estadio
