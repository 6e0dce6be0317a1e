#include "nodes/commands/api_client.hpp"
#include "nodes/commands/client_commands.hpp"

#include <cstdio>
#include <memory>

namespace shannon::commands {

namespace {

struct cancel_options {
  std::string task;
  std::string reason;
};

exit_code cancel(const cancel_options& options, const global_options& globals) {
  auto where = parse_server_url(globals.url);
  if (!where)
    return report(where.error());
  api_client api{*where, api_key_from_environment()};
  auto body = nlohmann::json::object();
  if (!options.reason.empty())
    body["reason"] = options.reason;
  auto answer = api.post(
      "/api/v1/tasks/" + url_encoded(options.task) + "/cancel", body);
  if (!answer)
    return report(answer.error());
  auto success = answer->is_object() && answer->value("success", false);
  auto message = answer->is_object() ? answer->value("message", std::string{})
                                     : std::string{};
  if (!success)
    return report(errc::failed,
                  "task " + options.task + " was not cancelled: " + message);
  std::fprintf(stderr, "%s\n", message.c_str());
  return exit_code::ok;
}

} // namespace

declared declare_cancel(CLI::App& root, const global_options& globals) {
  auto options = std::make_shared<cancel_options>();
  auto* app = root.add_subcommand("cancel", "End a task early");
  app->add_option("id", options->task, "The task's id")->required();
  app->add_option("--reason", options->reason, "What is recorded as the cause")
      ->option_text("TEXT");
  app->footer("Exit code 1: the task was over already.\n"
              "\nExamples:\n"
              "  shannon cancel TASK --reason \"asked the wrong question\"");
  return {app, [options, &globals] { return cancel(*options, globals); }};
}

} // namespace shannon::commands
