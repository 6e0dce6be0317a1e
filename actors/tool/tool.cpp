#include "actors/tool/tool.hpp"

#include "actors/kit/log.hpp"
#include "actors/tool/builtin/builtins.hpp"
#include "actors/tool/parts.hpp"
#include "actors/tool/run_table.hpp"
#include "actors/tool/tool_run.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <unordered_map>
#include <utility>

namespace shannon::tool {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// A tool table that does not stand is a defect of this build: the actor ends
/// and its supervisor escalates.
registry make_registry(tool_args& args) {
  auto tools = std::move(args.tools);
  if (tools.empty())
    tools = builtin_tools(
        std::make_shared<tool_parts>(args.loop.context(), args.settings));
  auto out = registry::make(std::move(tools));
  if (!out)
    throw std::logic_error(out.error().text);
  return std::move(*out);
}

class tool_runner final : public kit::actor_base {
public:
  tool_runner(caf::actor_config& cfg, tool_args args)
      : actor_base(cfg, args.env, {"tool/worker"}), settings_(args.settings),
        metrics_(args.metrics), tools_(make_registry(args)),
        calls_(settings_.concurrent_runs_max, settings_.waiting_runs_max) {}

  const char* name() const override {
    return "tool_runner";
  }

protected:
  kit::handlers make_handlers() override {
    return {
        kit::on<remote::ToolRun>([this](auto& mail, auto& m) { run(mail, m); }),
        kit::on<remote::CancelEffect>(
            [this](auto& mail, auto& m) { cancel(mail, m); }),
        kit::on<remote::ListTools>(
            [this](auto& mail, auto&) { reply(mail, tools_.list()); }),
    };
  }

  void started() override {
    set_down_handler([this](caf::down_msg& gone) { child_down(gone.source); });
  }

  void stopping() override {
    for (auto& [number, where] : children_)
      stop_child(where);
    for (auto number : calls_.all()) {
      auto one = calls_.remove(number);
      if (one->running)
        metrics_.run_ended(one->call.tool->name, "cancelled", age(*one));
      refuse_all(*one, {errc::unavailable, "TOOL RUNNER has ended", true, {}});
    }
    children_.clear();
    numbers_.clear();
  }

private:
  // -- handlers, in protocol order --------------------------------------------

  void run(const envelope& mail, const remote::ToolRun& what) {
    auto call = tools_.check(what.request());
    if (!call) {
      metrics_.call_rejected();
      return reply(mail, presentable(failed_result(call.error().text),
                                     settings_.output_bytes_max));
    }
    if (auto ok = calls_.add(mail, what, std::move(*call)); !ok) {
      metrics_.call_refused();
      return refuse(mail, ok.error());
    }
    start_waiting();
  }

  void cancel(const envelope& mail, const remote::CancelEffect& what) {
    for (auto number : calls_.under(what.attempt_key()))
      stop(number, {errc::cancelled, "the tool call was cancelled", false, {}});
    reply(mail, what);
  }

  // -- the life of a call -----------------------------------------------------

  void start_waiting() {
    while (auto* next = calls_.next())
      if (is_late(*next))
        // Nothing was begun, so it may be said plainly.
        refuse_all(*calls_.remove(next->number), late_error());
      else
        start(*next);
    metrics_.calls_waiting(calls_.waiting());
  }

  void start(tool_call& one) {
    one.begun = steady_clock::now();
    auto report
        = [post = poster(), this, number = one.number](remote::ToolResult how) {
            post([this, number, how = std::move(how)]() mutable {
              ended(number, std::move(how));
            });
          };
    auto child = spawn_tool_run(*this, {env(), one.number, one.call,
                                        one.what.context(), std::move(report)});
    numbers_.emplace(child.address(), one.number);
    children_.emplace(one.number, child.address());
    metrics_.run_started();
    watch_deadline(one);
  }

  /// When nobody waits any more, the tool has no reason to run.
  void watch_deadline(const tool_call& one) {
    auto due = one.deadline();
    if (due.time_since_epoch().count() == 0)
      return;
    auto left
        = std::chrono::duration_cast<milliseconds>(due - steady_clock::now());
    after(std::max(left, milliseconds{0}) + milliseconds{1},
          [this, number = one.number] {
            auto* late = calls_.find(number);
            if (late == nullptr)
              return;
            // Somebody may have joined who waits longer.
            if (!is_late(*late))
              watch_deadline(*late);
            else
              stop(number, late_error());
          });
  }

  void stop(run_number number, error why) {
    auto* one = calls_.find(number);
    if (one == nullptr || one->stopped)
      return;
    if (!one->running) {
      auto gone = calls_.remove(number);
      metrics_.calls_waiting(calls_.waiting());
      return refuse_all(*gone, why);
    }
    one->stopped = std::move(why);
    // The child stops its tool on its way out; its end is the answer.
    stop_child(children_.at(number));
  }

  void ended(run_number number, remote::ToolResult how, bool crashed = false) {
    auto one = calls_.remove(number);
    if (!one)
      return;
    if (auto at = children_.find(number); at != children_.end()) {
      numbers_.erase(at->second);
      children_.erase(at);
    }
    auto took = age(*one);
    how.set_duration_us(took.count());
    how = presentable(std::move(how), settings_.output_bytes_max);
    auto outcome = one->stopped    ? "cancelled"
                   : crashed       ? "crashed"
                   : how.success() ? "ok"
                                   : "failed";
    metrics_.run_ended(one->call.tool->name, outcome, took);
    kit::log::debug("tool-ended", "TOOL RUNNER ends run of a tool",
                    {{"tool", one->call.tool->name},
                     {"task", one->what.context().task()},
                     {"outcome", outcome},
                     {"us", took.count()}});
    if (one->stopped)
      refuse_all(*one, *one->stopped);
    else
      for (const auto& asker : one->askers)
        reply(asker, how);
    start_waiting();
  }

  /// A child is gone. If its call is still open it was cancelled, or it threw.
  void child_down(const caf::actor_addr& who) {
    auto at = numbers_.find(who);
    if (at == numbers_.end())
      return;
    auto number = at->second;
    auto* one = calls_.find(number);
    if (one == nullptr || one->stopped)
      return ended(number, {});
    kit::log::error(
        "tool-crashed", "TOOL RUN ends without an answer",
        {{"tool", one->call.tool->name}, {"task", one->what.context().task()}});
    ended(number, failed_result("the tool failed by an error of its own"),
          true);
  }

  static bool is_late(const tool_call& one) {
    auto due = one.deadline();
    return due.time_since_epoch().count() != 0 && due <= steady_clock::now();
  }

  static error late_error() {
    return {
        errc::timeout, "the tool did not end within the deadline", true, {}};
  }

  static microseconds age(const tool_call& one) {
    return std::chrono::duration_cast<microseconds>(steady_clock::now()
                                                    - one.begun);
  }

  static void stop_child(const caf::actor_addr& where) {
    if (auto child = caf::actor_cast<caf::actor>(where))
      caf::anon_send_exit(child, caf::exit_reason::user_shutdown);
  }

  void refuse_all(const tool_call& one, const error& why) {
    for (const auto& asker : one.askers)
      refuse(asker, why);
  }

  config::tool_settings settings_;
  metrics::tool_metrics metrics_;
  registry tools_;
  run_table calls_;
  std::map<run_number, caf::actor_addr> children_;
  std::unordered_map<caf::actor_addr, run_number> numbers_;
};

} // namespace

caf::actor spawn_tool(caf::local_actor& parent, tool_args args) {
  return parent.spawn<tool_runner>(std::move(args));
}

caf::actor spawn_tool(caf::actor_system& sys, tool_args args) {
  return sys.spawn<tool_runner>(std::move(args));
}

} // namespace shannon::tool
