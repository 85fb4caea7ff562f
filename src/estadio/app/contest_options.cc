#include "estadio/app/contest_options.h"

namespace estadio {

void add_contest_setting(base::Settings& settings, std::string& contest_file) {
  settings.add("contest", contest_file, "FILE",
               "contest.toml, the same for all roles; default: the built-in contest");
}

base::Result<Contest> load_contest(const std::string& contest_file) {
  if (contest_file.empty()) return Contest::defaults();
  return Contest::from_file(contest_file);
}

}  // namespace estadio
