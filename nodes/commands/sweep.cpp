#include "actors/store/retention.hpp"
#include "nodes/commands/database.hpp"
#include "nodes/commands/server_commands.hpp"
#include "nodes/commands/start_up.hpp"
#include "nodes/commands/terminal.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdio>
#include <memory>

namespace shannon::commands {

namespace {

struct sweep_command {
  database_options where;
  std::string manifest;
  std::string name;
  std::string output = "text";
  bool dry_run = false;
};

void print_text(const store::swept& done, bool dry_run) {
  auto number = [](std::uint64_t what) {
    return static_cast<unsigned long long>(what);
  };
  std::printf("%s%llu logs, %llu trimmed, %llu appends, ",
              dry_run ? "would delete " : "deleted ", number(done.logs),
              number(done.trimmed), number(done.appends));
  if (!dry_run)
    std::printf("%llu bodies, %llu parts, ", number(done.bodies),
                number(done.parts));
  std::printf("%llu sessions, %llu bytes\n", number(done.sessions),
              number(done.bytes));
  if (done.bodies_left != 0)
    std::fprintf(stderr,
                 "%llu bodies are left for the next sweep: appends held their "
                 "locks\n",
                 number(done.bodies_left));
}

void print_json(const store::swept& done, bool dry_run, double seconds) {
  nlohmann::ordered_json out{{"dry_run", dry_run},
                             {"logs", done.logs},
                             {"trimmed", done.trimmed},
                             {"appends", done.appends}};
  if (!dry_run) {
    out["bodies"] = done.bodies;
    out["bodies_left"] = done.bodies_left;
    out["parts"] = done.parts;
  }
  out["sessions"] = done.sessions;
  out["bytes"] = done.bytes;
  out["seconds"] = seconds;
  std::printf("%s\n", out.dump(2).c_str());
}

exit_code sweep(const sweep_command& options) {
  start_signals signals;
  auto settings = read_settings(options.manifest, options.name);
  if (!settings)
    return report(settings.error());
  auto where = options.where;
  if (where.dsn.empty() && where.data.empty())
    where.dsn = settings->store.dsn;
  auto database = find_database(where);
  if (!database)
    return report(database.error());
  settings->store.dsn = database->dsn;
  auto begun = std::chrono::steady_clock::now();
  store::retention_sweep work{{settings->store, settings->retention,
                               options.dry_run,
                               [&] { return !signals.came(); }}};
  auto ended = work.run();
  auto took
      = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun)
            .count();
  // What was done stays done, however it ended.
  if (ended || work.so_far().anything()) {
    if (options.output == "json")
      print_json(work.so_far(), options.dry_run, took);
    else
      print_text(work.so_far(), options.dry_run);
  }
  return ended ? exit_code::ok : report(ended.error());
}

} // namespace

declared declare_sweep(CLI::App& root, const global_options&) {
  auto options = std::make_shared<sweep_command>();
  auto* app = root.add_subcommand("sweep", "Delete what is kept no longer");
  app->add_flag("--dry-run", options->dry_run,
                "Count what would go, and change\n"
                "nothing");
  add_database_options(*app, options->where);
  app->add_option("--manifest", options->manifest, "Settings; see config/")
      ->option_text("FILE");
  app->add_option("--name", options->name,
                  "The manifest's node, if it has several")
      ->option_text("NAME");
  app->add_option("-o,--output", options->output, "text (default) or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->option_text("FORMAT");
  app->footer(
      "One sweep, as a node does every `retention.sweep_every`: logs that\n"
      "ended longer ago than `retention.keep_ended`, what stands before a\n"
      "continue-as-new longer than `retention.keep_continued`, sessions that\n"
      "nobody has opened for as long and that have no tasks left, bodies that\n"
      "nobody needs any more, and parts of the table that are empty. In small\n"
      "transactions; nodes may run meanwhile. Ending it harms nothing.\n"
      "Exit codes: 0 done, 1 another sweep is under way, 2 a setting is\n"
      "wrong, 6 the database cannot be reached.\n"
      "\nExamples:\n"
      "  shannon sweep --dry-run\n"
      "  SHANNON_RETENTION__KEEP_ENDED=24h shannon sweep --data DIR\n"
      "  shannon sweep --manifest cluster.yaml --name n1 -o json");
  return {app, [options] { return sweep(*options); }};
}

} // namespace shannon::commands
