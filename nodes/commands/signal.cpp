#include "actors/kit/bytes_text.hpp"
#include "nodes/commands/admin_client.hpp"
#include "nodes/commands/server_commands.hpp"

#include <cstdio>
#include <fstream>
#include <memory>
#include <random>

namespace shannon::commands {

namespace {

using nlohmann::json;

struct signal_options {
  std::string run;
  std::string name;
  std::string payload;
  std::string id;
  admin_options node;
};

/// A text, or what stands in the file named after `@`.
result<std::string> payload_of(const std::string& text) {
  if (text.empty() || text.front() != '@')
    return text;
  std::ifstream file{text.substr(1), std::ios::binary};
  if (!file)
    return fail(errc::invalid_argument,
                "--payload: " + text.substr(1) + " cannot be read");
  return std::string{std::istreambuf_iterator<char>{file}, {}};
}

/// So that a call repeated by the network is one signal.
std::string random_id() {
  std::random_device device;
  std::string bytes;
  for (int i = 0; i < 15; ++i)
    bytes += static_cast<char>(device());
  return "cli-" + kit::to_base64(bytes);
}

exit_code send_signal(const signal_options& options) {
  auto payload = payload_of(options.payload);
  if (!payload)
    return report(payload.error());
  auto where = find_admin(options.node);
  if (!where)
    return report(where.error());
  api_client api{*where, api_key_from_environment()};
  json body{{"name", options.name},
            {"signal_id", options.id.empty() ? random_id() : options.id},
            {"payload_base64", kit::to_base64(*payload)}};
  auto answer = api.post(run_target(options.run) + "/signal", body);
  if (!answer)
    return report(answer.error());
  std::fprintf(stderr, "%s has stored the signal %s\n", options.run.c_str(),
               options.name.c_str());
  return exit_code::ok;
}

} // namespace

declared declare_signal(CLI::App& root, const global_options&) {
  auto options = std::make_shared<signal_options>();
  auto* app = root.add_subcommand("signal", "Tell a run what it waits for");
  app->add_option("id", options->run, "The run")->required();
  app->add_option("name", options->name, "The signal's name")->required();
  app->add_option("--payload", options->payload,
                  "What it carries: a text, or @FILE")
      ->option_text("TEXT|@FILE");
  app->add_option("--id", options->id,
                  "Of the signal: one sent twice under the\n"
                  "same id counts once; else random")
      ->option_text("SIGNAL_ID");
  add_admin_options(*app, options->node);
  app->footer(
      "Returns when the signal is on disk: it is not lost any more, and the\n"
      "run takes it when it asks for it, in the order of arrival. A run that\n"
      "rests is woken. `shannon why ID` says what a run waits for.\n"
      "Exit codes: 0 stored, 1 refused (the run has ended), 3 no such run,\n"
      "6 the node cannot be reached, 7 no answer in time: send it again with\n"
      "the same --id.\n"
      "\nExamples:\n"
      "  shannon signal TASK approve --payload yes\n"
      "  shannon signal TASK report --payload @report.json --id report-7");
  return {app, [options] { return send_signal(*options); }};
}

} // namespace shannon::commands
