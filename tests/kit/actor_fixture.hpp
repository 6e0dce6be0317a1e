#pragma once

#include "actors/kit/actor_base.hpp"
#include "actors/kit/directory.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace shannon::kit {

/// A world of actors on one thread with virtual time: nothing runs unless the
/// test says so, and the same test always runs the same way.
class actor_fixture {
public:
  using milliseconds = std::chrono::milliseconds;

  /// An actor that does what the test says, once it has started.
  class asker final : public actor_base {
  public:
    asker(caf::actor_config& cfg, actor_env& shared, std::string self,
          std::function<void(asker&)> begin)
        : actor_base(cfg, shared, {std::move(self)}), begin_(std::move(begin)) {
    }
    using actor_base::ask;

  protected:
    handlers make_handlers() override {
      return {};
    }
    void started() override {
      begin_(*this);
    }

  private:
    std::function<void(asker&)> begin_;
  };

  ~actor_fixture() {
    for (auto& who : spawned_)
      caf::anon_send_exit(who, caf::exit_reason::user_shutdown);
    spawned_.clear();
    advance(milliseconds{60'000});
    addresses.clear();
    system.await_actors_before_shutdown(false);
    run();
  }

  /// Until no actor has anything to do. Time stands still.
  void run() {
    scheduler().run();
  }

  /// One actor takes its turn. False if none has anything to do.
  bool step() {
    return scheduler().try_run_once();
  }

  /// Lets time pass in small steps, so that what a timer causes can set the
  /// next timer.
  void advance(milliseconds total) {
    constexpr milliseconds step{5};
    run();
    for (milliseconds gone{0}; gone < total; gone += step) {
      scheduler().advance_time(std::min(step, total - gone));
      run();
    }
  }

  template <class Actor, class... Ts>
  caf::actor spawn(Ts&&... xs) {
    return keep(system.spawn<Actor>(std::forward<Ts>(xs)...));
  }

  /// Ends `who` with the fixture.
  caf::actor keep(caf::actor who) {
    spawned_.push_back(who);
    run();
    return who;
  }

  /// Asks as an actor would and returns what came, one entry per call of the
  /// handler. Waits in virtual time.
  template <class Answer>
  std::vector<result<Answer>> ask_all(const std::string& to, message_body body,
                                      milliseconds timeout
                                      = milliseconds{1'000}) {
    std::vector<result<Answer>> got;
    auto who = spawn<asker>(env, "asker", [&](asker& self) {
      self.ask<Answer>(
          {to}, std::move(body), timeout,
          [&](result<Answer> answer) { got.push_back(std::move(answer)); });
    });
    // Long enough for a second, wrong call to show.
    for (milliseconds gone{0}; gone < timeout + milliseconds{500};
         gone += milliseconds{100}) {
      advance(milliseconds{100});
      if (!got.empty() && gone > timeout)
        break;
    }
    caf::anon_send_exit(who, caf::exit_reason::user_shutdown);
    run();
    return got;
  }

  directory addresses;
  /// Lists actors once `env.actors` points to it.
  roster everyone;
  actor_env env{addresses};

private:
  struct test_config : caf::actor_system_config {
    test_config() {
      set("scheduler.policy", caf::atom("testing"));
    }
  };

  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }

  test_config config_;
  // Declared after what actors refer to: it is destroyed first.
public:
  caf::actor_system system{config_};

private:
  std::vector<caf::actor> spawned_;
};

} // namespace shannon::kit
