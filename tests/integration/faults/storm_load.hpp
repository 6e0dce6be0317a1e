#pragma once

#include "tests/integration/faults/tree_check.hpp"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace shannon::test {

/// What is known of a task's cancel.
enum class cancel_state : std::uint8_t {
  none,
  acknowledged,
  /// Asked for once, the client was told that the task had ended already: by
  /// itself, that is.
  too_late,
  /// It was told so when it asked again, for want of an answer: the cancel that
  /// ended the task may have been its own.
  unclear,
};

/// What a task is made of.
struct workload {
  const char* name = ""; ///< `W1`, `W2`, `W3`, `W5`; others have none.
  /// Calls of the model, each made again as often as it must, if it completes.
  std::size_t calls = 1;
  tree_shape tree{}; ///< Of W5.
};

/// A task that was acknowledged.
struct accepted_task {
  std::string id;
  workload what{};
  cancel_state cancelled = cancel_state::none;
  std::int64_t cancelled_us = 0;   ///< When its acknowledgement came.
  std::int64_t cancel_took_us = 0; ///< From its last request to that.
  bool paused = false;
  /// The id of the last event, for a client that followed it to its end.
  std::int64_t last_event = 0;
};

/// What clients have seen, all of them together.
struct load_report {
  std::vector<accepted_task> tasks;
  /// Answers that no client can do anything with.
  std::vector<std::string> failures;
  int told_to_wait = 0; ///< 429 and 503.
  int unanswered = 0;   ///< No connection, or no answer on it.
  int sent_again = 0;   ///< After the acknowledgement, with the same key.
  int paused = 0;       ///< And resumed a while later.
  /// Decisions of people that were acknowledged: task and approval.
  std::vector<std::pair<std::string, std::string>> decisions;
  int followed = 0; ///< To the end, over whatever broke.
  int streams = 0;  ///< That took.
};

/// Clients that come in through any node, each task under a key of its own:
/// most small, some W1 (12 steps in a row), W2 (eight agents of three steps,
/// and a join), W3 (40 calls of a model with tools) and W5 (trees of runs). A
/// client sends a task until it is acknowledged, at another node each time.
/// Then it cancels some, sends some again, pauses some until a person has seen
/// and approved them (W4), and follows some to their end.
class storm_load {
public:
  storm_load(std::vector<std::uint16_t> doors, std::uint64_t seed,
             unsigned clients);
  ~storm_load();

  std::size_t accepted() const {
    return accepted_;
  }
  /// No more new tasks; what was begun is brought to its acknowledgement, for
  /// which every node must be there.
  load_report finish();

private:
  struct client;

  void run(unsigned number);

  std::vector<std::uint16_t> doors_;
  std::uint64_t seed_;
  std::atomic<bool> done_{false};
  std::atomic<std::size_t> accepted_{0};
  std::mutex mutex_;
  load_report seen_;
  std::vector<std::thread> threads_;
};

} // namespace shannon::test
