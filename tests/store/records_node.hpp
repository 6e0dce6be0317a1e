#pragma once

#include "actors/kit/actor_base.hpp"
#include "actors/store/records/record_store.hpp"
#include "metrics/registry.hpp"
#include "metrics/store_metrics.hpp"
#include "tests/store/store_client.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace shannon::test {

/// A node with nothing but a RECORD STORE over a real database.
class records_node {
public:
  records_node(const std::string& dsn,
               std::vector<store::records::subject> subjects,
               config::store_settings settings = {}) {
    settings.dsn = dsn;
    store_ = store::spawn_record_store(
        *owner_.ptr(), {env, settings, counts, std::move(subjects)});
    std::promise<std::function<void(kit::job)>> ready;
    auto posted = ready.get_future();
    asker_ = system_.spawn<asking_actor>(env, "asker", ready);
    post_ = posted.get();
  }

  ~records_node() {
    caf::anon_send_exit(asker_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(store_, caf::exit_reason::user_shutdown);
    owner_->wait_for(store_, asker_);
    addresses.clear();
  }

  template <class Answer>
  std::future<result<Answer>> start(message_body what,
                                    std::chrono::milliseconds timeout
                                    = std::chrono::milliseconds{60'000}) {
    auto promise = std::make_shared<std::promise<result<Answer>>>();
    auto future = promise->get_future();
    auto* self = caf::actor_cast<asking_actor*>(asker_);
    post_([self, promise, timeout, what = std::move(what)] {
      self->ask<Answer>({"records"}, what, timeout, [promise](auto got) {
        promise->set_value(std::move(got));
      });
    });
    return future;
  }

  template <class Answer>
  result<Answer> ask(message_body what) {
    return start<Answer>(std::move(what)).get();
  }

  metrics::registry registry;
  metrics::store_metrics counts{registry};
  kit::directory addresses;
  kit::actor_env env{addresses};

private:
  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  caf::scoped_actor owner_{system_};
  caf::actor store_;
  caf::actor asker_;
  std::function<void(kit::job)> post_;
};

} // namespace shannon::test
