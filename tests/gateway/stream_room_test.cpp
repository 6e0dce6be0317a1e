#include "actors/gateway/http/stream_room.hpp"

#include <catch2/catch.hpp>

#include <deque>

using namespace shannon::gateway;

namespace {

constexpr std::uint64_t all = 512'000;

} // namespace

TEST_CASE("a few slow readers have all that one may hold") {
  auto room = std::make_shared<stream_room>(1'000, all);
  stream_share one{room};
  CHECK(one.take(400));
  CHECK_FALSE(one.is_half_full());
  CHECK(one.take(600));
  CHECK(one.is_half_full());
  CHECK_FALSE(one.take(1));
  CHECK(one.give_back(600) == 400);
  CHECK(one.take(1));
}

TEST_CASE("thousands share, and never hold more than all may") {
  auto room = std::make_shared<stream_room>(1'000, all);
  std::deque<stream_share> many;
  for (int i = 0; i < 5'000; ++i)
    many.emplace_back(room);
  for (int k = 0; k < 100; ++k)
    for (auto& one : many)
      one.take(10);
  CHECK(room->held() <= all);
  CHECK(room->held() > all * 9 / 10);
  // What one gives back others may take; and who has nothing is not behind.
  many.front().give_back(many.front().held());
  CHECK_FALSE(many.front().is_half_full());
  many.clear();
  CHECK(room->held() == 0);
}

TEST_CASE("one piece of any size is let through") {
  auto room = std::make_shared<stream_room>(1'000, all);
  stream_share one{room};
  CHECK(one.take(1'000'000));
  CHECK_FALSE(one.take(1));
  // Others may hold nothing meanwhile but one piece each.
  stream_share other{room};
  CHECK(other.take(10));
  CHECK_FALSE(other.take(10));
}
