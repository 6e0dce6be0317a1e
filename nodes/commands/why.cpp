#include "actors/workflow/history/fact_line.hpp"
#include "actors/workflow/history/words.hpp"
#include "nodes/commands/admin_client.hpp"
#include "nodes/commands/database.hpp"
#include "nodes/commands/history_reader.hpp"
#include "nodes/commands/server_commands.hpp"
#include "nodes/commands/start_up.hpp"
#include "nodes/commands/why_view.hpp"
#include "nodes/programs.hpp"
#include "protocols/facts/fact.hpp"

#include <chrono>
#include <cstdio>
#include <memory>
#include <sstream>
#include <unistd.h>

namespace shannon::commands {

namespace {

using nlohmann::json;

struct why_options {
  std::string run;
  database_options where;
  admin_options node;
  bool as_json = false;
};

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void take_log(known_run& run, const history::exported_log& log) {
  auto start = history::start_of(log);
  run.kind = log.header.birth.kind;
  run.strategy = start.strategy();
  run.status = history::to_text(log.header.status);
  for (const auto& row : log.facts) {
    facts::Fact fact;
    if (!facts::read_fact(fact, row.bytes))
      continue;
    if (run.started_us == 0)
      run.started_us = fact.at_us();
    // The end of a stream says nothing of how it came to it.
    if (!fact.has_stream_ended()) {
      run.last_fact = history::fact_line(fact);
      run.last = row.version;
      run.last_us = fact.at_us();
    }
  }
}

/// All that the database alone tells. `not_found` if there is no such log.
result<void> read_log(known_run& run, const why_options& options) {
  start_signals signals;
  auto database = find_database(options.where);
  if (!database)
    return tl::unexpected<error>(database.error());
  auto reader
      = history_reader::open(database->dsn, [&] { return !signals.came(); });
  if (!reader)
    return fail(errc::unavailable, reader.error().text);
  std::stringstream text;
  auto done = reader->export_log(log_id{options.run}, text, nullptr);
  if (!done)
    return tl::unexpected<error>(done.error());
  if (!done->damage.empty())
    return fail(errc::failed, done->damage
                                  + " is not what was written: shannon verify "
                                  + options.run);
  auto owner = reader->owner_of(log_id{options.run});
  if (!owner)
    return tl::unexpected<error>(owner.error());
  run.owner = std::move(*owner);
  auto logs = history::read_logs(text);
  if (!logs)
    return tl::unexpected<error>(logs.error());
  const auto& log = logs->front();
  take_log(run, log);
  auto settings = read_settings({}, {});
  if (!settings)
    return tl::unexpected<error>(settings.error());
  auto program = nodes::program_of(history::start_of(log), settings->run);
  run.by_program = program.has_value();
  auto at
      = history::stand_at(log, log.facts.empty() ? 0 : log.facts.back().version,
                          program ? &*program : nullptr, now_us());
  if (!at)
    return fail(errc::failed, "the log cannot be replayed: " + at.error().text);
  run.at = std::move(*at);
  return {};
}

/// What the node that has the run knows beside. Its absence is no error.
void ask_node(known_run& run, const why_options& options) {
  auto where = find_admin(options.node);
  if (!where) {
    run.node = where.error().text;
    return;
  }
  api_client api{*where, api_key_from_environment()};
  auto answer
      = api.get(run_target(options.run),
                std::chrono::steady_clock::now() + std::chrono::seconds{5});
  if (!answer) {
    run.node = answer.error().text;
    return;
  }
  run.node = "answers at " + where->text();
  if (run.status.empty())
    run.status = text_at(*answer, "status");
  if (run.kind.empty())
    run.kind = text_at(*answer, "kind");
  if (answer->is_object())
    run.live = answer->value("live", json());
}

exit_code why(why_options options) {
  if (options.node.data.empty())
    options.node.data = options.where.data;
  known_run run;
  run.log = options.run;
  auto read = read_log(run, options);
  if (!read && read.error().code == errc::not_found)
    return report(read.error());
  if (!read)
    run.database = read.error().text;
  ask_node(run, options);
  if (run.status.empty())
    return report(errc::unavailable, "neither the database nor a node tells: "
                                         + run.database + "; " + run.node);
  auto now = now_us();
  if (options.as_json)
    std::printf("%s\n", why_json(run, now)
                            .dump(2, ' ', false, json::error_handler_t::replace)
                            .c_str());
  else
    std::fputs(why_text(run, now, terminal{STDOUT_FILENO}).c_str(), stdout);
  return exit_code::ok;
}

} // namespace

declared declare_why(CLI::App& root, const global_options&) {
  auto options = std::make_shared<why_options>();
  auto* app = root.add_subcommand(
      "why", "Say what a run waits for and what comes next");
  app->add_option("id", options->run, "The run, or an agent's log")->required();
  app->add_flag("--json", options->as_json, "Print JSON");
  add_database_options(*app, options->where);
  add_admin_option(*app, options->node);
  app->footer(
      "Of a run that waits: for what, since when, until when, and whose it\n"
      "is. Of a parked one: why, and the commands that mend it. Of one that\n"
      "has ended: how. Reads the database, so no node need run; a node that\n"
      "runs tells more, such as what is under way this moment.\n"
      "Exit codes: 0 told, 3 no such run, 6 neither the database nor a node\n"
      "can be reached.\n"
      "\nExamples:\n"
      "  shannon why TASK\n"
      "  shannon why TASK/agent-1 --data /var/lib/shannon\n"
      "  shannon why TASK --dsn postgresql://db/shannon --json");
  return {app, [options] { return why(*options); }};
}

} // namespace shannon::commands
