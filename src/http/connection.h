// One client's connection: receives, parses, hands requests to the router and sends the answers
// in order. Internal to http/.
//
//   bytes -> [received_] -> head, body -> Router ... respond() -> [pending_] -> [out_] -> bytes
//
// A round of the loop reads a connection once, so that one that sends without pause does not keep
// the others from their turn. No more is read while requests wait for room: of [pending_], which
// holds kPipelineMax, or of the answers, of which kUnsentMax bytes may wait for the client.
//
// Threads: none; belongs to its Worker.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "http/request_parser.h"
#include "http/server.h"
#include "net/event_loop.h"
#include "net/tls.h"

namespace http {

class Worker;

class Connection final : public net::EventLoop::Watcher {
 public:
  Connection(base::UniqueFd fd, std::unique_ptr<net::TlsSession> tls, Worker& worker,
             std::uint32_t slot);
  ~Connection() override;

  [[nodiscard]] std::uint32_t slot() const { return slot_; }

  void respond(std::uint32_t sequence, const Response& response);
  void start_stream(std::uint32_t sequence, std::string_view content_type);
  bool send_stream(std::string_view data);
  [[nodiscard]] bool has_unsent() const { return out_sent_ < out_.size(); }

  // Writes what is due; called at the end of a round in which it was marked dirty.
  void flush();
  // Goes on with requests that waited for room; called in the round after there is some, ahead of
  // the services' hooks, so that what the requests add to a service is handed on in that round.
  void resume();
  // Ends what has taken too long. Called a few times a second.
  void check_deadlines(base::Nanos now);
  // The server is stopping: ends at once when idle, else after the answers that are due.
  void drain();

  bool has_asked = false;            // for the worker: a request came since it looked
  bool is_dirty = false;             // the worker's mark
  bool is_destroy_deferred = false;  // the worker's mark

 private:
  enum class Stage {
    kHandshake,  // of TLS
    kHead,       // waiting for a request
    kBody,       // its head is there, its body of known length is not
    kChunks,     // its chunked body is coming
    kStreaming,  // answering without end
    kFinishing,  // no more requests; closes when the answers are sent
    kLingering,  // all sent; reads and drops what still comes, so that the client gets the answer
  };

  // An answer that is due, in the order of requests.
  struct Pending {
    bool head_only = false;
    bool close = false;
    bool is_http_1_0 = false;
    bool is_answered = false;
    std::string bytes;  // of an answer that came before its turn
  };

  void on_ready(std::uint32_t events) override;
  void receive();
  std::ptrdiff_t receive_some(char* data, std::size_t size);
  void take(std::string_view data);
  // Takes whole requests off the front of `data`; returns how much was taken.
  std::size_t take_requests(std::string_view data);
  std::size_t take_one(std::string_view data);
  // Takes what received_ starts with.
  void take_received();
  // After bytes were taken: sets what is reserved, which deadline runs and what is watched.
  void settle();
  // Reserves memory for this connection's incomplete requests. Returns false when it is more than
  // before and all connections together buffer too much.
  [[nodiscard]] bool reserve_buffer(std::size_t bytes);
  void drop_received();
  [[nodiscard]] std::size_t unsent_bytes() const { return out_.size() - out_sent_ + early_bytes_; }
  void dispatch(const RequestHead& head, std::string_view body);
  void tell_to_continue();
  void refuse(const ParseError& error);
  void format_response(std::string& out, const Pending& pending, const Response& response);
  void drop_sent();
  void after_answers();
  void finish_reading();
  void start_lingering();
  void update_interest();
  void close();

  static constexpr std::size_t kPipelineMax = 64;
  // An answer that is begun below it is finished, so what waits may exceed it by one answer.
  static constexpr std::size_t kUnsentMax = std::size_t{256} * 1024;
  // A client of a stream that has more than this unsent is too slow; one event always fits.
  static constexpr std::size_t kStreamBacklogMax = std::size_t{1} << 20;

  base::UniqueFd fd_;
  std::unique_ptr<net::TlsSession> tls_;
  Worker& worker_;
  const std::uint32_t slot_;

  Stage stage_;
  std::string received_;     // the start of a request that has not come whole
  std::size_t scanned_ = 0;  // how much of received_ was searched for a head's end
  std::size_t wanted_ = 0;   // in kBody: bytes of head and body together
  enum class Continue { kNotAsked, kOwed, kTold } continue_ = Continue::kNotAsked;
  std::string chunked_head_;
  std::string chunked_body_;
  ChunkedDecoder chunks_;
  bool has_unread_ = false;   // received_ may hold whole requests: there was no room for them
  bool is_resuming_ = false;  // resume() will be called
  std::size_t reserved_ = 0;  // by reserve_buffer()

  std::vector<Pending> pending_;
  std::uint32_t first_sequence_ = 0;  // of pending_.front()
  std::size_t early_bytes_ = 0;       // of answers in pending_

  std::string out_;
  std::size_t out_sent_ = 0;

  std::uint32_t interest_ = EPOLLIN;
  base::Nanos request_started_{};  // of the request that is coming; zero when none is
  base::Nanos last_activity_;      // bytes of HTTP, in or out
  base::Nanos send_stalled_{};     // since when the client has not read; zero when it does
};

}  // namespace http
