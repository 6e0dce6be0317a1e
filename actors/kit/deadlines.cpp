#include "actors/kit/deadlines.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace shannon::kit {

namespace {

constexpr std::chrono::milliseconds grain{20};

} // namespace

class deadlines::host final : public caf::event_based_actor {
public:
  host(caf::actor_config& cfg, deadlines* owner)
      : caf::event_based_actor(cfg), owner_(owner) {}

  const char* name() const override {
    return "deadlines";
  }

protected:
  caf::behavior make_behavior() override {
    return {[this](sweep_atom, slot which) { owner_->fire(which); }};
  }

private:
  deadlines* owner_;
};

void deadlines::wake(caf::local_actor& who, time_point at) {
  auto which = static_cast<slot>(at.time_since_epoch() / grain) + 1;
  std::unique_lock guard{mutex_};
  if (cleared_)
    return;
  auto& waiting = slots_[which];
  waiting.push_back(caf::actor_cast<caf::weak_actor_ptr>(&who));
  if (waiting.size() > 1)
    return;
  auto& system = who.home_system();
  if (!host_)
    host_ = system.spawn<host, caf::hidden>(this);
  auto wait = time_point{which * grain} - system.clock().now();
  caf::delayed_anon_send(
      host_,
      std::max(std::chrono::ceil<std::chrono::milliseconds>(wait),
               std::chrono::milliseconds{0}),
      sweep_atom::value, which);
}

void deadlines::clear() {
  caf::actor dropped; // released after the lock
  std::unique_lock guard{mutex_};
  cleared_ = true;
  slots_.clear();
  std::swap(dropped, host_);
}

void deadlines::fire(slot which) {
  std::vector<caf::weak_actor_ptr> due;
  {
    std::unique_lock guard{mutex_};
    auto at = slots_.find(which);
    if (at == slots_.end())
      return;
    due = std::move(at->second);
    slots_.erase(at);
  }
  for (const auto& weak : due)
    if (auto who = caf::actor_cast<caf::actor>(weak))
      caf::anon_send(who, sweep_atom::value);
}

} // namespace shannon::kit
