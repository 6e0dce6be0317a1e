// Which effect goes next, and where; how a worker's room is divided.

#include "actors/dispatch/effect_queue.hpp"
#include "actors/dispatch/shares.hpp"

#include <catch2/catch.hpp>

#include <iterator>
#include <map>
#include <numeric>
#include <random>
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

TEST_CASE(
    "what its worker has no room for waits again, before what came later, "
    "and keeps nobody else waiting") {
  effect_queue queue{here, {}};
  queue.open(here, 2);
  for (std::uint64_t id = 1; id <= 4; ++id)
    REQUIRE(queue.add(job_of(id, "full")));
  CHECK(take_all(queue) == std::vector<std::uint64_t>{1, 2});
  queue.put_back(1);
  queue.put_back(2);
  CHECK(queue.waiting() == 4);
  CHECK(queue.waiting_of("full") == 4);
  CHECK_FALSE(queue.find("key-1")->worker);
  // Nothing of this tenant goes there, and its worker is not asked for it.
  CHECK_FALSE(queue.next());
  CHECK(queue.demand(here) == 0);
  for (std::uint64_t id = 5; id <= 7; ++id)
    REQUIRE(queue.add(job_of(id, "other")));
  CHECK(queue.demand(here) == 3);
  CHECK(take_all(queue) == std::vector<std::uint64_t>{5, 6});
  queue.done(5);
  CHECK(take_all(queue) == std::vector<std::uint64_t>{7});
  queue.done(6);
  queue.done(7);
  CHECK(queue.reopen(here));
  CHECK_FALSE(queue.reopen(here));
  CHECK(queue.demand(here) == 4);
  CHECK(take_all(queue) == std::vector<std::uint64_t>{1, 2});
}

TEST_CASE("what one worker has no room for goes to another that has") {
  effect_queue queue{here, {}};
  queue.open(here, 5);
  queue.open(there, 5);
  REQUIRE(queue.add(job_of(1)));
  CHECK(queue.next()->worker == here);
  queue.put_back(1);
  CHECK(queue.next()->worker == there);
  queue.put_back(1);
  CHECK_FALSE(queue.next());
  // A worker that was away has forgotten what it said.
  queue.close(there);
  queue.open(there, 5);
  CHECK(queue.next()->worker == there);
}

TEST_CASE("what waits again is given up like any other") {
  effect_queue queue{here, {}};
  queue.open(here, 5);
  REQUIRE(queue.add(job_of(1)));
  REQUIRE(queue.add(job_of(2)));
  CHECK(take_all(queue).size() == 2);
  queue.put_back(2);
  queue.put_back(1);
  CHECK(queue.that_wait() == std::vector<std::uint64_t>{1, 2});
  queue.done(1);
  CHECK(queue.waiting() == 1);
  queue.reopen(here);
  CHECK(take_all(queue) == std::vector<std::uint64_t>{2});
  queue.put_back(77); // Not known: as if nothing was said.
  queue.done(2);
  queue.put_back(2);
  CHECK(queue.waiting() == 0);
  CHECK(queue.under_way() == 0);
}

TEST_CASE("tenants at their own limits keep no room from others, and each goes "
          "in the order it came") {
  // Two workers with six places each; a tenant may have two at each.
  constexpr std::size_t places = 6;
  constexpr std::size_t of_tenant = 2;
  std::mt19937 random{20};
  for (int round = 0; round < 200; ++round) {
    effect_queue queue{here, {}};
    std::map<node_id, std::map<std::string, std::size_t>> has;
    std::map<std::uint64_t, std::pair<node_id, std::string>> at_work;
    std::map<std::string, std::uint64_t> last;
    for (const auto& worker : {here, there})
      queue.open(worker, places);
    std::uint64_t asked = 0;
    std::uint64_t ended = 0;
    auto whose = [](std::uint64_t id) {
      return std::string(1, static_cast<char>('a' + id * id % 5));
    };
    while (ended < 60) {
      if (asked < 60 && random() % 2 == 0) {
        ++asked;
        REQUIRE(queue.add(job_of(asked, whose(asked))));
      }
      while (auto next = queue.next()) {
        auto tenant = whose(next->id);
        auto& mine = has[next->worker][tenant];
        if (mine == of_tenant) {
          queue.put_back(next->id);
          continue;
        }
        ++mine;
        CHECK(last[tenant] < next->id);
        last[tenant] = next->id;
        at_work[next->id] = {next->worker, tenant};
      }
      // Nobody waits who could go anywhere.
      for (auto id : queue.that_wait())
        for (const auto& worker : {here, there})
          CHECK((has[worker][whose(id)] == of_tenant
                 || queue.under_way(worker) == places));
      if (at_work.empty() || random() % 2 == 0)
        continue;
      auto one = at_work.begin();
      std::advance(one, static_cast<long>(random() % at_work.size()));
      --has[one->second.first][one->second.second];
      queue.done(one->first);
      queue.reopen(one->second.first);
      at_work.erase(one);
      ++ended;
    }
    CHECK(queue.waiting() == 0);
    CHECK(queue.demand(here) + queue.demand(there) == 0);
  }
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
