#pragma once

#include "actors/kit/actor_base.hpp"
#include "actors/kit/io_loop.hpp"
#include "actors/llm/llm.hpp"
#include "metrics/llm_metrics.hpp"
#include "protocols/remote/llm.pb.h"
#include "tests/llm/straight_listener.hpp"
#include "tests/upstream/server.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace shannon::test {

using namespace std::chrono_literals;

/// The role `llm` with real sockets, and the scripted upstream behind it, in
/// this process.
class llm_fixture {
public:
  using variables = std::map<std::string, std::string>;

  /// Both providers are there unless `more` empties their variables.
  explicit llm_fixture(config::llm_settings settings = {}, variables more = {});
  ~llm_fixture();

  /// A call with this text from the user, ready to be changed.
  static remote::LlmCall call(const std::string& text,
                              const std::string& provider = "openai");

  /// Asks the LLM ROUTER; the future holds its answer or refusal.
  std::future<result<remote::LlmResponse>> begin(remote::LlmCall call);
  /// The same, and waits.
  result<remote::LlmResponse> ask(remote::LlmCall call);

  void cancel(const std::string& attempt_key);

  /// Offers it straight to the LLM ROUTER, on the loop of its sockets. With a
  /// listener that has not begun it was left.
  std::shared_ptr<straight_listener>
  offer(remote::LlmCall call, std::chrono::milliseconds within = 60s,
        std::shared_ptr<void> place = nullptr);
  /// Ends it as a client that goes away does.
  void cancel(const std::shared_ptr<straight_listener>& one);

  /// An EVENT STORE stands by, with these bodies of the tenant `t`, by hash.
  void keep_bodies(std::map<std::string, std::string> bodies);
  remote::ModelList models();

  /// What came as deltas so far.
  std::vector<remote::LlmDelta> deltas();

  std::vector<upstream::ledger_entry> seen() {
    return server_->seen();
  }
  /// Connections the upstream accepted.
  int connections() {
    return server_->connections();
  }
  /// Waits until the ledger shows what `is_there` looks for.
  bool await_seen(
      const std::function<bool(const std::vector<upstream::ledger_entry>&)>&
          is_there);

  /// Ends the actor at this address, as a fault would.
  void crash(const std::string& address);

  kit::directory addresses;
  kit::actor_env env{addresses};
  metrics::registry registry;
  metrics::llm_metrics metrics{registry};

private:
  class prober;
  class bodies_store;

  kit::io_loop far_{"upstream"};
  kit::io_loop near_{"sockets"};
  std::unique_ptr<upstream::server> server_;
  std::mutex mutex_;
  std::vector<remote::LlmDelta> deltas_;
  std::function<void(kit::job)> post_;
  prober* prober_ = nullptr;
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  caf::actor prober_handle_;
  caf::actor tree_;
  caf::actor bodies_;
};

} // namespace shannon::test
