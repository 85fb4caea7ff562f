// One thread of a Server: its loop, listening socket and connections. Internal to http/.
//
// Threads: stop() and add_to() may be called from any thread. start() and join() belong to the
// server's owner. Everything else belongs to the worker's thread.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "http/router.h"
#include "http/server.h"
#include "net/event_loop.h"

namespace http {

class Connection;

// State that the workers of one server share.
struct Server::Shared {
  Limits limits;
  AllowedHosts hosts;
  std::chrono::nanoseconds coalesce_for{};
  const net::TlsContext* tls = nullptr;
  std::size_t workers = 1;
  std::atomic<std::uint32_t> connections{0};
  std::atomic<std::size_t> buffered_request_bytes{0};  // of incomplete requests
  std::atomic<std::size_t> buffered_answer_bytes{0};   // as the workers last told
  // The last time when much was buffered. 0 once the memory was given back to the system.
  std::atomic<base::Nanos> burst_at{base::Nanos(0)};
};

// The memory that is left for unsent answers.
enum class AnswerRoom : std::uint8_t {
  kMuch,
  kLittle,  // a connection gets an answer once it has read the one before
  kNone,    // until connections are closed at the end of the round
};

class Worker final : private net::EventLoop::Watcher {
 public:
  static constexpr std::size_t kScratchBytes = std::size_t{256} * 1024;
  // Rounds are coalesced only when at least this many requests came since the last check.
  static constexpr std::uint64_t kManyRequests = 6;

  Worker(base::UniqueFd listener, Server::Shared& shared,
         const std::vector<ServiceFactory>& services, const base::Clock& clock, base::Logger& log);
  ~Worker() override;

  void start();
  void stop(std::chrono::nanoseconds patience);
  void join();
  void add_to(Server::Stats& stats) const;

  // For Connection.
  [[nodiscard]] net::EventLoop& loop() { return loop_; }
  [[nodiscard]] const Router& router() const { return router_; }
  [[nodiscard]] const Limits& limits() const { return shared_.limits; }
  [[nodiscard]] const AllowedHosts& hosts() const { return shared_.hosts; }
  [[nodiscard]] bool draining() const { return draining_; }
  [[nodiscard]] std::string_view date() const { return date_; }
  // The buffer into which every connection receives.
  [[nodiscard]] std::vector<char>& scratch() { return scratch_; }
  [[nodiscard]] Exchange exchange_of(const Connection& connection, std::uint32_t sequence);
  // Flushes the connection at the end of the round.
  void mark_dirty(Connection& connection);
  // Destroys the connection at the end of the round.
  void defer_destroy(Connection& connection);
  // Calls the connection's resume() in the next round, if the connection still exists.
  void resume_next_round(const Connection& connection);
  // Replaces a connection's reservation for incomplete requests. Returns false when all connections
  // together exceed the limit; the reservation is made even so.
  bool reserve_buffer(std::size_t bytes_before, std::size_t bytes);
  // Replaces the memory that a connection's unsent answers take.
  void count_answer_bytes(std::size_t bytes_before, std::size_t bytes) {
    answer_bytes_ += bytes - bytes_before;
    answer_holders_ += static_cast<std::size_t>(bytes != 0) - (bytes_before != 0 ? 1U : 0U);
  }
  [[nodiscard]] AnswerRoom answer_room() const;
  void count_response(int status);
  void count_request() { bump(requests_, 1); }
  void count_received(std::size_t bytes) { bump(received_bytes_, bytes); }
  void count_sent(std::size_t bytes) { bump(sent_bytes_, bytes); }

  // For Exchange. Returns null when the client has gone.
  [[nodiscard]] Connection* find(std::uint32_t slot, std::uint32_t generation) const;

 private:
  using Count = std::atomic<std::uint64_t>;
  // Only the worker's thread writes; any thread may read.
  static void bump(Count& count, std::uint64_t by) {
    count.store(count.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }

  void on_ready(std::uint32_t events) override;  // for the listening socket
  void accept_one(base::UniqueFd fd);
  void end_round();
  void coalesce();
  void sweep();
  // The memory of unsent answers that this worker may always use.
  [[nodiscard]] std::size_t answer_share() const {
    return shared_.limits.buffered_answer_bytes / shared_.workers;
  }
  // The memory of all unsent answers.
  [[nodiscard]] std::size_t all_answer_bytes() const {
    return shared_.buffered_answer_bytes.load(std::memory_order_relaxed) + answer_bytes_ -
           told_answer_bytes_;
  }
  void note_burst();
  void drop_unread();
  void tell_answer_bytes();
  void give_memory_back();
  void pause_accepting();
  void drain(base::Nanos deadline);
  void stop_when_drained(base::Nanos deadline);

  base::UniqueFd listener_;
  Server::Shared& shared_;
  base::Logger& log_;
  net::EventLoop loop_;
  Router router_;
  std::vector<std::unique_ptr<Service>> services_;
  std::vector<std::unique_ptr<Connection>> connections_;  // by slot; null when free
  std::vector<std::uint32_t> generations_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<Connection*> dirty_;
  std::vector<std::uint32_t> to_destroy_;
  std::vector<char> scratch_;
  std::string date_;
  std::int64_t date_second_ = 0;
  std::size_t active_ = 0;             // connections with a request between the last two sweeps
  std::size_t answer_bytes_ = 0;       // memory of unsent answers
  std::size_t told_answer_bytes_ = 0;  // of these, in Shared
  std::size_t answer_holders_ = 0;     // connections with unsent answers
  base::Nanos coalesce_until_{};
  std::uint64_t requests_before_ = 0;  // requests_ when coalesce_until_ was last set
  bool draining_ = false;
  bool is_accepting_ = false;  // the listening socket is in the loop

  Count accepted_{0}, refused_{0}, dropped_{0}, open_{0}, requests_{0}, coalesced_rounds_{0},
      received_bytes_{0}, sent_bytes_{0};
  Count responses_by_class_[6] = {};

  std::jthread thread_;  // last: joined before the other members are destroyed
};

}  // namespace http
