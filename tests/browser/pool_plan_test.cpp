#include "actors/browser/pool_plan.hpp"

#include <catch2/catch.hpp>

using namespace shannon::browser;
using namespace std::chrono_literals;

namespace {

pool_limits limits() {
  pool_limits out;
  out.process_sessions_max = 2;
  out.processes_max = 2;
  out.process_opened_max = 5;
  out.process_lifetime = 1h;
  out.process_memory_max = 1000;
  return out;
}

process_state process(process_number number, std::uint32_t open,
                      std::uint32_t opened = 1) {
  return {number, open, opened, 0, 1min, 100};
}

/// 0 for a new process, -1 for no room.
int chosen(const std::vector<process_state>& all) {
  auto where = choose(limits(), all);
  if (!where)
    return -1;
  return where->process ? static_cast<int>(*where->process) : 0;
}

} // namespace

TEST_CASE("the first session starts a process") {
  CHECK(chosen({}) == 0);
}

TEST_CASE("the fullest process with room is chosen, so that others can go") {
  CHECK(chosen({process(1, 0), process(2, 1)}) == 2);
}

TEST_CASE("when all are full another is started, up to the limit") {
  CHECK(chosen({process(1, 2)}) == 0);
  CHECK(chosen({process(1, 2), process(2, 2)}) == -1);
}

TEST_CASE("a process that leaves takes nobody and keeps nobody out") {
  auto many = process(1, 1, 5);
  auto busy = process(1, 1);
  busy.pages = 5;
  auto old = process(1, 1);
  old.age = 2h;
  auto large = process(1, 1);
  large.memory_bytes = 1000;
  for (const auto& one : {many, busy, old, large}) {
    CHECK(leaves(limits(), one));
    CHECK(chosen({one}) == 0);
    CHECK(chosen({one, process(2, 2)}) == 0);
    CHECK(chosen({one, process(2, 2), process(3, 2)}) == -1);
  }
}

TEST_CASE("what is not known of a process is no reason to end it") {
  auto limit = limits();
  limit.process_memory_max = 0;
  limit.process_lifetime = 0ms;
  auto one = process(1, 0);
  one.memory_bytes = 1 << 20;
  one.age = 24h;
  CHECK_FALSE(leaves(limit, one));
}

TEST_CASE("one process without sessions stays, others and leavers end") {
  auto all = std::vector{process(1, 0), process(2, 0), process(3, 1),
                         process(4, 0, 5)};
  CHECK(to_end(limits(), all) == std::vector<process_number>{1, 2, 4});
  CHECK(to_end(limits(), {process(1, 0)}).empty());
  CHECK(to_end(limits(), {process(1, 0), process(2, 0)})
        == std::vector<process_number>{1});
  CHECK(to_end(limits(), {process(1, 1, 5)}).empty());
}
