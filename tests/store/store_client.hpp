#pragma once

#include "actors/kit/actor_base.hpp"
#include "actors/store/event_store.hpp"
#include "metrics/registry.hpp"
#include "metrics/store_metrics.hpp"
#include "protocols/checksum.hpp"
#include "protocols/store.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <utility>

namespace shannon::test {

/// Turns asks into futures: one actor that asks for whoever calls.
class asking_actor final : public kit::actor_base {
public:
  asking_actor(caf::actor_config& cfg, kit::actor_env& shared, std::string name,
               std::promise<std::function<void(kit::job)>>& ready)
      : actor_base(cfg, shared, {std::move(name)}, 1'000'000), ready_(ready) {}

  using actor_base::ask;

protected:
  kit::handlers make_handlers() override {
    return {};
  }
  void started() override {
    ready_.set_value(poster());
  }

private:
  std::promise<std::function<void(kit::job)>>& ready_;
};

/// A node with nothing but an EVENT STORE over a real database.
class store_node {
public:
  /// With `claimed` of another it appends under the same claim.
  explicit store_node(const std::string& dsn,
                      config::store_settings settings = {},
                      std::shared_ptr<store::shard_epochs> claimed
                      = std::make_shared<store::shard_epochs>())
      : epochs{std::move(claimed)} {
    settings.dsn = dsn;
    store::store_args args{env, settings, counts, epochs};
    store_ = store::spawn_store(*owner_.ptr(), std::move(args));
    std::promise<std::function<void(kit::job)>> ready;
    auto posted = ready.get_future();
    asker_ = system_.spawn<asking_actor>(env, "asker", ready);
    post_ = posted.get();
  }

  ~store_node() {
    caf::anon_send_exit(asker_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(store_, caf::exit_reason::user_shutdown);
    owner_->wait_for(store_, asker_);
    addresses.clear();
  }

  template <class Answer>
  std::future<result<Answer>> start(message_body what,
                                    std::chrono::milliseconds timeout
                                    = std::chrono::milliseconds{30'000}) {
    auto promise = std::make_shared<std::promise<result<Answer>>>();
    auto future = promise->get_future();
    auto* self = caf::actor_cast<asking_actor*>(asker_);
    post_([self, promise, timeout, what = std::move(what)] {
      self->ask<Answer>({"store"}, what, timeout, [promise](auto got) {
        promise->set_value(std::move(got));
      });
    });
    return future;
  }

  template <class Answer>
  result<Answer> ask(message_body what) {
    return start<Answer>(std::move(what)).get();
  }

  result<store::shards_claimed> claim(const std::string& name = "n1") {
    return ask<store::shards_claimed>(store::claim_shards{node_id{name}});
  }

  const caf::actor& store() const {
    return store_;
  }
  caf::scoped_actor& owner() {
    return owner_;
  }

  metrics::registry registry;
  metrics::store_metrics counts{registry};
  kit::directory addresses;
  kit::actor_env env{addresses};
  std::shared_ptr<store::shard_epochs> epochs;

private:
  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  caf::scoped_actor owner_{system_};
  caf::actor store_;
  caf::actor asker_;
  std::function<void(kit::job)> post_;
};

inline store::append birth_of(const std::string& log,
                              const std::string& fact = "born") {
  store::append out;
  out.log = log_id{log};
  out.birth = store::log_birth{"workflow", log_id{}, tenant_id{"acme"},
                               user_id{"ann"}, session_id{"s1"}};
  out.facts = {fact};
  return out;
}

inline store::append next_of(const std::string& log, store::log_tail tail,
                             const std::string& fact) {
  store::append out;
  out.log = log_id{log};
  out.expected = tail;
  out.facts = {fact};
  return out;
}

inline std::string hash_of(char fill) {
  return std::string(32, fill);
}

} // namespace shannon::test
