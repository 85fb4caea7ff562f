#include "vigia/app/commands.h"

#include <array>

namespace vigia {
namespace {

constexpr std::array<base::Command, 3> kCommands = {{
    {"snapshot", "show what every process and container of this host uses", run_snapshot},
    {"record", "record what every process uses to a file, at an interval", run_record},
    {"sources", "show which sources of figures work on this host", run_sources},
}};

constexpr base::Program kProgram = {
    .name = "vigia",
    .version = VIGIA_VERSION,
    .description = "vigia shows what every process and container of a host really uses.\n",
    .examples =
        "  vigia snapshot --format table\n"
        "  vigia snapshot --interval 0 | jq '.host.memory'\n",
    .commands = kCommands};

}  // namespace

const base::Program& program() { return kProgram; }

}  // namespace vigia
