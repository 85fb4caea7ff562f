#include "http/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fmt/format.h>
#include <sys/uio.h>

#include "http/problem.h"
#include "http/router.h"
#include "http/worker.h"

namespace http {
namespace {

constexpr std::size_t kKeptCapacity = SendQueue::kKeptCapacity;  // of received bytes too
constexpr std::size_t kIdleCapacity = 4 * 1024;                  // of an idle connection's buffer
constexpr std::chrono::nanoseconds kLinger = std::chrono::seconds(2);
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

void give_back_if_large(std::string& buffer, std::size_t kept = kKeptCapacity) {
  buffer.clear();
  if (buffer.capacity() > kept) buffer.shrink_to_fit();
}

}  // namespace

Connection::Connection(base::UniqueFd fd, std::unique_ptr<net::TlsSession> tls, Worker& worker,
                       std::uint32_t slot)
    : fd_(std::move(fd)),
      tls_(std::move(tls)),
      worker_(worker),
      slot_(slot),
      stage_(tls_ ? Stage::kHandshake : Stage::kHead),
      last_activity_(worker.loop().now()) {
  if (!worker_.loop().add(fd_.get(), interest_, *this)) {
    fd_.reset();
    worker_.defer_destroy(*this);
  }
}

Connection::~Connection() {
  if (fd_) worker_.loop().remove(fd_.get(), *this);
  static_cast<void>(reserve_buffer(0));
  worker_.count_answer_bytes(answer_bytes_, 0);
}

void Connection::close() {
  if (!fd_) return;
  worker_.loop().remove(fd_.get(), *this);
  fd_.reset();
  // Keep the bytes until the destructor: a handler may be using views into them.
  static_cast<void>(reserve_buffer(0));
  worker_.count_answer_bytes(answer_bytes_, 0);
  answer_bytes_ = 0;
  worker_.defer_destroy(*this);
}

void Connection::on_ready(std::uint32_t events) {
  if ((events & EPOLLERR) != 0 || ((events & EPOLLHUP) != 0 && (events & EPOLLIN) == 0)) {
    return close();
  }
  if ((events & EPOLLOUT) != 0) worker_.mark_dirty(*this);
  // TLS may need to write before it can read.
  const bool may_have_come = (events & EPOLLIN) != 0 || (tls_ && (events & EPOLLOUT) != 0);
  if (may_have_come && (interest_ & EPOLLIN) != 0) receive();
}

std::ptrdiff_t Connection::receive_some(char* data, std::size_t size) {
  if (tls_) return tls_->read(data, size);
  const auto count = ::recv(fd_.get(), data, size, 0);
  if (count >= 0) return count;
  return errno == EAGAIN || errno == EINTR ? net::TlsSession::kWantRead : net::TlsSession::kFailed;
}

// Reads once: epoll reports the socket again when bytes are left. TLS keeps no decrypted bytes,
// because a record (16 KiB at most) fits into the scratch.
void Connection::receive() {
  std::vector<char>& scratch = worker_.scratch();
  const std::ptrdiff_t count = receive_some(scratch.data(), scratch.size());
  if (stage_ == Stage::kHandshake && tls_->is_established()) {
    stage_ = Stage::kHead;
    last_activity_ = worker_.loop().now();
  }
  if (count == net::TlsSession::kWantRead) return;
  if (count == net::TlsSession::kWantWrite) {
    interest_ |= EPOLLOUT;
    worker_.loop().modify(fd_.get(), interest_, *this);
    return;
  }
  if (count == net::TlsSession::kFailed) return close();
  if (count == 0) return finish_reading();
  worker_.count_received(static_cast<std::size_t>(count));
  last_activity_ = worker_.loop().now();
  take({scratch.data(), static_cast<std::size_t>(count)});
}

void Connection::take(std::string_view data) {
  if (stage_ >= Stage::kStreaming) return;
  if (stage_ == Stage::kHead && received_.empty()) {
    received_.assign(data.substr(take_requests(data)));
  } else {
    received_ += data;
    if (received_.size() >= wanted_) take_received();
  }
  settle();
}

void Connection::take_received() {
  const std::size_t taken = take_requests(received_);
  if (taken == received_.size()) return give_back_if_large(received_);
  received_.erase(0, taken);
  const std::size_t capacity = received_.capacity();
  if (capacity > kKeptCapacity && capacity / 2 > received_.size()) received_.shrink_to_fit();
}

void Connection::settle() {
  if (!fd_) return;
  if (stage_ < Stage::kStreaming &&
      !reserve_buffer(received_.size() + chunked_head_.size() + chunked_body_.size())) {
    refuse({.status = 503, .detail = "too many bytes of incomplete requests; try again"});
  }
  if (stage_ >= Stage::kStreaming) drop_received();
  if (has_unread_ || (received_.empty() && stage_ != Stage::kChunks)) {
    request_started_ = {};
  } else if (request_started_.count() == 0) {
    request_started_ = worker_.loop().now();
  }
  update_interest();
  // No answer will leave that resumes the reading.
  if (has_unread_ && pending_.empty() && out_.empty()) resume_next_round();
}

bool Connection::has_answer_room() const {
  switch (worker_.answer_room()) {
    case AnswerRoom::kMuch: return unsent_bytes() <= kUnsentMax;
    case AnswerRoom::kLittle: return unsent_bytes() == 0;
    case AnswerRoom::kNone: return false;
  }
  return false;
}

void Connection::count_answers() {
  const std::size_t bytes = fd_ ? out_.memory() + early_bytes_ : 0;
  worker_.count_answer_bytes(answer_bytes_, bytes);
  answer_bytes_ = bytes;
}

bool Connection::reserve_buffer(std::size_t bytes) {
  if (bytes == reserved_) return true;
  const bool is_more = bytes > reserved_;
  const bool fits = worker_.reserve_buffer(reserved_, bytes);
  reserved_ = bytes;
  return fits || !is_more;
}

void Connection::drop_received() {
  give_back_if_large(received_);
  give_back_if_large(chunked_body_);
  chunked_head_.clear();
  has_unread_ = false;
  static_cast<void>(reserve_buffer(0));
}

std::size_t Connection::take_requests(std::string_view data) {
  std::size_t taken = 0;
  has_unread_ = false;
  while (taken < data.size() && stage_ < Stage::kStreaming) {
    if (pending_.size() == kPipelineMax || !has_answer_room()) {
      has_unread_ = true;
      break;
    }
    const std::size_t used = take_one(data.substr(taken));
    if (used == 0) break;
    taken += used;
  }
  return stage_ < Stage::kStreaming ? taken : data.size();
}

std::size_t Connection::take_one(std::string_view data) {
  ParseError error;
  if (stage_ == Stage::kChunks) {
    std::size_t used = 0;
    const auto state =
        chunks_.decode(data, worker_.limits().body_bytes, chunked_body_, used, error);
    if (state == ParseState::kFailed) refuse(error);
    if (state == ParseState::kDone) {
      RequestHead head;
      std::size_t scanned = 0;
      // The head was accepted before. Parse its copy for views that are valid now.
      static_cast<void>(parse_head(chunked_head_, scanned, head, error));
      stage_ = Stage::kHead;
      dispatch(head, chunked_body_);
      chunked_head_.clear();
      give_back_if_large(chunked_body_);
    }
    return used;
  }

  RequestHead head;
  const auto state = parse_head(data, scanned_, head, error);
  if (state == ParseState::kMore) return 0;
  scanned_ = 0;
  if (state == ParseState::kFailed) {
    refuse(error);
    return 0;
  }
  const bool has_body_waiting = data.size() > head.size;
  if (head.has_content_length && head.content_length > worker_.limits().body_bytes) {
    refuse({.status = 413, .detail = "the body is too large"});
    return 0;
  }
  if (head.expects_continue && !has_body_waiting && continue_ == Continue::kNotAsked &&
      (head.chunked || head.content_length > 0)) {
    continue_ = Continue::kPending;
    send_continue();
  }
  if (head.chunked) {
    stage_ = Stage::kChunks;
    chunks_.reset();
    chunked_head_.assign(data.substr(0, head.size));
    return head.size;
  }
  const std::size_t whole = head.size + head.content_length;
  if (data.size() < whole) {
    stage_ = Stage::kBody;
    wanted_ = whole;  // do not allocate by the client's word
    return 0;
  }
  stage_ = Stage::kHead;
  wanted_ = 0;
  dispatch(head, data.substr(head.size, head.content_length));
  return whole;
}

void Connection::dispatch(const RequestHead& head, std::string_view body) {
  worker_.count_request();
  has_new_request = true;
  request_started_ = {};
  continue_ = Continue::kNotAsked;
  const bool close = !head.keep_alive || worker_.draining();
  pending_.push_back({.head_only = head.method == Method::kHead,
                      .close = close,
                      .is_http_1_0 = head.is_http_1_0,
                      .is_answered = false,
                      .bytes = {},
                      .constant_body = {}});
  if (close) stage_ = Stage::kFinishing;
  const auto sequence = first_sequence_ + static_cast<std::uint32_t>(pending_.size()) - 1;
  // A null Host is none.
  if (head.host.data() != nullptr && !worker_.hosts().allows(head.host)) {
    return respond_problem(worker_.exchange_of(*this, sequence), 421,
                           "this server does not answer requests for that Host; "
                           "--allowed-hosts lists the hosts that it answers for");
  }
  const Request request{.method = head.method,
                        .path = head.path,
                        .query = head.query,
                        .headers = std::span(head.headers).first(head.header_count),
                        .body = body};
  worker_.router().route(request, worker_.exchange_of(*this, sequence));
}

void Connection::refuse(const ParseError& error) {
  worker_.count_request();
  stage_ = Stage::kFinishing;
  pending_.push_back({.head_only = false,
                      .close = true,
                      .is_http_1_0 = false,
                      .is_answered = false,
                      .bytes = {},
                      .constant_body = {}});
  const auto sequence = first_sequence_ + static_cast<std::uint32_t>(pending_.size()) - 1;
  respond_problem(worker_.exchange_of(*this, sequence), error.status, error.detail, {},
                  error.status == 503 ? "Retry-After: 1\r\n" : "");
}

std::string_view Connection::format_response(std::string& out, const Pending& pending,
                                             const Response& response) {
  std::array<char, 24> number;
  const auto append_number = [&](std::size_t value) {
    const auto end = std::to_chars(number.data(), number.data() + number.size(), value).ptr;
    out.append(number.data(), end);
  };
  if (response.status == 200) {
    out += "HTTP/1.1 200 OK\r\n";
  } else {
    out += "HTTP/1.1 ";
    append_number(static_cast<std::size_t>(response.status));
    out += ' ';
    out += reason_of(response.status);
    out += "\r\n";
  }
  out += worker_.date();
  if (!response.content_type.empty()) {
    out += "Content-Type: ";
    out += response.content_type;
    out += "\r\n";
  }
  out += response.extra_headers;
  out += "Content-Length: ";
  append_number(response.body.size());
  if (pending.close) {
    out += "\r\nConnection: close";
  } else if (pending.is_http_1_0) {
    out += "\r\nConnection: keep-alive";
  }
  out += "\r\n\r\n";
  if (pending.head_only) return {};
  if (response.body_life == BodyLife::kServer && response.body.size() >= kConstantMin) {
    return response.body;
  }
  out += response.body;
  return {};
}

void Connection::respond(std::uint32_t sequence, const Response& response) {
  const std::uint32_t index = sequence - first_sequence_;
  if (!fd_ || index >= pending_.size() || pending_[index].is_answered) return;
  worker_.count_response(response.status);
  if (index > 0) {
    Pending& early = pending_[index];
    early.is_answered = true;
    early.constant_body = format_response(early.bytes, early, response);
    early_bytes_ += early.bytes.size();
    return count_answers();
  }
  out_.append_constant(format_response(out_.tail(), pending_.front(), response));
  std::size_t answered = 1;
  while (answered < pending_.size() && pending_[answered].is_answered) {
    out_.tail() += pending_[answered].bytes;
    out_.append_constant(pending_[answered].constant_body);
    early_bytes_ -= pending_[answered].bytes.size();
    ++answered;
  }
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(answered));
  first_sequence_ += static_cast<std::uint32_t>(answered);
  send_continue();
  count_answers();
  worker_.mark_dirty(*this);
}

// Sends a pending 100 Continue, once every earlier request is answered.
void Connection::send_continue() {
  if (continue_ != Continue::kPending || !pending_.empty()) return;
  continue_ = Continue::kSent;
  out_.tail() += kContinue;
  worker_.mark_dirty(*this);
}

void Connection::start_stream(std::uint32_t sequence, std::string_view content_type) {
  const std::uint32_t index = sequence - first_sequence_;
  if (!fd_ || index >= pending_.size() || pending_[index].is_answered) return;
  if (index != 0) {
    // A stream must be the first pending answer. The client retries on another connection.
    return respond(
        sequence,
        {.status = 503, .content_type = {}, .body = {}, .extra_headers = "Retry-After: 1\r\n"});
  }
  if (pending_.front().head_only) {
    return respond(sequence,
                   {.status = 200, .content_type = content_type, .body = {}, .extra_headers = {}});
  }
  worker_.count_response(200);
  out_.tail() += fmt::format(
      "HTTP/1.1 200 OK\r\n{}Content-Type: {}\r\nCache-Control: no-store\r\n"
      "Connection: close\r\n\r\n",
      worker_.date(), content_type);
  stage_ = Stage::kStreaming;
  worker_.mark_dirty(*this);
}

bool Connection::send_stream(std::string_view data) {
  if (!fd_ || stage_ != Stage::kStreaming) return false;
  if (out_.unsent() > kStreamBacklogMax) {
    close();
    return false;
  }
  out_.tail() += data;
  count_answers();
  worker_.mark_dirty(*this);
  return true;
}

void Connection::flush() {
  if (!fd_) return;
  while (!out_.empty()) {
    const std::ptrdiff_t count = send_some();
    // receive() goes on with the handshake once the client sends.
    if (count == net::TlsSession::kWantRead) return;
    if (count == net::TlsSession::kWantWrite) {
      if (send_stalled_.count() == 0) send_stalled_ = worker_.loop().now();
      out_.compact();
      count_answers();
      return update_interest();
    }
    if (count <= 0) return close();
    worker_.count_sent(static_cast<std::size_t>(count));
    out_.drop(static_cast<std::size_t>(count));
    last_activity_ = worker_.loop().now();
    send_stalled_ = {};
  }
  out_.give_back();
  count_answers();
  after_answers();
}

// Sends once. Returns as net::TlsSession::write() does, also without TLS.
std::ptrdiff_t Connection::send_some() {
  const std::string_view front = out_.front();
  if (tls_) return tls_->write(front.data(), front.size());
  std::ptrdiff_t count = 0;
  if (!out_.has_constants()) {
    count = ::send(fd_.get(), front.data(), front.size(), MSG_NOSIGNAL);
  } else {
    const auto pieces = out_.next();
    std::array<iovec, SendQueue::kPieces> parts{};
    std::ranges::transform(pieces, parts.begin(), [](std::string_view piece) {
      return iovec{.iov_base = const_cast<char*>(piece.data()), .iov_len = piece.size()};
    });
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    count = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
  }
  if (count >= 0) return count;
  return errno == EAGAIN || errno == EINTR ? net::TlsSession::kWantWrite : net::TlsSession::kFailed;
}

void Connection::after_answers() {
  if (stage_ == Stage::kFinishing && pending_.empty()) return start_lingering();
  if (has_unread_) resume_next_round();
  update_interest();
}

void Connection::resume_next_round() {
  if (is_resuming_) return;
  is_resuming_ = true;
  worker_.resume_next_round(*this);
}

void Connection::resume() {
  is_resuming_ = false;
  if (!fd_ || !has_unread_) return;
  take_received();
  settle();
}

// The client has closed its side. It may still wait for answers.
void Connection::finish_reading() {
  const bool is_done = pending_.empty() && out_.empty();
  if (stage_ == Stage::kStreaming || stage_ == Stage::kLingering || is_done) return close();
  stage_ = Stage::kFinishing;
  if (!pending_.empty()) pending_.back().close = true;
  drop_received();
  interest_ &= ~std::uint32_t{EPOLLIN};
  worker_.loop().modify(fd_.get(), interest_, *this);
}

void Connection::start_lingering() {
  stage_ = Stage::kLingering;
  request_started_ = worker_.loop().now();
  if (tls_) tls_->close_notify();
  ::shutdown(fd_.get(), SHUT_WR);
  update_interest();
}

void Connection::update_interest() {
  if (!fd_) return;
  std::uint32_t wanted = 0;
  const bool finished_reading = stage_ == Stage::kFinishing && (interest_ & EPOLLIN) == 0;
  if (!has_unread_ && !finished_reading) wanted |= EPOLLIN;
  if (!out_.empty() && send_stalled_.count() != 0) wanted |= EPOLLOUT;
  if (wanted == interest_) return;
  interest_ = wanted;
  worker_.loop().modify(fd_.get(), interest_, *this);
}

void Connection::check_deadlines(base::Nanos now) {
  if (!fd_) return;
  const Limits& limits = worker_.limits();
  if (send_stalled_.count() != 0 && now - send_stalled_ > limits.send_stall) return close();
  if (stage_ == Stage::kStreaming) return;
  if (stage_ == Stage::kLingering) {
    if (now - request_started_ > kLinger) close();
    return;
  }
  if (stage_ == Stage::kFinishing) return;
  if (stage_ == Stage::kHandshake) {
    if (now - last_activity_ > limits.receive) close();  // no 408: the client cannot read it
    return;
  }
  if (request_started_.count() != 0) {
    if (now - request_started_ <= limits.receive) return;
    refuse({.status = 408, .detail = "the request did not arrive in time"});
    return settle();
  }
  if (pending_.empty() && now - last_activity_ > limits.idle) close();
}

void Connection::give_back_buffers() {
  if (out_.empty()) out_.give_back(kIdleCapacity);
  if (received_.empty()) give_back_if_large(received_, kIdleCapacity);
}

void Connection::drain() {
  if (!fd_) return;
  if (stage_ == Stage::kStreaming || stage_ == Stage::kLingering) return close();
  const bool is_idle = pending_.empty() && out_.empty() && received_.empty();
  if (is_idle && (stage_ == Stage::kHandshake || stage_ == Stage::kHead)) return close();
  if (!pending_.empty() && stage_ == Stage::kHead && received_.empty()) {
    pending_.back().close = true;
    stage_ = Stage::kFinishing;
  }
}

}  // namespace http
