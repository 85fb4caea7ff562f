#include "http/worker.h"

#include <malloc.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <fmt/format.h>
#include <utility>

#include "http/connection.h"
#include "http/problem.h"

namespace http {
namespace {

constexpr int kAcceptsARound = 64;
constexpr std::chrono::nanoseconds kSweepEvery = std::chrono::milliseconds(250);
// Once fewer bytes than that were buffered for so long, the allocator gives its free memory back.
constexpr std::size_t kBurstBytes = std::size_t{16} << 20;
constexpr std::chrono::nanoseconds kCalm = std::chrono::seconds(1);
constexpr std::chrono::nanoseconds kDrainPoll = std::chrono::milliseconds(5);

// The Date header's line (RFC 9110, section 5.6.7).
std::string date_line(std::int64_t seconds) {
  constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const std::time_t time = seconds;
  std::tm utc{};
  gmtime_r(&time, &utc);
  return fmt::format("Date: {}, {:02} {} {:04} {:02}:{:02}:{:02} GMT\r\n",
                     kDays.substr(static_cast<std::size_t>(utc.tm_wday) * 3, 3), utc.tm_mday,
                     kMonths.substr(static_cast<std::size_t>(utc.tm_mon) * 3, 3),
                     utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

}  // namespace

Worker::Worker(base::UniqueFd listener, Server::Shared& shared,
               const std::vector<ServiceFactory>& services, const base::Clock& clock,
               base::Logger& log)
    : listener_(std::move(listener)),
      shared_(shared),
      log_(log),
      loop_(clock),
      scratch_(kScratchBytes) {
  for (const ServiceFactory& make : services) {
    services_.push_back(make());
    services_.back()->install(router_, loop_);
  }
  // Runs after the services' hooks, so that their answers leave in the same round.
  loop_.at_end_of_round([this] { end_round(); });
}

Worker::~Worker() = default;

void Worker::start() {
  thread_ = std::jthread([this] {
    sweep();
    const auto added = loop_.add(listener_.get(), EPOLLIN, *this);
    is_accepting_ = added.has_value();
    if (!added) {
      log_.error("cannot accept connections", {{"error", added.error()}});
    }
    loop_.run();
    connections_.clear();
  });
}

void Worker::on_ready(std::uint32_t /*events*/) {
  for (int i = 0; i < kAcceptsARound; ++i) {
    base::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      accept_one(std::move(fd));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      log_.warning("out of file descriptors or memory: not accepting for 100 ms",
                   {{"error", base::Error::from_errno("accept", errno)}});
      return pause_accepting();
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return;
    }
  }
}

void Worker::accept_one(base::UniqueFd fd) {
  if (shared_.connections.fetch_add(1, std::memory_order_relaxed) >= shared_.limits.connections) {
    shared_.connections.fetch_sub(1, std::memory_order_relaxed);
    bump(refused_, 1);
    if (shared_.tls == nullptr) {
      const std::string body = problem_body(503, "too many connections are open; try again");
      const std::string answer = fmt::format(
          "HTTP/1.1 503 {}\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\n"
          "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
          reason_of(503), body.size(), body);
      static_cast<void>(
          ::send(fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
      ::shutdown(fd.get(), SHUT_WR);
      // Read the received bytes. Unread ones would turn the close into a reset, which drops the
      // answer.
      static_cast<void>(::recv(fd.get(), scratch_.data(), scratch_.size(), MSG_DONTWAIT));
    }
    return;
  }
  std::unique_ptr<net::TlsSession> tls;
  if (shared_.tls != nullptr) {
    tls = shared_.tls->start(fd.get());
    if (!tls) {
      log_.warning("a connection is closed: TLS cannot be started on it", {});
      shared_.connections.fetch_sub(1, std::memory_order_relaxed);
      bump(refused_, 1);
      return;
    }
  }
  bump(accepted_, 1);
  bump(open_, 1);
  std::uint32_t slot = 0;
  if (free_slots_.empty()) {
    slot = static_cast<std::uint32_t>(connections_.size());
    connections_.emplace_back();
    generations_.push_back(0);
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  connections_[slot] = std::make_unique<Connection>(std::move(fd), std::move(tls), *this, slot);
}

void Worker::pause_accepting() {
  loop_.remove(listener_.get(), *this);
  is_accepting_ = false;
  loop_.at(loop_.now() + std::chrono::milliseconds(100), [this] {
    if (!draining_) is_accepting_ = loop_.add(listener_.get(), EPOLLIN, *this).has_value();
  });
}

Exchange Worker::exchange_of(const Connection& connection, std::uint32_t sequence) {
  return {*this, connection.slot(), generations_[connection.slot()], sequence};
}

Connection* Worker::find(std::uint32_t slot, std::uint32_t generation) const {
  const bool is_there = slot < connections_.size() && generations_[slot] == generation;
  return is_there ? connections_[slot].get() : nullptr;
}

void Worker::mark_dirty(Connection& connection) {
  if (connection.is_dirty) return;
  connection.is_dirty = true;
  dirty_.push_back(&connection);
}

void Worker::defer_destroy(Connection& connection) {
  if (connection.is_destroy_deferred) return;
  connection.is_destroy_deferred = true;
  to_destroy_.push_back(connection.slot());
}

void Worker::resume_next_round(const Connection& connection) {
  loop_.post([this, slot = connection.slot(), generation = generations_[connection.slot()]] {
    if (Connection* waiting = find(slot, generation)) waiting->resume();
  });
}

bool Worker::reserve_buffer(std::size_t bytes_before, std::size_t bytes) {
  const std::size_t added = bytes - bytes_before;  // modulo 2^64 when it is less
  const std::size_t before =
      shared_.buffered_request_bytes.fetch_add(added, std::memory_order_relaxed);
  return before + added <= shared_.limits.buffered_request_bytes;
}

void Worker::count_response(int status) {
  bump(responses_by_class_[std::clamp(status / 100, 0, 5)], 1);
}

// A worker below its share never waits for another worker's clients. So all together may exceed the
// limit for a while, until the sweeps of the others have closed connections.
AnswerRoom Worker::answer_room() const {
  if (answer_bytes_ <= answer_share() / 2) return AnswerRoom::kMuch;
  const std::size_t all = all_answer_bytes();
  const std::size_t limit = shared_.limits.buffered_answer_bytes;
  if (all > limit && answer_bytes_ > answer_share() && answer_holders_ > 1) {
    return AnswerRoom::kNone;
  }
  return all > limit / 2 ? AnswerRoom::kLittle : AnswerRoom::kMuch;
}

void Worker::note_burst() {
  const std::size_t buffered =
      all_answer_bytes() + shared_.buffered_request_bytes.load(std::memory_order_relaxed);
  if (buffered > kBurstBytes) shared_.burst_at.store(loop_.now(), std::memory_order_relaxed);
}

// Closes connections while the unsent answers take too much memory. The first are those with the
// largest product of memory and time without reading. So a client that reads a large answer, and a
// slow client with a small one, outlive a client that never reads. One connection is kept, since
// its answer may be larger than the limit.
void Worker::drop_unread() {
  const std::size_t limit = shared_.limits.buffered_answer_bytes;
  const auto is_full = [&] { return all_answer_bytes() > limit && answer_bytes_ > answer_share(); };
  if (!is_full()) return;
  struct Holder {
    double cost;
    Connection* connection;
  };
  std::vector<Holder> holders;
  for (const auto& connection : connections_) {
    if (!connection || connection->answer_bytes() == 0) continue;
    const base::Nanos stalled = connection->stalled_for(loop_.now()) + std::chrono::milliseconds(1);
    holders.push_back({.cost = static_cast<double>(connection->answer_bytes()) *
                               static_cast<double>(stalled.count()),
                       .connection = connection.get()});
  }
  std::ranges::sort(holders, std::ranges::greater(), &Holder::cost);
  // Down to three quarters, so that the next answer does not find the memory full again.
  for (const Holder& holder : holders) {
    const bool has_room = all_answer_bytes() <= limit - limit / 4 ||
                          answer_bytes_ <= answer_share() - answer_share() / 4;
    if (has_room || answer_holders_ <= 1) return;
    holder.connection->close();
    bump(dropped_, 1);
  }
}

void Worker::tell_answer_bytes() {
  if (answer_bytes_ == told_answer_bytes_) return;
  shared_.buffered_answer_bytes.fetch_add(answer_bytes_ - told_answer_bytes_,  // modulo 2^64
                                          std::memory_order_relaxed);
  told_answer_bytes_ = answer_bytes_;
}

// After a burst the free memory lies between the memory in use, and the allocator would keep it. It
// takes some milliseconds to give it back, so wait until the burst is over.
void Worker::give_memory_back() {
  base::Nanos burst_at = shared_.burst_at.load(std::memory_order_relaxed);
  if (burst_at.count() == 0 || loop_.clock().mono() - burst_at < kCalm) return;
  // One worker does it for all.
  if (shared_.burst_at.compare_exchange_strong(burst_at, base::Nanos(0))) ::malloc_trim(0);
}

void Worker::end_round() {
  note_burst();
  for (Connection* connection : dirty_) {
    connection->is_dirty = false;
    connection->flush();
  }
  dirty_.clear();
  drop_unread();
  tell_answer_bytes();
  for (const std::uint32_t slot : to_destroy_) {
    connections_[slot].reset();
    ++generations_[slot];
    free_slots_.push_back(slot);
    shared_.connections.fetch_sub(1, std::memory_order_relaxed);
    bump(open_, static_cast<std::uint64_t>(-1));
  }
  to_destroy_.clear();
  if (shared_.coalesce_for.count() != 0) coalesce();
}

// Holds the loop for `coalesce_for` if many requests came since the last check, but fewer than half
// as many as there are active connections. With more, most clients wait for their answers, and
// holding would delay the next requests. Incomplete requests are not held either.
void Worker::coalesce() {
  const base::Nanos now = loop_.now();
  if (now < coalesce_until_) return;
  const std::uint64_t requests = requests_.load(std::memory_order_relaxed);
  const std::uint64_t came = requests - std::exchange(requests_before_, requests);
  coalesce_until_ = now + shared_.coalesce_for;
  const bool has_buffered = shared_.buffered_request_bytes.load(std::memory_order_relaxed) != 0;
  if (draining_ || has_buffered || came < kManyRequests || came * 2 >= active_) return;
  loop_.hold_until(coalesce_until_);
  bump(coalesced_rounds_, 1);
}

void Worker::sweep() {
  const std::int64_t second = loop_.clock().wall_ms() / 1000;
  if (second != date_second_) {
    date_second_ = second;
    date_ = date_line(second);
  }
  const base::Nanos now = loop_.clock().mono();
  active_ = 0;
  for (const auto& connection : connections_) {
    if (!connection) continue;
    connection->check_deadlines(now);
    if (std::exchange(connection->has_new_request, false)) {
      ++active_;
    } else {
      connection->give_back_buffers();
    }
  }
  give_memory_back();
  loop_.at(now + kSweepEvery, [this] { sweep(); });
}

void Worker::stop(std::chrono::nanoseconds patience) {
  loop_.post([this, patience] {
    loop_.hold_until({});
    // A timer runs after the watchers, so the loop receives the bytes that have come first.
    loop_.at(loop_.now(), [this, patience] { drain(loop_.now() + patience); });
  });
}

void Worker::drain(base::Nanos deadline) {
  draining_ = true;
  if (is_accepting_) loop_.remove(listener_.get(), *this);
  listener_.reset();
  stop_when_drained(deadline);
}

void Worker::stop_when_drained(base::Nanos deadline) {
  for (const auto& connection : connections_) {
    if (connection && !connection->is_destroy_deferred) connection->drain();
  }
  end_round();
  const bool is_empty = std::ranges::none_of(
      connections_, [](const auto& connection) { return connection != nullptr; });
  if (is_empty || loop_.now() >= deadline) return loop_.stop();
  loop_.at(loop_.now() + kDrainPoll, [this, deadline] { stop_when_drained(deadline); });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::add_to(Server::Stats& stats) const {
  const auto read = [](const Count& count) { return count.load(std::memory_order_relaxed); };
  stats.connections_open += read(open_);
  stats.connections_accepted += read(accepted_);
  stats.connections_refused += read(refused_);
  stats.connections_dropped += read(dropped_);
  stats.requests += read(requests_);
  stats.coalesced_rounds += read(coalesced_rounds_);
  stats.received_bytes += read(received_bytes_);
  stats.sent_bytes += read(sent_bytes_);
  for (std::size_t i = 0; i < 6; ++i) stats.responses_by_class[i] += read(responses_by_class_[i]);
}

}  // namespace http
