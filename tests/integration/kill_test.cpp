// kill -9 at random moments of a server that is full of durable runs: some
// wait for a signal, some for a timer, some for steps and child runs. Counted
// from outside: what was acknowledged, and what the effects wrote.

#include "tests/bench/costs.hpp"
#include "tests/bench/kill_world.hpp"
#include "tests/kit/seed.hpp"
#include "tests/nodes/process.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>

using namespace shannon;
using namespace shannon::bench;

namespace {

constexpr int kills = 30;
/// The third of these and every tenth later take Postgres along.
constexpr int postgres_every = 10;
constexpr int postgres_first = 3;

} // namespace

TEST_CASE("thirty kills lose no run that was acknowledged and repeat no effect "
          "silently") {
  auto seed = test::seed_of_test();
  WARN(test::repeat_with(seed));
  std::minstd_rand chance{seed};
  std::uniform_int_distribution<int> life_ms{5, 250};
  // Runs that wait leave memory while the test looks on.
  ::setenv("SHANNON_RUN__REST_AFTER", "40ms", 1);
  kill_world world{BENCH_PEER, std::filesystem::temp_directory_path().string()};
  must(world.peer().start());
  for (int i = 0; i < kills; ++i) {
    world.work_for(std::chrono::milliseconds{life_ms(chance)});
    if (i % postgres_every == postgres_first)
      world.peer().kill_postgres();
    world.peer().kill();
    must(world.peer().start());
  }
  world.finish();
  auto found = world.count();
  WARN(found.acknowledged << " runs, " << found.effects << " effects, "
                          << found.doubled << " seen twice, "
                          << found.keys_again << " known by their key");
  CHECK(found.acknowledged > kills);
  CHECK(found.lost == 0);
  CHECK(found.doubled_by_key == 0);
  CHECK(found.flagged == found.doubled);

  auto verified = test::run_shannon({"verify", "--dsn", world.peer().dsn()});
  WARN(verified.out << verified.err);
  CHECK(verified.code == 0);
  CHECK(verified.out.find(" facts, 0 findings\n") != std::string::npos);
}
