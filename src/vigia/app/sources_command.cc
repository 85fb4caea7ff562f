// `vigia sources`: which sources of figures work here, and why the others do not.
#include <algorithm>
#include <fmt/format.h>

#include "base/json.h"
#include "vigia/app/commands.h"
#include "vigia/app/sampler.h"

namespace vigia {
namespace {

void print_text(const std::vector<Attempt>& attempts, const Attempt* taken) {
  for (const Attempt& each : attempts) {
    fmt::print("{} {:<12} {}{}\n", &each == taken ? '*' : ' ', each.name, each.about,
               each.error ? fmt::format(": not here: {}", each.error->message()) : "");
  }
  fmt::print("\n{}\n", taken == nullptr
                           ? "No source works here."
                           : "* marks the source that vigia takes unless --source names another.");
}

void print_json(const std::vector<Attempt>& attempts, const Attempt* taken) {
  std::string out = "[";
  for (const Attempt& each : attempts) {
    if (out.size() > 1) out += ',';
    base::JsonObject object(out);
    object.add("name", each.name);
    object.key("works") += each.error ? "false" : "true";
    object.key("taken") += &each == taken ? "true" : "false";
    if (each.error) {
      object.add("trouble", each.error->message());
    } else {
      object.key("trouble") += "null";
    }
    object.close();
  }
  fmt::print("{}]\n", out);
}

}  // namespace

int run_sources(base::Arguments arguments) {
  bool is_json = false;
  base::Settings settings =
      program().settings_for("sources",
                             "Shows which sources of figures work on this host, which one vigia "
                             "takes, and why the others do\nnot work.",
                             "  vigia sources\n"
                             "  vigia sources --json | jq '.[] | select(.works).name'\n");
  settings.add("json", is_json, "print a JSON array, for scripts");
  if (const auto status = program().load_settings(settings, arguments)) return *status;
  const std::vector<Attempt> attempts = try_sources();
  const auto found = std::ranges::find_if(
      attempts, [](const Attempt& each) { return each.is_of_auto && !each.error; });
  const Attempt* taken = found == attempts.end() ? nullptr : &*found;
  is_json ? print_json(attempts, taken) : print_text(attempts, taken);
  return taken == nullptr ? base::kExitFailed : base::kExitOk;
}

}  // namespace vigia
