#include "actors/inspector/rates.hpp"

#include <catch2/catch.hpp>

using namespace shannon::inspector;
using namespace std::chrono_literals;

namespace {
const rates::time_point t0{1h};
}

TEST_CASE("the first rate of an actor is the mean over its life") {
  rates known;
  auto told = known.told(7, 300, t0, t0 + 10s);
  CHECK(told.per_s == Approx(30));
  CHECK(told.over == 10s);
  CHECK(known.told(8, 5, t0, t0).per_s == Approx(5'000)); // Just born.
}

TEST_CASE("from then on a rate is over the time since the last look") {
  rates known;
  known.told(7, 300, t0, t0 + 10s);
  auto told = known.told(7, 320, t0, t0 + 12s);
  CHECK(told.per_s == Approx(10));
  CHECK(told.over == 2s);
}

TEST_CASE("who looks right after somebody else is told the same") {
  rates known;
  known.told(7, 0, t0, t0);
  auto first = known.told(7, 100, t0, t0 + 1s);
  auto second = known.told(7, 101, t0, t0 + 1s + 1ms);
  CHECK(second.per_s == Approx(first.per_s));
  CHECK(second.over == first.over);
}

TEST_CASE("so many are remembered, for a minute") {
  rates known{2};
  known.told(1, 10, t0, t0 + 1s);
  known.told(2, 10, t0, t0 + 1s);
  known.told(3, 10, t0, t0 + 1s);
  CHECK(known.kept() == 2);
  // Of the third only its life is known.
  CHECK(known.told(3, 20, t0, t0 + 5s).over == 5s);
  known.told(9, 0, t0, t0 + 70s);
  CHECK(known.kept() == 1);
}
