#include "nodes/drainer.hpp"

#include "actors/kit/log.hpp"
#include "protocols/cluster.hpp"

#include <utility>

namespace shannon::nodes {

namespace {

class drainer final : public kit::actor_base {
public:
  drainer(caf::actor_config& cfg, drainer_args args)
      : actor_base(cfg, args.env, {"drainer"}), args_(std::move(args)) {}

  const char* name() const override {
    return "drainer";
  }

protected:
  kit::handlers make_handlers() override {
    return {};
  }

  void started() override {
    after(args_.notice, [this] { drain(); });
  }

private:
  void drain() {
    left_ = args_.parts.size() + 1;
    for (const auto& part : args_.parts)
      ask<cluster::drained>(
          {part}, cluster::drain{args_.patience}, args_.patience,
          [this, part](const result<cluster::drained>& got) {
            if (!got && got.error().code == errc::timeout)
              kit::log::warning("drain-cut", "something was still under way",
                                {{"part", part}});
            ended();
          });
    ended();
  }

  void ended() {
    if (--left_ == 0)
      args_.done();
  }

  drainer_args args_;
  std::size_t left_ = 0;
};

} // namespace

caf::actor spawn_drainer(caf::actor_system& system, drainer_args args) {
  return system.spawn<drainer>(std::move(args));
}

} // namespace shannon::nodes
