#pragma once

#include "actors/kit/actor_base.hpp"
#include "actors/kit/supervisor.hpp"

#include <caf/exit_reason.hpp>

#include <stdexcept>
#include <string>
#include <vector>

namespace shannon::kit {

// -- what a child may be told -------------------------------------------------

struct crash {
  std::string text;
};
struct finish {};
struct echo {
  int number;
};
struct stay_silent {};

/// What happened to all children of a test, in order.
using journal = std::vector<std::string>;

/// A child that does what it is told. Bound to `child/NAME`.
class scripted_child : public actor_base {
public:
  scripted_child(caf::actor_config& cfg, actor_env& shared, std::string name,
                 journal& seen, std::size_t mailbox_max = 10'000)
      : actor_base(cfg, shared, {"child/" + name}, mailbox_max),
        name_(std::move(name)), seen_(seen) {}

  const char* name() const override {
    return "child";
  }

protected:
  handlers make_handlers() override {
    return {
        on<crash>([](const envelope&, const crash& what) {
          throw std::runtime_error{what.text};
        }),
        on<finish>([this](const envelope&, const auto&) { quit(); }),
        on<echo>([this](const envelope& mail, const echo& what) {
          reply(mail, echo{what.number});
        }),
        on<stay_silent>([](const envelope&, const auto&) {}),
    };
  }

  void started() override {
    seen_.push_back("+" + name_);
  }

  void stopping() override {
    seen_.push_back("-" + name_);
  }

private:
  std::string name_;
  journal& seen_;
};

/// A child that stops only when it is killed.
class stubborn_child final : public scripted_child {
public:
  using scripted_child::scripted_child;

protected:
  void started() override {
    scripted_child::started();
    set_exit_handler([](caf::exit_msg&) {});
  }
};

template <class Actor = scripted_child>
child_spec scripted(actor_env& env, const std::string& name, journal& seen,
                    restart policy = restart::permanent) {
  return {name,
          [&env, name, &seen](caf::local_actor& parent) {
            return parent.spawn<Actor>(env, name, seen);
          },
          policy};
}

} // namespace shannon::kit
