#pragma once

#include "actors/cluster/shard_owner.hpp"
#include "actors/kit/actor_base.hpp"
#include "actors/kit/owned_shards.hpp"
#include "actors/store/event_store.hpp"
#include "actors/store/membership_queries.hpp"
#include "metrics/registry.hpp"
#include "metrics/store_metrics.hpp"
#include "protocols/cluster.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace shannon::test {

/// Stands where the ACTIVATORs are: ends runs when the test says so.
class fake_runs final : public kit::actor_base {
public:
  struct control {
    std::atomic<bool> may_end{true};
    std::atomic<int> asked{0};
    std::atomic<int> gained{0};
  };

  fake_runs(caf::actor_config& cfg, kit::actor_env& shared, control& what)
      : actor_base(cfg, shared, {"workflow"}), control_(what) {}

protected:
  kit::handlers make_handlers() override {
    return {
        kit::on<cluster::shards_gained>([this](auto&, auto& m) {
          control_.gained += static_cast<int>(m.shards.size());
        }),
        kit::on<cluster::finish_runs>([this](auto&, auto& m) {
          for (auto shard : m.shards)
            tell({"shard-owner"}, cluster::shard_quiet{shard});
        }),
        kit::on<cluster::end_lost_runs>([this](auto& mail, auto&) {
          ++control_.asked;
          end(mail);
        }),
    };
  }

private:
  void end(const envelope& mail) {
    if (control_.may_end)
      return reply(mail, cluster::runs_ended{});
    after(std::chrono::milliseconds{5}, [this, mail] { end(mail); });
  }

  control& control_;
};

/// A node of a cluster, as far as membership goes: EVENT STORE, SHARD OWNER and
/// somebody who has runs to end. Its lease is short, so that tests are.
class cluster_node {
public:
  struct options {
    std::string cluster = "test";
    bool owns = true;
    std::uint32_t shards = 64;
    cluster::lease_settings lease{
        std::chrono::milliseconds{900}, std::chrono::milliseconds{300},
        std::chrono::milliseconds{150}, std::chrono::seconds{30}};
    std::chrono::milliseconds settle{400};
    std::chrono::milliseconds exit_after{300'000};
    /// How wrong the wall clock of this machine is.
    std::chrono::hours clock_wrong{0};
    std::vector<std::string> roles{};
    std::string host{};
    std::string link{};
  };

  cluster_node(std::string dsn, std::string name)
      : cluster_node(std::move(dsn), std::move(name), options{}) {}

  cluster_node(std::string dsn, std::string name, options how)
      : dsn_(std::move(dsn)),
        shards(std::make_shared<kit::owned_shards>(how.shards)),
        place(std::make_shared<cluster::place_in_cluster>()) {
    env.shards = shards.get();
    env.now = [wrong = how.clock_wrong] {
      return std::chrono::system_clock::now() + wrong;
    };
    config::store_settings settings;
    settings.dsn = dsn_;
    settings.shards = how.shards;
    settings.readers = 1;
    store_ = store::spawn_store(*owner_.ptr(), {env, settings, counts, shards});
    runs_ = system_.spawn<fake_runs>(env, runs);
    args_ = std::make_unique<cluster::shard_owner_args>(
        cluster::shard_owner_args{env, {}});
    args_->card.name = std::move(name);
    args_->card.cluster = how.cluster;
    args_->card.owns = how.owns;
    args_->card.roles = how.roles;
    args_->card.host = how.host;
    args_->card.link = how.link;
    args_->lease = how.lease;
    args_->settle = how.settle;
    args_->exit_after = how.exit_after;
    args_->shards = shards;
    args_->place = place;
    args_->kinds = {"workflow"};
    args_->end_node = [this](const std::string& why) {
      std::lock_guard guard{mutex_};
      ended_.push_back(why);
    };
    start_owner();
  }

  ~cluster_node() {
    stop_owner();
    for (const auto& one : {runs_, store_})
      caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
    owner_->wait_for(runs_, store_);
    addresses.clear();
  }

  /// Renews no more, and says nothing: as a process that was killed.
  void stop_owner() {
    if (!shard_owner_)
      return;
    caf::anon_send_exit(shard_owner_, caf::exit_reason::user_shutdown);
    owner_->wait_for(shard_owner_);
    shard_owner_ = {};
  }

  void start_owner() {
    shard_owner_ = cluster::spawn_shard_owner(*owner_.ptr(), *args_);
  }

  /// Ends in order.
  result<void> leave() {
    stop_owner();
    return store::leave(dsn_, place->self());
  }

  std::size_t owned() const {
    return shards->holds_lease() ? shards->count() : 0;
  }

  std::vector<std::string> ended() const {
    std::lock_guard guard{mutex_};
    return ended_;
  }

private:
  std::string dsn_;
  mutable std::mutex mutex_;
  std::vector<std::string> ended_;

public:
  std::shared_ptr<kit::owned_shards> shards;
  std::shared_ptr<cluster::place_in_cluster> place;
  fake_runs::control runs;
  metrics::registry registry;
  metrics::store_metrics counts{registry};
  kit::directory addresses;
  kit::actor_env env{addresses};

private:
  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  caf::scoped_actor owner_{system_};
  std::unique_ptr<cluster::shard_owner_args> args_;
  caf::actor store_;
  caf::actor runs_;
  caf::actor shard_owner_;
};

} // namespace shannon::test
