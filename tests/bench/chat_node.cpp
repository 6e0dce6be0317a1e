// chat_node: what of a node is on the way from a client to a model, and nothing
// else: GATEWAY, DISPATCHER, GRANTOR and the role `llm`, with the settings that
// the environment gives, the metrics and the roster of a node, and no database.
// Prints `ready http://HOST:PORT`; ends by a signal.

#include "actors/dispatch/dispatcher.hpp"
#include "actors/dispatch/grantor.hpp"
#include "actors/gateway/gateway.hpp"
#include "actors/gateway/http/http_server.hpp"
#include "actors/kit/io_loop.hpp"
#include "actors/kit/roster.hpp"
#include "actors/kit/scheduling.hpp"
#include "actors/llm/llm.hpp"
#include "config/settings.hpp"
#include "metrics/actor_metrics.hpp"
#include "metrics/dispatch_metrics.hpp"
#include "protocols/cluster.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <unistd.h>

using namespace shannon;

namespace {

struct system_config : caf::actor_system_config {
  system_config() {
    kit::schedule_on(*this, 2);
  }
};

/// As the node's SHARD OWNER tells it.
void tell_members(kit::directory& addresses) {
  cluster::members_changed news;
  news.self = node_id{"n1#1"};
  cluster::member self;
  self.id = news.self;
  self.roles = {"llm"};
  news.members.push_back(self);
  envelope mail;
  mail.to = {"llm"};
  mail.body = message_body{std::move(news)};
  addresses.deliver(std::make_shared<const envelope>(std::move(mail)));
}

} // namespace

int main() {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGTERM);
  sigaddset(&wanted, SIGINT);
  pthread_sigmask(SIG_BLOCK, &wanted, nullptr);
  auto settings = config::from_environment({});
  if (!settings) {
    std::fprintf(stderr, "%s\n", settings.error().text.c_str());
    return 1;
  }
  settings->http.dev = true; // Credentials are looked up in a database.
  metrics::registry registry;
  metrics::actor_metrics of_actors{registry};
  metrics::gateway_metrics of_gateway{registry};
  metrics::dispatch_metrics of_dispatch{registry};
  metrics::llm_metrics of_llm{registry};
  kit::directory addresses;
  kit::roster actors;
  kit::actor_env env{addresses};
  env.actors = &actors;
  env.metrics = &of_actors;
  kit::io_loop egress{"egress"};
  kit::io_loop ingress{"ingress"};
  auto server = gateway::http_server::listen(ingress, settings->http);
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().text.c_str());
    return 1;
  }
  system_config how;
  caf::actor_system system{how};
  caf::scoped_actor parent{system};
  llm::spawn_llm(*parent.ptr(), {env, settings->llm, egress, of_llm});
  dispatch::spawn_grantor(*parent.ptr(),
                          {env, "llm", settings->llm.concurrent_calls_max});
  dispatch::spawn_dispatcher(*parent.ptr(), {env, "llm", of_dispatch});
  gateway::spawn_gateway(
      *parent.ptr(), {env,
                      settings->http,
                      settings->identity,
                      {std::string(32, 'p'), {{"k1", std::string(32, 'k')}}},
                      *server,
                      of_gateway,
                      registry});
  tell_members(addresses);
  std::printf("ready http://%s\n", (*server)->local_address().c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&wanted, &signal);
  _exit(0); // There is nothing to keep.
}
