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

  std::string certificate;  // its own, with those that vouch for it; a client may have none
  std::string key;          // of the certificate
  std::string authorities;  // who vouch for the other side. A server: empty lets any client in;
                            // a client: empty takes the system's
};

// Without files: no TLS. shared_ptr: gRPC's own way to hold credentials.
// Errors: kInvalidArgument and those of reading, naming the file.
[[nodiscard]] base::Result<std::shared_ptr<grpc::ServerCredentials>> server_credentials(
    const std::optional<TlsFiles>& files);
[[nodiscard]] base::Result<std::shared_ptr<grpc::ChannelCredentials>> channel_credentials(
    const std::optional<TlsFiles>& files);

}  // namespace estadio
