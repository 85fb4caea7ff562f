// The settings of TLS between faculty and discipline servers, for both sides.
//
// Threads: values.
#pragma once

#include <optional>

#include "base/result.h"
#include "base/settings.h"
#include "estadio/rpc/tls_files.h"

namespace estadio {

struct GrpcTlsOptions {
  enum class Side { kServer, kClient };

  bool is_on = false;  // a client uses TLS even without files of its own
  TlsFiles files;

  void add_to(base::Settings& settings, Side side);
  [[nodiscard]] base::Result<void> check(Side side) const;
  // Returns nothing without TLS.
  [[nodiscard]] std::optional<TlsFiles> to_files() const;
};

}  // namespace estadio
