// The bench server: the product's engine, WORKFLOWs, EVENT STORE, SHARD OWNER
// and HTTP server over a private Postgres, behind routes that do nothing but
// start and signal runs (peer_door.hpp says which). Settings are the
// product's, read from SHANNON_* as `shannon up` reads them; only the limits
// per client address are lifted, since one address is all a bench has.
//
//   peer --data DIR --http ADDR:PORT
//
// Prints `ready URL` when it can serve. After a kill the same DIR goes on with
// what was. SIGTERM ends it and its Postgres.

#include "actors/cluster/shard_owner.hpp"
#include "actors/gateway/http/http_server.hpp"
#include "actors/kit/directory.hpp"
#include "actors/kit/io_loop.hpp"
#include "actors/kit/log.hpp"
#include "actors/kit/owned_shards.hpp"
#include "actors/kit/scheduling.hpp"
#include "actors/kit/supervisor.hpp"
#include "actors/store/event_store.hpp"
#include "actors/store/kept_postgres.hpp"
#include "actors/store/migrations.hpp"
#include "actors/store/server_process.hpp"
#include "actors/workflow/workflow.hpp"
#include "nodes/commands/data_dir.hpp"
#include "nodes/commands/start_up.hpp"
#include "nodes/node_metrics.hpp"
#include "tests/bench/peer_door.hpp"
#include "tests/bench/peer_programs.hpp"
#include "tests/bench/peer_tools.hpp"

#include <CLI/CLI.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

using namespace shannon;
using namespace std::chrono_literals;

namespace {

struct parts {
  const config::settings& settings;
  kit::actor_env& env;
  std::shared_ptr<gateway::http_server> server;
  nodes::node_metrics& metrics;
  std::string effects_file;
  std::shared_ptr<kit::owned_shards> shards;
  std::shared_ptr<cluster::place_in_cluster> place;
};

kit::supervisor_spec tree(const parts& p) {
  auto& env = p.env;
  const auto& s = p.settings;
  std::shared_ptr<std::atomic<bool>> claimed{p.place, &p.place->ready};
  store::store_args store{env, s.store, p.metrics.store, p.shards};
  cluster::shard_owner_args shards{env, {}};
  shards.card.name = s.node.name;
  shards.card.cluster = s.cluster;
  shards.lease = {s.membership.lease, s.membership.renew_every,
                  s.membership.margin, s.membership.give_up_after};
  shards.shards = p.shards;
  shards.place = p.place;
  shards.kinds = {"workflow"};
  kit::supervisor_spec root;
  root.name = "root";
  root.restarts_max = 20;
  root.children = {
      {"store",
       [store](auto& parent) { return store::spawn_store(parent, store); }},
      {"shards",
       [shards](auto& parent) {
         return cluster::spawn_shard_owner(parent, shards);
       }},
      {"tool",
       [&env, file = p.effects_file](auto& parent) {
         return bench::spawn_tools(parent, env, file);
       }},
      {"workflows",
       [&env, &s, &m = p.metrics.workflows](auto& parent) {
         return workflow::spawn_workflows(
             parent, {env, s.run, s.llm, m, bench::peer_programs()});
       }},
      {"door",
       [&env, claimed, server = p.server,
        &registry = p.metrics.registry](auto& parent) {
         return bench::spawn_door(parent, {env, server, claimed, registry});
       }},
  };
  return root;
}

/// As in nodes/node.cpp.
struct system_config : caf::actor_system_config {
  explicit system_config(std::uint32_t workers) {
    if (workers == 0)
      workers = std::max(2u, std::thread::hardware_concurrency());
    kit::schedule_on(*this, workers);
  }
};

int serve(const config::settings& settings) {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGTERM);
  sigaddset(&wanted, SIGINT);
  std::signal(SIGPIPE, SIG_IGN);
  nodes::node_metrics metrics{"bench"};
  kit::directory addresses;
  kit::actor_env env{addresses};
  env.metrics = &metrics.actors;
  kit::io_loop ingress{"ingress"};
  auto server = gateway::http_server::listen(ingress, settings.http);
  if (!server) {
    std::fprintf(stderr, "peer: %s\n", server.error().text.c_str());
    return 1;
  }
  const char* effects = std::getenv("EFFECTS");
  auto shards = std::make_shared<kit::owned_shards>(settings.store.shards);
  auto place = std::make_shared<cluster::place_in_cluster>();
  env.shards = shards.get();
  {
    system_config config{settings.node.workers};
    caf::actor_system system{config};
    system.await_actors_before_shutdown(false);
    auto root
        = kit::spawn_supervisor(system, env,
                                tree({settings, env, *server, metrics,
                                      effects ? effects : "", shards, place}));
    std::atomic<bool> ended{false};
    root->attach_functor([&ended] { ended = true; });
    bool told = false;
    timespec tick{0, 10'000'000};
    while (!ended && sigtimedwait(&wanted, nullptr, &tick) < 0) {
      if (!place->ready || std::exchange(told, true))
        continue;
      std::printf("ready http://%s\n", (*server)->local_address().c_str());
      std::fflush(stdout);
      tick.tv_nsec = 100'000'000;
    }
    (*server)->stop_accepting();
    caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
    caf::scoped_actor waiter{system};
    waiter->wait_for(root);
    (*server)->stop();
    addresses.clear();
  }
  ingress.stop();
  return 0;
}

int run(const std::string& dir, const std::string& http) {
  auto fail = [](const error& why) {
    std::fprintf(stderr, "peer: %s\n", why.text.c_str());
    return 1;
  };
  auto settings = commands::read_settings({}, {});
  if (!settings)
    return fail(settings.error());
  settings->http.listen = http;
  settings->http.admin_listen = "127.0.0.1:0";
  settings->http.connections_per_ip_max = settings->http.connections_max;
  auto data = commands::data_dir::hold(dir);
  if (!data)
    return fail(data.error());
  commands::start_signals signals;
  kit::log::open(settings->node.name, kit::log::level::info);
  std::optional<store::kept_postgres> postgres;
  if (settings->store.dsn.empty()) {
    store::private_postgres_options options;
    options.dir = data->path();
    options.go_on = [&signals] { return !signals.came(); };
    auto started = store::kept_postgres::start(std::move(options));
    if (!started)
      return fail(started.error());
    postgres.emplace(std::move(*started));
    settings->store.dsn = postgres->dsn();
  }
  if (auto applied = store::migrate(settings->store.dsn); !applied)
    return fail(applied.error());
  signals.hand_over();
  auto code = signals.came() ? 0 : serve(*settings);
  kit::log::close();
  return code;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"Serves durable workflows for the benches"};
  std::string data;
  std::string http = "127.0.0.1:0";
  app.add_option("--data", data, "Where all data is kept")->required();
  app.add_option("--http", http, "Serve here; port 0 takes any free one");
  CLI11_PARSE(app, argc, argv);
  return run(data, http);
}
