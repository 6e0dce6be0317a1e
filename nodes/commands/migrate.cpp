#include "actors/store/migrations.hpp"
#include "nodes/commands/server_commands.hpp"
#include "nodes/commands/start_up.hpp"

#include <cstdio>
#include <ctime>
#include <memory>

namespace shannon::commands {

namespace {

struct migrate_options {
  std::string action = "status";
  std::string dsn;
  std::string manifest;
  std::string name = "local";
};

std::string utc(std::chrono::system_clock::time_point at) {
  auto seconds = std::chrono::system_clock::to_time_t(at);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%SZ", &parts);
  return text;
}

exit_code status(const std::string& dsn) {
  auto found = store::read_migration_status(dsn);
  if (!found)
    return report_start(found.error());
  for (const auto& line : found->lines)
    std::printf("%04u  %-20s  %s\n", line.number,
                line.applied_at ? utc(*line.applied_at).c_str() : "not applied",
                line.name.c_str());
  if (found->report.state == store::schema_state::current)
    return exit_code::ok;
  return report(errc::failed, found->report.sentence);
}

exit_code apply(const std::string& dsn) {
  auto count = store::migrate(dsn);
  if (!count)
    return report_start(count.error());
  std::fprintf(stderr, "%u migrations applied\n", *count);
  return exit_code::ok;
}

exit_code migrate(const migrate_options& options) {
  auto dsn = options.dsn;
  if (dsn.empty()) {
    auto settings = read_settings(options.manifest, options.name);
    if (!settings)
      return report_start(settings.error());
    dsn = settings->store.dsn;
  }
  if (dsn.empty())
    return report(errc::invalid_argument,
                  "no database is named: use --dsn, --manifest or "
                  "SHANNON_DATABASE_URL");
  return options.action == "apply" ? apply(dsn) : status(dsn);
}

} // namespace

declared declare_migrate(CLI::App& root, const global_options&) {
  auto options = std::make_shared<migrate_options>();
  auto* app
      = root.add_subcommand("migrate", "Show or apply changes of the schema");
  app->add_option("action", options->action, "status (default) or apply")
      ->check(CLI::IsMember({"status", "apply"}));
  app->add_option("--dsn", options->dsn,
                  "The database; else that of --manifest or of\n"
                  "SHANNON_DATABASE_URL")
      ->option_text("DSN");
  app->add_option("--manifest", options->manifest, "Where the nodes are named")
      ->option_text("FILE");
  app->add_option("--name", options->name, "A node of the manifest")
      ->option_text("NAME");
  app->footer("Migrations are applied once, in order, under a lock. status\n"
              "exits with 1 when the schema is not this build's.\n"
              "\nExamples:\n"
              "  shannon migrate status --dsn postgresql://db/shannon\n"
              "  shannon migrate apply");
  return {app, [options] { return migrate(*options); }};
}

} // namespace shannon::commands
