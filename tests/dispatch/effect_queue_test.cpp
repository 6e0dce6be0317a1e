// Which effect goes next, and where; how a worker's room is divided.

#include "actors/dispatch/effect_queue.hpp"
#include "actors/dispatch/shares.hpp"

#include <catch2/catch.hpp>

#include <numeric>
#include <set>
#include <string>
#include <vector>

namespace shannon::dispatch {

namespace {

const node_id here{"n1#1"};
const node_id there{"n2#1"};

effect_queue::job job_of(std::uint64_t id, const std::string& tenant = "a",
                         bool batch = false) {
  return {id, "key-" + std::to_string(id), tenant, batch};
}

std::vector<std::uint64_t> take_all(effect_queue& queue) {
  std::vector<std::uint64_t> out;
  while (auto next = queue.next())
    out.push_back(next->id);
  return out;
}

using shares = std::vector<std::uint64_t>;

} // namespace

TEST_CASE("an effect waits until a worker has said that it has room") {
  effect_queue queue{here, {}};
  REQUIRE(queue.add(job_of(1)));
  CHECK_FALSE(queue.next());
  queue.open(there, 0);
  CHECK_FALSE(queue.next());
  queue.open(there, 1);
  auto next = queue.next();
  REQUIRE(next);
  CHECK(next->id == 1);
  CHECK(next->worker == there);
}

TEST_CASE("no more than its window is under way at a worker") {
  effect_queue queue{here, {}};
  queue.open(there, 2);
  for (std::uint64_t id = 1; id <= 5; ++id)
    REQUIRE(queue.add(job_of(id)));
  CHECK(take_all(queue) == std::vector<std::uint64_t>{1, 2});
  CHECK(queue.waiting() == 3);
  queue.done(1);
  CHECK(take_all(queue) == std::vector<std::uint64_t>{3});
  queue.open(there, 1); // Fewer than are under way: these go on.
  queue.done(2);
  CHECK_FALSE(queue.next());
  queue.done(3);
  CHECK(take_all(queue) == std::vector<std::uint64_t>{4});
}

TEST_CASE("the own node comes first, then who has the most room") {
  effect_queue queue{here, {}};
  const node_id third{"n3#1"};
  queue.open(here, 1);
  queue.open(there, 1);
  queue.open(third, 5);
  std::vector<node_id> at;
  for (std::uint64_t id = 1; id <= 3; ++id) {
    REQUIRE(queue.add(job_of(id)));
    at.push_back(queue.next()->worker);
  }
  CHECK(at == std::vector<node_id>{here, third, third});
}

TEST_CASE("an attempt that another node asks for again goes where it went") {
  int same = 0;
  for (int i = 0; i < 50; ++i) {
    effect_queue first{node_id{"n8#1"}, {}}, second{node_id{"n9#1"}, {}};
    for (auto* queue : {&first, &second}) {
      queue->open(here, 10);
      queue->open(there, 10);
      REQUIRE(queue->add({1, "task-" + std::to_string(i), "a", false}));
    }
    same += first.next()->worker == second.next()->worker ? 1 : 0;
  }
  CHECK(same == 50);
}

TEST_CASE("tenants take turns, however much one of them has queued") {
  effect_queue queue{here, {}};
  for (std::uint64_t id = 1; id <= 100; ++id)
    REQUIRE(queue.add(job_of(id, "greedy")));
  REQUIRE(queue.add(job_of(200, "modest")));
  REQUIRE(queue.add(job_of(201, "modest")));
  queue.open(here, 4);
  auto first = take_all(queue);
  CHECK(first == std::vector<std::uint64_t>{1, 200, 2, 201});
}

TEST_CASE("batch waits for interactive, and is not forgotten") {
  effect_queue::limits limits;
  limits.batch_turn = 4;
  effect_queue queue{here, limits};
  queue.open(here, 1'000);
  for (std::uint64_t id = 1; id <= 20; ++id)
    REQUIRE(queue.add(job_of(id, "a", false)));
  for (std::uint64_t id = 101; id <= 110; ++id)
    REQUIRE(queue.add(job_of(id, "a", true)));
  auto order = take_all(queue);
  REQUIRE(order.size() == 30);
  // A quarter of the places while both wait; then what is left.
  int early = 0;
  for (int i = 0; i < 12; ++i)
    early += order[static_cast<std::size_t>(i)] > 100 ? 1 : 0;
  CHECK(early == 3);
  CHECK(order.front() == 1);
}

TEST_CASE("above its limits the queue takes no more") {
  effect_queue::limits limits;
  limits.waiting_max = 3;
  limits.tenant_waiting_max = 2;
  effect_queue queue{here, limits};
  CHECK(queue.add(job_of(1, "a")));
  CHECK(queue.add(job_of(2, "a")));
  CHECK_FALSE(queue.add(job_of(3, "a")));
  CHECK(queue.add(job_of(4, "b")));
  CHECK_FALSE(queue.add(job_of(5, "c")));
  queue.done(1);
  CHECK(queue.add(job_of(6, "a")));
}

TEST_CASE("an effect is found by its key, waiting or under way") {
  effect_queue queue{here, {}};
  REQUIRE(queue.add(job_of(1)));
  REQUIRE(queue.find("key-1"));
  CHECK_FALSE(queue.find("key-1")->worker);
  queue.open(there, 1);
  queue.next();
  CHECK(queue.find("key-1")->worker == there);
  queue.done(1);
  CHECK_FALSE(queue.find("key-1"));
  CHECK(queue.under_way() == 0);
}

TEST_CASE("an effect that was given up while it waited does not go") {
  effect_queue queue{here, {}};
  REQUIRE(queue.add(job_of(1)));
  REQUIRE(queue.add(job_of(2)));
  queue.done(1);
  queue.open(here, 5);
  CHECK(take_all(queue) == std::vector<std::uint64_t>{2});
  // Many of them cost no memory: there is still room for as many.
  for (std::uint64_t id = 10; id < 50'000; ++id) {
    REQUIRE(queue.add(job_of(id)));
    queue.done(id);
  }
  CHECK(queue.waiting() == 0);
}

TEST_CASE("a worker that comes back has what is still under way there") {
  effect_queue queue{here, {}};
  queue.open(there, 2);
  REQUIRE(queue.add(job_of(1)));
  queue.next();
  queue.close(there);
  CHECK(queue.demand(there) == 0);
  queue.open(there, 2);
  CHECK(queue.demand(there) == 1);
  REQUIRE(queue.add(job_of(2)));
  REQUIRE(queue.add(job_of(3)));
  CHECK(take_all(queue) == std::vector<std::uint64_t>{2});
}

TEST_CASE("an effect that no window counts is under way, and wants no room") {
  effect_queue queue{here, {}};
  queue.open(there, 1);
  queue.add_pinned(job_of(1), there);
  queue.add_pinned(job_of(2), there);
  CHECK(queue.pinned(there) == 2);
  CHECK(queue.under_way(there) == 0);
  CHECK(queue.demand(there) == 0);
  queue.done(1);
  CHECK(queue.pinned(there) == 1);
  queue.done(2);
  CHECK(queue.pinned(there) == 0);
}

TEST_CASE("room is divided so that nobody is served before the modest") {
  CHECK(share_out(10, {2, 3, 100}) == shares{2, 3, 5});
  CHECK(share_out(9, {100, 100, 100}) == shares{3, 3, 3});
  CHECK(share_out(0, {5, 5}) == shares{0, 0});
  CHECK(share_out(7, {}).empty());
}

TEST_CASE("what nobody wants now is ready for who wants it next") {
  CHECK(share_out(10, {0, 0}) == shares{5, 5});
  CHECK(share_out(12, {2, 0, 0}) == shares{6, 3, 3});
}

TEST_CASE("each has a share of at least one") {
  auto got = share_out(2, {50, 50, 50, 0});
  for (auto one : got)
    CHECK(one >= 1);
}

TEST_CASE("shares never exceed the capacity by more than one each") {
  for (std::uint64_t capacity = 1; capacity < 40; ++capacity)
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      shares wanted;
      for (std::uint64_t i = 0; i < 1 + seed % 5; ++i)
        wanted.push_back((seed * 7 + i * 13) % 17);
      auto got = share_out(capacity, wanted);
      auto sum = std::accumulate(got.begin(), got.end(), std::uint64_t{0});
      CHECK(sum >= capacity);
      CHECK(sum <= capacity + got.size());
    }
}

} // namespace shannon::dispatch
