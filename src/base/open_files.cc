#include "base/open_files.h"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>

namespace base {

Result<std::size_t> allow_open_files(std::size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return fail(Error::from_errno("reading the limit of open files", errno));
  }
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
      return fail(Error::from_errno("raising the limit of open files", errno));
    }
  }
  return static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace base
