#include "estadio/rpc/tls_files.h"

#include <fmt/format.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <string_view>
#include <utility>

#include "base/files.h"

namespace estadio {
namespace {

constexpr std::string_view kCertificate = "CERTIFICATE-----";
constexpr std::string_view kKey = "PRIVATE KEY-----";

// Returns the file's text, or nothing when `path` is empty. gRPC does not say which file it could
// not use. So this function finds the usual mistake, a certificate in place of a key.
base::Result<std::string> read_pem(const std::string& path, std::string_view kind) {
  if (path.empty()) return std::string();
  ASSIGN_OR_RETURN(std::string text, base::read_file(path, TlsFiles::kFileBytesMax));
  if (text.find("-----BEGIN ") == std::string::npos || text.find(kind) == std::string::npos) {
    return base::fail(base::Code::kInvalidArgument,
                      fmt::format("{}: expected PEM with '{}'", path, kind));
  }
  return text;
}

// Certificate and key must both be given, or neither.
base::Result<void> check_pair(const TlsFiles& files) {
  if (files.certificate.empty() == files.key.empty()) return {};
  return base::fail(base::Code::kInvalidArgument,
                    fmt::format("{}: expected a certificate and its key, got one of them",
                                files.certificate.empty() ? files.key : files.certificate));
}

}  // namespace

base::Result<std::shared_ptr<grpc::ServerCredentials>> server_credentials(
    const std::optional<TlsFiles>& files) {
  if (!files) return grpc::InsecureServerCredentials();
  RETURN_IF_ERROR(check_pair(*files));
  if (files->certificate.empty()) {
    return base::fail(base::Code::kInvalidArgument, "TLS: a server needs a certificate and a key");
  }
  grpc::SslServerCredentialsOptions options(
      files->ca_certificates.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                     : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  grpc::SslServerCredentialsOptions::PemKeyCertPair pair;
  ASSIGN_OR_RETURN(pair.cert_chain, read_pem(files->certificate, kCertificate));
  ASSIGN_OR_RETURN(pair.private_key, read_pem(files->key, kKey));
  ASSIGN_OR_RETURN(options.pem_root_certs, read_pem(files->ca_certificates, kCertificate));
  options.pem_key_cert_pairs.push_back(std::move(pair));
  return grpc::SslServerCredentials(options);
}

base::Result<std::shared_ptr<grpc::ChannelCredentials>> channel_credentials(
    const std::optional<TlsFiles>& files) {
  if (!files) return grpc::InsecureChannelCredentials();
  RETURN_IF_ERROR(check_pair(*files));
  grpc::SslCredentialsOptions options;
  ASSIGN_OR_RETURN(options.pem_root_certs, read_pem(files->ca_certificates, kCertificate));
  ASSIGN_OR_RETURN(options.pem_cert_chain, read_pem(files->certificate, kCertificate));
  ASSIGN_OR_RETURN(options.pem_private_key, read_pem(files->key, kKey));
  return grpc::SslCredentials(options);
}

}  // namespace estadio
