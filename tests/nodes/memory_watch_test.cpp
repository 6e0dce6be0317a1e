#include "nodes/memory_watch.hpp"

#include <catch2/catch.hpp>

using namespace shannon::nodes;
using namespace std::chrono_literals;

TEST_CASE("a node whose memory is used up begins no task until some is free") {
  std::uint64_t used = 100;
  int looks = 0;
  memory_watch watch{1'000, [&] {
                       ++looks;
                       return used;
                     }};
  memory_watch::clock::time_point now{1h};
  CHECK(watch.has_room(now));
  used = 1'001;
  // It has just looked.
  CHECK(watch.has_room(now + 100ms));
  CHECK(looks == 1);
  CHECK_FALSE(watch.has_room(now + 300ms));
  used = 1'000;
  CHECK_FALSE(watch.has_room(now + 400ms));
  CHECK(watch.has_room(now + 600ms));
  CHECK(looks == 3);
}

TEST_CASE("without a bound nobody looks") {
  memory_watch watch{0, []() -> std::uint64_t {
                       FAIL("looked");
                       return 0;
                     }};
  CHECK(watch.has_room(memory_watch::clock::time_point{1h}));
}

TEST_CASE("a process has some bytes in memory") {
  CHECK(resident_bytes() > 1'000'000);
}
