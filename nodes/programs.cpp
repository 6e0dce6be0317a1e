#include "nodes/programs.hpp"

#include "actors/agent/agent_loop.hpp"
#include "actors/workflow/strategies/daemon.hpp"
#include "actors/workflow/strategies/schedule.hpp"
#include "actors/workflow/strategies/task.hpp"
#include "nodes/more_programs.hpp"

#include <utility>

namespace shannon::nodes {

std::optional<history::known_program>
program_of(const facts::RunStarted& start,
           const config::run_settings& settings) {
  history::known_program known;
  auto& options = known.options;
  options.step_attempts_max = settings.step_attempts_max;
  options.retry_backoff_min = settings.retry_backoff_min;
  options.retry_backoff_max = settings.retry_backoff_max;
  options.facts_max = settings.facts_max;
  options.inline_bytes_max = settings.inline_bytes_max;
  options.ends_stream = start.kind() != "agent";
  auto more = more_programs(settings);
  if (auto at = more.find(start.strategy()); at != more.end()) {
    known.code = at->second;
    return known;
  }
  if (start.strategy() == "task") {
    workflow::task_options task{settings.agents_max, settings.iterations_max,
                                settings.title_timeout};
    known.code = [task](workflow::context ctx, std::string input) {
      return workflow::run_task(std::move(ctx), std::move(input), task);
    };
    return known;
  }
  if (start.strategy() == "schedule") {
    known.code = [](workflow::context ctx, std::string input) {
      return workflow::run_schedule(std::move(ctx), std::move(input));
    };
    return known;
  }
  if (start.strategy() == "daemon") {
    known.code = [](workflow::context ctx, std::string input) {
      return workflow::run_daemon(std::move(ctx), std::move(input));
    };
    return known;
  }
  if (start.strategy() == "loop") {
    agent::loop_options loop;
    loop.iterations_max = settings.iterations_max;
    known.code = [loop](workflow::context ctx, std::string input) {
      return agent::run_agent(std::move(ctx), std::move(input), loop);
    };
    return known;
  }
  return std::nullopt;
}

} // namespace shannon::nodes
