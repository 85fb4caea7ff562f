#include "estadio/app/commands.h"

#include <array>

namespace estadio {
namespace {

constexpr std::array<base::Command, 8> kCommands = {{
    {"all", "run a whole contest in one process, on this machine's disk", run_all},
    {"faculty", "take entries over HTTP and have discipline servers judge them", run_faculty},
    {"discipline", "judge entries from faculty servers and log the results in Kafka",
     run_discipline},
    {"tally", "count the results in Kafka into Redis, each entry once", run_tally},
    {"scoreboard", "show the score from Redis, live", run_scoreboard},
    {"load", "send entries at a steady rate and measure the answers", run_load_command},
    {"verify", "prove that acks, log and score agree", run_verify},
    {"repair", "count the score again from the log, where the two differ", run_repair},
}};

constexpr base::Program kProgram = {
    .name = "estadio",
    .version = ESTADIO_VERSION,
    .description =
        "estadio runs a live competition. It takes entries over HTTP at any load and judges each "
        "one.\nIt keeps every result in a durable log, counts each exactly once and shows the "
        "score live.\n",
    .examples =
        "  estadio all --data contest\n"
        "  estadio load http://127.0.0.1:8080 --rate 10000 --duration 10s --acks acks.ndjson\n"
        "  estadio verify --data contest --acks acks.ndjson\n",
    .commands = kCommands};

}  // namespace

const base::Program& program() { return kProgram; }

}  // namespace estadio
