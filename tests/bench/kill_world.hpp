#pragma once

#include "tests/bench/errands.hpp"
#include "tests/bench/load_client.hpp"
#include "tests/bench/peer_process.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace shannon::bench {

/// A server that is killed again and again, its clients, and what they know:
/// which runs were acknowledged, and which must therefore end.
class kill_world {
public:
  /// Runs the bench server `binary` over a folder below `dir`.
  kill_world(const std::string& binary, const std::string& dir);

  peer_process& peer() noexcept {
    return peer_;
  }

  /// Clients start runs that wait, runs with timers and branches, and plain
  /// ones, and signal those that wait longest. Some 200 always wait.
  void work_for(std::chrono::milliseconds time);

  /// Nothing new; all that wait are signalled, and all ends.
  void finish();

  struct tally {
    int acknowledged = 0;
    int effects = 0;
    int lost = 0;           ///< Acknowledged, and never came to their end.
    int doubled = 0;        ///< Effects seen twice, without a look at a key.
    int flagged = 0;        ///< Of these, marked `possible_repeat` in the log.
    int keys_again = 0;     ///< The same attempt, recognised by its key.
    int doubled_by_key = 0; ///< A step that came under two keys.
  };
  tally count();

private:
  enum class kind : std::uint8_t { park, signal, mixed, run };

  struct item {
    kind what;
    std::string id;
  };

  std::optional<load_request> next();
  std::optional<load_request> ask(item what);
  void answered(std::uint64_t number, const http_reply& reply);
  bool is_marked(store::pg_connection& db, const std::string& log);
  std::vector<std::string> unfinished(store::pg_connection& db);

  peer_process peer_;
  load_client clients_;
  load_work work_;
  std::vector<item> items_; ///< Everything ever asked, by number.
  std::deque<std::uint64_t> again_;
  std::deque<std::string> waiting_; ///< Parked, and not signalled yet.
  std::vector<std::string> parked_;
  std::vector<std::string> mixed_;
  std::uint64_t turn_ = 0;
  bool finishing_ = false;
  line_ledger lines_;
  line_ledger keyed_;
};

} // namespace shannon::bench
