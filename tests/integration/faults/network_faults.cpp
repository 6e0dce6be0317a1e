// Faults between nodes, and between them and Postgres: what is sent is held,
// late, or comes to nothing.

#include "tests/integration/faults/storm.hpp"
#include "tests/link/bad_bytes.hpp"
#include "tests/link/raw_peer.hpp"

#include <algorithm>
#include <functional>
#include <random>

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

/// What it says arrives and what it is told does not, or the other way round.
void storm::cut_one_way_from_postgres() {
  auto node = draw_ready_node();
  auto away = milliseconds{draw(1'000, 8'000)};
  if (draw(0, 1) == 0)
    wires_[node]->hold_requests();
  else
    wires_[node]->hold_answers();
  pause(away);
  wires_[node]->cut();
}

/// A node that has Postgres, and does not hear the others, or is not heard by
/// them, or both.
void storm::part_from_peers() {
  using way = tcp_detour::way;
  constexpr way by_it[] = {way::both, way::to_callee, way::to_caller};
  constexpr way to_it[] = {way::both, way::to_caller, way::to_callee};
  auto node = draw_ready_node();
  auto which = draw(0, 2);
  auto downs = counter(node, "shannon_link_downs_total");
  detours_[node]->hold({}, to_it[which]);
  for (auto& other : detours_)
    if (other != detours_[node])
      other->hold(cluster_->name(node), by_it[which]);
  pause(milliseconds{draw(4'000, 7'000)});
  // The fault fell: one way is no way.
  CHECK(counter(node, "shannon_link_downs_total") > downs);
  for (auto& one : detours_)
    one->release();
}

/// All links of a node are there and away in turns, each for so short that
/// nobody may take it for dead.
void storm::flap_links() {
  constexpr auto each = 200ms;
  auto node = draw_ready_node();
  auto seconds = draw(6, 10);
  auto from = audit_->number("select coalesce(max(n), 0) from hands");
  auto accepted = load_->accepted();
  for (auto left = std::chrono::seconds{seconds} / each; left > 0; left -= 2) {
    detours_[node]->hold();
    for (auto& other : detours_)
      other->hold(cluster_->name(node));
    pause(each);
    for (auto& one : detours_)
      one->release();
    pause(each);
  }
  CHECK(load_->accepted() > accepted);
  // No shard goes to and fro: each was taken over once in 10 s at most.
  CHECK(audit_->number("select coalesce(max(times), 0) from (select count(*) "
                       "as times from hands where owner <> '' and old_owner "
                       "<> owner and n > "
                       + std::to_string(from) + " group by shard) moved")
        <= 1);
}

/// Strangers say what no peer says, and links end within what is said.
void storm::send_bad_frames() {
  constexpr int strangers = 150;
  constexpr auto refused = "shannon_link_connections_refused_total";
  std::mt19937 random{static_cast<unsigned>(draw(0, 1'000'000))};
  auto before = counter_of_all(refused);
  int cut_short = 0;
  for (auto& one : detours_)
    cut_short -= one->were_cut_short();
  for (int i = 0; i < strangers; ++i) {
    if (i % 30 == 0)
      detours_[draw_node()]->cut_short();
    raw_peer other{"127.0.0.1:"
                   + std::to_string(cluster_->link_port(draw_node()))};
    other.send(bad_bytes(random, link::frame_of(other.hello("stranger#1"))));
    if (draw(0, 1) == 0)
      pause(milliseconds{20});
  }
  for (auto until = std::chrono::steady_clock::now() + 30s;
       counter_of_all(refused) < before + strangers
       && std::chrono::steady_clock::now() < until;)
    pause(100ms);
  CHECK(counter_of_all(refused) >= before + strangers);
  for (auto& one : detours_)
    cut_short += one->were_cut_short();
  CHECK(cut_short > 0);
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
