// When a node takes no more: with made-up appends and a clock of the test's.

#include "actors/workflow/intake.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <deque>
#include <memory>

using namespace shannon::workflow;
using namespace std::chrono_literals;

namespace {

struct world {
  explicit world(intake::limits what = {})
      : door(std::make_shared<intake>(what)) {}

  void works_on(std::size_t runs) {
    while (runs_at_work.size() < runs)
      runs_at_work.emplace_back(door);
    runs_at_work.resize(runs);
  }
  /// So many appends took this long, until the next look.
  bool after(int appends, std::chrono::microseconds each) {
    for (int i = 0; i < appends; ++i)
      door->stored(each);
    now += intake::look_every;
    return door->has_room(now);
  }

  std::shared_ptr<intake> door;
  intake::clock::time_point now{1h};
  std::deque<intake::place> runs_at_work;
};

} // namespace

TEST_CASE("a node takes all that it may hold while appends are quick") {
  world it{{100ms, 64, 1'000}};
  CHECK(it.after(0, 0ms));
  it.works_on(999);
  CHECK(it.after(1'000, 99ms));
  CHECK(it.door->bound() == 1'000);
  it.works_on(1'000);
  CHECK_FALSE(it.after(1'000, 1ms));
}

TEST_CASE("when appends take too long, as many runs have room as would take "
          "just long enough") {
  world it{{100ms, 64, 10'000}};
  it.works_on(2'000);
  CHECK_FALSE(it.after(500, 400ms));
  CHECK(it.door->bound() == 500);
  // Said again before those that are too many have ended, it is no less.
  CHECK_FALSE(it.after(500, 400ms));
  CHECK(it.door->bound() == 500);
  it.works_on(499);
  CHECK(it.after(500, 100ms));
}

TEST_CASE("a few runs are taken however long appends take") {
  world it{{100ms, 64, 10'000}};
  it.works_on(63);
  CHECK(it.after(10, 30s));
  CHECK(it.door->bound() == 64);
  it.works_on(64);
  CHECK_FALSE(it.after(10, 30s));
}

TEST_CASE("the bound grows while appends are quick, and while there are "
          "none") {
  world it{{100ms, 64, 10'000}};
  it.works_on(1'600);
  it.after(10, 1s);
  REQUIRE(it.door->bound() == 160);
  it.after(10, 99ms);
  CHECK(it.door->bound() == 171);
  it.after(0, 0ms);
  CHECK(it.door->bound() == 182);
  // Nobody has asked for long.
  it.now += 1h;
  it.after(0, 0ms);
  CHECK(it.door->bound() > 1'000);
  CHECK(it.door->bound() < 2'000);
}

TEST_CASE("without a target only the number of runs counts") {
  world it{{0ms, 64, 100}};
  it.works_on(99);
  CHECK(it.after(100, 1h));
  it.works_on(100);
  CHECK_FALSE(it.after(0, 0ms));
}

TEST_CASE("a bound below what is always taken is what counts") {
  world it{{100ms, 64, 10}};
  it.works_on(9);
  CHECK(it.after(10, 30s));
  it.works_on(10);
  CHECK_FALSE(it.after(10, 30s));
}

TEST_CASE("a run is at work until it has left its place") {
  world it;
  intake::place first{it.door};
  CHECK(it.door->at_work() == 1);
  intake::place second{std::move(first)};
  CHECK(it.door->at_work() == 1);
  second = intake::place{it.door};
  CHECK(it.door->at_work() == 1);
  second = {};
  CHECK(it.door->at_work() == 0);
  intake::place nowhere{nullptr};
}

/// Runs of many appends over a store that carries out so many a second, and a
/// client that asks for twice what that makes: Little's law holds of it, too.
TEST_CASE("at twice the load the store is kept busy, and no more waits there "
          "than should") {
  constexpr int appends_of_a_run = 10;
  constexpr int appends_each_ms = 8;
  world it{{100ms, 64, 10'000}};
  struct run {
    intake::place at;
    int left = appends_of_a_run;
    intake::clock::time_point wished;
  };
  std::deque<run> store;
  int idle = 0;
  int ended = 0;
  std::size_t most = 0;
  double owed = 0;
  for (int ms = 0; ms < 60'000; ++ms) {
    it.now += 1ms;
    for (owed += 1.6; owed >= 1; owed -= 1)
      if (it.door->has_room(it.now))
        store.push_back({intake::place{it.door}, appends_of_a_run, it.now});
    bool settled = ms >= 20'000;
    for (int i = 0; i < appends_each_ms; ++i) {
      if (store.empty()) {
        idle += settled;
        continue;
      }
      auto one = std::move(store.front());
      store.pop_front();
      it.door->stored(std::chrono::duration_cast<intake::microseconds>(
          it.now - one.wished));
      one.wished = it.now;
      if (--one.left > 0)
        store.push_back(std::move(one));
      else
        ended += settled;
    }
    if (settled)
      most = std::max(most, store.size());
  }
  CHECK(idle == 0);
  CHECK(ended >= 40'000 * appends_each_ms / appends_of_a_run * 99 / 100);
  CHECK(most <= 2 * 100 * appends_each_ms);
}
