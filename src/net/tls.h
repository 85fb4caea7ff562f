// TLS 1.2 and 1.3 over a non-blocking socket, through OpenSSL.
//
// Threads: a TlsContext may be shared; a TlsSession belongs to its connection's thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/result.h"

namespace net {

class TlsSession;

class TlsContext {
 public:
  ~TlsContext();
  TlsContext(TlsContext&&) noexcept;

  // A server's side, with its certificate chain and key in PEM files.
  // Errors: kInvalidArgument, naming the file and what OpenSSL says of it.
  [[nodiscard]] static base::Result<TlsContext> for_server(const std::string& certificate_file,
                                                           const std::string& key_file);

  // A client's side; checks the server's certificate and name against `ca_file`, or the system's
  // authorities when that is empty, unless `verify` is off.
  struct ClientOptions {
    std::string ca_file;
    bool verify = true;
  };
  [[nodiscard]] static base::Result<TlsContext> for_client(const ClientOptions& options);

  // `server_name` is for SNI and the certificate's check; a server's side leaves it empty.
  [[nodiscard]] std::unique_ptr<TlsSession> start(int fd,
                                                  const std::string& server_name = {}) const;

 private:
  struct Impl;
  explicit TlsContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Reads and writes like recv() and send(): the number of bytes, 0 at the peer's end, or one of
// these. The handshake happens on the way.
class TlsSession {
 public:
  static constexpr std::ptrdiff_t kWantRead = -1;
  static constexpr std::ptrdiff_t kWantWrite = -2;
  static constexpr std::ptrdiff_t kFailed = -3;

  ~TlsSession();
  [[nodiscard]] std::ptrdiff_t read(char* data, std::size_t size);
  [[nodiscard]] std::ptrdiff_t write(const char* data, std::size_t size);
  // Tells the peer that nothing more is written, so that it can tell the end from a cut. Reading
  // goes on.
  void close_notify();
  // Whether the handshake is done.
  [[nodiscard]] bool is_established() const;
  // Why the latest call gave kFailed, as far as OpenSSL and the system say.
  [[nodiscard]] const std::string& failure() const;
  // Bytes already decrypted, which no readiness of the socket will announce.
  [[nodiscard]] bool has_pending() const;

 private:
  friend class TlsContext;
  struct Impl;
  explicit TlsSession(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace net
