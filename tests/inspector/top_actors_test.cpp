#include "actors/inspector/top_actors.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace shannon::inspector;
using namespace std::chrono_literals;

namespace {

glance actor(std::uint64_t number, const std::string& address,
             std::uint64_t depth, message_age oldest = {}) {
  glance who;
  who.number = number;
  who.address = address;
  who.kind = number % 2 == 0 ? "even" : "odd";
  who.running = true;
  who.depth = depth;
  who.oldest = oldest;
  return who;
}

std::vector<std::string> names(const top_actors& top) {
  std::vector<std::string> out;
  for (const auto& row : top.rows({}, {}).rows)
    out.push_back(row.address);
  return out;
}

get_top wanted(top_order by, std::uint32_t limit) {
  get_top out;
  out.by = by;
  out.limit = limit;
  return out;
}

} // namespace

TEST_CASE("of many the few with most to do are kept, in order") {
  for (std::uint64_t step : {1, 7, 13, 99}) {
    top_actors top{wanted(top_order::depth, 3)};
    std::vector<std::string> texts;
    texts.reserve(100);
    for (std::uint64_t i = 0; i < 100; ++i) {
      auto depth = i * step % 101;
      texts.push_back(std::to_string(depth));
      top.take(actor(i, texts.back(), depth), {});
    }
    auto all = top.rows({}, {});
    REQUIRE(all.rows.size() == 3);
    for (std::size_t i = 1; i < 3; ++i)
      CHECK(all.rows[i - 1].mailbox_depth > all.rows[i].mailbox_depth);
    CHECK(all.rows[0].mailbox_depth >= 99);
    CHECK(all.actors == 100);
  }
}

TEST_CASE("each order has its measure, and like ones go by their names") {
  std::vector<glance> all{actor(1, "a", 3, 5ms), actor(2, "b", 1, 9ms),
                          actor(3, "c", 0), actor(4, "d", 3, 1ms)};
  auto in = [&](top_order by) {
    top_actors top{wanted(by, 10)};
    for (const auto& who : all)
      top.take(who, {who.number == 3 ? 70.0 : 1.0, 1s});
    return names(top);
  };
  using list = std::vector<std::string>;
  CHECK(in(top_order::depth) == list{"a", "d", "b", "c"});
  CHECK(in(top_order::age) == list{"b", "a", "d", "c"});
  CHECK(in(top_order::rate) == list{"c", "a", "b", "d"});
}

TEST_CASE("a kind leaves rows out, and nothing of what all do together") {
  auto what = wanted(top_order::depth, 10);
  what.kind = "even";
  top_actors top{what};
  top.take(actor(1, "a", 3, 5ms), {2, 1s});
  top.take(actor(2, "b", 1, 9ms), {3, 1s});
  top.take(actor(4, "c", 0), {4, 1s});
  CHECK(names(top) == std::vector<std::string>{"b", "c"});
  auto all = top.rows({}, {});
  CHECK(all.actors == 3);
  CHECK(all.busy == 2);
  CHECK(all.mailbox_depth == 4);
  CHECK(all.oldest == message_age{9ms});
  CHECK(all.messages_per_s == Approx(9));
}
