#include "http/client_connection.h"

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

namespace http {
namespace {

using net::TlsSession;

// open() counts as done when the server has not answered the handshake within this time.
constexpr std::chrono::milliseconds kHandshakePatience{100};
constexpr std::uint32_t kReadable = EPOLLIN | EPOLLRDHUP;

std::string text_of_errno(int number) { return std::generic_category().message(number); }

}  // namespace

ClientConnection::ClientConnection(std::size_t index, const Dependencies& deps)
    : index_(index), deps_(deps), parser_({.body_bytes_max = kAnswerBytesMax}) {}

ClientConnection::~ClientConnection() { close(); }

void ClientConnection::open() {
  is_opening_ = true;
  connect();
}

void ClientConnection::send(std::string_view request) {
  is_waiting_ = true;
  unsent_ = request;
  if (!fd_) {
    connect();
  } else if (!is_connecting_) {
    transmit();
  }
}

void ClientConnection::close() {
  is_connecting_ = is_opening_ = is_waiting_ = has_answered_ = false;
  unsent_ = {};
  handshake_.reset();
  if (!fd_) return;
  deps_.loop.remove(fd_.get(), *this);
  tls_.reset();
  fd_.reset();
  // The parser keeps its answer: on_answer() may be calling this.
}

// Calls the owner only when open() or send() is pending. Otherwise the next request reconnects.
void ClientConnection::fail(Failure failure, std::string_view why) {
  const bool is_owed = is_opening_ || is_waiting_;
  close();
  if (is_owed) deps_.owner.on_failure(*this, failure, why);
}

void ClientConnection::settle_opening() {
  if (!std::exchange(is_opening_, false) || is_waiting_) return;
  deps_.owner.on_open(*this);
}

void ClientConnection::watch(std::uint32_t events) {
  if (events == events_) return;
  events_ = events;
  deps_.loop.modify(fd_.get(), events_, *this);
}

void ClientConnection::connect() {
  tries_left_ = deps_.peer.addresses.size() - 1;
  start_connecting();
}

void ClientConnection::try_next(std::string_view why) {
  if (tries_left_ == 0) return fail(Failure::kConnect, why);
  --tries_left_;
  address_ = (address_ + 1) % deps_.peer.addresses.size();
  start_connecting();
}

void ClientConnection::start_connecting() {
  auto fd = net::start_connecting(deps_.peer.addresses[address_]);
  if (!fd) return try_next(fd.error().message());
  fd_ = *std::move(fd);
  is_connecting_ = true;
  has_peer_closed_ = false;
  events_ = kReadable | EPOLLOUT;
  if (auto added = deps_.loop.add(fd_.get(), events_, *this); !added) {
    fd_.reset();
    fail(Failure::kConnect, added.error().message());
  }
}

bool ClientConnection::finish_connecting() {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    deps_.loop.remove(fd_.get(), *this);
    fd_.reset();
    try_next("connecting: " + text_of_errno(error));
    return false;
  }
  is_connecting_ = false;
  parser_.reset();
  watch(kReadable);
  if (deps_.peer.tls == nullptr) return true;
  tls_ = deps_.peer.tls->start(fd_.get(), deps_.peer.name);
  if (!tls_) fail(Failure::kTls, "starting TLS");
  return tls_ != nullptr;
}

void ClientConnection::on_ready(std::uint32_t events) {
  if (is_connecting_) return on_connected();
  if ((events & EPOLLRDHUP) != 0) has_peer_closed_ = true;
  if ((events & EPOLLOUT) != 0 || (tls_ && !unsent_.empty())) transmit();
  if (fd_ && !is_connecting_ && (events & ~std::uint32_t{EPOLLOUT}) != 0) receive();
  // These were the server's first bytes of the handshake.
  if (fd_ && !is_connecting_) settle_opening();
}

void ClientConnection::on_connected() {
  if (!finish_connecting()) return;
  if (!tls_) {
    settle_opening();
    if (fd_ && !is_connecting_ && !unsent_.empty()) transmit();
    return;
  }
  if (!unsent_.empty()) return transmit();
  receive();  // starts the handshake
  if (!is_opening_) return;
  // The handshake may have ended in receive(). Then no event follows, so a timer does. It may fire
  // after this connection was closed or destroyed.
  handshake_ = std::make_shared<Handshake>();
  deps_.loop.at(deps_.loop.clock().mono() + kHandshakePatience,
                [this, handshake = std::weak_ptr(handshake_)] {
                  if (!handshake.expired()) settle_opening();
                });
}

void ClientConnection::transmit() {
  while (!unsent_.empty()) {
    std::ptrdiff_t count = 0;
    if (tls_) {
      count = tls_->write(unsent_.data(), unsent_.size());
    } else {
      count = ::send(fd_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
      if (count < 0) {
        const bool is_full = errno == EAGAIN || errno == EINTR;
        if (!is_full) return fail(Failure::kReset, "sending: " + text_of_errno(errno));
        count = net::TlsSession::kWantWrite;
      }
    }
    if (count == net::TlsSession::kWantRead) break;
    if (count == net::TlsSession::kWantWrite) return watch(kReadable | EPOLLOUT);
    if (count <= 0) {
      return fail(has_answered_ ? Failure::kReset : Failure::kTls, "the TLS session failed");
    }
    unsent_.remove_prefix(static_cast<std::size_t>(count));
  }
  watch(kReadable);
}

void ClientConnection::receive() {
  do {
    std::ptrdiff_t count = 0;
    if (tls_) {
      count = tls_->read(deps_.receive_buffer.data(), deps_.receive_buffer.size());
      if (count == net::TlsSession::kWantWrite) return watch(kReadable | EPOLLOUT);
      if (count == net::TlsSession::kWantRead) return;
      if (count == net::TlsSession::kFailed) {
        return fail(has_answered_ ? Failure::kReset : Failure::kTls, "the TLS session failed");
      }
    } else {
      count = ::recv(fd_.get(), deps_.receive_buffer.data(), deps_.receive_buffer.size(), 0);
      if (count < 0) {
        if (errno == EAGAIN || errno == EINTR) return;
        return fail(Failure::kReset, "receiving: " + text_of_errno(errno));
      }
    }
    if (count == 0) return peer_closed();
    if (!take({deps_.receive_buffer.data(), static_cast<std::size_t>(count)})) return;
  } while (tls_ && tls_->has_pending());
}

bool ClientConnection::take(std::string_view data) {
  if (!is_waiting_) {
    close();  // no request is pending
    return false;
  }
  std::size_t used = 0;
  switch (parser_.parse(data, used)) {
    case ParseState::kMore: return true;
    case ParseState::kFailed: fail(Failure::kMalformed, parser_.error()); return false;
    case ParseState::kDone: break;
  }
  if (used != data.size()) {
    fail(Failure::kMalformed, "bytes follow the answer");
    return false;
  }
  // An answer may come before the whole request was sent. The connection then ends: the server
  // would read the rest of the request as another one.
  // A server may close after an answer without announcing it.
  take_answer(parser_.keep_alive() && unsent_.empty() && !has_peer_closed_);
  return fd_ && !is_connecting_;
}

void ClientConnection::take_answer(bool is_reusable) {
  is_waiting_ = false;
  has_answered_ = true;
  if (!is_reusable) close();
  deps_.owner.on_answer(*this, parser_);
}

void ClientConnection::peer_closed() {
  if (!is_waiting_) return fail(Failure::kConnect, "closed by the server");
  if (parser_.finish() == ParseState::kDone) return take_answer(false);
  fail(Failure::kReset, parser_.error());
}

}  // namespace http
