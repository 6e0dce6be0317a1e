#include "nodes/commands/api_client.hpp"
#include "nodes/commands/client_commands.hpp"
#include "nodes/commands/task_view.hpp"
#include "nodes/commands/terminal.hpp"

#include <cstdio>
#include <memory>
#include <unistd.h>

namespace shannon::commands {

namespace {

using nlohmann::json;

struct show_options {
  std::string task;
  std::string output = "text";
};

/// The most the API gives at once.
constexpr unsigned page = 200;

result<json> all_events(api_client& api, const std::string& task) {
  json all = json::array();
  for (;;) {
    auto part = api.get("/api/v1/tasks/" + url_encoded(task)
                        + "/events?limit=" + std::to_string(page)
                        + "&offset=" + std::to_string(all.size()));
    if (!part)
      return part;
    if (!part->is_object() || !part->contains("events")
        || !(*part)["events"].is_array())
      return fail(errc::failed, "the server's answer holds no events");
    auto& events = (*part)["events"];
    auto count = events.size();
    for (auto& event : events)
      all.push_back(std::move(event));
    if (count < page)
      return all;
  }
}

exit_code show(const show_options& options, const global_options& globals) {
  auto where = parse_server_url(globals.url);
  if (!where)
    return report(where.error());
  api_client api{*where, api_key_from_environment()};
  auto task = api.get("/api/v1/tasks/" + url_encoded(options.task));
  if (!task)
    return report(task.error());
  auto events = all_events(api, options.task);
  if (!events)
    return report(events.error());
  if (options.output == "json") {
    json both{{"task", *task}, {"events", *events}};
    std::printf("%s\n", both.dump(2).c_str());
    return exit_code::ok;
  }
  terminal out{STDOUT_FILENO};
  std::printf("%s\n", task_header(*task, out).c_str());
  auto start = events->empty() ? 0 : event_seconds(events->front());
  for (const auto& event : *events)
    std::printf("%s\n", timeline_line(event, start, out).c_str());
  if (auto answer = task_result(*task); !answer.empty())
    std::printf("\n%s\n", harmless(answer).c_str());
  return exit_code::ok;
}

} // namespace

declared declare_show(CLI::App& root, const global_options& globals) {
  auto options = std::make_shared<show_options>();
  auto* app = root.add_subcommand("show", "Show a task and its timeline");
  app->add_option("id", options->task, "The task's id")->required();
  app->add_option("-o,--output", options->output, "text (default) or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->option_text("FORMAT");
  app->footer("Each line of the timeline is one stored fact: its number, the\n"
              "time since the first, what happened, who did it.\n"
              "\nExamples:\n"
              "  shannon show TASK\n"
              "  shannon show TASK -o json");
  return {app, [options, &globals] { return show(*options, globals); }};
}

} // namespace shannon::commands
