#include "actors/kit/supervisor.hpp"

#include "actors/kit/log.hpp"
#include "metrics/actor_metrics.hpp"
#include "protocols/inspector.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>
#include <caf/send.hpp>
#include <caf/system_messages.hpp>

#include <algorithm>
#include <deque>
#include <exception>

namespace shannon::kit {

namespace {

using inspector::child_state;
using inspector::tree_node;
using std::chrono::milliseconds;

/// How long a child may take to stop before it is killed. A supervisor gets
/// more: it stops its own children one by one, each within these bounds.
constexpr milliseconds stop_grace{2'000};
constexpr milliseconds supervisor_stop_grace{30'000};
/// A killed child that is still there after this is stuck in a handler: no
/// message can reach it, so it is left behind.
constexpr milliseconds kill_grace{1'000};

constexpr milliseconds tree_timeout{500};
/// Each level answers this much earlier than the level above gives up.
constexpr milliseconds tree_margin{50};

bool is_failure(const caf::error& reason) {
  return reason && reason != caf::exit_reason::user_shutdown;
}

/// One child and what has become of it.
struct slot {
  explicit slot(child_spec what) : spec(std::move(what)) {}

  child_spec spec;
  caf::actor handle; ///< Null while it is down.
  child_state state = child_state::starting;
  std::chrono::system_clock::time_point since;
  std::uint64_t restarts = 0;
  std::string last_error;
  /// Of its last life.
  std::string kind;
  std::string address;
  bool wanted = true;            ///< It runs or is to be started again.
  bool leaving = false;          ///< It was told to stop.
  std::uint64_t incarnation = 0; ///< Makes timers of earlier ones void.
  std::uint32_t attempt = 0;     ///< Failures in a row, for the backoff.
  std::chrono::steady_clock::time_point up_since;
};

/// The object behind the handle; null while the child is down.
caf::abstract_actor* actor_of(const slot& child) {
  // CAF's cast of a null handle would not give null.
  return child.handle ? caf::actor_cast<caf::abstract_actor*>(child.handle)
                      : nullptr;
}

class supervisor final : public actor_base {
public:
  supervisor(caf::actor_config& cfg, actor_env& shared, supervisor_spec spec)
      : actor_base(cfg, shared, {"supervisor/" + spec.name}),
        spec_(std::move(spec)) {
    for (auto& child : spec_.children)
      slots_.emplace_back(child);
    down_from_ = slots_.size();
  }

  const char* name() const override {
    return "supervisor";
  }

protected:
  handlers make_handlers() override {
    return {
        on<inspector::get_tree>(
            [this](const envelope& mail, const auto&) { send_tree(mail); }),
    };
  }

  void started() override {
    set_down_handler([this](caf::down_msg& msg) { child_ended(msg); });
    set_exit_handler([this](caf::exit_msg& msg) { end(msg.reason); });
    since_ = env().now();
    start_from(0);
  }

  void stopping() override {
    // After an ordered stop nothing is left here. After a kill there is no
    // time for an order.
    for (auto& child : slots_)
      if (child.handle)
        caf::anon_send_exit(child.handle, caf::exit_reason::user_shutdown);
    slots_.clear();
    spec_.children.clear();
    taken_down_ = nullptr;
  }

private:
  // -- starting ---------------------------------------------------------------

  /// Starts in order what is wanted and down. Siblings that lean on each other
  /// wait if one of them does not come up.
  void start_from(std::size_t first) {
    for (auto i = first; i < slots_.size(); ++i)
      if (slots_[i].wanted && !slots_[i].handle && !start(i)
          && spec_.how != strategy::one_for_one)
        return;
  }

  bool start(std::size_t i) {
    auto& child = slots_[i];
    ++child.incarnation;
    child.leaving = false;
    child.since = env().now();
    child.up_since = clock_now();
    try {
      child.handle = child.spec.start(*this);
    } catch (const std::exception& e) {
      child.last_error = e.what();
    }
    if (!child.handle) {
      if (child.last_error.empty())
        child.last_error = "start gave no actor";
      child_failed(i);
      return false;
    }
    child.state = child_state::running;
    monitor(child.handle);
    remember(child);
    return true;
  }

  // -- a child ended ----------------------------------------------------------

  void child_ended(const caf::down_msg& msg) {
    auto at = std::find_if(slots_.begin(), slots_.end(), [&](const slot& x) {
      return x.handle && x.handle.address() == msg.source;
    });
    if (at == slots_.end())
      return; // Left behind, or of an earlier life.
    auto& child = *at;
    auto failed = is_failure(msg.reason);
    child.handle = nullptr;
    child.state = child_state::ended;
    child.since = env().now();
    ++child.incarnation;
    if (child.leaving) {
      child.leaving = false;
      take_down_next();
      return;
    }
    if (failed)
      child.last_error = text_of(msg.reason);
    auto policy = child.spec.policy;
    if (policy == restart::temporary
        || (policy == restart::transient && !failed)) {
      child.wanted = false;
      if (failed)
        log::warning("child-ended", "SUPERVISOR loses temporary child",
                     {{"supervisor", spec_.name},
                      {"child", child.spec.name},
                      {"reason", child.last_error}});
      return;
    }
    if (!failed)
      child.last_error = text_of(msg.reason);
    child_failed(static_cast<std::size_t>(at - slots_.begin()));
  }

  /// Child `i` is down and has to come back.
  void child_failed(std::size_t i) {
    if (ending_)
      return;
    auto& child = slots_[i];
    child.state = child_state::backing_off;
    if (i > down_from_)
      return; // It is about to be restarted with those before it.
    auto now = clock_now();
    if (child.attempt > 0 && now - child.up_since >= spec_.restart_window)
      child.attempt = 0;
    ++child.attempt;
    restarts_.push_back(now);
    while (now - restarts_.front() > spec_.restart_window)
      restarts_.pop_front();
    if (restarts_.size() > spec_.restarts_max) {
      escalate(child);
      return;
    }
    ++child.restarts;
    auto wait = spec_.delay.ceiling(child.attempt);
    log::warning("child-ended", "SUPERVISOR restarts child",
                 {{"supervisor", spec_.name},
                  {"child", child.spec.name},
                  {"reason", child.last_error},
                  {"attempt", child.attempt},
                  {"delay_ms", wait.count()}});
    if (env().metrics)
      env().metrics->child_restarted(child.spec.name);
    switch (spec_.how) {
    case strategy::one_for_one:
      after(wait, [this, i, life = child.incarnation] {
        if (!ending_ && slots_[i].incarnation == life)
          start(i);
      });
      break;
    case strategy::rest_for_one:
      restart_group(i, wait);
      break;
    case strategy::one_for_all:
      restart_group(0, wait);
      break;
    }
  }

  /// Takes down all from `first` on, waits, and starts them in order.
  void restart_group(std::size_t first, milliseconds wait) {
    down_from_ = std::min(down_from_, first);
    auto round = ++round_;
    take_down(down_from_, [this, round, wait] {
      after(wait, [this, round] {
        if (ending_ || round != round_)
          return; // Another child fell meanwhile: a later round starts all.
        start_from(std::exchange(down_from_, slots_.size()));
      });
    });
  }

  void escalate(const slot& child) {
    auto text = "supervisor " + spec_.name + ": child " + child.spec.name
                + " ended, more than " + std::to_string(spec_.restarts_max)
                + " restarts within "
                + std::to_string(spec_.restart_window.count())
                + " ms; last error: " + child.last_error;
    log::error(
        "supervisor-escalates", "SUPERVISOR gives up",
        {{"supervisor", spec_.name}, {"reason", std::string_view{text}}});
    end(caf::make_error(caf::sec::runtime_error, std::move(text)));
  }

  // -- stopping ---------------------------------------------------------------

  /// Stops all children in reverse order, then this actor.
  void end(caf::error reason) {
    if (ending_)
      return;
    ending_ = true;
    take_down(0, [this, reason] { quit(reason); });
  }

  /// Stops the children from `first` on, the last one first, each when the one
  /// after it is gone; then runs `then`. A later call replaces an earlier one.
  void take_down(std::size_t first, std::function<void()> then) {
    take_from_ = first;
    taken_down_ = std::move(then);
    take_down_next();
  }

  void take_down_next() {
    if (!taken_down_)
      return;
    for (auto i = slots_.size(); i > take_from_; --i) {
      auto& child = slots_[i - 1];
      if (!child.handle)
        continue;
      if (child.leaving)
        return; // Its end brings us back here.
      child.leaving = true;
      if (child.spec.policy == restart::temporary)
        child.wanted = false;
      caf::anon_send_exit(child.handle, caf::exit_reason::user_shutdown);
      after(grace_of(child),
            [this, i, life = child.incarnation] { kill(i - 1, life); });
      return;
    }
    auto then = std::exchange(taken_down_, nullptr);
    then();
  }

  void kill(std::size_t i, std::uint64_t life) {
    if (i >= slots_.size() || slots_[i].incarnation != life)
      return;
    auto& child = slots_[i];
    log::warning("child-killed", "SUPERVISOR kills child that does not stop",
                 {{"supervisor", spec_.name}, {"child", child.spec.name}});
    caf::anon_send_exit(child.handle, caf::exit_reason::kill);
    after(kill_grace, [this, i, life] { leave_behind(i, life); });
  }

  void leave_behind(std::size_t i, std::uint64_t life) {
    if (i >= slots_.size() || slots_[i].incarnation != life)
      return;
    auto& child = slots_[i];
    log::error("child-stuck", "SUPERVISOR leaves behind child stuck at work",
               {{"supervisor", spec_.name}, {"child", child.spec.name}});
    demonitor(child.handle);
    child.handle = nullptr;
    child.state = child_state::ended;
    child.leaving = false;
    child.last_error = "stuck: did not stop when killed";
    ++child.incarnation;
    take_down_next();
  }

  static milliseconds grace_of(const slot& child) {
    return dynamic_cast<supervisor*>(actor_of(child)) ? supervisor_stop_grace
                                                      : stop_grace;
  }

  // -- the tree ---------------------------------------------------------------

  struct gathering {
    envelope request;
    tree_node node;
    std::size_t missing = 1;
  };

  void send_tree(const envelope& mail) {
    auto all = std::make_shared<gathering>();
    all->request = mail;
    all->request.body = {};
    all->node.name = spec_.name;
    all->node.kind = name();
    all->node.state = child_state::running;
    all->node.since = since_;
    count(all->node, *this);
    for (const auto& child : slots_)
      all->node.children.push_back(describe(child));
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      auto* below = dynamic_cast<supervisor*>(actor_of(slots_[i]));
      if (!below)
        continue;
      ++all->missing;
      ask<tree_node>(below->self_address(), inspector::get_tree{},
                     time_left(mail), [this, all, i](auto got) {
                       auto& line = all->node.children[i];
                       if (got)
                         line.children = std::move(got->children);
                       else
                         line.last_error = "no tree: " + got.error().text;
                       gathered(*all);
                     });
    }
    gathered(*all);
  }

  void gathered(gathering& all) {
    if (--all.missing == 0)
      reply(all.request, std::move(all.node));
  }

  milliseconds time_left(const envelope& mail) {
    if (mail.deadline.time_since_epoch().count() == 0)
      return tree_timeout;
    auto left
        = std::chrono::duration_cast<milliseconds>(mail.deadline - clock_now())
          - tree_margin;
    return std::clamp(left, milliseconds{1}, tree_timeout);
  }

  static void remember(slot& child) {
    auto* who = actor_of(child);
    if (auto* local = dynamic_cast<caf::local_actor*>(who))
      child.kind = local->name();
    if (auto* ours = dynamic_cast<actor_base*>(who))
      child.address = ours->self_address().value;
  }

  static tree_node describe(const slot& child) {
    tree_node node;
    node.name = child.spec.name;
    node.kind = child.kind;
    node.address = child.address;
    node.state = child.state;
    node.since = child.since;
    node.restarts = child.restarts;
    node.last_error = child.last_error;
    if (auto* ours = dynamic_cast<actor_base*>(actor_of(child)))
      count(node, *ours);
    return node;
  }

  static void count(tree_node& node, const actor_base& who) {
    const auto& numbers = who.stats();
    node.address = who.self_address().value;
    node.number = who.listed_as();
    node.mailbox_depth = numbers.mailbox_depth();
    node.messages_total = numbers.processed;
    node.rejected_total = numbers.rejected;
    if (auto age = numbers.oldest_age())
      node.oldest = std::chrono::duration_cast<std::chrono::microseconds>(*age);
  }

  // -- small things -----------------------------------------------------------

  /// The sentence a throwing handler left, or CAF's name of the reason.
  std::string text_of(const caf::error& reason) {
    if (!reason)
      return "ended normally";
    if (reason.context().match_elements<std::string>())
      return reason.context().get_as<std::string>(0);
    return home_system().render(reason);
  }

  supervisor_spec spec_;
  std::chrono::system_clock::time_point since_;
  std::vector<slot> slots_;
  /// Moments of the restarts within the window.
  std::deque<std::chrono::steady_clock::time_point> restarts_;
  /// First child of a group restart under way; the number of children if none.
  std::size_t down_from_ = 0;
  std::uint64_t round_ = 0;
  std::size_t take_from_ = 0;
  std::function<void()> taken_down_;
  bool ending_ = false;
};

} // namespace

caf::actor spawn_supervisor(caf::local_actor& parent, actor_env& env,
                            supervisor_spec spec) {
  return parent.spawn<supervisor>(env, std::move(spec));
}

caf::actor spawn_supervisor(caf::actor_system& sys, actor_env& env,
                            supervisor_spec spec) {
  return sys.spawn<supervisor>(env, std::move(spec));
}

child_spec supervised(actor_env& env, supervisor_spec spec) {
  auto name = spec.name;
  return {std::move(name),
          [&env, spec = std::move(spec)](caf::local_actor& parent) {
            return spawn_supervisor(parent, env, spec);
          },
          restart::permanent};
}

} // namespace shannon::kit
