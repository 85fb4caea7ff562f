// One client's connection. It receives, parses, calls the router and sends the answers in the order
// of the requests. Internal to http/.
//
//   bytes -> [received_] -> head, body -> Router ... respond() -> [pending_] -> [out_] -> bytes
//
// A round of the loop reads a connection once, so that a busy client cannot starve the others.
// Reading pauses when [pending_] holds kPipelineMax requests, or more than kUnsentMax bytes of
// answers are unsent. When the unsent answers of all connections take much memory, reading pauses
// earlier (AnswerRoom). It resumes once answers have left.
//
// Threads: none; belongs to its Worker.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "http/chunked_decoder.h"
#include "http/request_parser.h"
#include "http/send_queue.h"
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

  // The methods of Exchange. Calls for a request that is answered already are ignored.
  void respond(std::uint32_t sequence, const Response& response);
  void start_stream(std::uint32_t sequence, std::string_view content_type);
  bool send_stream(std::string_view data);
  [[nodiscard]] bool has_unsent() const { return !out_.empty(); }

  // Sends [out_] as far as the socket takes it. The worker calls it at the end of a round in which
  // the connection is dirty.
  void flush();
  // Takes the requests that waited for room. The worker calls it in the round after answers left,
  // before the services' hooks. So the hooks see these requests in the same round.
  void resume();
  // Enforces Limits: receive, idle and send_stall. The worker calls it every 250 ms.
  void check_deadlines(base::Nanos now);
  // Frees the buffers that are empty and not small. The worker calls it for a connection that had
  // no request for 250 ms.
  void give_back_buffers();
  // The memory of unsent answers, in bytes.
  [[nodiscard]] std::size_t answer_bytes() const { return answer_bytes_; }
  // For how long the client has taken no byte of its answers. 0 while it reads.
  [[nodiscard]] base::Nanos stalled_for(base::Nanos now) const {
    return send_stalled_.count() == 0 ? base::Nanos(0) : now - send_stalled_;
  }
  // Closes the connection now. The worker destroys it at the end of the round.
  void close();
  // The server is stopping. Closes an idle connection or a stream now, others after their answers.
  void drain();

  bool has_new_request = false;      // a request came since the worker's last sweep
  bool is_dirty = false;             // in the worker's dirty list
  bool is_destroy_deferred = false;  // in the worker's list of connections to destroy

 private:
  enum class Stage {
    kHandshake,  // of TLS
    kHead,       // waiting for a request
    kBody,       // the head is complete, the body of known length is not
    kChunks,     // receiving a chunked body
    kStreaming,  // sending a stream
    kFinishing,  // takes no more requests; closes when the answers are sent
    kLingering,  // all is sent; drops received bytes, since a reset could destroy the last answer
  };

  // An answer that is due, in the order of requests.
  struct Pending {
    bool head_only = false;
    bool close = false;
    bool is_http_1_0 = false;
    bool is_answered = false;
    // The answer, while an earlier one is due.
    std::string bytes;
    std::string_view constant_body;  // follows the bytes
  };

  void on_ready(std::uint32_t events) override;
  void receive();
  std::ptrdiff_t receive_some(char* data, std::size_t size);
  void take(std::string_view data);
  // Takes whole requests, and pieces of a chunked one, from the front of `data`. Returns the number
  // of bytes taken. It is all of them when the connection takes no more requests.
  std::size_t take_requests(std::string_view data);
  std::size_t take_one(std::string_view data);
  // Does the same with received_, and erases the bytes taken.
  void take_received();
  // Call after taking bytes. Updates the share of the buffered bytes, the receive deadline and the
  // events watched. Refuses with 503 when the share does not fit.
  void settle();
  // Sets this connection's share of Limits::buffered_request_bytes to `bytes`. Returns false when
  // the share grew and all connections together exceed the limit. The share is set even then.
  [[nodiscard]] bool reserve_buffer(std::size_t bytes);
  void drop_received();
  [[nodiscard]] std::size_t unsent_bytes() const { return out_.unsent() + early_bytes_; }
  // Whether the answer to another request may be added to the unsent ones.
  [[nodiscard]] bool has_answer_room() const;
  // Call after unsent answers came or left. Tells the worker how much memory they take.
  void count_answers();
  void dispatch(const RequestHead& head, std::string_view body);
  void send_continue();
  void refuse(const ParseError& error);
  // Appends the response to `out`, without a constant body. Returns that body, or nothing.
  std::string_view format_response(std::string& out, const Pending& pending,
                                   const Response& response);
  std::ptrdiff_t send_some();
  void after_answers();
  void resume_next_round();
  void finish_reading();
  void start_lingering();
  void update_interest();

  static constexpr std::size_t kPipelineMax = 64;
  // Checked before a request is taken. The answers of requests taken before may exceed it.
  static constexpr std::size_t kUnsentMax = std::size_t{256} * 1024;
  // A shorter constant body is copied, which is cheaper than another piece to send.
  static constexpr std::size_t kConstantMin = std::size_t{4} * 1024;
  // A stream with more than this unsent is closed. Checked before an event is added.
  static constexpr std::size_t kStreamBacklogMax = std::size_t{1} << 20;

  base::UniqueFd fd_;
  std::unique_ptr<net::TlsSession> tls_;
  Worker& worker_;
  const std::uint32_t slot_;

  Stage stage_;
  std::string received_;     // received bytes of requests not taken yet
  std::size_t scanned_ = 0;  // how much of received_ was searched for a head's end
  std::size_t wanted_ = 0;   // in kBody: bytes of head and body together
  enum class Continue { kNotAsked, kPending, kSent } continue_ = Continue::kNotAsked;
  std::string chunked_head_;
  std::string chunked_body_;
  ChunkedDecoder chunks_;
  bool has_unread_ = false;   // received_ may hold whole requests that wait for room
  bool is_resuming_ = false;  // the worker will call resume()
  std::size_t reserved_ = 0;  // bytes, by reserve_buffer()

  std::vector<Pending> pending_;
  std::uint32_t first_sequence_ = 0;  // the number of pending_.front()
  std::size_t early_bytes_ = 0;       // bytes of the answers in pending_

  SendQueue out_;
  std::size_t answer_bytes_ = 0;  // by count_answers()

  std::uint32_t interest_ = EPOLLIN;
  base::Nanos request_started_{};  // start of the incomplete request or the linger; else 0
  base::Nanos last_activity_;      // the last time HTTP bytes were received or sent
  base::Nanos send_stalled_{};     // start of the client's stall; 0 while it reads
};

}  // namespace http
