#include "tests/simulation/actor.hpp"

#include "protocols/remote/tool.pb.h"
#include "protocols/remote/workflow.pb.h"
#include "protocols/shard_of.hpp"
#include "tests/simulation/effects.hpp"
#include "tests/simulation/node.hpp"
#include "tests/simulation/watch.hpp"

#include <algorithm>
#include <utility>

namespace shannon::sim {

namespace {

using workflow::durable_run;
using end = workflow::activation_table::end;

/// Nobody waits longer for the store.
constexpr std::int64_t store_timeout_us = 30'000'000;
/// Nor for an effect.
constexpr std::int64_t effect_timeout_us = 120'000'000;
/// A log that is not born by then will not be.
constexpr std::int64_t birth_patience_us = 2'000'000;

std::chrono::system_clock::time_point time_of(std::int64_t unix_us) {
  return std::chrono::system_clock::time_point{
      std::chrono::microseconds{unix_us}};
}

std::string signal_key(const std::string& name, const std::string& id) {
  return name + "/" + id;
}

} // namespace

actor::actor(node& home, workflow::activation_table::start how)
    : home_(home), how_(std::move(how)) {
  fresh_run();
}

void actor::fresh_run() {
  run_ = std::make_unique<durable_run>(home_.with().program,
                                       home_.with().options);
  run_->on_stored = [this](log_version version, const facts::Fact& fact) {
    stored(version, fact);
  };
}

void actor::say(const std::string& text) {
  home_.with().everything.note(home_.name(), log().value + " " + text);
}

// -- coming to life -----------------------------------------------------------

void actor::begin() {
  home_.with().checks.activated(log(), home_.name(), life());
  if (!how_.create)
    return load();
  home_.with().everything.after(
      birth_patience_us, home_.later(*this, [](actor& me) {
        if (!me.live_ && me.how_.create && !me.appending_
            && me.run_->state() == run_state::empty)
          me.leave(end::done);
      }));
}

void actor::load() {
  auto log_name = log();
  auto epoch = home_.epoch_of(log_name);
  if (!epoch && !home_.has_shard_of(log_name))
    return leave(end::reread);
  if (!epoch) // The lease is on its way.
    return home_.with().everything.after(
        500'000, home_.later(*this, [](actor& me) { me.load(); }));
  home_.works(log_name);
  auto shard = store::shard_of(log_name, home_.with().sky.shards);
  auto done = [this_life = life(), log_name,
               home = &home_](std::optional<result<store::log_image>> got) {
    if (auto* me = home->find(log_name, this_life))
      me->opened(std::move(got));
  };
  home_.ask<result<store::log_image>>(
      "open",
      [log_name, shard, e = *epoch](database& db) {
        return db.open(log_name, shard, e);
      },
      done);
}

void actor::opened(std::optional<result<store::log_image>> got) {
  if (got && *got)
    return loaded(**got);
  if (!got) // The read is safe to repeat.
    return home_.with().everything.after(
        500'000, home_.later(*this, [](actor& me) { me.load(); }));
  say("cannot open its log: " + got->error().text);
  leave(got->error().code == errc::not_found ? end::done : end::reread);
}

void actor::loaded(const store::log_image& image) {
  tail_ = image.head.tail;
  birth_ = image.head.birth;
  how_.create = false;
  auto now = home_.now_us();
  auto read = run_->replay(image.facts, image.blobs, now);
  if (!read) {
    home_.with().checks.unreadable(log(), read.error().text);
    return leave(end::failed);
  }
  if (how_.park && run_->state() == run_state::running)
    run_->park(how_.park->reason, now);
  say("has read " + std::to_string(image.facts.size()) + " facts under epoch "
      + std::to_string(image.head.epoch));
  home_.with().everything.seen.hit("run read back from its log");
  if (run_->ended() && owes_end())
    home_.with().everything.seen.hit("child's end told after a crash");
  live();
}

void actor::live() {
  live_ = true;
  home_.settled(*this, tail_.version);
  for (auto& what : std::exchange(starters_, {}))
    home_.with().checks.answer(what, mail::answer::done);
  // What it waits for must be known before who comes with an answer is heard.
  pump();
  for (auto& what : std::exchange(early_, {}))
    if (!gone_)
      handle(what);
    else
      home_.with().checks.answer(what, mail::answer::try_later);
  if (!gone_)
    pump();
}

// -- mail ---------------------------------------------------------------------

void actor::take(const mail& what) {
  if (live_)
    return handle(what);
  if (how_.create && !appending_ && run_->state() == run_state::empty
      && what.what == mail::kind::start)
    return born(what);
  early_.push_back(what);
}

void actor::born(const mail& what) {
  birth_ = {"workflow", what.from, {}, {}, {}};
  facts::RunStarted started;
  started.set_kind("workflow");
  started.set_strategy("simulated");
  started.mutable_input()->set_inline_(what.payload);
  facts::Event event;
  event.set_type("WORKFLOW_STARTED");
  run_->begin(std::move(started), std::move(event), home_.now_us());
  starters_.push_back(what);
  pump();
}

void actor::handle(const mail& what) {
  auto& checks = home_.with().checks;
  auto now = home_.now_us();
  switch (what.what) {
  case mail::kind::start:
    return checks.answer(what, mail::answer::done);
  case mail::kind::cancel:
    if (run_->ended())
      return checks.answer(what, mail::answer::ended);
    if (run_->cancel("enough", "simulation", now)) {
      cancellers_.push_back(what);
      return pump();
    }
    if (run_->cancel_stored())
      return checks.answer(what, mail::answer::done);
    cancellers_.push_back(what); // Its end or another cancel is on its way.
    return;
  case mail::kind::signal: {
    auto key = signal_key(what.name, what.id);
    if (auto known = signalers_.find(key); known != signalers_.end()) {
      known->second.push_back(what);
      return;
    }
    switch (run_->signal(what.name, what.id, what.payload, now)) {
    case durable_run::signal_outcome::ended:
      return checks.answer(what, mail::answer::ended);
    case durable_run::signal_outcome::repeated:
      home_.with().everything.seen.hit("signal repeated");
      return checks.answer(what, mail::answer::done);
    case durable_run::signal_outcome::staged:
      break;
    }
    signalers_[key].push_back(what);
    return pump();
  }
  case mail::kind::child_ended:
    return child_ended(what);
  }
}

std::string actor::waits() const {
  if (!live_)
    return "reads its log";
  auto all = run_->describe();
  std::string text = all.phase() + ", waits for";
  for (const auto& one : all.waits())
    text += " " + one.kind() + " " + one.key()
            + (one.under_way() ? " (under way)" : "");
  return text;
}

std::vector<mail> actor::give_up_mail() {
  std::vector<mail> all;
  auto take = [&](std::vector<mail>& from) {
    std::move(from.begin(), from.end(), std::back_inserter(all));
    from.clear();
  };
  take(starters_);
  take(cancellers_);
  for (auto& [key, mails] : signalers_)
    take(mails);
  signalers_.clear();
  take(early_);
  for (auto& [after, what] : std::exchange(kept_ends_, {}))
    all.push_back(std::move(what));
  return all;
}

/// A fact is on disk: who waited for it hears of it.
void actor::stored(log_version version, const facts::Fact& fact) {
  auto& checks = home_.with().checks;
  checks.told(log(), life(), version, fact);
  if (fact.has_signal_received()) {
    const auto& signal = fact.signal_received();
    auto at = signalers_.find(signal_key(signal.name(), signal.signal_id()));
    if (at != signalers_.end()) {
      for (const auto& what : std::exchange(at->second, {}))
        checks.answer(what, mail::answer::done);
      signalers_.erase(at);
    }
  }
  while (!kept_ends_.empty() && kept_ends_.front().first <= version) {
    checks.answer(kept_ends_.front().second, mail::answer::done);
    kept_ends_.pop_front();
  }
  if (fact.has_cancel_requested())
    for (const auto& what : std::exchange(cancellers_, {}))
      checks.answer(what, mail::answer::done);
}

// -- what the run wants -------------------------------------------------------

void actor::pump() {
  carry_out(run_->next(home_.now_us()));
}

void actor::carry_out(durable_run::agenda what) {
  for (const auto& stop : what.stop)
    stop_effect(stop);
  if (!what.append.empty())
    append(what);
  for (const auto& start : what.start)
    start_effect(start);
  if (what.wake_at_us)
    sleep_until(*what.wake_at_us);
  if (std::any_of(what.stop.begin(), what.stop.end(),
                  [](const auto& stop) { return stop.owed; }))
    return pump();
  rest_or_retire(what);
}

void actor::append(durable_run::agenda& what) {
  store::append request;
  request.log = log();
  request.expected = tail_;
  if (tail_.version == 0)
    request.birth = birth_;
  request.status = what.status;
  std::string names;
  for (const auto& fact : what.append) {
    request.facts.push_back(fact.SerializeAsString());
    names += " " + name_of(fact);
  }
  request.blobs = std::move(what.blobs);
  request.references = std::move(what.references);
  request.attributes = std::move(what.attributes);
  request.base = what.base;
  store::log_schedule schedule{what.idle, {}};
  if (what.wake_at_us)
    schedule.wake_at = time_of(*what.wake_at_us);
  request.owes_end = store::is_terminal(request.status) && owes_end();
  if (request.owes_end)
    schedule = {};
  if (schedule != told_schedule_)
    request.schedule = schedule;
  say("appends" + names);
  appending_ = std::move(request);
  append_retries_ = 0;
  send_append();
}

void actor::send_append() {
  auto answered = std::make_shared<bool>(false);
  auto take = [answered](actor& me, result<store::append_receipt> got) {
    if (!std::exchange(*answered, true))
      me.append_ended(std::move(got));
  };
  home_.append(*appending_, [home = &home_, id = log(), this_life = life(),
                             take](result<store::append_receipt> got) {
    if (auto* me = home->find(id, this_life))
      take(*me, std::move(got));
  });
  home_.with().everything.after(
      store_timeout_us, home_.later(*this, [take](actor& me) {
        take(me, fail(errc::timeout, "the store does not answer", true));
      }));
}

void actor::append_ended(result<store::append_receipt> got) {
  if (got) {
    tail_ = got->tail;
    if (appending_->schedule)
      told_schedule_ = appending_->schedule;
    appending_.reset();
    how_.create = false;
    run_->committed(home_.now_us());
    if (!live_)
      return live();
    return pump();
  }
  const auto& why = got.error();
  if (why.code == errc::unavailable || why.code == errc::overloaded) {
    auto wait = std::min<std::int64_t>(
        50'000 << std::min(append_retries_++, 5u), 2'000'000);
    return home_.with().everything.after(
        wait, home_.later(*this, [](actor& me) { me.send_append(); }));
  }
  if (why.code == errc::conflict && how_.create) {
    home_.with().everything.seen.hit("run submitted twice");
    appending_.reset();
    how_.create = false;
    tail_ = {};
    fresh_run();
    return load();
  }
  say("must read its log again: " + why.text);
  home_.with().everything.seen.hit("run that must read its log again");
  leave(end::reread);
}

void actor::begin_held_back() {
  home_.with().everything.after(100'000, home_.later(*this, [](actor& me) {
    if (me.held_back_.empty())
      return;
    if (!me.home_.epoch_of(me.log()))
      return me.begin_held_back();
    for (const auto& one : std::exchange(me.held_back_, {}))
      me.start_effect(one);
  }));
}

void actor::start_effect(const durable_run::effect_start& what) {
  auto& with = home_.with();
  if (!home_.epoch_of(log())) {
    with.everything.seen.hit("effect that waits for a lease");
    held_back_.push_back(what);
    if (held_back_.size() == 1)
      begin_held_back();
    return;
  }
  if (what.effect == "child")
    return start_child(what);
  ledger_entry entry;
  entry.log = log();
  entry.step = facts::to_string(what.step);
  entry.key = what.key;
  entry.attempt = what.attempt;
  entry.order = order_of(
      dynamic_cast<const remote::ToolRequest&>(*what.input).arguments_json());
  entry.node = home_.name();
  entry.life = life();
  say("starts " + what.key + ", attempt " + std::to_string(what.attempt));
  entry.shard = store::shard_of(log(), with.sky.shards);
  entry.epoch = home_.epoch_of(log()).value_or(0);
  home_.works(log());
  with.checks.effect_asked(entry, tail_.version);
  auto key = what.key;
  auto attempt = what.attempt;
  auto hear = [home = &home_, id = log(), this_life = life(), key,
               attempt](durable_run::effect_outcome outcome) {
    // Mostly an answer finds the life that asked; what is addressed to the
    // run, as from a child, finds the one that stands there now.
    auto& dice = home->with().everything.dice;
    auto* me = home->find(id, dice.one_in(8) ? 0 : this_life);
    if (me)
      me->effect_ended(key, attempt, std::move(outcome));
  };
  home_.to_far_side([home = &home_, entry, hear] {
    home->with().checks.effect_begins(entry);
    home->with().effects.begin(
        entry, [home, hear](durable_run::effect_outcome outcome) {
          home->guard([hear, outcome] { hear(outcome); })();
        });
  });
  with.everything.after(
      effect_timeout_us, home_.later(*this, [key, attempt](actor& me) {
        me.effect_ended(key, attempt,
                        {fail(errc::timeout, "no answer", true), {}, {}, 0});
      }));
}

void actor::stop_effect(const durable_run::effect_stop& what) {
  std::erase_if(held_back_, [&](const auto& one) {
    return one.key == what.key && one.attempt == what.attempt;
  });
  home_.with().checks.stopped(log(), what.key, what.attempt);
  const auto* wish = dynamic_cast<const remote::ChildRun*>(what.input.get());
  if (!wish) {
    home_.to_far_side([&effects = home_.with().effects, id = log(), what] {
      effects.stop(id, what.key, what.attempt);
    });
    return run_->stop_taken(what.key, what.attempt, home_.now_us());
  }
  if (run_->state() == run_state::parked)
    return run_->stop_taken(what.key, what.attempt, home_.now_us());
  mail cancel;
  cancel.what = mail::kind::cancel;
  cancel.to = child_id(*wish, what.key);
  home_.with().checks.given_up(log(), cancel.to);
  children_.erase(cancel.to);
  insist(
      std::move(cancel), [](actor&) { return true; },
      [key = what.key, attempt = what.attempt](actor& me, mail::answer) {
        me.home_.with().everything.seen.hit("child told to end");
        me.run_->stop_taken(key, attempt, me.home_.now_us());
        me.pump();
      });
}

log_id actor::child_id(const remote::ChildRun& wish,
                       const std::string& key) const {
  return log_id{wish.id().empty() ? log().value + "/" + key : wish.id()};
}

// -- runs below and above -----------------------------------------------------

void actor::start_child(const durable_run::effect_start& what) {
  const auto& wish = dynamic_cast<const remote::ChildRun&>(*what.input);
  mail start;
  start.what = mail::kind::start;
  start.to = child_id(wish, what.key);
  start.from = log();
  start.payload = wish.input();
  say("starts " + start.to.value);
  children_[start.to] = {what.key, what.attempt, wish.detached()};
  ask_child(std::move(start));
}

/// Until it is accepted: then it is on disk, and tells its end by itself.
void actor::ask_child(mail start) {
  auto id = start.to;
  auto then = [id](actor& me, mail::answer) {
    auto at = me.children_.find(id);
    if (at == me.children_.end())
      return;
    me.home_.with().everything.seen.hit("child started");
    if (!at->second.detached)
      return;
    auto ended = at->second;
    me.children_.erase(at);
    remote::ChildResult output;
    output.set_run(id.value);
    me.effect_ended(ended.key, ended.attempt,
                    {output.SerializeAsString(), {}, {}, 0});
  };
  insist(
      std::move(start), [id](actor& me) { return me.children_.count(id) != 0; },
      then);
}

/// Acknowledged once it is on disk here, or if this run knows its whole log and
/// does not wait for it: then nobody brings the child back.
void actor::acknowledge_end(const mail& what) {
  if (!run_->quiet()) {
    kept_ends_.emplace_back(run_->decided_version(), what);
    return;
  }
  home_.ask<log_version>(
      "head",
      [id = log()](database& db) {
        const auto* found = db.find(id);
        return found ? found->tail.version : 0;
      },
      [home = &home_, id = log(), this_life = life(),
       what](std::optional<log_version> got) {
        auto* me = home->find(id, this_life);
        bool knows = me && me->live_ && got && *got == me->tail_.version;
        bool waits = knows && me->run_->state() == run_state::running
                     && me->children_.count(what.from) != 0;
        home->with().checks.answer(what, knows && !waits
                                             ? mail::answer::done
                                             : mail::answer::try_later);
      });
}

void actor::child_ended(const mail& what) {
  auto at = children_.find(what.from);
  if (at == children_.end() || at->second.detached)
    return acknowledge_end(what);
  auto ended = at->second;
  children_.erase(at);
  home_.with().everything.seen.hit("child's end heard");
  durable_run::effect_outcome outcome{what.outcome, {}, {}, 0};
  if (what.outcome) {
    remote::ChildResult output;
    output.set_run(what.from.value);
    output.set_output(*what.outcome);
    outcome.output = output.SerializeAsString();
  }
  effect_ended(ended.key, ended.attempt, std::move(outcome));
  acknowledge_end(what);
}

bool actor::owes_end() const {
  return !birth_.parent.empty() && !parent_told_;
}

void actor::tell_parent() {
  if (std::exchange(telling_, true))
    return;
  mail news;
  news.what = mail::kind::child_ended;
  news.to = birth_.parent;
  news.from = log();
  if (run_->status() == store::log_status::completed)
    news.outcome = run_->output();
  else
    news.outcome = fail(run_->failure().code, run_->failure().text);
  insist(
      std::move(news), [](actor&) { return true; },
      [](actor& me, mail::answer) {
        me.parent_told_ = true;
        me.home_.ask<bool>(
            "close",
            [log = me.log()](database& db) {
              db.close(log);
              return true;
            },
            [](std::optional<bool>) {});
        me.pump();
      });
}

void actor::insist(mail what, std::function<bool(actor&)> wanted,
                   std::function<void(actor&, mail::answer)> then) {
  if (!wanted(*this))
    return;
  auto answered = std::make_shared<bool>(false);
  auto again
      = [what, wanted, then](actor& me) { me.insist(what, wanted, then); };
  what.reply = [home = &home_, id = log(), this_life = life(), answered, then,
                again](mail::answer how) {
    if (std::exchange(*answered, true) || !home->up())
      return;
    home->guard([home, id, this_life, then, again, how] {
      auto* me = home->find(id, this_life);
      if (!me)
        return;
      if (how != mail::answer::try_later)
        return then(*me, how);
      me->home_.with().everything.after(500'000, home->later(*me, again));
    })();
  };
  home_.with().post(what);
  home_.with().everything.after(
      10'000'000, home_.later(*this, [answered, again](actor& me) {
        if (!std::exchange(*answered, true))
          again(me);
      }));
}

void actor::effect_ended(const std::string& key, std::uint32_t attempt,
                         durable_run::effect_outcome outcome) {
  if (!live_)
    return;
  say(key + ", attempt " + std::to_string(attempt) + ": "
      + (outcome.output ? std::string{"done"} : outcome.output.error().text));
  run_->effect_ended(key, attempt, std::move(outcome), home_.now_us());
  pump();
}

void actor::sleep_until(std::int64_t wake_at_us) {
  if (!wake_ups_.empty() && *wake_ups_.begin() <= wake_at_us)
    return;
  wake_ups_.insert(wake_at_us);
  auto wait = std::max<std::int64_t>(wake_at_us - home_.now_us(), 0);
  home_.with().everything.after((wait + 999) / 1000 * 1000,
                                home_.later(*this, [wake_at_us](actor& me) {
                                  me.wake_ups_.erase(wake_at_us);
                                  me.run_->tick(me.home_.now_us());
                                  me.pump();
                                }));
}

// -- going --------------------------------------------------------------------

void actor::rest_or_retire(const durable_run::agenda& last) {
  if (gone_ || !live_ || appending_ || !run_->quiet())
    return;
  if (run_->ended()) {
    if (owes_end())
      return tell_parent();
    return leave(end::done);
  }
  // Only rows wake it up again: they must say that it waits, and until when.
  if (!last.idle || !told_schedule_ || !told_schedule_->idle || resting_)
    return;
  resting_ = true;
  home_.with().everything.after(
      home_.with().everything.dice.spread(1'000, 5'000'000),
      home_.later(*this, [](actor& me) { me.rest(); }));
}

/// It has waited for a while: if it still does, no memory is held for it.
void actor::rest() {
  resting_ = false;
  auto now = run_->next(home_.now_us());
  store::log_schedule schedule{now.idle, {}};
  if (now.wake_at_us)
    schedule.wake_at = time_of(*now.wake_at_us);
  if (!now.idle || appending_ || !now.append.empty() || !now.start.empty()
      || !now.stop.empty() || !run_->quiet() || schedule != told_schedule_)
    return carry_out(std::move(now));
  say("rests");
  home_.with().everything.seen.hit("run that waits is put to rest");
  home_.with().checks.rested(log(), life());
  home_.passive(*this, now.wake_at_us);
  leave(end::done);
}

void actor::leave(end how) {
  if (std::exchange(gone_, true))
    return;
  home_.down(*this, how);
}

} // namespace shannon::sim
