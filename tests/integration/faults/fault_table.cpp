#include "tests/integration/faults/fault_table.hpp"

#include "tests/integration/faults/storm.hpp"

namespace shannon::test {

const std::vector<fault>& fault_table() {
  static const std::vector<fault> all{
      {"K1", "SIGKILL of a node at each named point of its work",
       &storm::kill_at_work, true, false, 5},
      {"K2", "SIGKILL of a node, started again after 0-3 s", &storm::kill_one,
       true, false, 5},
      {"K3", "SIGKILL of two nodes, then of the third; all started again",
       &storm::kill_two_then_all, true, false, 10},
      {"K4", "SIGTERM of a node, started again", &storm::end_one_in_order,
       false, false, 0},
      {"K5", "SIGKILL of a node that takes shards, or gives them away",
       &storm::kill_at_hand_over, true, false, 10},
      {"Z1", "SIGSTOP of a node for 1-10 s", &storm::freeze_one, true, true,
       10},
      {"Z2", "SIGSTOP of a node at a named point, for 4-6 s",
       &storm::stop_at_points, true, true, 10},
      {"N1", "a node is cut off from all others and from Postgres for 5-9 s",
       &storm::isolate_one, true, true, 10},
      {"N2",
       "a node's wire to Postgres holds everything for 1-8 s, then "
       "breaks",
       &storm::cut_one_from_postgres, true, true, 10},
      {"N2-way",
       "of a node's wire to Postgres one direction holds everything for 1-8 s, "
       "then it breaks",
       &storm::cut_one_way_from_postgres, true, true, 10},
      {"N2-peers",
       "a node is cut off from all others for 4-7 s, both ways or one",
       &storm::part_from_peers, true, false, 0},
      {"N3", "two of three nodes are cut off from each other for 5-8 s",
       &storm::part_two, true, false, 0},
      {"N4", "all links of a node are away for 200 ms of 400, for 6-10 s",
       &storm::flap_links, true, false, 0},
      {"N5", "links with a delay of 5-300 ms, and resets",
       &storm::disturb_links, true, false, 0},
      {"N6",
       "links and wires to Postgres are clogged one by one, then freed in "
       "another order",
       &storm::swizzle, true, true, 0},
      {"N7", "strangers' frames at all nodes, and links that end within one",
       &storm::send_bad_frames, true, false, 0},
      {"D1-fast", "Postgres is restarted in order",
       &storm::restart_postgres_fast, true, false, 0},
      {"D1-immediate", "Postgres is restarted at once (SIGQUIT)",
       &storm::restart_postgres_at_once, true, false, 0},
      {"D1-kill", "SIGKILL of the postmaster, and a start",
       &storm::kill_postgres, true, false, 0},
      {"D2", "SIGSTOP of all processes of Postgres for 1-5 s",
       &storm::freeze_postgres, true, true, 0},
      {"D3", "no connection to Postgres is to be had for 2-6 s",
       &storm::exhaust_connections, true, false, 0},
      {"D4",
       "2-10 of 100 statements that write fail with 40001, 40P01 or 55P03 for "
       "4-7 s",
       &storm::fail_statements, false, false, 0},
      {"D5", "a node's answers from Postgres are held, then the wire breaks",
       &storm::lose_acknowledgements, true, false, 0},
      {"M2", "handlers of a node throw, one message in 300-900",
       &storm::throw_in_handlers, true, false, 0},
      {"T1", "the wall clock of a node is moved, by 1 h or 30 days",
       &storm::move_clock_of_one, false, false, 0},
      {"R1", "SIGKILL of Redis, started again after 2 s", &storm::kill_redis,
       false, false, 0},
      {"R1-slow", "SIGSTOP of Redis for 2-4 s", &storm::freeze_redis, false,
       false, 0},
      {"R1-late", "Redis answers once in 0.5 s, for 2-4 s", &storm::slow_redis,
       false, false, 0},
      {"R1-full", "Redis has no memory left for 2-4 s", &storm::fill_redis,
       false, false, 0},
      {"R1-flush", "FLUSHALL in Redis", &storm::flush_redis, false, false, 0},
  };
  return all;
}

} // namespace shannon::test
