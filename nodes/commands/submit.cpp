#include "nodes/commands/api_client.hpp"
#include "nodes/commands/client_commands.hpp"
#include "nodes/commands/follow.hpp"
#include "nodes/commands/task_view.hpp"
#include "nodes/commands/terminal.hpp"

#include <cstdio>
#include <memory>
#include <unistd.h>

namespace shannon::commands {

namespace {

using std::chrono::steady_clock;

struct submit_options {
  std::string task;
  std::string session;
  std::string output = "text";
  bool follow = false;
  bool wait = false;
  unsigned timeout_seconds = 0;
};

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (text.empty() || text.back() != '\n')
    std::fputc('\n', stdout);
}

exit_code print_end(const nlohmann::json& task, const submit_options& options) {
  terminal out{STDOUT_FILENO};
  if (options.output == "json")
    print(task.dump(2));
  else if (has_succeeded(task))
    print(out.interactive() ? harmless(task_result(task)) : task_result(task));
  if (has_succeeded(task))
    return exit_code::ok;
  report(errc::failed, task_error(task));
  return exit_code::task_failed;
}

result<nlohmann::json> follow_to_end(api_client& api, const std::string& id,
                                     const submit_options& options,
                                     deadline until) {
  terminal talk{STDERR_FILENO};
  auto start = steady_clock::now();
  follow_options how;
  how.until = until;
  follow_events events;
  events.event = [](const stream_event&) {};
  if (options.follow) {
    std::fprintf(stderr, "%s\n", talk.dim("task " + id).c_str());
    events.event = [&talk, start](const stream_event& event) {
      std::chrono::duration<double> elapsed = steady_clock::now() - start;
      auto line = progress_line(event, elapsed.count(), talk);
      if (!line.empty())
        std::fprintf(stderr, "%s\n", line.c_str());
    };
  }
  events.broken = [&talk](const error& why) {
    std::fprintf(
        stderr, "%s\n",
        talk.yellow("waiting for the node: " + one_line(why.text)).c_str());
  };
  return follow_task(api, id, how, events);
}

exit_code submit(const submit_options& options, const global_options& globals) {
  auto where = parse_server_url(globals.url);
  if (!where)
    return report(where.error());
  deadline until;
  if (options.timeout_seconds > 0)
    until = steady_clock::now() + std::chrono::seconds{options.timeout_seconds};
  api_client api{*where, api_key_from_environment()};
  nlohmann::json body{{"query", options.task}};
  if (!options.session.empty())
    body["session_id"] = options.session;
  auto accepted = api.post("/api/v1/tasks", body, until);
  if (!accepted)
    return report(accepted.error());
  auto id = accepted->is_object() ? accepted->value("task_id", std::string{})
                                  : std::string{};
  if (id.empty())
    return report(errc::failed, "the server's answer names no task");
  if (!options.follow && !options.wait) {
    if (options.output == "json") {
      auto task = api.get("/api/v1/tasks/" + url_encoded(id), until);
      print((task ? *task : *accepted).dump(2));
    } else {
      print(id);
    }
    return exit_code::ok;
  }
  auto task = follow_to_end(api, id, options, until);
  if (!task)
    return report(task.error());
  return print_end(*task, options);
}

} // namespace

declared declare_submit(CLI::App& root, const global_options& globals) {
  auto options = std::make_shared<submit_options>();
  auto* app = root.add_subcommand("submit", "Give a node a task");
  app->add_option("task", options->task, "What is to be done, in plain words")
      ->required();
  auto* follow = app->add_flag("--follow,-f", options->follow,
                               "Show each event, then the answer");
  app->add_flag("--wait,-w", options->wait, "Print the answer and nothing else")
      ->excludes(follow);
  app->add_option("--session", options->session,
                  "Go on with this session's history")
      ->option_text("ID");
  app->add_option("-o,--output", options->output, "text (default) or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->option_text("FORMAT");
  app->add_option("--timeout", options->timeout_seconds,
                  "Stop waiting after this time; the task\ngoes on")
      ->check(CLI::Range(1U, 604'800U))
      ->option_text("SECONDS");
  app->footer("The task's id, or its answer, goes to stdout and events to\n"
              "stderr. --follow outlives a restart of the node of up to a\n"
              "minute.\n"
              "\nExamples:\n"
              "  shannon submit \"What is 17 * 23?\" --wait\n"
              "  shannon submit \"List the primes below 50\" --follow\n"
              "  id=$(shannon submit \"Sum up https://example.org\")");
  return {app, [options, &globals] { return submit(*options, globals); }};
}

} // namespace shannon::commands
