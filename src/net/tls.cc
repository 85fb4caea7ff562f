#include "net/tls.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <system_error>

#include "base/c_deleter.h"

namespace net {
namespace {

// Returns the first queued error: the cause. The later ones are callers that passed it on.
std::string openssl_error() {
  const unsigned long code = ERR_peek_error();
  ERR_clear_error();
  if (ERR_SYSTEM_ERROR(code)) return std::generic_category().message(ERR_GET_REASON(code));
  const char* reason = ERR_reason_error_string(code);
  if (reason == nullptr) return "unknown error";
  const bool is_no_pem =
      ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
  return is_no_pem ? "not in PEM form" : reason;
}

base::Failure refuse(std::string_view what) {
  return base::fail(base::Code::kInvalidArgument, fmt::format("{}: {}", what, openssl_error()));
}

}  // namespace

struct TlsContext::Impl {
  std::unique_ptr<SSL_CTX, base::CDeleter<&SSL_CTX_free>> context;
  bool verify = false;
};

struct TlsSession::Impl {
  std::unique_ptr<SSL, base::CDeleter<&SSL_free>> ssl;
  std::string failure;

  std::ptrdiff_t outcome(int result) {
    if (result > 0) return result;
    const int system_error = errno;
    const int error = SSL_get_error(ssl.get(), result);
    const std::ptrdiff_t outcome = error == SSL_ERROR_WANT_READ     ? TlsSession::kWantRead
                                   : error == SSL_ERROR_WANT_WRITE  ? TlsSession::kWantWrite
                                   : error == SSL_ERROR_ZERO_RETURN ? 0
                                                                    : TlsSession::kFailed;
    if (outcome == TlsSession::kFailed) failure = reason(error, system_error);
    ERR_clear_error();
    return outcome;
  }

  [[nodiscard]] std::string reason(int error, int system_error) const {
    const long verdict = SSL_get_verify_result(ssl.get());
    if (verdict != X509_V_OK && SSL_get_verify_mode(ssl.get()) != SSL_VERIFY_NONE) {
      return fmt::format("the peer's certificate is not accepted: {}",
                         X509_verify_cert_error_string(verdict));
    }
    if (error == SSL_ERROR_SSL) return openssl_error();
    return system_error == 0 ? "the connection was cut"
                             : std::generic_category().message(system_error);
  }
};

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::TlsContext(TlsContext&&) noexcept = default;
TlsContext::~TlsContext() = default;

base::Result<TlsContext> TlsContext::for_server(const std::string& certificate_file,
                                                const std::string& key_file) {
  ERR_clear_error();  // errors of earlier calls
  auto impl = std::make_unique<Impl>();
  impl->context.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = impl->context.get();
  if (context == nullptr) return refuse("starting TLS");
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  if (SSL_CTX_use_certificate_chain_file(context, certificate_file.c_str()) != 1) {
    return refuse("reading the certificate " + certificate_file);
  }
  // Refuse an encrypted key: OpenSSL would ask for its pass phrase on the terminal.
  bool is_encrypted = false;
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
  });
  SSL_CTX_set_default_passwd_cb_userdata(context, &is_encrypted);
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    if (is_encrypted) {
      ERR_clear_error();
      return base::fail(base::Code::kInvalidArgument,
                        fmt::format("reading the key {}: it is encrypted: expected one without a "
                                    "pass phrase",
                                    key_file));
    }
    return refuse("reading the key " + key_file);
  }
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  return TlsContext(std::move(impl));
}

base::Result<TlsContext> TlsContext::for_client(const ClientOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = impl->context.get();
  if (context == nullptr) return refuse("starting TLS");
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  impl->verify = options.verify;
  if (options.verify) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    const int loaded = options.ca_file.empty() ? SSL_CTX_set_default_verify_paths(context)
                                               : SSL_CTX_load_verify_locations(
                                                     context, options.ca_file.c_str(), nullptr);
    if (loaded != 1) return refuse("reading the authorities " + options.ca_file);
  }
  return TlsContext(std::move(impl));
}

std::unique_ptr<TlsSession> TlsContext::start(int fd, const std::string& server_name) const {
  auto session = std::make_unique<TlsSession::Impl>();
  session->ssl.reset(SSL_new(impl_->context.get()));
  SSL* ssl = session->ssl.get();
  if (ssl == nullptr || SSL_set_fd(ssl, fd) != 1) return nullptr;
  if (server_name.empty()) {
    SSL_set_accept_state(ssl);
  } else {
    // The macro SSL_set_tlsext_host_name() without its C cast.
    SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(server_name.c_str()));
    if (impl_->verify) SSL_set1_host(ssl, server_name.c_str());
    SSL_set_connect_state(ssl);
  }
  return std::unique_ptr<TlsSession>(new TlsSession(std::move(session)));
}

TlsSession::TlsSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsSession::~TlsSession() = default;

std::ptrdiff_t TlsSession::read(char* data, std::size_t size) {
  return impl_->outcome(
      SSL_read(impl_->ssl.get(), data, static_cast<int>(std::min<std::size_t>(size, INT_MAX))));
}

std::ptrdiff_t TlsSession::write(const char* data, std::size_t size) {
  return impl_->outcome(
      SSL_write(impl_->ssl.get(), data, static_cast<int>(std::min<std::size_t>(size, INT_MAX))));
}

void TlsSession::close_notify() {
  SSL_shutdown(impl_->ssl.get());
  ERR_clear_error();
}

bool TlsSession::is_established() const { return SSL_is_init_finished(impl_->ssl.get()) == 1; }

const std::string& TlsSession::failure() const { return impl_->failure; }

bool TlsSession::has_pending() const { return SSL_pending(impl_->ssl.get()) > 0; }

}  // namespace net
