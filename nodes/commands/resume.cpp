#include "nodes/commands/admin_client.hpp"
#include "nodes/commands/server_commands.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

namespace shannon::commands {

namespace {

using nlohmann::json;

struct resume_options {
  std::string run;
  std::string reason;
  std::vector<std::string> steps;
  admin_options node;
};

std::string user_name() {
  const auto* name = std::getenv("USER");
  return name && *name ? name : "operator";
}

exit_code go_on(api_client& api, const resume_options& options,
                const std::vector<std::string>& forget) {
  json body{{"by", user_name()}, {"reason", options.reason}};
  if (!forget.empty())
    body["forget"] = forget;
  auto answer = api.post(run_target(options.run) + "/resume", body);
  if (!answer)
    return report(answer.error());
  std::fprintf(stderr, "%s goes on%s\n", options.run.c_str(),
               forget.empty() ? "" : "; forgotten:");
  for (const auto& step : forget)
    std::fprintf(stderr, "  %s\n", step.c_str());
  return exit_code::ok;
}

exit_code resume(const resume_options& options) {
  auto where = find_admin(options.node);
  if (!where)
    return report(where.error());
  api_client api{*where, api_key_from_environment()};
  return go_on(api, options, {});
}

/// The step at which a run is parked.
result<std::string> parked_step(api_client& api, const std::string& run) {
  auto answer = api.get(run_target(run));
  if (!answer)
    return tl::unexpected<error>(answer.error());
  auto live = answer->is_object() ? answer->value("live", json()) : json();
  if (text_at(live, "phase") != "parked")
    return fail(errc::conflict, run + " is not parked but "
                                    + text_at(*answer, "status")
                                    + ": there is nothing to mend");
  auto step
      = place_text(live.is_object() ? live.value("parked_at", json()) : json());
  if (step.empty())
    return fail(errc::conflict,
                run + " is not parked at a step (" + text_at(live, "failure")
                    + "): `shannon resume " + run
                    + "` lets it go on, --step names a step to make anew");
  return step;
}

exit_code retry(const resume_options& options) {
  auto where = find_admin(options.node);
  if (!where)
    return report(where.error());
  api_client api{*where, api_key_from_environment()};
  auto steps = options.steps;
  if (steps.empty()) {
    auto step = parked_step(api, options.run);
    if (!step)
      return report(step.error());
    steps.push_back(std::move(*step));
  }
  return go_on(api, options, steps);
}

void add_common(CLI::App& app, resume_options& options) {
  app.add_option("id", options.run, "The run, or an agent's log")->required();
  app.add_option("--reason", options.reason, "What is recorded as the cause")
      ->option_text("TEXT");
}

} // namespace

declared declare_resume(CLI::App& root, const global_options&) {
  auto options = std::make_shared<resume_options>();
  auto* app = root.add_subcommand("resume", "Let a parked run go on");
  add_common(*app, *options);
  add_admin_options(*app, options->node);
  app->footer(
      "The run is replayed from the top by the node's build and goes on where\n"
      "it stood. If the cause is still there it parks again: `shannon replay\n"
      "ID` shows beforehand, on this machine, whether it would.\n"
      "Exit codes: 0 it goes on, 1 it is not parked, 3 no such run, 6 the\n"
      "node cannot be reached, 7 no answer in time.\n"
      "\nExamples:\n"
      "  shannon resume TASK --reason \"fixed in 1.4.2\"\n"
      "  shannon resume TASK/agent-1");
  return {app, [options] { return resume(*options); }};
}

declared declare_retry(CLI::App& root, const global_options&) {
  auto options = std::make_shared<resume_options>();
  auto* app = root.add_subcommand("retry",
                                  "Let a parked run go on and make steps anew");
  add_common(*app, *options);
  app->add_option("--step", options->steps,
                  "A step to make anew, as often as needed;\n"
                  "else the one that parked the run")
      ->option_text("KEY");
  add_admin_options(*app, options->node);
  app->footer(
      "What is recorded of these steps is forgotten, so they are made again:\n"
      "what they did outside happens twice. Everything else is replayed.\n"
      "Steps are named as `shannon why` and `shannon replay` show them.\n"
      "Exit codes: as of resume.\n"
      "\nExamples:\n"
      "  shannon retry TASK\n"
      "  shannon retry TASK --step plan#1 --step s1/agent#1");
  return {app, [options] { return retry(*options); }};
}

} // namespace shannon::commands
