// TLS of gRPC from PEM files, read once when a server or a channel starts.
//
// Threads: pure functions.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"

namespace grpc {
class ChannelCredentials;
class ServerCredentials;
}  // namespace grpc

namespace estadio {

// Paths of PEM files.
struct TlsFiles {
  static constexpr std::size_t kFileBytesMax = std::size_t{1} << 20;

  std::string certificate;  // with its chain; a client may have none
  std::string key;          // of the certificate
  // CA certificates that sign the peer's certificate. When this is empty, a server accepts any
  // client, and a client trusts the system's CAs.
  std::string ca_certificates;
};

// Return credentials without TLS when there are no files. shared_ptr: gRPC shares credentials.
// Errors: kInvalidArgument, and those of base::read_file. Errors about a file name it.
[[nodiscard]] base::Result<std::shared_ptr<grpc::ServerCredentials>> server_credentials(
    const std::optional<TlsFiles>& files);
[[nodiscard]] base::Result<std::shared_ptr<grpc::ChannelCredentials>> channel_credentials(
    const std::optional<TlsFiles>& files);

}  // namespace estadio
