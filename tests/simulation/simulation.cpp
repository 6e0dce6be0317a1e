#include "tests/simulation/simulation.hpp"

#include "tests/simulation/client.hpp"
#include "tests/simulation/effects.hpp"
#include "tests/simulation/node.hpp"
#include "tests/simulation/program.hpp"
#include "tests/simulation/watch.hpp"
#include "tests/simulation/weather.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace shannon::sim {

namespace {

constexpr std::int64_t second_us = 1'000'000;
/// So long a node is down, or frozen.
constexpr std::int64_t away_us_max = 120 * second_us;
/// Trouble ends at the latest then.
constexpr std::int64_t troubled_us_max = 4 * 3'600 * second_us;
/// A well world brings every run to its end in this time. Programs sleep up to
/// an hour at a stretch, some dozen times.
constexpr std::int64_t progress_us_max = 48 * 3'600 * second_us;
constexpr std::uint64_t events_max = 400'000;

class simulation {
public:
  simulation(std::uint64_t seed, const simulation_options& options)
      : world_(seed), sky_(weather::of(world_.dice)),
        db_(sky_.shards, [this] { return world_.now_us(); }),
        effects_(world_, sky_),
        checks_(world_, db_, effects_), parts_{world_,   db_,     sky_,
                                               effects_, checks_, program(),
                                               {},       {}} {
    world_.trace = options.trace;
    db_.faults = options.faults;
    db_.old_cluster = !world_.dice.one_in(4);
    db_.misjudges = [this]() -> std::optional<std::size_t> {
      if (!world_.dice.per_mille(sky_.misjudged))
        return std::nullopt;
      world_.seen.hit("live node taken for dead");
      return world_.dice.below(sky_.nodes);
    };
    db_.on_commit = [this](const statement_entry& what) {
      ++happenings_;
      checks_.committed(what);
      if (what.what.owes_end)
        strike_after_end(what);
    };
    db_.on_claim
        = [this](const cluster::shard_change& what, const node_id& who) {
            checks_.claimed(what.shard, what.epoch, who);
          };
    parts_.options.step_attempts_max = 5;
    parts_.options.chance = [this] { return world_.dice.real(); };
    parts_.options.entropy = [this] { return world_.dice.next(); };
    parts_.options.ends_stream = true;
    parts_.post = [this](mail what) { post(std::move(what)); };
    for (unsigned i = 1; i <= sky_.nodes; ++i)
      nodes_.push_back(std::make_unique<node>(parts_, i));
    for (unsigned i = 1; i <= sky_.runs; ++i)
      clients_.push_back(std::make_unique<client>(
          parts_, log_id{"run-" + std::to_string(i)}, world_.dice.next()));
  }

  simulation_report play() {
    for (auto& one : nodes_)
      world_.after(world_.dice.spread(0, second_us), [&one] {
        if (!one->up())
          one->start();
      });
    for (auto& one : clients_)
      one->begin();
    while (!(world_.events() % 8 == 0 && over()) && world_.step()) {
      if (!world_.healed)
        trouble();
      if (world_.events() % 256 == 0)
        checks_.look_around();
    }
    finish();
    return report();
  }

private:
  workflow::program program() {
    return interpreter(
        {[this](const std::string& asked, const std::string& got) {
           checks_.wrong_outcome(asked, got);
         },
         [this](const std::string& name, std::uint64_t expected,
                std::uint64_t got) {
           checks_.signal_skipped(name, expected, got);
         }});
  }

  // -- the weather ------------------------------------------------------------

  /// Strikes when something has happened to a run, so that crashes do not all
  /// fall into the hours in which everybody sleeps.
  void trouble() {
    if (happenings_ > sky_.troubled
        || world_.now_us() - world::start_us > troubled_us_max)
      return heal();
    auto fresh = happenings_ + effects_.ledger().size();
    if (fresh == struck_at_)
      return;
    struck_at_ = fresh;
    auto& dice = world_.dice;
    auto& victim = *nodes_[dice.below(nodes_.size())];
    if (!victim.up())
      return;
    // Half of the blows fall a little later: in the middle of something.
    auto delay = dice.one_in(2) ? 0 : dice.spread(10, 50'000);
    if (dice.per_mille(sky_.crash))
      world_.after(delay, [this, &victim] { crash(victim); });
    else if (dice.per_mille(sky_.freeze))
      world_.after(delay, [this, &victim] { freeze(victim); });
    else if (dice.per_mille(sky_.cut_off) && !victim.frozen())
      victim.cut_off(dice.spread(100'000, 60 * second_us));
  }

  /// A run has ended, and its parent, which may be on another node, does not
  /// know yet: by now it should be owed by the rows.
  void strike_after_end(const statement_entry& end) {
    if (!world_.dice.per_mille(10 * sky_.crash))
      return;
    for (auto& one : nodes_)
      if (one->up() && one->epoch_of(end.what.log) == end.epoch) {
        world_.seen.hit("node crashes when a child has just ended");
        world_.after(world_.dice.spread(10, 50'000),
                     [this, victim = one.get()] { crash(*victim); });
        return;
      }
  }

  void crash(node& victim) {
    if (!victim.up() || world_.healed)
      return;
    world_.seen.hit(victim.frozen() ? "frozen node crashes" : "node crashes");
    victim.crash();
    world_.after(world_.dice.spread(10'000, away_us_max), [&victim] {
      if (!victim.up())
        victim.start();
    });
  }

  void freeze(node& victim) {
    if (!victim.up() || victim.frozen() || world_.healed)
      return;
    world_.seen.hit("node freezes");
    victim.freeze(world_.dice.spread(100'000, away_us_max));
  }

  /// Nodes that are down or frozen come back within two minutes by themselves.
  void heal() {
    world_.note("world", "HEALS");
    world_.healed = true;
    world_.healed_at_us = world_.now_us();
    world_.well_at_us = world_.now_us() + 2 * away_us_max
                        + sky_.lease.lease.count() + 10 * second_us;
    sky_.clear();
    for (auto& one : nodes_)
      if (one->up())
        one->cut_off(0);
  }

  // -- mail -------------------------------------------------------------------

  void post(mail what) {
    ++happenings_;
    auto& dice = world_.dice;
    if (what.reply)
      what.reply = [this, reply = what.reply](mail::answer how) {
        for (int i = 0, n = copies("answer to a client"); i < n; ++i)
          world_.after(world_.dice.spread(50, 100'000),
                       [reply, how] { reply(how); });
      };
    for (int i = 0, n = copies("mail"); i < n; ++i)
      world_.after(dice.spread(50, 100'000), [this, what] { arrive(what); });
  }

  int copies(const char* what) {
    if (world_.dice.per_mille(sky_.mail_lost)) {
      world_.seen.hit(std::string{what} + " lost");
      return 0;
    }
    if (world_.dice.per_mille(sky_.mail_twice)) {
      world_.seen.hit(std::string{what} + " twice");
      return 2;
    }
    return 1;
  }

  /// Mostly at a node that owns the run, or thinks so.
  void arrive(const mail& what) {
    std::vector<node*> all;
    std::vector<node*> owners;
    for (auto& one : nodes_)
      if (one->up()) {
        all.push_back(one.get());
        if (one->epoch_of(what.to))
          owners.push_back(one.get());
      }
    auto& some = owners.empty() || world_.dice.one_in(10) ? all : owners;
    if (!some.empty())
      some[world_.dice.below(some.size())]->deliver(what);
  }

  // -- the end ----------------------------------------------------------------

  bool over() {
    if (world_.events() >= events_max) {
      auto left
          = std::find_if(db_.logs().begin(), db_.logs().end(),
                         [](const auto& one) { return !ended(one.second); });
      world_.fail("I10 progress",
                  "more happens than these runs need"
                      + (left == db_.logs().end()
                             ? std::string{}
                             : "; " + left->first.value + " has not ended: "
                                   + where_is(left->first)));
      return true;
    }
    if (world_.healed
        && world_.now_us() - world_.healed_at_us > progress_us_max) {
      for (const auto& [id, log] : db_.logs())
        if (!ended(log))
          world_.fail("I10 progress",
                      id.value + " has not ended "
                          + std::to_string(progress_us_max / second_us / 3'600)
                          + " hours after all trouble ended: " + where_is(id));
      for (const auto& one : clients_)
        if (!submitted(*one))
          world_.fail("I10 progress", one->run().value + " was never accepted");
      return true;
    }
    return std::all_of(clients_.begin(), clients_.end(),
                       [this](const auto& one) { return submitted(*one); })
           && std::all_of(db_.logs().begin(), db_.logs().end(),
                          [](const auto& one) { return ended(one.second); });
  }

  std::string where_is(const log_id& log) const {
    for (const auto& one : nodes_)
      if (auto* run = one->find(log, 0))
        return "on " + one->name() + ", " + run->waits();
    return "no node holds it";
  }

  /// Also a run whose acceptance nobody heard of.
  bool submitted(const client& one) const {
    return db_.find(one.run()) != nullptr;
  }

  static bool ended(const stored_log& log) {
    return store::is_terminal(log.status)
           || log.status == store::log_status::needs_operator;
  }

  void finish() {
    if (world_.failure())
      return;
    checks_.look_around();
    checks_.finish(parts_.program, parts_.options);
  }

  simulation_report report() {
    simulation_report out;
    out.failure = world_.failure();
    out.seen = world_.seen;
    out.hash = world_.hash();
    out.events = world_.events();
    out.runs = db_.logs().size();
    for (const auto& [id, log] : db_.logs())
      out.run_hours += checks_.hours_of(id);
    return out;
  }

  world world_;
  weather sky_;
  database db_;
  far_side effects_;
  watch checks_;
  parts parts_;
  std::uint64_t happenings_ = 0;
  std::uint64_t struck_at_ = 0;
  std::vector<std::unique_ptr<node>> nodes_;
  std::vector<std::unique_ptr<client>> clients_;
};

} // namespace

simulation_report simulate(std::uint64_t seed,
                           const simulation_options& options) {
  return std::make_unique<simulation>(seed, options)->play();
}

} // namespace shannon::sim
