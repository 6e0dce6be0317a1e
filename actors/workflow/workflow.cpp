#include "actors/workflow/workflow.hpp"

#include "actors/kit/log.hpp"
#include "actors/workflow/engine/text.hpp"
#include "actors/workflow/strategies/daemon.hpp"
#include "actors/workflow/strategies/purse.hpp"
#include "actors/workflow/strategies/schedule.hpp"
#include "actors/workflow/strategies/task.hpp"
#include "actors/workflow/workflow_actor.hpp"

#include <algorithm>
#include <utility>

namespace shannon::workflow {

namespace {

using namespace std::chrono_literals;

/// Streams of one run on this node; more are refused `overloaded`.
constexpr std::size_t subscribers_max = 1'000;
/// Who follows says so every few seconds; a STREAM of another node that has
/// gone without a word is forgotten.
constexpr auto subscription_lasts = 20s;
/// Of the query in the summary, which every list of its session reads.
constexpr std::size_t summary_query_max = 64 * 1024;
/// Mail that waits until what it asks for is on disk.
constexpr std::size_t kept_mail_max = 1'000;

constexpr std::string_view task_program = "task";

program task_of(const config::run_settings& settings) {
  task_options options{settings.agents_max, settings.iterations_max,
                       settings.title_timeout};
  return [options](context ctx, std::string input) {
    return run_task(std::move(ctx), std::move(input), options);
  };
}

run_options options_of(const config::run_settings& settings) {
  run_options options;
  options.step_attempts_max = settings.step_attempts_max;
  options.retry_backoff_min = settings.retry_backoff_min;
  options.retry_backoff_max = settings.retry_backoff_max;
  options.facts_max = settings.facts_max;
  options.inline_bytes_max = settings.inline_bytes_max;
  options.ends_stream = true;
  return options;
}

error too_much() {
  return {errc::overloaded, "too much mail waits for this run", true, 1'000ms};
}

error has_ended() {
  return {errc::not_found, "the run has ended", false, std::nullopt};
}

remote::CancelAck cancel_ack(bool success, std::string text) {
  remote::CancelAck answer;
  answer.set_success(success);
  answer.set_message(std::move(text));
  return answer;
}

std::optional<store::session_opening>
opening_of(const remote::StartTask& start) {
  if (!start.has_opens())
    return std::nullopt;
  const auto& what = start.opens();
  return store::session_opening{what.id(), what.title(), what.context_json(),
                                what.mode()};
}

std::string status_name(store::log_status status) {
  switch (status) {
  case store::log_status::completed:
    return "completed";
  case store::log_status::cancelled:
    return "cancelled";
  case store::log_status::needs_operator:
    return "needs_operator";
  default:
    return "failed";
  }
}

} // namespace

workflow_actor::workflow_actor(caf::actor_config& cfg,
                               const workflow_args& args,
                               std::shared_ptr<const programs> known,
                               activation what)
    : durable_actor(cfg, args.env, std::move(what),
                    {args.settings, args.llm, args.metrics}, {},
                    options_of(args.settings)),
      programs_(std::move(known)), kind_(args.kind) {
  task_ = log().value;
  deltas_to_ = self_address().value;
}

kit::handlers workflow_actor::role_handlers() {
  using namespace remote;
  return {
      kit::on<StartTask>([this](auto& mail, auto& m) { on(mail, m); }),
      kit::on<CancelTask>([this](auto& mail, auto& m) { on(mail, m); }),
      kit::on<SignalTask>([this](auto& mail, auto& m) { on(mail, m); }),
      kit::on<Subscribe>([this](auto& mail, auto& m) { on(mail, m); }),
      kit::on<Unsubscribe>([this](auto& mail, auto& m) { on(mail, m); }),
      kit::on<QueryRun>([this](auto& mail, auto& m) { on(mail, m); }),
      kit::on<DescribeRun>([this](auto& mail, auto& m) { on(mail, m); }),
      kit::on<ResumeRun>([this](auto& mail, auto& m) { on(mail, m); }),
      kit::on<StartRun>([this](auto& mail, auto& m) { on(mail, m); }),
      kit::on<RunEnded>([this](auto& mail, auto& m) { on(mail, m); }),
      kit::on<AgentProgress>([this](auto& mail, auto& m) { on(mail, m); }),
      kit::on<AgentEnded>([this](auto& mail, auto& m) { on(mail, m); }),
      kit::on<LlmDelta>([this](auto& mail, auto& m) { on(mail, m); }),
  };
}

// -- coming to life -----------------------------------------------------------

bool workflow_actor::born_from(const envelope& mail) {
  if (const auto* task = mail.body.get_if<remote::StartTask>())
    begin_task(*task);
  else if (const auto* start = mail.body.get_if<remote::StartRun>()) {
    if (!begin_run(mail, *start))
      return true;
  } else {
    return false;
  }
  started_at_us_ = now_us();
  starters_.push_back(mail);
  take_origin(); // Its first append may hold its end.
  return true;
}

void workflow_actor::take_origin() {
  told_ = origin();
  end_taken_ = told_.tell_end_to().empty();
}

void workflow_actor::take_priority() {
  remote::TaskInput input;
  if (strategy() == task_program && input.ParseFromString(run().input()))
    priority_ = input.priority();
}

/// Limits of a run are what they were when it began.
void workflow_actor::fix_limits(remote::TaskInput& input) const {
  const auto& settings = with().settings;
  input.set_agents_max(input.agents_max() == 0
                           ? settings.agents_max
                           : std::min(input.agents_max(), settings.agents_max));
  if (!settings.session_titles)
    input.clear_names_session();
  fix_budget(input, settings.task_cents_max);
}

void workflow_actor::begin_task(const remote::StartTask& start) {
  input_ = start.input();
  priority_ = input_.priority();
  fix_limits(input_);
  facts::RunStarted begun;
  begun.set_kind(kind_);
  begun.set_strategy(std::string{task_program});
  begun.mutable_input()->set_inline_(input_.SerializeAsString());
  facts::Event event;
  event.set_type("WORKFLOW_STARTED");
  event.set_agent_id("orchestrator");
  event.set_message("Starting up");
  if (!input_.context_json().empty())
    event.set_payload_json("{\"task_context\":" + input_.context_json() + "}");
  create({kind_,
          {},
          tenant_id{input_.tenant()},
          user_id{input_.user()},
          session_id{input_.session()}},
         std::move(begun), std::move(event),
         {start.bodies().begin(), start.bodies().end()}, opening_of(start));
}

/// False if it cannot begin: then nothing is stored.
bool workflow_actor::begin_run(const envelope& mail,
                               const remote::StartRun& start) {
  if (programs_->count(start.program()) == 0) {
    refuse(mail, {errc::invalid_argument,
                  "this node knows no program \"" + start.program() + "\"",
                  false, std::nullopt});
    quit(caf::exit_reason::normal);
    return false;
  }
  facts::RunStarted begun;
  begun.set_kind(kind_);
  begun.set_strategy(start.program());
  begun.mutable_input()->set_inline_(start.input());
  remote::TaskInput task;
  if (start.program() == task_program && task.ParseFromString(start.input())) {
    fix_limits(task);
    begun.mutable_input()->set_inline_(task.SerializeAsString());
  }
  if (!start.tell_end_to().empty() || start.ends_with_parent()) {
    auto& origin = *begun.mutable_origin();
    origin.set_tell_end_to(start.tell_end_to());
    origin.set_step(start.step());
    origin.set_attempt(start.attempt());
    origin.set_ends_with_parent(start.ends_with_parent());
  }
  facts::Event event;
  event.set_type("WORKFLOW_STARTED");
  create({kind_, log_id{start.parent()}, tenant_id{start.tenant()},
          user_id{start.user()}, session_id{start.session()}},
         std::move(begun), std::move(event));
  if (start.paused())
    run().pause("its task is paused", "parent", now_us());
  return true;
}

const program* workflow_actor::find_program(const std::string& strategy) {
  auto at = programs_->find(strategy);
  return at == programs_->end() ? nullptr : &at->second;
}

void workflow_actor::recovered(bool created) {
  if (!created) {
    take_origin();
    take_priority();
  }
  others_.clear(); // Those it still waits for are looked for.
  unseen_.clear();
  reads_back_ = !created;
  for (auto& [other, stops] : cancelling_)
    stops.clear(); // The run that is read back says them again.
  for (const auto& kept : std::exchange(kept_ends_, {}))
    hand_back(kept.mail);
  for (auto& mail : std::exchange(starters_, {}))
    accept(mail, !created);
  for (auto& mail : std::exchange(resumers_, {})) {
    remote::ResumeAck answer;
    answer.set_success(true);
    answer.set_message("the run goes on");
    reply(mail, std::move(answer));
  }
  if (created)
    return;
  look_at_parent();
  if (run().ended())
    tell_end();
}

// -- what is on disk ----------------------------------------------------------

void workflow_actor::stored(log_version version, const facts::Fact& fact) {
  if (fact.has_run_started()) {
    with().metrics.run_accepted();
    kit::log::debug("run-accepted", "WORKFLOW has stored its start",
                    {{"task", log().value}});
  }
  if (!subscribers_.empty()) {
    remote::RunEvent news;
    news.set_task(log().value);
    news.set_version(version);
    news.set_at_us(fact.at_us());
    *news.mutable_event() = fact.event();
    news.set_last(fact.has_stream_ended());
    tell_subscribers(message_body{std::move(news)});
  }
  if (fact.has_child_progressed())
    acknowledge(fact.child_progressed());
  while (!kept_ends_.empty() && kept_ends_.front().after <= version) {
    reply(kept_ends_.front().mail, std::move(kept_ends_.front().ack));
    kept_ends_.pop_front();
  }
  if (fact.has_signal_received())
    acknowledge(fact.signal_received());
  if (fact.has_cancel_requested())
    for (auto& mail : std::exchange(cancellers_, {}))
      acknowledge_cancel(mail);
  if (fact.has_stream_ended())
    ended();
}

void workflow_actor::ended() {
  for (auto& mail : std::exchange(cancellers_, {}))
    run().status() == store::log_status::cancelled
        ? acknowledge_cancel(mail)
        : reply(mail, cancel_ack(false, "task has already ended"));
  for (auto& mail : std::exchange(resumers_, {}))
    refuse(mail, has_ended());
  for (auto& [key, mail] : std::exchange(unacknowledged_, {}))
    refuse(mail, has_ended());
  auto status = status_name(run().status());
  with().metrics.run_ended(status);
  kit::log::debug("run-ended", "WORKFLOW has stored its end",
                  {{"task", log().value},
                   {"status", status},
                   {"facts", run().stored_version()}});
  tell_end();
}

std::optional<std::string>
workflow_actor::summary(const std::vector<facts::Fact>& facts) {
  bool wanted = false;
  for (const auto& fact : facts)
    wanted = wanted || fact.has_run_started() || fact.has_run_completed()
             || fact.has_run_failed() || fact.has_run_cancelled()
             || fact.has_run_parked() || fact.has_run_resumed();
  if (!wanted)
    return std::nullopt;
  return summarize(facts).SerializeAsString();
}

facts::Summary
workflow_actor::summarize(const std::vector<facts::Fact>& facts) {
  bool is_task = strategy() == task_program;
  facts::Summary all;
  if (is_task) {
    if (input_.query().empty())
      input_.ParseFromString(run().input());
    all.set_query(cut(input_.query(), summary_query_max));
    all.set_mode(input_.mode());
    all.set_context_json(input_.context_json());
  }
  all.set_strategy(strategy());
  all.set_started_at_us(started_at_us_ != 0 ? started_at_us_
                                            : run().started_at_us());
  *all.mutable_usage() = run().usage();
  for (const auto& use : run().models())
    *all.add_models() = use;
  for (const auto& fact : facts) {
    if (fact.has_run_completed()) {
      // What other programs give is for who started them.
      if (is_task) {
        remote::AgentReport answer;
        answer.ParseFromString(run().output());
        all.set_result(answer.text());
        all.set_agents(answer.iterations());
        *all.mutable_screenshots() = answer.screenshots();
      }
      all.set_ended_at_us(fact.at_us());
    } else if (fact.has_run_failed()) {
      all.set_error(fact.run_failed().error_text());
      all.set_ended_at_us(fact.at_us());
    } else if (fact.has_run_cancelled()) {
      all.set_cancel_reason(fact.run_cancelled().reason());
      all.set_ended_at_us(fact.at_us());
    } else if (fact.has_run_parked()) {
      all.set_error(fact.run_parked().reason());
    }
  }
  return all;
}

// -- leaving ------------------------------------------------------------------

bool workflow_actor::may_retire() const {
  return end_taken_;
}

/// Who started it and is no log has nothing that could wait after a crash.
bool workflow_actor::owes_end() const {
  return !end_taken_ && !birth().parent.empty();
}

/// A run that somebody follows stays: its events go to who subscribed.
bool workflow_actor::may_rest() {
  std::erase_if(subscribers_, [this, now = clock_now()](const auto& one) {
    const auto& [who, since] = one;
    auto far = who.value.find('@') != std::string::npos;
    return far ? now - since > subscription_lasts : !env().addresses.find(who);
  });
  return subscribers_.empty() && starters_.empty() && cancellers_.empty()
         && resumers_.empty() && signalers_.empty() && unacknowledged_.empty()
         && cancelling_.empty() && kept_ends_.empty();
}

/// Each of these asks may be repeated without harm.
void workflow_actor::give_up_mail() {
  for (auto* kept : {&starters_, &cancellers_, &resumers_})
    for (const auto& mail : std::exchange(*kept, {}))
      hand_back(mail);
  for (const auto& [key, mails] : std::exchange(signalers_, {}))
    for (const auto& mail : mails)
      hand_back(mail);
  for (const auto& [key, mail] : std::exchange(unacknowledged_, {}))
    hand_back(mail);
  for (const auto& kept : std::exchange(kept_ends_, {}))
    hand_back(kept.mail);
}

// -- handlers, in protocol order ----------------------------------------------

void workflow_actor::on(const envelope& mail, const remote::StartTask&) {
  accept(mail, true);
}

void workflow_actor::on(const envelope& mail, const remote::CancelTask& msg) {
  if (run().ended())
    return reply(mail, cancel_ack(false, "task has already ended"));
  if (cancellers_.size() >= kept_mail_max)
    return refuse(mail, too_much());
  if (run().cancel(msg.reason(), msg.by(), now_us())) {
    cancellers_.push_back(mail);
    return pump();
  }
  if (run().cancel_stored())
    return acknowledge_cancel(mail);
  // Its end or another cancel is on the way to disk.
  cancellers_.push_back(mail);
}

void workflow_actor::on(const envelope& mail, const remote::SignalTask& msg) {
  if (signalers_.size() >= kept_mail_max)
    return refuse(mail, too_much());
  if (msg.passing()) {
    if (run().ended())
      return refuse(mail, has_ended());
    remote::RunDelta news;
    news.set_task(log().value);
    *news.mutable_event() = msg.told();
    tell_subscribers(message_body{std::move(news)});
    return reply(mail, remote::SignalAck{});
  }
  // What others tell must not fill the log of a run that has yet to end.
  if (msg.name().empty()
      && run().stored_version() >= with().settings.facts_max / 2)
    return refuse(mail, {errc::denied,
                         "the log holds half of what it may: it takes no more "
                         "events from outside",
                         false,
                         {}});
  auto known = signalers_.find(msg.name() + "/" + msg.signal_id());
  if (known != signalers_.end()) {
    known->second.push_back(mail); // Its first copy is on its way to disk.
    return;
  }
  switch (run().signal(msg.name(), msg.signal_id(), msg.payload(), now_us(),
                       msg.told())) {
  case durable_run::signal_outcome::ended:
    return refuse(mail, has_ended());
  case durable_run::signal_outcome::repeated:
    return reply(mail, remote::SignalAck{}); // On disk already.
  case durable_run::signal_outcome::staged:
    break;
  }
  signalers_[msg.name() + "/" + msg.signal_id()].push_back(mail);
  pump();
}

void workflow_actor::on(const envelope& mail, const remote::Subscribe&) {
  if (run().ended())
    return refuse(mail, has_ended());
  if (subscribers_.size() >= subscribers_max
      && subscribers_.count(mail.from) == 0)
    return refuse(mail, {errc::overloaded, "too many streams of this task",
                         true, 1'000ms});
  subscribers_[mail.from] = clock_now();
  remote::Subscribed answer;
  answer.set_version(run().stored_version());
  reply(mail, std::move(answer));
}

void workflow_actor::on(const envelope& mail, const remote::Unsubscribe&) {
  subscribers_.erase(mail.from);
}

void workflow_actor::on(const envelope& mail, const remote::QueryRun& msg) {
  auto got = run().query(msg.name(), msg.payload());
  if (!got)
    return refuse(mail, std::move(got.error()));
  remote::QueryAnswer answer;
  answer.set_payload(std::move(*got));
  reply(mail, std::move(answer));
}

void workflow_actor::on(const envelope& mail, const remote::DescribeRun&) {
  auto answer = run().describe();
  answer.set_run(log().value);
  std::map<std::string_view, decltype(others_)::const_iterator> by_step;
  for (auto at = others_.cbegin(); at != others_.cend(); ++at)
    by_step.emplace(at->second.step, at);
  for (auto& wait : *answer.mutable_waits())
    if (auto at = by_step.find(wait.key());
        at != by_step.end() && wait.kind() == "effect") {
      wait.set_run(at->second->first);
      wait.set_parked(at->second->second.parked);
    }
  reply(mail, std::move(answer));
}

void workflow_actor::on(const envelope& mail, const remote::ResumeRun& msg) {
  if (resumers_.size() >= kept_mail_max)
    return refuse(mail, too_much());
  std::vector<facts::StepId> forget{msg.forget().begin(), msg.forget().end()};
  if (run().resume(msg.by(), msg.reason(), std::move(forget), now_us())) {
    resumers_.push_back(mail);
    return pump();
  }
  remote::ResumeAck answer;
  answer.set_message(run().ended() ? "the run has ended"
                                   : "the run is not parked");
  reply(mail, std::move(answer));
}

void workflow_actor::on(const envelope& mail, const remote::StartRun& msg) {
  // Whoever asks now waits for the end, if it wants to hear of it.
  if (!msg.tell_end_to().empty()) {
    told_.set_tell_end_to(msg.tell_end_to());
    told_.set_step(msg.step());
    told_.set_attempt(msg.attempt());
    end_taken_ = false;
  }
  accept(mail, true);
  if (run().ended())
    tell_end();
}

void workflow_actor::on(const envelope&, const remote::LlmDelta& msg) {
  if (subscribers_.empty())
    return;
  remote::RunDelta news;
  news.set_task(log().value);
  *news.mutable_delta() = msg;
  tell_subscribers(message_body{std::move(news)});
}

// -- pieces -------------------------------------------------------------------

void workflow_actor::accept(const envelope& mail, bool existed) {
  if (mail.body.get_if<remote::StartRun>()) {
    remote::RunAccepted answer;
    answer.set_run(log().value);
    answer.set_existed(existed);
    return reply(mail, std::move(answer));
  }
  remote::TaskAccepted answer;
  answer.set_task(log().value);
  answer.set_existed(existed);
  if (input_.query().empty() && strategy() == task_program)
    input_.ParseFromString(run().input());
  answer.set_request_digest(input_.request_digest());
  answer.set_submitted_at_us(input_.submitted_at_us());
  const auto* start = mail.body.get_if<remote::StartTask>();
  answer.set_session_opened(start && start->has_opens());
  reply(mail, std::move(answer));
}

void workflow_actor::acknowledge(const facts::SignalReceived& fact) {
  auto at = signalers_.find(fact.name() + "/" + fact.signal_id());
  if (at == signalers_.end())
    return;
  for (const auto& mail : at->second)
    reply(mail, remote::SignalAck{});
  signalers_.erase(at);
}

void workflow_actor::acknowledge_cancel(const envelope& mail) {
  reply(mail, cancel_ack(true, "Task cancelled successfully"));
}

void workflow_actor::tell_subscribers(const message_body& news) {
  for (auto at = subscribers_.begin(); at != subscribers_.end();)
    at = tell(at->first, news) ? std::next(at) : subscribers_.erase(at);
}

namespace {

caf::actor spawn_kind(caf::local_actor& parent, const workflow_args& args,
                      programs known) {
  auto all = std::make_shared<const programs>(std::move(known));
  return spawn_activator(
      parent,
      {args.env, args.kind,
       [](const envelope& mail) {
         return mail.body.get_if<remote::StartTask>() != nullptr
                || mail.body.get_if<remote::StartRun>() != nullptr;
       },
       [args, all](caf::local_actor& owner, activation what) -> caf::actor {
         return owner.spawn<workflow_actor>(args, all, std::move(what));
       },
       args.metrics, args.settings.runs_max, 5, args.settings.activations_max,
       args.door,
       [](const envelope& mail) {
         return mail.body.get_if<remote::StartTask>() != nullptr;
       }});
}

} // namespace

caf::actor spawn_workflows(caf::local_actor& parent, workflow_args args) {
  auto known = args.more;
  known.emplace(task_program, task_of(args.settings));
  known.emplace("daemon", [](context ctx, std::string input) {
    return run_daemon(std::move(ctx), std::move(input));
  });
  return spawn_kind(parent, args, std::move(known));
}

caf::actor spawn_schedules(caf::local_actor& parent, workflow_args args) {
  args.kind = "schedule";
  auto known = args.more;
  known.emplace("schedule", [](context ctx, std::string input) {
    return run_schedule(std::move(ctx), std::move(input));
  });
  return spawn_kind(parent, args, std::move(known));
}

} // namespace shannon::workflow
