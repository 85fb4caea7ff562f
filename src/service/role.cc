#include "service/role.h"

#include <utility>

namespace service {
namespace {

// Prints the error after the log's lines.
int fail(const base::Error& error, const Context& context) {
  context.log.flush();
  return context.program.print_failure(error);
}

int run(const RoleFactory& make, const Context& context) {
  auto made = make(context);
  if (!made) return fail(made.error(), context);
  auto role = *std::move(made);
  const auto opened = role->open();
  if (!opened && opened.error().code() != base::Code::kCancelled) {
    return fail(opened.error(), context);
  }
  if (opened) {
    context.life_cycle.set_state(LifeCycle::State::kServing);
    role->serve();
    context.signals.wait();
    context.log.info("stopping: accepting no new work, finishing the pending work");
    context.life_cycle.set_state(LifeCycle::State::kStopping);
    role->stop();
  }
  role.reset();
  context.log.info("stopped");
  return base::kExitOk;
}

}  // namespace

int run_role(const base::Program& program, const base::Logger::Options& log_options,
             const RoleFactory& make) {
  base::StopSignals signals;
  const base::SystemClock clock;
  base::Logger log(clock, log_options);
  LifeCycle life_cycle;
  return run(make, {.program = program,
                    .clock = clock,
                    .log = log,
                    .signals = signals,
                    .life_cycle = life_cycle});
}

}  // namespace service
