#include "nodes/commands/api_client.hpp"
#include "nodes/commands/client_commands.hpp"
#include "nodes/commands/task_view.hpp"
#include "nodes/commands/terminal.hpp"

#include <cstdio>
#include <memory>
#include <unistd.h>

namespace shannon::commands {

namespace {

struct list_options {
  unsigned limit = 20;
  std::string status;
  std::string session;
  std::string output = "text";
};

exit_code list(const list_options& options, const global_options& globals) {
  auto where = parse_server_url(globals.url);
  if (!where)
    return report(where.error());
  api_client api{*where, api_key_from_environment()};
  auto target = "/api/v1/tasks?limit=" + std::to_string(options.limit);
  if (!options.status.empty())
    target += "&status=" + url_encoded(options.status);
  if (!options.session.empty())
    target += "&session_id=" + url_encoded(options.session);
  auto tasks = api.get(target);
  if (!tasks)
    return report(tasks.error());
  terminal out{STDOUT_FILENO};
  if (options.output == "json") {
    std::printf("%s\n", tasks->dump(2).c_str());
    return exit_code::ok;
  }
  auto table = task_table(*tasks, out);
  if (table.empty())
    std::fprintf(stderr, "no tasks\n");
  else
    std::fwrite(table.data(), 1, table.size(), stdout);
  return exit_code::ok;
}

} // namespace

declared declare_list(CLI::App& root, const global_options& globals) {
  auto options = std::make_shared<list_options>();
  auto* app = root.add_subcommand("list", "List the newest tasks");
  app->add_option("--limit", options->limit, "At most so many, 1 to 100 (20)")
      ->check(CLI::Range(1U, 100U))
      ->option_text("N");
  app->add_option("--status", options->status,
                  "queued, running, completed, failed,\ncancelled or timeout")
      ->check(CLI::IsMember(
          {"QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT"},
          CLI::ignore_case))
      ->option_text("STATUS");
  app->add_option("--session", options->session, "Of this session only")
      ->option_text("ID");
  app->add_option("-o,--output", options->output, "text (default) or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->option_text("FORMAT");
  app->footer("Examples:\n"
              "  shannon list --limit 5\n"
              "  shannon list --status failed -o json");
  return {app, [options, &globals] { return list(*options, globals); }};
}

} // namespace shannon::commands
