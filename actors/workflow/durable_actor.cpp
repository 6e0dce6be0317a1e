#include "actors/workflow/durable_actor.hpp"

#include "actors/kit/backoff.hpp"
#include "actors/kit/log.hpp"
#include "protocols/remote/tool.pb.h"

#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>

#include <algorithm>
#include <random>
#include <utility>

namespace shannon::workflow {

namespace {

using namespace std::chrono_literals;
namespace log_lines = kit::log;

constexpr auto store_timeout = 30s;
/// Mail kept while the log is read.
constexpr std::size_t early_max = 1'000;
/// The mail that creates a log follows its activation at once; if it does not
/// come, it was too old to be read.
constexpr auto birth_patience = 2s;

run_options with_chance(run_options options) {
  options.chance = [] {
    thread_local std::minstd_rand engine{std::random_device{}()};
    return std::uniform_real_distribution<double>{0, 1}(engine);
  };
  return options;
}

std::int64_t unix_us(std::chrono::system_clock::time_point at) {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             at.time_since_epoch())
      .count();
}

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

durable_actor::durable_actor(caf::actor_config& cfg, kit::actor_env& env,
                             activation what, parts with, program code,
                             run_options options)
    : actor_base(cfg, env, what.self), what_(std::move(what)), with_(with),
      code_(std::move(code)), options_(with_chance(std::move(options))) {
  fresh_run();
}

void durable_actor::fresh_run() {
  run_ = std::make_unique<durable_run>(code_, options_);
  run_->on_stored = [this](log_version version, const facts::Fact& fact) {
    stored(version, fact);
  };
}

kit::handlers durable_actor::make_handlers() {
  kit::handlers table;
  for (auto& line : role_handlers()) {
    role_table_.emplace(line.type, line.run);
    table.push_back({line.type, [this, run = line.run](const envelope& mail) {
                       if (live_)
                         run(mail);
                       else if (what_.create && !appending_
                                && run_->state() == durable_run::phase::empty
                                && born_from(mail))
                         pump();
                       else if (mail.correlation == 0)
                         return; // Nobody waits for it.
                       else if (early_.size() < early_max)
                         early_.push_back(mail);
                       else
                         refuse(mail, {errc::overloaded,
                                       "the run is being read", true, 1s});
                     }});
  }
  table.push_back({typeid(retire), [this](const envelope&) {
                     quit(caf::exit_reason::normal);
                   }});
  return table;
}

void durable_actor::started() {
  if (!what_.create)
    return load();
  after(birth_patience, [this] {
    if (what_.create && !appending_
        && run_->state() == durable_run::phase::empty)
      quit(caf::exit_reason::normal);
  });
}

void durable_actor::stopping() {
  give_up_mail();
  for (const auto& mail : std::exchange(early_, {}))
    hand_back(mail);
}

std::int64_t durable_actor::now_us() {
  return unix_us(env().now());
}

// -- coming to life -----------------------------------------------------------

void durable_actor::create(store::log_birth birth, facts::RunStarted begun,
                           facts::Event event) {
  birth_ = std::move(birth);
  run_->begin(std::move(begun), std::move(event), now_us());
}

void durable_actor::load() {
  ask<store::log_image>(
      {"store"}, store::open_log{log()}, store_timeout,
      [this](result<store::log_image> got) {
        if (got)
          return loaded(std::move(*got));
        if (got.error().retryable)
          return after(500ms, [this] { load(); });
        if (got.error().code == errc::not_found)
          return quit(caf::exit_reason::normal); // It never came to be.
        log_lines::error("run-unreadable", "durable actor cannot open its log",
                         {{"log", log().value}, {"reason", got.error().text}});
        quit(caf::make_error(caf::sec::runtime_error, got.error().text));
      });
}

void durable_actor::loaded(store::log_image image) {
  birth_ = image.head.birth;
  tail_ = image.head.tail;
  what_.create = false;
  auto read = run_->replay(image.facts, image.blobs, now_us());
  with_.metrics.run_replayed(image.facts.size());
  if (!read)
    what_.park_reason = "log cannot be replayed: " + read.error().text;
  if (!what_.park_reason.empty()
      && run_->state() == durable_run::phase::running)
    run_->park(what_.park_reason, now_us());
  log_lines::info("run-recovered", "durable actor has replayed its log",
                  {{"log", log().value}, {"facts", image.facts.size()}});
  live(false);
}

void durable_actor::live(bool created) {
  live_ = true;
  recovered(created);
  // Before what comes from now on: their senders count on the order.
  for (const auto& mail : std::exchange(early_, {}))
    if (mail.deadline.time_since_epoch().count() == 0
        || mail.deadline >= clock_now())
      role_table_.at(mail.body.type())(mail);
  pump();
}

// -- what the run wants -------------------------------------------------------

void durable_actor::pump() {
  auto what = run_->next(now_us());
  for (auto& stop : what.stop)
    cancel(stop);
  if (!what.append.empty())
    append(what);
  for (auto& start : what.start)
    dispatch(start);
  if (what.wake_at_us)
    sleep_until(*what.wake_at_us);
  retire_if_done();
}

void durable_actor::append(durable_run::agenda& what) {
  store::append request;
  request.log = log();
  request.expected = tail_;
  if (tail_.version == 0)
    request.birth = birth_;
  request.status = what.status;
  for (const auto& fact : what.append)
    request.facts.push_back(fact.SerializeAsString());
  request.blobs = std::move(what.blobs);
  request.references = std::move(what.references);
  request.summary = summary(what.append);
  if (what.wake_at_us)
    request.schedule = store::log_schedule{
        what.idle, std::chrono::system_clock::time_point{
                       std::chrono::microseconds{*what.wake_at_us}}};
  appending_ = std::move(request);
  append_retries_ = 0;
  send_append();
}

void durable_actor::send_append() {
  ask<store::append_receipt>({"store"}, *appending_, store_timeout,
                             [this](result<store::append_receipt> got) {
                               append_ended(std::move(got));
                             });
}

void durable_actor::append_ended(result<store::append_receipt> got) {
  if (got) {
    tail_ = got->tail;
    appending_.reset();
    what_.create = false;
    run_->committed(now_us());
    if (!live_)
      return live(true);
    return pump();
  }
  const auto& why = got.error();
  if (why.code == errc::unavailable || why.code == errc::overloaded) {
    auto wait = kit::backoff{50ms, 2'000ms}.ceiling(++append_retries_);
    return after(wait, [this] { send_append(); });
  }
  if (why.code == errc::conflict && what_.create) {
    // It exists already: a repeated start meets what the first one began.
    appending_.reset();
    what_.create = false;
    tail_ = {};
    fresh_run();
    return load();
  }
  log_lines::warning("append-refused", "durable actor must read its log again",
                     {{"log", log().value},
                      {"code", to_string(why.code)},
                      {"reason", why.text}});
  quit(must_reread());
}

void durable_actor::sleep_until(std::int64_t wake_at_us) {
  // The earliest serves: when it comes, the run says what it waits for next.
  // A later one stays armed and is not armed again.
  if (!wake_ups_.empty() && *wake_ups_.begin() <= wake_at_us)
    return;
  wake_ups_.insert(wake_at_us);
  auto wait = std::chrono::microseconds{
      std::max<std::int64_t>(wake_at_us - now_us(), 0)};
  after(std::chrono::ceil<std::chrono::milliseconds>(wait), [this, wake_at_us] {
    wake_ups_.erase(wake_at_us);
    run_->tick(now_us());
    pump();
  });
}

void durable_actor::retire_if_done() {
  if (retiring_ || appending_ || !live_ || !run_->ended()
      || !may_retire())
    return;
  retiring_ = true;
  // New mail goes to the activator from here; what is in the box is served.
  env().addresses.unbind(self_address(), address());
  tell({std::string{self_address().kind()}}, retiring{log(), what_.life});
}

// -- effects ------------------------------------------------------------------

remote::EffectContext
durable_actor::effect_context(const std::string& step,
                              std::uint32_t attempt) const {
  remote::EffectContext context;
  context.set_attempt_key(log().value + "/" + step + "/"
                          + std::to_string(attempt));
  context.set_task(task_);
  context.set_log(log().value);
  context.set_tenant(birth_.tenant.value);
  context.set_session(birth_.session.value);
  context.set_agent(agent_name_);
  context.set_reply_deltas_to(deltas_to_);
  return context;
}

void durable_actor::dispatch(const durable_run::effect_start& what) {
  if (what.effect == "llm")
    call_model(what);
  else if (what.effect == "tool")
    call_tool(what);
  else if (what.effect == "tools")
    list_tools(what);
  else
    start_effect(what);
}

void durable_actor::cancel(const durable_run::effect_stop& what) {
  remote::CancelEffect stop;
  stop.set_attempt_key(effect_context(what.key, what.attempt).attempt_key());
  if (what.effect == "llm")
    tell({"llm"}, std::move(stop));
  else if (what.effect == "tool")
    tell({"tool"}, std::move(stop));
  else
    stop_effect(what);
}

void durable_actor::effect_ended(const std::string& key,
                                 const std::string& effect,
                                 std::uint32_t attempt, std::int64_t started_us,
                                 durable_run::effect_outcome outcome) {
  auto now = now_us();
  outcome.duration_us = now - started_us;
  with_.metrics.step_ended(
      effect,
      std::string{outcome.output ? "ok"
                                 : to_string(outcome.output.error().code)},
      std::chrono::microseconds{outcome.duration_us});
  // It may still go on over there.
  if (!outcome.output && outcome.output.error().code == errc::timeout)
    cancel({key, effect, attempt, nullptr});
  run_->effect_ended(key, attempt, std::move(outcome), now);
  pump();
}

void durable_actor::call_model(const durable_run::effect_start& what) {
  remote::LlmCall call;
  *call.mutable_context() = effect_context(what.key, what.attempt);
  *call.mutable_request()
      = dynamic_cast<const remote::LlmRequest&>(*what.input);
  ask<remote::LlmResponse>(
      {"llm"}, std::move(call), with_.llm.call_timeout + 5s,
      [this, key = what.key, attempt = what.attempt,
       since = now_us()](result<remote::LlmResponse> got) {
        durable_run::effect_outcome outcome;
        if (got) {
          outcome.output = got->SerializeAsString();
          outcome.usage.set_input_tokens(got->usage().input_tokens());
          outcome.usage.set_output_tokens(got->usage().output_tokens());
          outcome.usage.set_cost_nanousd(got->usage().cost_nanousd());
          outcome.usage.set_model(got->model());
          outcome.usage.set_provider(got->provider());
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

void durable_actor::list_tools(const durable_run::effect_start& what) {
  ask<remote::ToolList>({"tool"}, remote::ListTools{}, 10s,
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
