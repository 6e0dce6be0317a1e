// The effects of a durable_actor: how each kind is asked for, and what its end
// tells the run.

#include "actors/kit/failpoint.hpp"
#include "actors/kit/owned_shards.hpp"
#include "actors/workflow/durable_actor.hpp"
#include "actors/workflow/engine/events.hpp"
#include "protocols/facts/fact.hpp"
#include "protocols/remote/browser.pb.h"
#include "protocols/remote/tool.pb.h"

#include <algorithm>
#include <utility>

namespace shannon::workflow {

namespace {

using namespace std::chrono_literals;

/// An effect that waits for the node's lease looks this often.
constexpr auto lease_look = 100ms;

facts::ModelUse use_of(const remote::LlmResponse& answer) {
  facts::ModelUse use;
  use.set_model(answer.model());
  use.set_provider(answer.provider());
  use.set_executions(1);
  use.set_tokens(answer.usage().input_tokens()
                 + answer.usage().output_tokens());
  use.set_cost_nanousd(answer.usage().cost_nanousd());
  return use;
}

} // namespace

remote::EffectContext
durable_actor::effect_context(const std::string& step,
                              std::uint32_t attempt) const {
  remote::EffectContext context;
  context.set_attempt_key(log().value + "/" + step + "/"
                          + std::to_string(attempt));
  context.set_task(task_);
  context.set_log(log().value);
  context.set_tenant(birth_.tenant.value);
  context.set_user(birth_.user.value);
  context.set_session(birth_.session.value);
  context.set_agent(agent_name_);
  context.set_reply_deltas_to(deltas_to_);
  context.set_priority(priority_);
  return context;
}

bool durable_actor::is_leaving() {
  return env().shards && env().shards->current().finishes(log());
}

bool durable_actor::may_begin() {
  if (!env().shards)
    return true;
  auto view = env().shards->current();
  return view.of(log()) == kit::standing::owned && !view.finishes(log());
}

void durable_actor::begin_held_back() {
  after(lease_look, [this] {
    if (held_back_.empty())
      return;
    if (!may_begin())
      return begin_held_back();
    for (const auto& one : std::exchange(held_back_, {}))
      dispatch(one);
  });
}

void durable_actor::dispatch(const durable_run::effect_start& what) {
  if (!may_begin()) {
    held_back_.push_back(what);
    if (held_back_.size() == 1)
      begin_held_back();
    return;
  }
  SHANNON_FAILPOINT("step.starts");
  if (what.effect == "llm")
    call_model(what);
  else if (what.effect == "tool")
    call_tool(what);
  else if (what.effect == "tools")
    list_tools(what);
  else if (what.effect == "browser")
    call_browser(what);
  else
    start_effect(what);
}

void durable_actor::cancel(const durable_run::effect_stop& what) {
  // It has not begun here; whoever carried the run before may have begun it.
  std::erase_if(held_back_, [&](const auto& one) {
    return one.key == what.key && one.attempt == what.attempt;
  });
  remote::CancelEffect stop;
  stop.set_attempt_key(effect_context(what.key, what.attempt).attempt_key());
  if (what.effect != "llm" && what.effect != "tool" && what.effect != "browser")
    return stop_effect(what);
  tell({what.effect}, std::move(stop));
  run_->stop_taken(what.key, what.attempt, now_us());
}

void durable_actor::effect_ended(const std::string& key,
                                 const std::string& effect,
                                 std::uint32_t attempt, std::int64_t started_us,
                                 durable_run::effect_outcome outcome) {
  SHANNON_FAILPOINT("step.answered");
  auto now = now_us();
  // The clock may have been set in between.
  outcome.duration_us = std::max<std::int64_t>(now - started_us, 0);
  with_.metrics.step_ended(
      effect,
      std::string{outcome.output ? "ok"
                                 : to_string(outcome.output.error().code)},
      std::chrono::microseconds{outcome.duration_us});
  if (!run_)
    return; // Once the log is read again it is started again.
  // Who carries the run next finds the attempt lost, and makes it again where
  // there is room.
  if (!outcome.output && outcome.output.error().code == errc::unavailable
      && is_leaving()) {
    left_undone_ = true;
    return go_if_done();
  }
  run_->effect_ended(key, attempt, std::move(outcome), now);
  pump();
}

void durable_actor::call_model(const durable_run::effect_start& what) {
  remote::LlmCall call;
  *call.mutable_context() = effect_context(what.key, what.attempt);
  *call.mutable_request()
      = dynamic_cast<const remote::LlmRequest&>(*what.input);
  bool is_title = call.request().purpose() == "title";
  ask<remote::LlmResponse>(
      {"llm"}, std::move(call), with_.llm.call_timeout + 5s,
      [this, key = what.key, attempt = what.attempt, since = now_us(),
       is_title](result<remote::LlmResponse> got) {
        durable_run::effect_outcome outcome;
        if (got) {
          outcome.output = got->SerializeAsString();
          outcome.usage.set_input_tokens(got->usage().input_tokens());
          outcome.usage.set_output_tokens(got->usage().output_tokens());
          outcome.usage.set_cost_nanousd(got->usage().cost_nanousd());
          // A title is no answer of the run's: it only costs.
          if (!is_title) {
            outcome.usage.set_model(got->model());
            outcome.usage.set_provider(got->provider());
          }
          outcome.models.push_back(use_of(*got));
        } else {
          outcome.output = tl::unexpected<error>(got.error());
        }
        effect_ended(key, "llm", attempt, since, std::move(outcome));
      });
}

void durable_actor::call_tool(const durable_run::effect_start& what) {
  remote::ToolRun call;
  *call.mutable_context() = effect_context(what.key, what.attempt);
  *call.mutable_request()
      = dynamic_cast<const remote::ToolRequest&>(*what.input);
  ask<remote::ToolResult>(
      {"tool"}, std::move(call), with_.settings.tool_timeout,
      [this, key = what.key, attempt = what.attempt,
       since = now_us()](result<remote::ToolResult> got) {
        durable_run::effect_outcome outcome;
        if (got)
          outcome.output = got->SerializeAsString();
        else
          outcome.output = tl::unexpected<error>(got.error());
        effect_ended(key, "tool", attempt, since, std::move(outcome));
      });
}

void durable_actor::call_browser(const durable_run::effect_start& what) {
  remote::BrowserRun call;
  *call.mutable_context() = effect_context(what.key, what.attempt);
  *call.mutable_request()
      = dynamic_cast<const remote::BrowserRequest&>(*what.input);
  ask<remote::BrowserResult>(
      {"browser"}, std::move(call), with_.settings.tool_timeout,
      [this, key = what.key, attempt = what.attempt,
       since = now_us()](result<remote::BrowserResult> got) {
        durable_run::effect_outcome outcome;
        if (got) {
          for (auto& file : *got->mutable_files())
            if (!file.data().empty()) {
              file.set_blob(sha256(file.data()));
              outcome.bodies.push_back(std::move(*file.mutable_data()));
              file.clear_data();
            }
          outcome.output = got->SerializeAsString();
        } else {
          outcome.output = tl::unexpected<error>(got.error());
        }
        effect_ended(key, "browser", attempt, since, std::move(outcome));
      });
}

void durable_actor::list_tools(const durable_run::effect_start& what) {
  const auto& which = dynamic_cast<const remote::ListTools&>(*what.input);
  auto role = which.role().empty() ? "tool" : which.role();
  // Long enough to be told why, when no node has the role.
  ask<remote::ToolList>({role}, which, 30s,
                        [this, key = what.key, attempt = what.attempt,
                         since = now_us()](result<remote::ToolList> got) {
                          durable_run::effect_outcome outcome;
                          if (got)
                            outcome.output = got->SerializeAsString();
                          else
                            outcome.output = tl::unexpected<error>(got.error());
                          effect_ended(key, "tools", attempt, since,
                                       std::move(outcome));
                        });
}

} // namespace shannon::workflow
