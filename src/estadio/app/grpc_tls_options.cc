#include "estadio/app/grpc_tls_options.h"

namespace estadio {

void GrpcTlsOptions::add_to(base::Settings& settings, Side side) {
  if (side == Side::kServer) {
    settings.add("grpc-cert", files.certificate, "FILE", "certificate chain (PEM): gRPC over TLS");
    settings.add("grpc-key", files.key, "FILE", "key of the certificate (PEM)");
    settings.add("grpc-ca", files.authorities, "FILE",
                 "who vouches for callers (PEM): only they are let in");
    return;
  }
  settings.add("grpc-tls", is_on, "speak TLS with the discipline servers");
  settings.add("grpc-ca", files.authorities, "FILE",
               "who vouches for the discipline servers (PEM), with TLS; without: the system's");
  settings.add("grpc-cert", files.certificate, "FILE",
               "certificate to show to the discipline servers (PEM), with TLS");
  settings.add("grpc-key", files.key, "FILE", "key of the certificate (PEM)");
}

base::Result<void> GrpcTlsOptions::check(Side side) const {
  const auto refuse = [](std::string message) {
    return base::fail(base::Code::kInvalidArgument, std::move(message));
  };
  if (files.certificate.empty() != files.key.empty()) {
    return refuse("grpc-cert and grpc-key go together");
  }
  if (side == Side::kServer && !files.authorities.empty() && files.certificate.empty()) {
    return refuse("grpc-ca: expected with grpc-cert and grpc-key");
  }
  if (const auto used = to_files()) {
    if (side == Side::kServer) RETURN_IF_ERROR(server_credentials(used));
    if (side == Side::kClient) RETURN_IF_ERROR(channel_credentials(used));
  }
  return {};
}

std::optional<TlsFiles> GrpcTlsOptions::to_files() const {
  const bool has_files = !files.certificate.empty() || !files.authorities.empty();
  return is_on || has_files ? std::optional(files) : std::nullopt;
}

}  // namespace estadio
