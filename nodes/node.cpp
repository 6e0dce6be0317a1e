#include "nodes/node.hpp"

#include "actors/cluster/mail_router.hpp"
#include "actors/gateway/identity/secrets.hpp"
#include "actors/kit/directory.hpp"
#include "actors/kit/io_loop.hpp"
#include "actors/kit/log.hpp"
#include "actors/kit/owned_shards.hpp"
#include "actors/kit/roster.hpp"
#include "actors/kit/scheduling.hpp"
#include "actors/kit/supervisor.hpp"
#include "actors/link/link_hub.hpp"
#include "actors/store/membership_queries.hpp"
#include "nodes/drainer.hpp"
#include "nodes/node_metrics.hpp"
#include "nodes/ready_watch.hpp"
#include "nodes/redis_probe.hpp"
#include "nodes/tree.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <thread>
#include <unistd.h>

namespace shannon::nodes {

namespace {

using namespace std::chrono_literals;

constexpr int exit_ok = 0;
constexpr int exit_failure = 1;
constexpr int exit_unavailable = 6;

/// How long a node may take from its start until it can serve.
constexpr auto start_patience = 30s;

void say(const std::string& line) {
  std::fprintf(stderr, "shannon: %s\n", line.c_str());
}

/// Signals are waited for by one thread; every other inherits this mask.
sigset_t block_signals() {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGTERM);
  sigaddset(&wanted, SIGINT);
  pthread_sigmask(SIG_BLOCK, &wanted, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return wanted;
}

struct system_config : caf::actor_system_config {
  explicit system_config(std::uint32_t workers) {
    if (workers == 0)
      workers = std::max(2u, std::thread::hardware_concurrency());
    kit::schedule_on(*this, workers);
  }
};

/// Ends the process if an orderly end takes too long.
class watchdog {
public:
  watchdog(std::chrono::milliseconds patience, int code,
           std::function<void()> last_resort)
      : thread_{[this, patience, code, last_resort] {
          for (auto gone = 0ms; gone < patience; gone += 50ms) {
            if (done_)
              return;
            std::this_thread::sleep_for(50ms);
          }
          say("end takes too long, leaving at once");
          if (last_resort)
            last_resort();
          _exit(code);
        }} {}
  ~watchdog() {
    done_ = true;
    thread_.join();
  }

private:
  std::atomic<bool> done_{false};
  std::thread thread_;
};

enum class ended : std::uint8_t { no, by_tree, not_ready, by_cluster };

/// What is left after a drain is quick, or stuck.
constexpr auto end_patience = 8s;
constexpr std::chrono::milliseconds answer_patience{1'500};

/// A second signal cuts it short.
void drain(caf::actor_system& system, kit::actor_env& env,
           const config::settings& settings, const sigset_t& signals) {
  kit::log::info("node-draining", "node takes nothing new", {});
  std::atomic<bool> done{false};
  drainer_args args{env};
  args.notice = settings.node.drain_notice;
  args.patience = settings.node.drain_timeout;
  args.parts = parts_to_drain(settings);
  args.done = [&done] { done = true; };
  auto who = spawn_drainer(system, std::move(args));
  timespec tick{0, 10'000'000};
  while (!done && sigtimedwait(&signals, nullptr, &tick) < 0) {
  }
  caf::anon_send_exit(who, caf::exit_reason::user_shutdown);
  caf::scoped_actor waiter{system};
  waiter->wait_for(who);
}

/// Ready is whoever a client reaches, too: GATEWAY begins after the server.
inspector::probe served_probe(std::shared_ptr<gateway::http_server> server) {
  return {"http", [server = std::move(server)](const auto& then) {
            auto ok = server->is_served();
            then({"http", ok, ok ? "ok" : "no GATEWAY serves yet"});
          }};
}

/// What credentials are checked with. Only a node that serves clients needs
/// it; with --dev and no file it is made up, and gone with the process.
result<gateway::identity_secrets>
secrets_for(const config::settings& settings) {
  const auto& roles = settings.node.roles;
  auto serves
      = roles.empty()
        || std::find(roles.begin(), roles.end(), "gateway") != roles.end();
  if (!serves)
    return gateway::identity_secrets{};
  const auto& file = settings.identity.secrets_file;
  if (!file.empty())
    return gateway::read_secrets(file);
  if (settings.http.dev)
    return gateway::parse_secrets(gateway::fresh_secrets());
  return fail(errc::invalid_argument,
              "identity.secrets_file is not set: name the file that "
              "credentials are checked with (`shannon keys secrets FILE` makes "
              "one), or serve without credentials on loopback with --dev");
}

/// Nobody should find out later.
void tell_dev(const config::settings& settings) {
  if (!settings.http.dev)
    return;
  say("--dev: EVERYBODY ON THIS MACHINE MAY DO EVERYTHING at "
      + settings.http.listen + "; no credential is asked for");
  kit::log::warning("dev-mode",
                    "node serves without credentials, to this machine only",
                    {{"listen", settings.http.listen}});
}

} // namespace

result<void> check_dev(const config::http_settings& http) {
  if (!http.dev)
    return {};
  auto where = config::parse_endpoint(http.listen);
  if (where && config::is_loopback(*where))
    return {};
  return fail(errc::invalid_argument,
              "--dev serves without credentials and so listens on loopback "
              "only, found http.listen "
                  + http.listen + ": listen on 127.0.0.1, or leave --dev out");
}

int run_node(const config::settings& settings,
             std::function<void(const node_urls&)> ready,
             std::function<void()> last_resort) {
  auto wanted = block_signals();
  kit::log::open(settings.node.name, kit::log::level::info);
  auto secrets = check_dev(settings.http).and_then([&] {
    return secrets_for(settings);
  });
  if (!secrets) {
    say(secrets.error().text);
    kit::log::close();
    return exit_failure;
  }
  tell_dev(settings);
  if (settings.insecure)
    kit::log::warning("insecure",
                      "node may be reached from elsewhere without encryption",
                      {{"http", settings.http.listen},
                       {"admin", settings.http.admin_listen},
                       {"link", settings.link.listen}});
  node_metrics metrics{SHANNON_VERSION};
  kit::directory addresses;
  kit::roster actors;
  kit::actor_env env{addresses};
  env.actors = &actors;
  env.metrics = &metrics.actors;
  env.mailbox_max = settings.node.mailbox_max;
  auto shards = std::make_shared<kit::owned_shards>(settings.store.shards);
  auto place = std::make_shared<cluster::place_in_cluster>();
  env.shards = shards.get();
  redis_probe redis{settings.redis_url};
  kit::io_loop egress{"egress"};
  kit::io_loop browsing{"browser"};
  kit::io_loop ingress{"ingress"};

  auto server
      = gateway::http_server::listen(ingress, settings.http, settings.insecure);
  if (!server) {
    say(server.error().text);
    kit::log::close();
    return exit_failure;
  }

  kit::io_loop linking{"links"};
  std::shared_ptr<link::link_hub> links;
  if (!settings.link.listen.empty()) {
    auto hub = link::link_hub::listen(
        linking, {settings.cluster, settings.node.name, settings.node.host,
                  SHANNON_VERSION, settings.link, settings.tls,
                  settings.insecure, addresses, metrics.links});
    if (!hub) {
      say(hub.error().text);
      kit::log::close();
      return exit_failure;
    }
    links = std::move(*hub);
    addresses.route_by(std::make_shared<cluster::mail_router>(
        shards, std::vector<std::string>{"workflow", "schedule", "agent"},
        [&links](const node_id& process, const envelope_ptr& mail) {
          return links->send(process, mail);
        }));
  }

  std::atomic<ended> end{ended::no};
  std::string why;
  // The first who has a reason ends the node.
  std::atomic<bool> told{false};
  auto end_node = [&](ended how, const std::string& text) {
    if (told.exchange(true))
      return;
    why = text;
    end = how;
  };
  int code = exit_ok;
  {
    system_config config{settings.node.workers};
    caf::actor_system system{config};
    system.await_actors_before_shutdown(false);
    auto root = kit::spawn_supervisor(
        system, env,
        node_tree({settings,
                   env,
                   egress,
                   browsing,
                   *server,
                   metrics,
                   shards,
                   place,
                   [&](const std::string& text) {
                     end_node(ended::by_cluster, text);
                   },
                   {redis.probe(), served_probe(*server)},
                   links,
                   // As a signal from outside.
                   [] { ::kill(::getpid(), SIGTERM); },
                   std::move(*secrets)}));
    root->attach_functor([&end] {
      auto none = ended::no;
      end.compare_exchange_strong(none, ended::by_tree);
    });
    node_urls urls{"http://" + (*server)->local_address(),
                   "http://" + (*server)->admin_address()};
    auto watch = spawn_ready_watch(
        system,
        {env, start_patience, [&] { ready(urls); },
         [&] { return shards->holds_lease() && !place->ready; },
         [&](const std::string& text) { end_node(ended::not_ready, text); }});

    // A signal is heard at once; only a node that gives up waits for the tick.
    timespec tick{0, 250'000'000};
    while (end == ended::no && sigtimedwait(&wanted, nullptr, &tick) < 0) {
    }
    if (end == ended::by_tree) {
      say("the supervision tree has given up; see the log above");
      code = exit_failure;
    } else if (end == ended::by_cluster) {
      say(why);
      code = exit_failure;
    } else if (end == ended::not_ready) {
      say("not ready after 30 s: " + why);
      code = exit_unavailable;
    }
    if (end == ended::no) {
      place->ends = true;
      drain(system, env, settings, wanted);
    }
    kit::log::info("node-stopping", "node ends what it started", {});
    watchdog guard{end_patience, code, last_resort};
    (*server)->stop_accepting();
    // Whoever has asked is answered; an end without a drain is in a hurry.
    for (auto left = code == exit_ok ? answer_patience : 0ms;
         left > 0ms && (*server)->under_way() > 0; left -= 10ms)
      std::this_thread::sleep_for(10ms);
    caf::anon_send_exit(watch, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
    caf::scoped_actor waiter{system};
    waiter->wait_for(root);
    (*server)->stop();
    if (links)
      links->stop();
    addresses.clear();
    // Nothing is written any more: others may have the shards at once.
    if (auto self = place->self(); !self.empty())
      if (auto gone = store::leave(settings.store.dsn, self); !gone)
        kit::log::warning("leave-failed", "others wait for the lease to end",
                          {{"reason", gone.error().text}});
  }
  egress.stop();
  browsing.stop();
  ingress.stop();
  linking.stop();
  kit::log::info("node-stopped", "node has ended", {{"code", code}});
  kit::log::close();
  return code;
}

} // namespace shannon::nodes
