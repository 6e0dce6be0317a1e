#pragma once

#include "actors/gateway/gateway.hpp"
#include "actors/kit/actor_base.hpp"
#include "actors/kit/directory.hpp"
#include "actors/kit/io_loop.hpp"
#include "tests/gateway/fake_records.hpp"
#include "tests/gateway/fake_runs.hpp"
#include "tests/gateway/raw_client.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace shannon::test {

/// Settings with free ports and short deadlines.
config::http_settings quick_settings();

/// A GATEWAY on real sockets over fake WORKFLOWs and a fake EVENT STORE.
class gateway_fixture {
public:
  explicit gateway_fixture(config::http_settings settings = quick_settings(),
                           bool serves_api = true, std::string redis_url = {},
                           config::tool_settings files = {});
  ~gateway_fixture();

  raw_client client() {
    return raw_client{server->port()};
  }
  raw_client admin_client() {
    return raw_client{server->admin_port()};
  }

  /// One request on a connection of its own.
  raw_response ask(const std::string& request, bool has_body = true);

  /// Ends GATEWAY and waits for its end.
  void end_gateway();
  void start_gateway();
  /// What GATEWAY is told when its node ends in order.
  void drain_gateway();

  using answerer = std::function<result<message_body>(const envelope&)>;
  /// Somebody who stands at `address` and answers everything like that; an
  /// empty body is no answer yet.
  void stand_in(const std::string& address, answerer how);
  /// Real actors beside it: `start` is given who starts them, and returns the
  /// one that is ended, with all below it, when this ends.
  template <class Start>
  void host(Start start) {
    caf::scoped_actor parent{*system_};
    stand_ins_.push_back(start(*parent.ptr()));
  }

  fake_runs runs;
  fake_records records;
  kit::directory addresses;
  kit::actor_env env{addresses};
  metrics::registry registry;
  metrics::gateway_metrics metrics{registry};

private:
  struct config_type : caf::actor_system_config {
    config_type();
  };

  config::http_settings settings_;
  bool serves_api_;
  std::string redis_url_;
  config::tool_settings files_;
  kit::io_loop loop_{"ingress"};

public:
  std::shared_ptr<gateway::http_server> server;

private:
  config_type config_;
  std::unique_ptr<caf::actor_system> system_;
  caf::actor gateway_;
  std::vector<caf::actor> stand_ins_;

public:
  fake_actors fakes;
};

/// Looks until `what` holds; false if it does not within ten seconds.
bool eventually(const std::function<bool()>& what);

} // namespace shannon::test
