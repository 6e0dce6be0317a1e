// Faults of a whole node: it dies, sleeps, ends in order, or is wrong about the
// time.

#include "tests/integration/faults/storm.hpp"

#include <csignal>

namespace shannon::test {

using namespace std::chrono_literals;

namespace {

/// Longer than a lease and than what the others need to take over.
constexpr int long_sleep_ms = 4'000;

constexpr std::int64_t hour_us = 3'600'000'000;

std::size_t count_of(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1))
    ++count;
  return count;
}

} // namespace

void storm::kill_one() {
  auto node = draw_node();
  auto away = milliseconds{draw(0, 3'000)};
  cluster_->kill(node);
  until_us_ = unix_now_us();
  pause(away);
  start(node);
}

void storm::kill_two_then_all() {
  auto last = draw_node();
  auto between = milliseconds{draw(0, 1'500)};
  auto away = milliseconds{draw(0, 1'000)};
  for (unsigned i = 0; i < 3; ++i)
    if (i != last)
      cluster_->kill(i);
  pause(between);
  cluster_->kill(last);
  until_us_ = unix_now_us();
  pause(away);
  able_us_ = unix_now_us();
  for (unsigned i = 0; i < 3; ++i)
    start(i);
}

void storm::end_one_in_order() {
  auto node = draw_ready_node();
  auto end = cluster_->stop(node);
  INFO(end.err);
  CHECK(end.code == 0);
  start(node);
}

void storm::freeze_one() {
  auto node = draw_ready_node();
  auto asleep = draw(1'000, 10'000);
  auto before = refusals(node);
  cluster_->signal(node, SIGSTOP);
  pause(milliseconds{asleep});
  cluster_->signal(node, SIGCONT);
  until_us_ = unix_now_us();
  if (asleep >= long_sleep_ms)
    await_refusals(node, before);
}

/// Leases, timers and histories go by other clocks: nothing may happen.
void storm::move_clock_of_one() {
  constexpr std::int64_t moves_us[]
      = {hour_us, -hour_us, 30 * 24 * hour_us, -30 * 24 * hour_us};
  if (clocks_.empty()) {
    WARN("T1 is passed over: no library can be put before those of sanitizers");
    return;
  }
  auto node = draw_ready_node();
  auto lost = count_of(cluster_->log(node), "\"lease-lost\"");
  clocks_[node].move(moves_us[draw(0, 3)]);
  pause(milliseconds{draw(2'500, 4'000)});
  clocks_[node].move(0);
  pause(500ms);
  // What the node logs is stamped with the clock that was moved.
  auto stamped = count_of(cluster_->log(node), "\"ts\":\"");
  CHECK(stamped > 0);
  CHECK(count_of(cluster_->log(node), "\"lease-lost\"") == lost);
  CHECK(is_ready(node));
}

} // namespace shannon::test
