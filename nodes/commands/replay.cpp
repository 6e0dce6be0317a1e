#include "actors/workflow/history/replay.hpp"

#include "nodes/commands/database.hpp"
#include "nodes/commands/history_reader.hpp"
#include "nodes/commands/run_view.hpp"
#include "nodes/commands/server_commands.hpp"
#include "nodes/commands/start_up.hpp"
#include "nodes/programs.hpp"
#include "protocols/facts/fact.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <sstream>
#include <unistd.h>

namespace shannon::commands {

namespace {

using nlohmann::json;

struct replay_options {
  std::string what;
  std::string log;
  database_options where;
  log_version to = std::numeric_limits<log_version>::max();
  bool each = false;
  bool as_json = false;
};

result<std::vector<history::exported_log>>
read_database(const replay_options& options) {
  start_signals signals;
  auto database = find_database(options.where);
  if (!database)
    return tl::unexpected<error>(database.error());
  auto reader
      = history_reader::open(database->dsn, [&] { return !signals.came(); });
  if (!reader)
    return fail(errc::unavailable, reader.error().text);
  // The same way as over a file, so that both show the same.
  std::stringstream text;
  auto done = reader->export_log(log_id{options.what}, text, nullptr);
  if (!done)
    return fail(done.error().code == errc::not_found ? errc::not_found
                                                     : errc::unavailable,
                done.error().code == errc::not_found
                    ? options.what + ": no such log, and no such file"
                    : done.error().text);
  if (!done->damage.empty())
    return fail(errc::invalid_argument,
                options.what + ": " + done->damage
                    + " is not what was written; `shannon verify "
                    + options.what + "` says more");
  return history::read_logs(text);
}

result<std::vector<history::exported_log>>
read_all(const replay_options& options) {
  std::error_code ec;
  if (!std::filesystem::is_regular_file(options.what, ec))
    return read_database(options);
  std::ifstream file{options.what, std::ios::binary};
  auto logs = history::read_logs(file);
  if (!logs)
    return fail(logs.error().code, options.what + ": " + logs.error().text);
  return logs;
}

viewed_run view_of(const history::exported_log& log, log_version version) {
  viewed_run run;
  auto start = history::start_of(log);
  run.log = log.header.log.value;
  run.kind = start.kind();
  run.strategy = start.strategy();
  run.redacted = log.header.redacted;
  for (const auto& row : log.facts) {
    run.last = row.version;
    facts::Fact fact;
    if (row.version <= version && facts::read_fact(fact, row.bytes))
      run.at_us = fact.at_us();
  }
  return run;
}

std::optional<history::known_program>
known(const history::exported_log& log, const config::run_settings& settings) {
  if (log.header.redacted)
    return std::nullopt;
  return nodes::program_of(history::start_of(log), settings);
}

exit_code show_one(const history::exported_log& log,
                   const config::run_settings& settings,
                   const replay_options& options) {
  if (auto kept = log.header.base.version + 1; options.to < kept)
    return report(errc::not_found,
                  log.header.log.value + ": version "
                      + std::to_string(options.to)
                      + " is kept no longer; the log begins at version "
                      + std::to_string(kept));
  auto program = known(log, settings);
  auto run = view_of(log, options.to);
  run.by_program = program.has_value();
  auto at = history::stand_at(log, options.to, program ? &*program : nullptr,
                              run.at_us);
  if (!at)
    return report(errc::failed, run.log + ": " + at.error().text);
  if (options.as_json)
    std::printf("%s\n", standing_json(run, *at)
                            .dump(2, ' ', false, json::error_handler_t::replace)
                            .c_str());
  else
    std::fputs(standing_text(run, *at, terminal{STDOUT_FILENO}).c_str(),
               stdout);
  return at->mismatch ? exit_code::failure : exit_code::ok;
}

/// One line, or one object, for each log.
exit_code walk_one(const history::exported_log& log,
                   const config::run_settings& settings, bool as_json) {
  auto program = known(log, settings);
  auto run = view_of(log, std::numeric_limits<log_version>::max());
  json line{{"log", run.log},
            {"strategy", run.strategy},
            {"versions", log.facts.size()},
            {"program_known", program.has_value()},
            {"difference", nullptr}};
  std::string text
      = "not walked: "
        + (run.redacted ? std::string{"texts and bodies were "
                                      "taken out"}
                        : "this build has no program \"" + run.strategy + "\"");
  auto code = exit_code::ok;
  if (program) {
    auto found = history::first_difference(log, *program);
    if (!found)
      return report(errc::failed, run.log + ": " + found.error().text);
    text = std::to_string(log.facts.size()) + " versions, no difference";
    if (const auto& what = *found) {
      code = exit_code::failure;
      line["difference"] = {{"version", what->version},
                            {"recorded", what->recorded},
                            {"decided", what->decided}};
      text = "differs at version " + std::to_string(what->version)
             + "\n  recorded  " + one_line(what->recorded) + "\n  decided   "
             + one_line(what->decided);
    }
  }
  std::printf(
      "%s\n",
      as_json
          ? line.dump(-1, ' ', false, json::error_handler_t::replace).c_str()
          : (one_line(run.log) + "  " + text).c_str());
  return code;
}

exit_code replay(const replay_options& options) {
  auto logs = read_all(options);
  if (!logs)
    return report(logs.error());
  auto settings = read_settings({}, {});
  if (!settings)
    return report(settings.error());
  auto code = exit_code::ok;
  bool any = false;
  for (const auto& log : *logs) {
    if (!options.log.empty() && log.header.log.value != options.log)
      continue;
    any = true;
    if (!options.each)
      return show_one(log, settings->run, options);
    if (auto one = walk_one(log, settings->run, options.as_json);
        one != exit_code::ok)
      code = one;
  }
  if (!any)
    return report(errc::not_found, options.log + ": not in " + options.what);
  return code;
}

} // namespace

declared declare_replay(CLI::App& root, const global_options&) {
  auto options = std::make_shared<replay_options>();
  auto* app = root.add_subcommand("replay",
                                  "Look at a run as it stood, and what next");
  app->add_option("what", options->what,
                  "A file of `shannon export`, or a task or\n"
                  "log in the database")
      ->required()
      ->option_text("ID|FILE");
  app->add_option("--to", options->to, "As it stood then; else at its end")
      ->check(
          CLI::Range(log_version{1}, std::numeric_limits<log_version>::max()))
      ->option_text("VERSION");
  app->add_flag("--each", options->each,
                "Walk every version: does this build\n"
                "decide what was recorded?");
  app->add_option("--log", options->log,
                  "Of a file with many logs; else the first,\n"
                  "with --each all")
      ->option_text("LOG");
  app->add_flag("--json", options->as_json, "Print JSON");
  add_database_options(*app, options->where);
  app->footer(
      "Runs the program of this build over what is recorded and shows the\n"
      "state, its usage, and what it would append, start and stop there.\n"
      "Touches nothing: a file is all it needs. A run whose program this\n"
      "build does not have is shown by its facts.\n"
      "Where the program asks for something else than is recorded, both are\n"
      "shown. --each compares each recorded fact with what is decided before\n"
      "it, and tells the first that differs.\n"
      "Exit codes: 0 it replays, 1 it differs or cannot be replayed, 2 the\n"
      "file or log is damaged, 3 no such log or version, 6 the\n"
      "database cannot be read.\n"
      "\nExamples:\n"
      "  shannon replay task.jsonl\n"
      "  shannon replay TASK --to 12 --json\n"
      "  shannon replay task.jsonl --each");
  return {app, [options] { return replay(*options); }};
}

} // namespace shannon::commands
