#include "actors/workflow/durable_actor.hpp"

#include "actors/kit/backoff.hpp"
#include "actors/kit/failpoint.hpp"
#include "actors/kit/log.hpp"
#include "actors/workflow/engine/events.hpp"
#include "actors/workflow/engine/phase_text.hpp"
#include "protocols/cluster.hpp"
#include "protocols/facts/fact.hpp"

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
/// A pending timer keeps the actor's memory; it is armed for this long at most,
/// and then again.
constexpr auto timer_most = 10s;
/// A run that waits and is kept by its listeners looks this often whether they
/// are still there.
constexpr auto listener_look = 30s;
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

std::chrono::system_clock::time_point time_of(std::int64_t us) {
  return std::chrono::system_clock::time_point{std::chrono::microseconds{us}};
}

} // namespace

durable_actor::durable_actor(caf::actor_config& cfg, kit::actor_env& env,
                             activation what, parts with, program code,
                             run_options options)
    : actor_base(cfg, env, what.self), what_(std::move(what)), with_(with),
      code_(std::move(code)), options_(with_chance(std::move(options))),
      at_work_(what_.door) {}

void durable_actor::fresh_run(const program& code) {
  run_ = std::make_unique<durable_run>(code, options_);
  run_->on_stored = [this](log_version version, const facts::Fact& fact) {
    stored(version, fact);
    if (fact.has_pause_requested() || fact.has_pause_ended()) {
      answer_pausers();
      pause_changed();
    }
  };
}

kit::handlers durable_actor::make_handlers() {
  auto all = role_handlers();
  // Whether it can go is looked at after each message.
  all.push_back(kit::on<cluster::wind_down>([](auto&, auto&) {}));
  all.push_back(kit::on<remote::SetPaused>(
      [this](auto& mail, auto& msg) { on(mail, msg); }));
  return all;
}

void durable_actor::on(const envelope& mail, const remote::SetPaused& msg) {
  remote::SetPausedAck answer;
  if (msg.paused() ? run().pause(msg.reason(), msg.by(), now_us())
                   : run().go_on_from_pause(msg.reason(), msg.by(), now_us())) {
    pausers_.push_back(mail);
    return pump();
  }
  auto wish = std::string{"cannot "} + (msg.paused() ? "pause " : "resume ");
  if (run().state() != durable_run::phase::running)
    answer.set_message(wish + "a run that is " + to_text(run().state()));
  else if (run().cancelling())
    answer.set_message(wish + "a run that is being cancelled");
  else
    answer.set_message(msg.paused() ? "task is already paused"
                                    : "task is not paused");
  reply(mail, std::move(answer));
}

void durable_actor::answer_pausers() {
  remote::SetPausedAck answer;
  answer.set_success(true);
  for (const auto& mail : std::exchange(pausers_, {}))
    reply(mail, answer);
}

/// Messages of the role wait until the log is read.
void durable_actor::receive(const kit::handler& line, const envelope& mail) {
  if (live_) {
    waits_since_ = {};
    line.run(mail);
    go_if_done();
  } else if (what_.create && !run_ && born_from(mail)) {
    pump();
  } else if (mail.correlation == 0) {
    return; // Nobody waits for it.
  } else if (early_.size() < early_max) {
    early_.push_back(mail);
  } else {
    refuse(mail, {errc::overloaded, "the run is being read", true, 1s});
  }
}

void durable_actor::started() {
  if (!what_.create)
    load();
}

void durable_actor::expired(const envelope&) {
  // It was to create the log: nobody waits for that any more.
  if (what_.create && !run_)
    quit(caf::exit_reason::normal);
}

void durable_actor::stopping() {
  give_up_mail();
  for (auto* kept : {&early_, &pausers_})
    for (const auto& mail : std::exchange(*kept, {}))
      hand_back(mail);
  at_work_ = {};
  // Timers may keep this object for a while: what is large goes now.
  held_back_.clear();
  run_.reset();
  appending_ = {};
}

std::int64_t durable_actor::now_us() {
  return what_.clock && what_.clock->known() ? what_.clock->now_us(clock_now())
                                             : unix_us(env().now());
}

// -- coming to life -----------------------------------------------------------

void durable_actor::create(store::log_birth birth, facts::RunStarted begun,
                           facts::Event event, std::vector<std::string> bodies,
                           std::optional<store::session_opening> opens) {
  birth_ = std::move(birth);
  opens_ = std::move(opens);
  strategy_ = begun.strategy();
  origin_ = begun.origin();
  const auto* code = find_program(strategy_);
  fresh_run(code ? *code : program{});
  run_->begin(std::move(begun), std::move(event), now_us(), std::move(bodies));
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
        if (got.error().code == errc::fenced)
          return quit(
              must_reread()); // Another node has it, or had it just now.
        log_lines::error("run-unreadable", "durable actor cannot open its log",
                         {{"log", log().value}, {"reason", got.error().text}});
        quit(caf::make_error(caf::sec::runtime_error, got.error().text));
      });
}

void durable_actor::loaded(store::log_image image) {
  birth_ = image.head.birth;
  tail_ = image.head.tail;
  what_.create = false;
  scheduled_.reset();
  if (image.head.idle)
    scheduled_ = store::log_schedule{true, image.head.wake_at};
  tell({std::string{self_address().kind()}},
       settled{log(), what_.life, tail_.version});
  auto& park = what_.park;
  if (park && park->at && *park->at != tail_.version)
    park.reset(); // It has got past where it failed.
  facts::Fact first;
  if (!image.facts.empty() && first.ParseFromString(image.facts.front().bytes))
    take_names(first);
  const auto* code = find_program(strategy_);
  if (!code && !park)
    park = {{}, "this node knows no program \"" + strategy_ + "\""};
  SHANNON_FAILPOINT("run.reads");
  // What failed there is not run again.
  fresh_run(park ? program{} : *code);
  auto read = run_->replay(image.facts, image.blobs, now_us());
  with_.metrics.run_replayed(image.facts.size());
  if (!read)
    park = {{}, "log cannot be replayed: " + read.error().text};
  if (park && run_->state() == durable_run::phase::running)
    run_->park(park->reason, now_us());
  log_lines::info("run-recovered", "durable actor has replayed its log",
                  {{"log", log().value}, {"facts", image.facts.size()}});
  SHANNON_FAILPOINT("run.read");
  go_live(false);
}

/// The first fact of what is replayed says which program it is, and for whom.
void durable_actor::take_names(const facts::Fact& first) {
  if (first.has_run_started()) {
    strategy_ = first.run_started().strategy();
    origin_ = first.run_started().origin();
  } else if (first.has_run_continued()) {
    strategy_ = first.run_continued().strategy();
    origin_ = first.run_continued().origin();
  }
}

/// What is decided is forgotten; what is on disk counts.
void durable_actor::read_again() {
  live_ = false;
  appending_ = {};
  held_back_.clear();
  what_.create = false;
  tail_ = {};
  run_.reset();
  load();
}

void durable_actor::go_live(bool created) {
  live_ = true;
  recovered(created);
  // What it waits for must be known before who comes with an answer is heard.
  work();
  held_ = true;
  // Before what comes from now on: their senders count on the order.
  for (const auto& mail : std::exchange(early_, {}))
    if (mail.deadline.time_since_epoch().count() == 0
        || mail.deadline >= clock_now())
      take(mail);
  held_ = false;
  pump();
}

// -- what the run wants -------------------------------------------------------

void durable_actor::pump() {
  if (!run_)
    return; // Its log is being read again.
  work();
  go_if_done();
  if (!leaving_ && wake_at_us_)
    sleep_until(*wake_at_us_);
}

void durable_actor::work() {
  auto what = run_->next(now_us());
  idle_ = what.idle;
  wake_at_us_ = what.wake_at_us;
  take_or_leave_place();
  for (auto& stop : what.stop)
    cancel(stop);
  if (!what.append.empty())
    append(what);
  for (auto& start : what.start)
    dispatch(start);
  // What was owed may be told by that: then the end follows.
  if (std::any_of(what.stop.begin(), what.stop.end(),
                  [](const auto& stop) { return stop.owed; }))
    work();
}

/// What waits for a timer, a signal or a person keeps nobody out.
void durable_actor::take_or_leave_place() {
  bool works = !idle_ && run_->state() != durable_run::phase::parked;
  if (std::exchange(works_, works) != works)
    at_work_ = works ? intake::place{what_.door} : intake::place{};
}

void durable_actor::append(durable_run::agenda& what) {
  store::append request;
  request.log = log();
  request.expected = tail_;
  if (tail_.version == 0) {
    request.birth = birth_;
    request.opens = std::exchange(opens_, std::nullopt);
  }
  request.status = what.status;
  request.summary = summary(what.append);
  for (auto& fact : what.append) {
    // Who wants to hear of the end is not the engine's business.
    if (fact.has_run_continued())
      *fact.mutable_run_continued()->mutable_origin() = origin_;
    facts::shorten_event(fact);
    request.facts.push_back(fact.SerializeAsString());
  }
  request.blobs = std::move(what.blobs);
  request.references = std::move(what.references);
  request.attributes = std::move(what.attributes);
  request.base = what.base;
  // The timers of a log that does not wait are nobody's business but its
  // actor's.
  store::log_schedule schedule{what.idle, {}};
  if (what.idle && what.wake_at_us)
    schedule.wake_at = time_of(*what.wake_at_us);
  if (tail_.version == 0)
    scheduled_ = store::log_schedule{};
  request.owes_end = store::is_terminal(request.status) && owes_end();
  if (request.owes_end)
    schedule = {}; // As of one that is under way.
  if ((request.owes_end || !store::is_terminal(request.status))
      && scheduled_ != schedule) {
    request.schedule = schedule;
    scheduled_ = schedule;
  }
  appending_ = message_body{std::move(request)};
  waits_since_ = {};
  append_retries_ = 0;
  append_wished_at_ = clock_now();
  send_append();
}

void durable_actor::send_append() {
  ask<store::append_receipt>({"store"}, appending_, store_timeout,
                             [this](result<store::append_receipt> got) {
                               append_ended(std::move(got));
                             });
}

void durable_actor::append_ended(result<store::append_receipt> got) {
  if (got) {
    SHANNON_FAILPOINT("run.stored");
    if (what_.door)
      what_.door->stored(std::chrono::duration_cast<std::chrono::microseconds>(
          clock_now() - append_wished_at_));
    tail_ = got->tail;
    appending_ = {};
    what_.create = false;
    run_->committed(now_us());
    SHANNON_FAILPOINT("run.told");
    if (run_->must_reread())
      return read_again();
    if (!live_)
      return go_live(true);
    return pump();
  }
  const auto& why = got.error();
  if (why.code == errc::unavailable || why.code == errc::overloaded) {
    auto wait = kit::backoff{50ms, 2'000ms}.ceiling(++append_retries_);
    return after(wait, [this] { send_append(); });
  }
  if (why.code == errc::conflict && what_.create) {
    // It exists already: a repeated start meets what the first one began.
    return read_again();
  }
  log_lines::warning("append-refused", "durable actor must read its log again",
                     {{"log", log().value},
                      {"code", to_string(why.code)},
                      {"reason", why.text}});
  quit(must_reread());
}

void durable_actor::sleep_until(std::int64_t wake_at_us) {
  auto now = now_us();
  std::chrono::microseconds most = timer_most;
  auto at = std::min(wake_at_us, now + most.count());
  // The earliest serves: when it comes, the run says what it waits for next.
  // A later one stays armed and is not armed again.
  if (!wake_ups_.empty() && *wake_ups_.begin() <= at)
    return;
  wake_ups_.insert(at);
  std::chrono::microseconds wait{std::max<std::int64_t>(at - now, 0)};
  after(std::chrono::ceil<std::chrono::milliseconds>(wait), [this, at] {
    wake_ups_.erase(at);
    if (run_)
      run_->tick(now_us());
    pump();
  });
}

// -- leaving ------------------------------------------------------------------

void durable_actor::end_told() {
  tell({"store"}, store::close_log{log()});
}

/// New mail goes to the activator from the moment it is not bound; what is in
/// the mailbox goes back there when it ends.
void durable_actor::go_if_done() {
  if (leaving_ || held_ || !appending_.empty() || !live_ || !run_->quiet())
    return;
  if (run_->state() == durable_run::phase::ended) {
    if (!may_retire())
      return;
    leaving_ = true;
    env().addresses.unbind(self_address(), address());
    return quit(caf::exit_reason::normal);
  }
  if (is_leaving())
    return go_for_good();
  if (left_undone_) // The shard stays after all.
    return quit(must_reread());
  if (!waits())
    return;
  // Who listens may go without a word.
  if (open_asks() != 0 || !may_rest())
    return look_again(listener_look);
  auto now = clock_now();
  if (waits_since_ == std::chrono::steady_clock::time_point{})
    waits_since_ = now;
  auto left = rest_after() - (now - waits_since_);
  if (left <= left.zero())
    rest();
  else
    look_again(std::chrono::ceil<std::chrono::milliseconds>(left));
}

/// Another node will carry the run, from what is on disk. What is under way is
/// waited for first; who listens or waits finds the other node.
void durable_actor::go_for_good() {
  constexpr std::chrono::milliseconds look{20};
  open_asks() == 0 ? rest() : look_again(look);
}

bool durable_actor::waits() {
  if (run_->state() == durable_run::phase::parked)
    return true;
  // A timer that is due soon is better waited for here.
  std::chrono::microseconds soon = rest_after();
  if (wake_at_us_ && *wake_at_us_ <= now_us() + soon.count())
    return false;
  // Only timers in its row wake it: the row may say still that it does not
  // wait, if no fact was due since.
  store::log_schedule schedule{idle_, {}};
  if (idle_ && wake_at_us_)
    schedule.wake_at = time_of(*wake_at_us_);
  if (wake_at_us_ && scheduled_ != schedule)
    return false;
  return idle_ || (!wake_at_us_ && waits_for_others());
}

std::chrono::milliseconds durable_actor::rest_after() const {
  bool crowded = what_.crowded && what_.crowded->load();
  return crowded ? std::chrono::milliseconds{0} : with_.settings.rest_after;
}

void durable_actor::look_again(std::chrono::milliseconds later) {
  if (std::exchange(look_armed_, true))
    return;
  after(later, [this] {
    look_armed_ = false;
    go_if_done();
  });
}

void durable_actor::rest() {
  leaving_ = true;
  env().addresses.unbind(self_address(), address());
  resting note{log(), what_.life, {}};
  if (wake_at_us_ && idle_)
    note.wake_at = time_of(*wake_at_us_);
  tell({std::string{self_address().kind()}}, std::move(note));
  quit(caf::exit_reason::normal);
}

} // namespace shannon::workflow
