#include "actors/gateway/identity/vouching.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace shannon::gateway {

namespace {

using namespace std::chrono_literals;

struct pass {
  std::string name;
  std::optional<std::chrono::milliseconds> left;
};

using found = vouching<pass>::found;

/// Time stands still unless a test moves it; asks wait to be answered.
struct desk {
  explicit desk(vouching_bounds bounds = {100, 100, 100, 4'000ms})
      : passes(
          bounds, [this] { return now; },
          [](const pass& one) { return one.left; }) {}

  /// What was found, once it is; nothing before.
  std::shared_ptr<std::vector<found>> ask(const std::string& name) {
    auto got = std::make_shared<std::vector<found>>();
    passes.find(
        name,
        [this](std::function<void(found)> done) {
          asks.push_back(std::move(done));
        },
        [got](const found& what) { got->push_back(what); });
    return got;
  }

  void answer(found what) {
    auto done = std::move(asks.front());
    asks.erase(asks.begin());
    done(std::move(what));
  }

  std::chrono::steady_clock::time_point now{1'000s};
  std::vector<std::function<void(found)>> asks;
  vouching<pass> passes;
};

found good(const std::string& name,
           std::optional<std::chrono::milliseconds> left = std::nullopt) {
  return std::optional<pass>{pass{name, left}};
}

found nobody() {
  return std::optional<pass>{};
}

} // namespace

TEST_CASE("who is vouched for is not asked about again for a while") {
  desk at;
  auto first = at.ask("ann");
  CHECK(first->empty());
  at.answer(good("ann"));
  REQUIRE(first->size() == 1);
  at.now += 3'999ms;
  auto second = at.ask("ann");
  REQUIRE(second->size() == 1);
  CHECK((*second->front())->name == "ann");
  CHECK(at.asks.empty());
  at.now += 1ms;
  auto third = at.ask("ann");
  CHECK(third->empty());
  CHECK(at.asks.size() == 1);
}

TEST_CASE("an answer holds from before it was asked for") {
  desk at;
  at.ask("ann");
  at.now += 3'000ms;
  at.answer(good("ann"));
  at.now += 999ms;
  CHECK(at.ask("ann")->size() == 1);
  at.now += 1ms;
  CHECK(at.ask("ann")->empty());
}

TEST_CASE("what ends by itself is not remembered longer") {
  desk at;
  at.ask("ann");
  at.answer(good("ann", 500ms));
  at.now += 499ms;
  CHECK(at.ask("ann")->size() == 1);
  at.now += 1ms;
  CHECK(at.ask("ann")->empty());
}

TEST_CASE("all who ask about one name wait for one answer") {
  desk at;
  auto one = at.ask("ann");
  auto two = at.ask("ann");
  CHECK(at.asks.size() == 1);
  at.answer(nobody());
  REQUIRE(one->size() == 1);
  REQUIRE(two->size() == 1);
  CHECK_FALSE(**one->begin());
  CHECK_FALSE(**two->begin());
}

TEST_CASE("who is unknown is remembered for as long") {
  desk at;
  at.ask("eve");
  at.answer(nobody());
  at.now += 3'999ms;
  auto again = at.ask("eve");
  REQUIRE(again->size() == 1);
  CHECK_FALSE(**again->begin());
  at.now += 1ms;
  CHECK(at.ask("eve")->empty());
}

TEST_CASE("an ask that failed is told and not remembered") {
  desk at;
  auto first = at.ask("ann");
  at.answer(fail(errc::unavailable, "away"));
  REQUIRE(first->size() == 1);
  CHECK_FALSE(first->front());
  CHECK(at.ask("ann")->empty());
  CHECK(at.asks.size() == 1);
}

TEST_CASE("a flood of unknown names is bounded and displaces nobody") {
  desk at{{10, 20, 100, 4'000ms}};
  at.ask("ann");
  at.answer(good("ann"));
  for (int i = 0; i < 10'000; ++i) {
    at.ask("eve" + std::to_string(i));
    at.answer(nobody());
  }
  CHECK(at.passes.remembered() == 21);
  CHECK(at.ask("ann")->size() == 1);
}

TEST_CASE("of more good names than fit those that came first go") {
  desk at{{10, 20, 100, 4'000ms}};
  for (int i = 0; i < 11; ++i) {
    at.ask("ann" + std::to_string(i));
    at.answer(good("x"));
  }
  CHECK(at.passes.remembered() == 10);
  CHECK(at.ask("ann1")->size() == 1);
  CHECK(at.ask("ann0")->empty());
}

TEST_CASE("a name that is asked about for ever costs one place") {
  desk at{{10, 20, 100, 4'000ms}};
  for (int i = 0; i < 1'000; ++i) {
    at.ask("ann");
    at.answer(good("ann"));
    at.now += 4'000ms;
  }
  CHECK(at.passes.remembered() == 1);
  // Others that fit are not displaced by its turns.
  for (int i = 0; i < 9; ++i) {
    at.ask("bob" + std::to_string(i));
    at.answer(good("bob"));
  }
  at.ask("ann");
  at.answer(good("ann"));
  CHECK(at.ask("bob0")->size() == 1);
}

TEST_CASE("above the limit of lookups one is refused overloaded") {
  desk at{{10, 20, 2, 4'000ms}};
  at.ask("a");
  at.ask("b");
  auto third = at.ask("c");
  REQUIRE(third->size() == 1);
  REQUIRE_FALSE(third->front());
  CHECK(third->front().error().code == errc::overloaded);
  CHECK(at.ask("a")->empty()); // It waits with the first.
  at.answer(nobody());
  CHECK(at.ask("c")->empty());
}

TEST_CASE("who has changed is asked about again, also while an answer from "
          "before is under way") {
  desk at;
  at.ask("ann");
  at.answer(good("ann"));
  at.passes.forget("ann");
  auto under_way = at.ask("ann");
  CHECK(under_way->empty());
  at.passes.forget("ann");
  at.answer(good("ann"));
  CHECK(under_way->size() == 1);
  CHECK(at.ask("ann")->empty());
}

} // namespace shannon::gateway
