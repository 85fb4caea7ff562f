#include "estadio/app/grpc_tls_options.h"

namespace estadio {

void GrpcTlsOptions::add_to(base::Settings& settings, Side side) {
  if (side == Side::kServer) {
    settings.add("grpc-cert", files.certificate, "FILE",
                 "certificate chain (PEM); turns on TLS for gRPC");
    settings.add("grpc-key", files.key, "FILE", "private key of the certificate (PEM)");
    settings.add("grpc-ca", files.ca_certificates, "FILE",
                 "authorities of callers' certificates (PEM); other callers are refused");
    return;
  }
  settings.add("grpc-tls", is_on, "use TLS to the discipline servers");
  settings.add("grpc-ca", files.ca_certificates, "FILE",
               "authorities of the discipline servers' certificates (PEM); turns on TLS; default: "
               "the system's");
  settings.add("grpc-cert", files.certificate, "FILE",
               "certificate (PEM) that identifies this server to discipline servers; turns on TLS");
  settings.add("grpc-key", files.key, "FILE", "private key of the certificate (PEM)");
}

base::Result<void> GrpcTlsOptions::check(Side side) const {
  const auto refuse = [](std::string message) {
    return base::fail(base::Code::kInvalidArgument, std::move(message));
  };
  if (files.certificate.empty() != files.key.empty()) {
    return refuse("grpc-cert, grpc-key: expected both or neither");
  }
  if (side == Side::kServer && !files.ca_certificates.empty() && files.certificate.empty()) {
    return refuse("grpc-ca: needs grpc-cert and grpc-key");
  }
  if (const auto used = to_files()) {
    if (side == Side::kServer) RETURN_IF_ERROR(server_credentials(used));
    if (side == Side::kClient) RETURN_IF_ERROR(channel_credentials(used));
  }
  return {};
}

std::optional<TlsFiles> GrpcTlsOptions::to_files() const {
  const bool has_files = !files.certificate.empty() || !files.ca_certificates.empty();
  return is_on || has_files ? std::optional(files) : std::nullopt;
}

}  // namespace estadio
