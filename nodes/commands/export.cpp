#include "nodes/commands/database.hpp"
#include "nodes/commands/history_reader.hpp"
#include "nodes/commands/server_commands.hpp"
#include "nodes/commands/start_up.hpp"

#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <random>
#include <vector>

namespace shannon::commands {

namespace {

struct export_options {
  std::string log;
  database_options where;
  std::string file;
  bool tree = false;
  bool redact = false;
};

std::string random_salt() {
  std::random_device device;
  std::string salt;
  for (int i = 0; i < 32; ++i)
    salt += static_cast<char>(device());
  return salt;
}

/// 1 says that what was written is damaged, so nothing else may say it.
exit_code report_unread(const error& what) {
  auto code = report(what);
  return code == exit_code::not_found ? code : exit_code::unavailable;
}

exit_code write_all(history_reader& reader, const std::vector<log_id>& logs,
                    const history::redactor* taken_out, std::ostream& out) {
  auto code = exit_code::ok;
  for (const auto& log : logs) {
    auto done = reader.export_log(log, out, taken_out);
    if (!done)
      return report_unread(done.error());
    std::fprintf(stderr, "%s: %llu facts, %llu bodies\n", log.value.c_str(),
                 static_cast<unsigned long long>(done->facts),
                 static_cast<unsigned long long>(done->bodies));
    if (!done->damage.empty()) {
      report(errc::failed, log.value + ": " + done->damage
                               + " is not what was written; `shannon verify "
                               + log.value + "` says more");
      code = exit_code::failure;
    }
  }
  out.flush();
  if (!out)
    return report(errc::failed, "the output cannot be written");
  return code;
}

exit_code run_export(const export_options& options) {
  start_signals signals;
  auto database = find_database(options.where);
  if (!database)
    return report_unread(database.error());
  auto reader
      = history_reader::open(database->dsn, [&] { return !signals.came(); });
  if (!reader)
    return report_unread(reader.error());
  std::vector<log_id> logs{log_id{options.log}};
  auto family = reader->family(logs.front());
  if (!family)
    return report_unread(family.error());
  if (options.tree)
    logs = std::move(*family);
  history::redactor redactor{random_salt()};
  const auto* taken_out = options.redact ? &redactor : nullptr;
  if (options.file.empty())
    return write_all(*reader, logs, taken_out, std::cout);
  std::ofstream file{options.file, std::ios::binary | std::ios::trunc};
  if (!file)
    return report(errc::failed, options.file + " cannot be written");
  return write_all(*reader, logs, taken_out, file);
}

} // namespace

declared declare_export(CLI::App& root, const global_options&) {
  auto options = std::make_shared<export_options>();
  auto* app = root.add_subcommand("export", "Carry a run's log away as text");
  app->add_option("id", options->log, "The task or log")->required();
  app->add_flag("--tree", options->tree,
                "With the logs of its agents and\n"
                "child runs");
  app->add_flag("--redact", options->redact,
                "Without texts and bodies: each becomes\n"
                "its length and a salted hash");
  app->add_option("--out", options->file, "A file; else stdout")
      ->option_text("FILE");
  add_database_options(*app, options->where);
  app->footer(
      "One JSON object a line: the log, each of its facts, each body, its\n"
      "end. `shannon replay FILE` takes it. A node may run meanwhile, or not.\n"
      "A redacted file shows how a run went and nothing that was said in it;\n"
      "it replays by its facts only. Two exports have different hashes.\n"
      "Exit codes: 0 done, 1 the log is damaged (it is written as it is) or\n"
      "the file cannot be written, 3 no such log, 6 the database cannot be\n"
      "read.\n"
      "\nExamples:\n"
      "  shannon export TASK --tree --out task.jsonl\n"
      "  shannon export TASK/agent-1 --data /var/lib/shannon\n"
      "  shannon export TASK --tree --redact --out share.jsonl");
  return {app, [options] { return run_export(*options); }};
}

} // namespace shannon::commands
