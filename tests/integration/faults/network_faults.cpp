// Faults between nodes, and between them and Postgres: what is sent is held,
// late, or comes to nothing.

#include "tests/integration/faults/storm.hpp"

#include <algorithm>
#include <functional>

namespace shannon::test {

using namespace std::chrono_literals;

void storm::cut_one_from_postgres() {
  auto node = draw_ready_node();
  auto away = milliseconds{draw(1'000, 8'000)};
  wires_[node]->hold_requests();
  wires_[node]->hold_answers();
  pause(away);
  wires_[node]->cut();
}

void storm::disturb_links() {
  for (int i = 0; i < 6; ++i) {
    for (auto& one : detours_)
      one->delay(milliseconds{draw(5, 300)});
    pause(700ms);
    detours_[draw_node()]->reset();
  }
  int used = 0;
  for (auto& one : detours_) {
    one->delay(0ms);
    used += one->bytes() > 0;
  }
  // Of two nodes one calls the other: all links go this way.
  CHECK(used >= 2);
}

/// From the other nodes and from Postgres; clients still reach it.
void storm::isolate_one() {
  auto node = draw_ready_node();
  wires_[node]->hold_requests();
  wires_[node]->hold_answers();
  detours_[node]->hold();
  for (auto& other : detours_)
    other->hold(cluster_->name(node));
  pause(milliseconds{draw(5'000, 9'000)});
  // It knows by itself that nobody counts it any more.
  CHECK_FALSE(is_ready(node));
  for (auto& one : detours_)
    one->release();
  wires_[node]->cut();
}

/// Two nodes hear of each other only through the third, and the database.
void storm::part_two() {
  auto first = static_cast<unsigned>(draw(0, 1));
  auto second = static_cast<unsigned>(draw(static_cast<int>(first) + 1, 2));
  auto downs = counter(first, "shannon_link_downs_total");
  // The lesser name dials.
  detours_[second]->hold(cluster_->name(first));
  pause(milliseconds{draw(5'000, 8'000)});
  // The fault fell: neither heard the other, and each said so.
  CHECK(counter(first, "shannon_link_downs_total") > downs);
  detours_[second]->release();
}

/// Some ways are stopped one after the other, and freed in another order.
void storm::swizzle() {
  std::vector<std::pair<std::function<void()>, std::function<void()>>> ways;
  for (auto& one : wires_)
    ways.emplace_back(
        [&one] {
          one->hold_requests();
          one->hold_answers();
        },
        [&one] { one->cut(); });
  for (auto& one : detours_)
    ways.emplace_back([&one] { one->hold(); }, [&one] { one->release(); });
  std::shuffle(ways.begin(), ways.end(), chance_);
  ways.resize(static_cast<std::size_t>(draw(2, 5)));
  for (auto& [clog, free] : ways) {
    pause(milliseconds{draw(0, 700)});
    clog();
  }
  std::shuffle(ways.begin(), ways.end(), chance_);
  for (auto& [clog, free] : ways) {
    pause(milliseconds{draw(100, 1'200)});
    free();
  }
}

} // namespace shannon::test
