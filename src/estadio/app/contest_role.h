// Runs the roles of a contest whose file is a setting.
//
// Threads: the main thread.
#pragma once

#include <memory>
#include <utility>

#include "base/result.h"
#include "estadio/app/commands.h"
#include "estadio/app/contest_options.h"
#include "service/role.h"

namespace estadio {

// Loads the contest, makes a role of type `Role` and runs it. Returns the exit status. REQUIRES:
// the settings are loaded.
template <class Role, class Options>
int run_contest_role(const Options& options) {
  const auto make =
      [&](const service::Context& context) -> base::Result<std::unique_ptr<service::Role>> {
    ASSIGN_OR_RETURN(Contest contest, load_contest(options.contest_file));
    return std::make_unique<Role>(options, std::move(contest), context);
  };
  return service::run_role(program(), options.log, make);
}

}  // namespace estadio
