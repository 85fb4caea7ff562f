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

  // A context for servers, with the certificate chain and the unencrypted key from PEM files.
  // Errors: kInvalidArgument, with the file and OpenSSL's reason.
  [[nodiscard]] static base::Result<TlsContext> for_server(const std::string& certificate_file,
                                                           const std::string& key_file);

  struct ClientOptions {
    std::string ca_file;  // authorities in PEM; the system's when empty
    bool verify = true;   // check the server's certificate and name
  };
  // A context for clients. Errors: kInvalidArgument, with the file and OpenSSL's reason.
  [[nodiscard]] static base::Result<TlsContext> for_client(const ClientOptions& options);

  // Returns a session over the connected socket `fd`, which stays the caller's. Null when OpenSSL
  // refuses. Without a `server_name` the session is a server's. With one it is a client's, which
  // sends the name in SNI. With `verify` the handshake fails unless a trusted certificate has that
  // name.
  [[nodiscard]] std::unique_ptr<TlsSession> start(int fd,
                                                  const std::string& server_name = {}) const;

 private:
  struct Impl;
  explicit TlsContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// One connection's TLS. read() and write() do the handshake too. They return the number of bytes,
// 0 when the peer has closed its side, or one of the negative values below.
class TlsSession {
 public:
  static constexpr std::ptrdiff_t kWantRead = -1;   // call again when the socket is readable
  static constexpr std::ptrdiff_t kWantWrite = -2;  // call again when the socket is writable
  static constexpr std::ptrdiff_t kFailed = -3;     // failure() has the reason

  ~TlsSession();
  [[nodiscard]] std::ptrdiff_t read(char* data, std::size_t size);
  [[nodiscard]] std::ptrdiff_t write(const char* data, std::size_t size);
  // Sends close_notify, so that the peer can distinguish the end from a cut. REQUIRES: no write()
  // follows. read() still works.
  void close_notify();
  // Whether the handshake is done.
  [[nodiscard]] bool is_established() const;
  // The reason of the latest kFailed, from OpenSSL or the system.
  [[nodiscard]] const std::string& failure() const;
  // Whether read() has decrypted bytes left. The socket's readiness does not announce them.
  [[nodiscard]] bool has_pending() const;

 private:
  friend class TlsContext;
  struct Impl;
  explicit TlsSession(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace net
