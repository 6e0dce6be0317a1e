#include "actors/kit/log.hpp"
#include "actors/store/kept_postgres.hpp"
#include "actors/store/migrations.hpp"
#include "nodes/commands/data_dir.hpp"
#include "nodes/commands/noted_node.hpp"
#include "nodes/commands/server_commands.hpp"
#include "nodes/commands/start_up.hpp"
#include "nodes/commands/terminal.hpp"
#include "nodes/services/private_redis.hpp"

#include <cstdio>
#include <memory>
#include <optional>
#include <unistd.h>
#include <utility>

namespace shannon::commands {

namespace {

struct up_options {
  std::string data = ".shannon";
  std::string http;
  std::string admin;
  std::string manifest;
  std::string name;
  bool dev = false;
};

/// What a person who looks on wants to know about a start that takes time.
void progress(const char* what) {
  terminal talk{STDERR_FILENO};
  if (talk.interactive())
    std::fprintf(stderr, "%s\n", talk.dim(what).c_str());
}

/// The options win over the environment, and that over the manifest.
result<config::settings> settings_of(const up_options& options) {
  auto settings = read_settings(options.manifest, options.name);
  if (!settings)
    return settings;
  if (!options.http.empty())
    settings->http.listen = options.http;
  if (!options.admin.empty())
    settings->http.admin_listen = options.admin;
  settings->http.dev = options.dev;
  return settings;
}

/// A database of our own unless one is named, with this build's schema.
result<void> prepare_database(const std::string& data,
                              const start_signals& signals,
                              config::store_settings& store,
                              std::optional<store::kept_postgres>& ours) {
  if (store.dsn.empty()) {
    progress("starting the private database");
    store::private_postgres_options options;
    options.dir = data;
    options.go_on = [&signals] { return !signals.came(); };
    auto started = store::kept_postgres::start(std::move(options));
    if (!started)
      return tl::unexpected(started.error());
    ours.emplace(std::move(*started));
    store.dsn = ours->dsn();
  }
  if (auto applied = store::migrate(store.dsn); !applied)
    return tl::unexpected(applied.error());
  return {};
}

/// A Redis of our own unless one is named. Without any, only comfort is lost.
void prepare_redis(const std::string& data, std::string& url,
                   std::optional<services::private_redis>& ours) {
  if (!url.empty())
    return;
  progress("starting the private Redis");
  auto started = services::private_redis::start({data});
  if (!started) {
    kit::log::warning("redis-absent", started.error().text);
    return;
  }
  ours.emplace(std::move(*started));
  url = ours->url();
}

exit_code up(const up_options& options) {
  for (const auto& text : {options.http, options.admin})
    if (!text.empty())
      if (auto where = config::parse_endpoint(text); !where)
        return report(where.error());
  auto settings = settings_of(options);
  if (!settings)
    return report_start(settings.error());
  auto data = data_dir::hold(options.data);
  if (!data)
    return report_start(data.error());
  // Unless somebody chose another place, all that `up` writes is in one.
  if (settings->tool.workspace_dir == config::tool_settings{}.workspace_dir)
    settings->tool.workspace_dir = data->path() + "/workspaces";
  if (settings->tool.memory_dir == config::tool_settings{}.memory_dir)
    settings->tool.memory_dir = data->path() + "/memory";
  if (auto free = check_listeners(settings->http); !free)
    return report_start(free.error());
  if (auto there = own_secrets(data->path(), settings->identity); !there)
    return report_start(there.error());

  start_signals signals;
  kit::log::open(settings->node.name, kit::log::level::info);
  std::optional<store::kept_postgres> postgres;
  auto ready
      = prepare_database(data->path(), signals, settings->store, postgres);
  std::optional<services::private_redis> redis;
  if (ready && !signals.came())
    prepare_redis(data->path(), settings->redis_url, redis);
  signals.hand_over();
  if (signals.came())
    return exit_code::ok;
  if (!ready)
    return report_start(ready.error());
  auto code = serve(
      *settings,
      [&] {
        if (postgres)
          postgres->stop();
        if (redis)
          redis->stop();
      },
      [&](const nodes::node_urls& urls) { note_node(data->path(), urls); });
  forget_node(data->path());
  return code;
}

} // namespace

declared declare_up(CLI::App& root, const global_options&) {
  auto options = std::make_shared<up_options>();
  auto* app = root.add_subcommand("up", "Run a node with all it needs");
  app->add_option("--data", options->data,
                  "Where all data is kept (.shannon); one\n"
                  "process at a time")
      ->option_text("DIR");
  app->add_option("--http", options->http,
                  "Serve the API here (127.0.0.1:8080);\n"
                  "port 0 takes any free one")
      ->option_text("ADDR:PORT");
  app->add_option("--admin", options->admin,
                  "Serve health and metrics here\n"
                  "(127.0.0.1:8081)")
      ->option_text("ADDR:PORT");
  app->add_flag("--dev", options->dev,
                "Serve without credentials, to this machine\n"
                "only");
  app->add_option("--manifest", options->manifest, "Settings; see config/")
      ->option_text("FILE");
  app->add_option("--name", options->name,
                  "The manifest's node, if it has several")
      ->option_text("NAME");
  app->footer(
      "Stays in the foreground and prints \"ready URL\" on stdout when\n"
      "it can serve. Starts a private PostgreSQL and a private Redis\n"
      "unless SHANNON_DATABASE_URL and SHANNON_REDIS_URL, or the\n"
      "manifest, name others; a PostgreSQL of its own that dies is started\n"
      "again. SIGTERM ends all it started.\n"
      "Clients need an API key, which shannon keys create makes, unless\n"
      "--dev lets everybody on this machine in.\n"
      "\nExamples:\n"
      "  shannon up --dev\n"
      "  shannon up --data /var/lib/shannon --http 0.0.0.0:8080\n"
      "  SHANNON_DATABASE_URL=postgresql://db/shannon shannon up");
  return {app, [options] { return up(*options); }};
}

} // namespace shannon::commands
