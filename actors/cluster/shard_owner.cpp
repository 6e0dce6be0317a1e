#include "actors/cluster/shard_owner.hpp"

#include "actors/kit/log.hpp"
#include "protocols/store.hpp"

#include <chrono>

namespace shannon::cluster {

namespace {

using namespace std::chrono_literals;

class shard_owner final : public kit::actor_base {
public:
  shard_owner(caf::actor_config& cfg, shard_owner_args args)
      : actor_base(cfg, args.env, {"shard-owner"}), args_(std::move(args)) {}

  const char* name() const override {
    return "shard-owner";
  }

protected:
  kit::handlers make_handlers() override {
    return {};
  }

  void started() override {
    if (!*args_.claimed)
      claim();
  }

private:
  void claim() {
    ask<store::shards_claimed>(
        {"store"}, store::claim_shards{args_.node}, 10s,
        [this](result<store::shards_claimed> got) {
          if (got) {
            *args_.claimed = true;
            return kit::log::info(
                "shards-claimed", "SHARD OWNER owns its shards",
                {{"shards", got->shards}, {"epoch_max", got->epoch_max}});
          }
          kit::log::warning("claim-delayed", "SHARD OWNER cannot claim shards",
                            {{"reason", got.error().text}});
          after(250ms, [this] { claim(); });
        });
  }

  shard_owner_args args_;
};

} // namespace

caf::actor spawn_shard_owner(caf::local_actor& parent, shard_owner_args args) {
  return parent.spawn<shard_owner>(std::move(args));
}

} // namespace shannon::cluster
