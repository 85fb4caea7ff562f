// The cheapest HTTP/1.1 server possible, for measuring load generators. It answers every request
// with the same 200 and body, as nginx does with `return 200`. Only the id in the body differs:
// `estadio load` expects that no two entries get the same one.
//
//   responder PORT        listens on 127.0.0.1:PORT (0 picks one), prints "listening on PORT"
//
// It reads only what it needs to tell requests apart: the end of a head and its Content-Length.
// It does not support chunked bodies. It ends with SIGTERM or SIGINT.
//
// Threads: one.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>

namespace {

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\n"
    "Server: responder\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 65\r\n"
    "Connection: keep-alive\r\n"
    "\r\n"
    R"({"id":"01934f5a-7c00-7000-8000-000000000000","outcome":"winner"})"
    "\n";
constexpr std::size_t kIdDigits = 12;  // the last ones, which differ
constexpr std::size_t kIdDigitsAt = kAnswer.find("000000000000\"");
constexpr std::size_t kAnswersMax = 64;  // in one send
constexpr std::size_t kHeadMax = 16 * 1024;

// Counts the whole requests in a stream of bytes.
class RequestCounter {
 public:
  // Returns the number of requests that end within `data`; -1 for unknown HTTP.
  int count(std::string_view data) {
    int requests = 0;
    while (!data.empty()) {
      if (body_left_ > 0) {
        const std::size_t take = std::min(body_left_, data.size());
        body_left_ -= take;
        data.remove_prefix(take);
        requests += body_left_ == 0;
        continue;
      }
      // Nearly always the head is whole. Only the start of a cut head is kept.
      const std::size_t kept = head_.size();
      if (kept > 0) head_ += data;
      const std::string_view text = kept > 0 ? std::string_view(head_) : data;
      const auto end = text.find("\r\n\r\n");
      if (end == std::string_view::npos) {
        if (kept == 0) head_ = data;
        return head_.size() > kHeadMax ? -1 : requests;
      }
      body_left_ = content_length(text.substr(0, end));
      requests += body_left_ == 0;
      data.remove_prefix(end + 4 - kept);
      head_.clear();
    }
    return requests;
  }

 private:
  static std::size_t content_length(std::string_view head) {
    constexpr std::string_view kName = "\r\ncontent-length:";
    for (auto at = head.find("\r\n"); at != std::string_view::npos;
         at = head.find("\r\n", at + 2)) {
      if (head.size() - at > kName.size() &&
          strncasecmp(head.data() + at, kName.data(), kName.size()) == 0) {
        return std::strtoul(head.data() + at + kName.size(), nullptr, 10);
      }
    }
    return 0;
  }

  std::string head_;
  std::size_t body_left_ = 0;
};

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

// Writes the last digits of an answer's id.
void write_id(char* answer, std::uint64_t number) {
  char* digit = answer + kIdDigitsAt + kIdDigits;
  for (std::size_t i = 0; i < kIdDigits; ++i, number >>= 4) {
    *--digit = "0123456789abcdef"[number & 15];
  }
}

int listen_on(std::uint16_t port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  socklen_t size = sizeof address;
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), size) != 0) give_up("bind");
  if (::listen(listener, 4096) != 0) give_up("listen");
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::printf("listening on %d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return listener;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s PORT\n", argv[0]);
    return 2;
  }
  const int listener = listen_on(static_cast<std::uint16_t>(std::strtoul(argv[1], nullptr, 10)));
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  const auto watch = [epoll](int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) give_up("epoll_ctl");
  };
  watch(listener);

  std::string answers;
  for (std::size_t i = 0; i < kAnswersMax; ++i) answers += kAnswer;
  std::array<char, 64 * 1024> room;
  std::array<epoll_event, 256> ready;
  std::unordered_map<int, RequestCounter> connections;
  std::uint64_t id = 0;
  while (true) {
    const int count = ::epoll_wait(epoll, ready.data(), static_cast<int>(ready.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = ready[static_cast<std::size_t>(i)].data.fd;
      if (fd == listener) {
        const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted < 0) continue;
        const int on = 1;
        ::setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connections[accepted];
        watch(accepted);
        continue;
      }
      const auto received = ::recv(fd, room.data(), room.size(), 0);
      if (received < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      int requests = -1;
      if (received > 0) {
        requests = connections[fd].count({room.data(), static_cast<std::size_t>(received)});
      }
      for (int answer = 0; answer < std::min(requests, static_cast<int>(kAnswersMax)); ++answer) {
        write_id(answers.data() + kAnswer.size() * static_cast<std::size_t>(answer), id++);
      }
      if (requests < 0 || requests > static_cast<int>(kAnswersMax) ||
          (requests > 0 &&
           ::send(fd, answers.data(), kAnswer.size() * static_cast<std::size_t>(requests),
                  MSG_NOSIGNAL) < 0)) {
        connections.erase(fd);
        ::close(fd);
      }
    }
  }
}
