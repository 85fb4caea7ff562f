// contest.toml: any text gives a contest or an error that names the file. A contest finds every
// faculty by each of its names and every discipline by its id.
#include "estadio/contest/contest.h"

#include "base/check.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto contest = estadio::Contest::from_toml(fuzz::text_of(data, size), "contest.toml");
  if (!contest) {
    CHECK(contest.error().code() == base::Code::kInvalidArgument);
    CHECK(contest.error().message().starts_with("contest.toml:"));
    return 0;
  }
  CHECK(contest->partitions() >= 1 && contest->partitions() <= estadio::Contest::kPartitionsMax);
  CHECK(!contest->faculties().empty() && !contest->disciplines().empty());
  for (std::size_t i = 0; i < contest->faculties().size(); ++i) {
    const estadio::Faculty& faculty = contest->faculties()[i];
    CHECK(contest->find_faculty(faculty.name) == i);
    for (const std::string& alias : faculty.aliases) CHECK(contest->find_faculty(alias) == i);
    for (const std::string& slug : faculty.slugs) CHECK(!slug.empty());
  }
  for (std::size_t i = 0; i < contest->disciplines().size(); ++i) {
    CHECK(contest->find_discipline(contest->disciplines()[i].id) == i);
  }
  return 0;
}
