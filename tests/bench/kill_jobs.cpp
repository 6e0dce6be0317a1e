// kill -9 of the server, and now and then of its Postgres, at random moments
// while runs of every kind are under way; then everything is brought to its
// end and counted. What happened is known from outside: from what was
// acknowledged over HTTP and from the files the effects were written to.

#include "tests/bench/costs.hpp"
#include "tests/bench/jobs.hpp"
#include "tests/bench/kill_world.hpp"
#include "tests/bench/quantile.hpp"

#include <cstdlib>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace shannon::bench {

namespace {

using namespace std::chrono_literals;

/// How long the server lives before the next kill.
constexpr int life_min_ms = 5;
constexpr int life_max_ms = 200;
/// Every so many kills its Postgres dies with it.
constexpr int postgres_every = 10;

int verify(const job_options& options, const peer_process& peer) {
  auto command
      = "'" + options.shannon + "' verify --dsn \"" + peer.dsn() + "\" >&2";
  return std::system(command.c_str());
}

} // namespace

void measure_kills(const job_options& options, report& into) {
  auto seed = std::random_device{}();
  std::minstd_rand chance{seed};
  std::uniform_int_distribution<int> life{life_min_ms, life_max_ms};
  kill_world world{options.peer, options.dir};
  std::vector<double> back;
  must(world.peer().start());
  for (int i = 1; i <= options.kills; ++i) {
    world.work_for(std::chrono::milliseconds{life(chance)});
    if (i % postgres_every == 0)
      world.peer().kill_postgres();
    world.peer().kill();
    auto took = must(world.peer().start()).count();
    if (i % postgres_every != 0)
      back.push_back(took);
  }
  world.finish();
  auto found = world.count();
  into.figures["kills"] = {{"kills", options.kills},
                           {"seed", seed},
                           {"back_s", median(back)},
                           {"back_s_most", quantile(back, 1)},
                           {"runs_acknowledged", found.acknowledged},
                           {"effects", found.effects},
                           {"lost", found.lost},
                           {"lines_doubled", found.doubled},
                           {"doubled_and_flagged", found.flagged},
                           {"keys_seen_again", found.keys_again},
                           {"doubled_by_key", found.doubled_by_key}};
  auto title = std::to_string(options.kills) + " kills: ";
  into.at_most(title + "acknowledged runs lost", found.lost, 0);
  into.at_most(title + "effects doubled for who takes the attempt key",
               found.doubled_by_key, 0);
  into.at_most(title + "effects doubled without a mark in the log",
               found.doubled - found.flagged, 0);
  if (!options.shannon.empty())
    into.at_most(title + "exit code of shannon verify",
                 verify(options, world.peer()), 0);
}

} // namespace shannon::bench
