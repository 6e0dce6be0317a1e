// Storms of fixed seeds, each of faults that need the same world. Any other:
// `fault_storm --help`.

#include "tests/integration/faults/storm.hpp"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>

using namespace shannon::test;

namespace {

void play(std::uint64_t seed, std::vector<std::string> faults, int rounds = 1) {
  storm_options options;
  options.seed = seed;
  options.faults = std::move(faults);
  options.rounds = rounds;
  storm{std::move(options)}.run();
}

} // namespace

TEST_CASE("no task is lost when nodes are killed, frozen and ended in order") {
  play(1, {"K2", "K3", "K4", "Z1"});
}

TEST_CASE("no task is lost when the database is restarted, stands still or "
          "refuses statements") {
  play(2, {"D1-fast", "D1-immediate", "D1-kill", "D2", "D4"});
}

TEST_CASE("no task is lost when a node is cut off from the database or never "
          "hears what was committed, or none has a connection") {
  play(3, {"N2", "N2-way", "D3", "D5"});
}

TEST_CASE("no task is lost when links are slow, break, flap and carry what is "
          "no frame, and Redis dies, stands still, is late, full or forgets") {
  play(4,
       {"N4", "N5", "N7", "R1", "R1-slow", "R1-late", "R1-full", "R1-flush"});
}

TEST_CASE("no task is lost when a node dies or stops at any named point, or "
          "its handlers throw") {
  play(5, {"K1", "K5", "Z2", "M2"});
}

TEST_CASE("no task is lost when nodes do not hear each other, or one has the "
          "wrong time") {
  play(6, {"N1", "N2-peers", "N3", "N6", "T1"});
}

TEST_CASE("a storm's flags say all of it, and refuse what there is not") {
  auto read = [](const std::string& flags) {
    CLI::App app;
    storm_options out;
    declare(app, out);
    app.parse(flags);
    return out;
  };
  auto some = read("--seed 7 --faults K2,Z1 --rounds 2 --seconds 30");
  CHECK(some.flags()
        == "--seed 7 --faults K2,Z1 --rounds 2 --tasks 0 --seconds 30 "
           "--clients 4");
  CHECK(read(some.flags()).flags() == some.flags());
  CHECK(read("").faults.size() == fault_table().size());
  CHECK_THROWS_WITH(read("--faults K9"), Catch::Contains("K9 not in {K1,K2"));
  CHECK_THROWS_WITH(read("--seed x"), Catch::Contains("--seed"));
  CHECK_THROWS_WITH(read("--speed 9"), Catch::Contains("--speed"));
}
