#include "tests/simulation/node.hpp"

#include "protocols/shard_of.hpp"
#include "tests/simulation/effects.hpp"
#include "tests/simulation/watch.hpp"

#include <algorithm>
#include <utility>

namespace shannon::sim {

namespace {

using workflow::activation_table;
using wall = std::chrono::system_clock::time_point;

constexpr const char* kind = "workflow";

wall wall_of(std::int64_t unix_us) {
  return wall{std::chrono::microseconds{unix_us}};
}

bool creates(const envelope& what) {
  const auto* inside = what.body.get_if<mail>();
  return inside && inside->what == mail::kind::start;
}

activation_table::limits limits_of(chance& dice) {
  activation_table::limits out;
  out.reading_max = static_cast<std::uint32_t>(dice.between(1, 8));
  return out;
}

} // namespace

node::node(parts& with, unsigned number)
    : with_(with), name_("n" + std::to_string(number)),
      steady_offset_us_(with.everything.dice.between(0, 1'000'000'000'000)) {}

node::process::process(node& home, node_id self)
    : db(home.with_, home.name_,
         [&home](auto what) { return home.guard(std::move(what)); }),
      appends(
          home.with_, db, home.name_,
          [&home](auto what) { return home.guard(std::move(what)); },
          [this, &home](std::uint32_t shard) -> std::optional<shard_epoch> {
            auto at = epochs.find(shard);
            if (at == epochs.end()
                || (!home.waking_ && !own.holds_lease(home.steady_us())))
              return std::nullopt;
            return at->second;
          }),
      own(std::move(self), home.with_.sky.lease),
      runs(kind, limits_of(home.with_.everything.dice), home.lives_, creates),
      due(workflow::due_watch::limits{}) {}

// -- life of the process ------------------------------------------------------

void node::start() {
  ++incarnation_;
  lives_ = (std::uint64_t{incarnation_} << 32)
           + (std::uint64_t(name_.back()) << 56);
  process_ = std::make_unique<process>(*this, self());
  with_.everything.note(name_, "starts");
  run_ownership();
}

void node::crash() {
  with_.everything.note(name_, "CRASHES");
  for (auto& [log, run] : process_->actors) {
    with_.checks.lost(log, run->life());
    with_.effects.forget(log, run->life());
  }
  ++incarnation_;
  frozen_ = false;
  missed_.clear();
  process_.reset();
}

void node::freeze(std::int64_t for_us) {
  with_.everything.note(name_,
                        "FREEZES for " + std::to_string(for_us / 1000) + " ms");
  frozen_ = true;
  with_.everything.after(for_us, [this, now = incarnation_] {
    if (frozen_ && incarnation_ == now)
      thaw();
  });
}

/// What has waited comes in any order of those who sent it, and before the
/// node can have looked at a clock.
void node::thaw() {
  auto& dice = with_.everything.dice;
  with_.everything.note(name_, "wakes up");
  frozen_ = false;
  if (process_ && !process_->own.holds_lease(steady_us())) {
    with_.everything.seen.hit("frozen owner wakes up");
    // Half of them look at the clock first.
    if (dice.one_in(2))
      run_ownership();
  }
  waking_ = true;
  auto missed = std::exchange(missed_, {});
  for (std::size_t i = 1; i < missed.size(); ++i)
    if (dice.one_in(3))
      std::swap(missed[i - 1], missed[i]);
  for (auto& what : missed)
    what();
  waking_ = false;
}

void node::cut_off(std::int64_t for_us) {
  with_.everything.note(name_, "is CUT OFF for " + std::to_string(for_us / 1000)
                                   + " ms");
  process_->db.cut_off(with_.everything.now_us() + for_us);
}

std::function<void()> node::guard(std::function<void()> what) {
  return [this, now = incarnation_, what = std::move(what)] {
    if (now != incarnation_ || !process_)
      return;
    if (frozen_)
      missed_.push_back(guard(what));
    else
      what();
  };
}

std::function<void()> node::later(const actor& who,
                                  std::function<void(actor&)> what) {
  return guard([this, log = who.log(), life = who.life(), what] {
    if (auto* run = find(log, life))
      what(*run);
  });
}

actor* node::find(const log_id& log, std::uint64_t life) {
  if (!process_)
    return nullptr;
  auto at = process_->actors.find(log);
  if (at == process_->actors.end() || (life != 0 && at->second->life() != life))
    return nullptr;
  return at->second.get();
}

void node::to_far_side(std::function<void()> what) {
  auto& sent = process_->order_sent_us;
  sent = std::max(sent, with_.everything.now_us()
                            + with_.everything.dice.spread(5, 5'000));
  with_.everything.at(sent, guard(std::move(what)));
}

// -- clocks -------------------------------------------------------------------

std::int64_t node::steady_us() const {
  return with_.everything.now_us() - world::start_us + steady_offset_us_;
}

node::steady node::steady_now() const {
  return steady{std::chrono::microseconds{steady_us()}};
}

std::int64_t node::now_us() const {
  return process_->clock.now_us(steady_now());
}

// -- ownership ----------------------------------------------------------------

void node::run_ownership() {
  auto what = process_->own.next(steady_us());
  for (auto shard : what.lost)
    give_up_shard(shard);
  process_->own.stopped(what.lost);
  for (const auto& [shard, epoch] : what.gained)
    process_->epochs[shard] = epoch;
  if (what.renew)
    renew(steady_us());
  if (what.read_shards)
    read_shards();
  if (!what.claim.empty())
    claim(std::move(what.claim));
  if (!what.release.empty())
    release(std::move(what.release));
  if (!what.gained.empty())
    recover();
  auto wait = std::max<std::int64_t>(what.wake_at_us - steady_us(), 1'000);
  auto when = with_.everything.now_us() + wait;
  if (process_->own_wake_us > with_.everything.now_us()
      && process_->own_wake_us <= when)
    return;
  process_->own_wake_us = when;
  with_.everything.at(when, guard([this, when] {
                        if (process_->own_wake_us != when)
                          return; // An earlier one has come instead.
                        process_->own_wake_us = 0;
                        run_ownership();
                      }));
}

void node::renew(std::int64_t asked_us) {
  ask<cluster::membership>(
      "renewal",
      [self = self(), lease = with_.sky.lease.lease](database& db) {
        return db.renew(self, lease);
      },
      [this, asked_us](std::optional<cluster::membership> view) {
        if (view)
          process_->own.renewed(asked_us, steady_us(), *view);
        else
          process_->own.renewal_failed(steady_us());
        run_ownership();
      });
}

void node::read_shards() {
  using rows = std::vector<cluster::shard_row>;
  ask<rows>(
      "shards", [](database& db) { return db.read_shards(); },
      [this](std::optional<rows> got) {
        if (got)
          process_->own.shards_read(*got);
        else
          process_->own.reading_failed();
        run_ownership();
      });
}

void node::release(std::vector<std::uint32_t> shards) {
  using changes = std::vector<cluster::shard_change>;
  ask<changes>(
      "release",
      [self = self(), shards](database& db) {
        return db.release(self, shards);
      },
      [this](std::optional<changes> done) {
        if (done) {
          with_.everything.seen.hit("shard handed over");
          process_->own.released(*done);
        } else {
          process_->own.release_failed();
        }
        run_ownership();
      });
}

void node::claim(std::vector<cluster::shard_change> wishes) {
  using grants = std::vector<cluster::shard_change>;
  ask<grants>(
      "claim",
      [self = self(), wishes](database& db) { return db.claim(self, wishes); },
      [this](std::optional<grants> granted) {
        if (granted) {
          with_.everything.note(
              name_, "claims " + std::to_string(granted->size()) + " shards");
          process_->own.claimed(*granted);
        } else {
          process_->own.claim_failed();
        }
        run_ownership();
      });
}

/// One that wakes up has looked at its lease before it froze.
std::optional<shard_epoch> node::epoch_of(const log_id& log) const {
  if (!waking_ && !process_->own.holds_lease(steady_us()))
    return std::nullopt;
  auto at = process_->epochs.find(store::shard_of(log, with_.sky.shards));
  if (at == process_->epochs.end())
    return std::nullopt;
  return at->second;
}

bool node::has_shard_of(const log_id& log) const {
  return process_->epochs.count(store::shard_of(log, with_.sky.shards)) != 0;
}

void node::give_up_shard(std::uint32_t shard) {
  with_.everything.note(name_,
                        "owns shard " + std::to_string(shard) + " no more");
  with_.everything.seen.hit("shard given up");
  process_->epochs.erase(shard);
  std::vector<actor*> gone;
  for (auto& [log, run] : process_->actors)
    if (store::shard_of(log, with_.sky.shards) == shard)
      gone.push_back(run.get());
  for (auto* run : gone)
    down(*run, table::end::done);
}

// -- runs ---------------------------------------------------------------------

void node::deliver(const mail& what) {
  guard([this, what] {
    if (!epoch_of(what.to) || !process_->clock.known()) {
      with_.everything.seen.hit("mail for a run of another node");
      return with_.checks.answer(what, mail::answer::try_later);
    }
    auto letter = std::make_shared<envelope>();
    letter->to = {std::string{kind} + "/" + what.to.value};
    letter->correlation = 1;
    letter->body = what;
    obey(process_->runs.mail(std::move(letter), find(what.to, 0) != nullptr));
  })();
}

void node::obey(table::orders what) {
  for (auto& start : what.starts) {
    auto letters = std::exchange(start.mail, {});
    auto log = start.log;
    if (!has_shard_of(log)) {
      for (const auto& letter : letters)
        refuse(letter, {errc::unavailable, "not ours", true, std::nullopt});
      obey(process_->runs.down(log, start.life, table::end::done));
      continue;
    }
    auto life = start.life;
    auto& run = process_->actors[log];
    run = std::make_unique<actor>(*this, std::move(start));
    run->begin();
    for (const auto& letter : letters)
      if (auto* there = find(log, life))
        there->take(*letter->body.get_if<mail>());
      else
        refuse(letter, {errc::unavailable, "gone", true, std::nullopt});
  }
  for (const auto& letter : what.forwards) {
    const auto& inside = *letter->body.get_if<mail>();
    if (auto* there = find(inside.to, 0))
      there->take(inside);
  }
  for (const auto& log : what.look_ups)
    look_up(log);
  for (const auto& pause : what.pauses)
    with_.everything.after(100'000ll << std::min(pause.attempt - 1, 7u),
                           guard([this, log = pause.log] {
                             obey(process_->runs.pause_over(log));
                           }));
  for (const auto& refusal : what.refusals)
    refuse(refusal.mail, refusal.why);
}

void node::refuse(const envelope_ptr& what, const error& why) {
  with_.checks.answer(*what->body.get_if<mail>(),
                      why.code == errc::not_found ? mail::answer::ended
                                                  : mail::answer::try_later);
}

void node::look_up(const log_id& log) {
  using found = std::optional<store::log_status>;
  ask<found>(
      "head", [log](database& db) { return db.status(log); },
      [this, log](std::optional<found> got) {
        std::optional<error> closed;
        if (!got)
          closed = error{errc::unavailable, "no answer", true, std::nullopt};
        else if (!*got || store::is_terminal(**got))
          closed = error{errc::not_found, "no such run", false, std::nullopt};
        obey(process_->runs.looked_up(log, closed));
      });
}

/// All logs of this node's shards that have work or are due. The look for those
/// that are due comes first: it tells the database's time, by which runs live.
void node::recover() {
  process_->recovering = true;
  look_for_due();
}

void node::list_unfinished() {
  ask<store::log_ids>(
      "unfinished", [](database& db) { return db.unfinished(kind); },
      [this](std::optional<store::log_ids> got) {
        if (!got) {
          with_.everything.after(500'000, guard([this] { list_unfinished(); }));
          return;
        }
        obey(process_->runs.wanted(ours(std::move(got->logs))));
      });
}

std::vector<log_id> node::ours(std::vector<log_id> logs) const {
  std::erase_if(logs, [this](const auto& log) { return !has_shard_of(log); });
  return logs;
}

void node::look_at(std::optional<workflow::due_watch::moment> when) {
  if (!when)
    return;
  auto wait = std::chrono::duration_cast<std::chrono::microseconds>(
                  *when - steady_now())
                  .count();
  with_.everything.after(std::max<std::int64_t>(wait, 0),
                         guard([this, when = *when] {
                           if (process_->due.stands(when))
                             look_for_due();
                         }));
}

void node::look_for_due() {
  if (std::exchange(process_->looking, true))
    return;
  ask<store::due_logs>(
      "due", [](database& db) { return db.due(kind); },
      [this](std::optional<store::due_logs> got) {
        process_->looking = false;
        if (!got)
          return look_at(process_->due.failed(steady_now()));
        process_->clock.heard(got->now, steady_now());
        got->logs = ours(std::move(got->logs));
        auto fresh = std::count_if(
            got->logs.begin(), got->logs.end(),
            [this](const auto& log) { return !process_->runs.active(log); });
        if (fresh > 0)
          with_.everything.seen.hit("timer wakes a resting run");
        look_at(process_->due.looked(*got, static_cast<std::size_t>(fresh),
                                     steady_now()));
        obey(process_->runs.wanted(got->logs));
        if (std::exchange(process_->recovering, false))
          list_unfinished();
      });
}

/// One that wakes up acts on old beliefs until it has looked at the clock.
void node::works(const log_id& log) {
  if (!waking_)
    with_.checks.works(name_, log, with_.db.lease_until_us(self()));
}

void node::settled(const actor& who, log_version version) {
  obey(process_->runs.settled(who.log(), who.life(), version));
}

void node::passive(const actor& who, std::optional<std::int64_t> wake_at_us) {
  process_->runs.passive(who.log(), who.life());
  if (wake_at_us)
    look_at(process_->due.expect(wall_of(*wake_at_us), wall_of(now_us()),
                                 steady_now()));
}

void node::down(const actor& who, table::end how) {
  auto at = process_->actors.find(who.log());
  if (at == process_->actors.end() || at->second.get() != &who)
    return;
  auto log = who.log();
  auto life = who.life();
  auto gone = std::move(at->second);
  process_->actors.erase(at);
  with_.checks.lost(log, life);
  with_.effects.forget(log, life);
  auto letters = gone->give_up_mail();
  // It may stand in the middle of what it did.
  leaving_.push_back(std::move(gone));
  with_.everything.after(0, [this] { leaving_.clear(); });
  for (const auto& letter : letters)
    with_.checks.answer(letter, mail::answer::try_later);
  obey(process_->runs.down(log, life, how));
}

} // namespace shannon::sim
