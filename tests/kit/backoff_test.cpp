#include "actors/kit/backoff.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using shannon::kit::backoff;

TEST_CASE("the ceiling doubles with each failure up to the most") {
  backoff wait{100ms, 1'000ms};
  CHECK(wait.ceiling(1) == 100ms);
  CHECK(wait.ceiling(2) == 200ms);
  CHECK(wait.ceiling(4) == 800ms);
  CHECK(wait.ceiling(5) == 1'000ms);
  CHECK(wait.ceiling(4'000'000'000u) == 1'000ms);
}

TEST_CASE("attempt zero waits like the first") {
  CHECK(backoff{100ms, 1'000ms}.ceiling(0) == 100ms);
}

TEST_CASE("jitter spreads a delay from half the least up to the ceiling") {
  backoff wait{100ms, 1'000ms};
  CHECK(wait.delay(3, 0.0) == 50ms);
  CHECK(wait.delay(3, 0.5) == 225ms);
  CHECK(wait.delay(3, 0.999999) < 400ms);
  CHECK(wait.delay(3, 0.999999) >= 399ms);
}
