#pragma once

#include "actors/kit/actor_base.hpp"
#include "actors/kit/owned_shards.hpp"
#include "actors/store/event_store.hpp"
#include "actors/store/pg_connection.hpp"
#include "metrics/registry.hpp"
#include "metrics/store_metrics.hpp"
#include "protocols/checksum.hpp"
#include "protocols/cluster.hpp"
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
#include <vector>

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
                      std::shared_ptr<kit::owned_shards> claimed = {})
      : owned(claimed ? std::move(claimed)
                      : std::make_shared<kit::owned_shards>(settings.shards)),
        dsn_(dsn) {
    settings.dsn = dsn;
    store::store_args args{env, settings, counts, owned};
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

  /// Joins and takes all shards that it can have, for ever; whoever was there
  /// before counts as dead.
  result<cluster::shards_changed> claim(const std::string& name = "n1") {
    auto wishes = wish(name);
    if (!wishes)
      return tl::unexpected<error>{wishes.error()};
    auto got = ask<cluster::shards_changed>(std::move(*wishes));
    if (got)
      take(*got);
    return got;
  }

  /// The claim of all shards, ready to be sent.
  result<cluster::claim_shards> wish(const std::string& name) {
    auto others_end = store::pg_connection::open({dsn_}).and_then(
        [](store::pg_connection db) {
          return db.exec("update nodes set expires_at = now()");
        });
    if (!others_end)
      return tl::unexpected<error>{others_end.error()};
    cluster::node_card card;
    card.name = name;
    card.cluster = cluster;
    auto self = ask<cluster::joined>(
        cluster::join{card, std::chrono::hours{1}, std::chrono::seconds{1}});
    if (!self)
      return tl::unexpected<error>{self.error()};
    auto rows = ask<cluster::shard_rows>(cluster::read_shards{});
    if (!rows)
      return tl::unexpected<error>{rows.error()};
    cluster::claim_shards out{self->self, {}};
    for (std::uint32_t shard = 0; shard < rows->rows.size(); ++shard)
      out.wishes.push_back({shard, rows->rows[shard].epoch});
    return out;
  }

  void take(const cluster::shards_changed& granted) {
    std::vector<kit::owned_shards::place> places;
    for (const auto& [shard, epoch] : granted.shards)
      places.push_back({shard, epoch});
    owned->gain(places);
    owned->hold_until(kit::owned_shards::clock::time_point::max());
  }

  const caf::actor& store() const {
    return store_;
  }
  caf::scoped_actor& owner() {
    return owner_;
  }

  std::string cluster = "test";
  std::shared_ptr<kit::owned_shards> owned;
  metrics::registry registry;
  metrics::store_metrics counts{registry};
  kit::directory addresses;
  kit::actor_env env{addresses};

private:
  std::string dsn_;
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
