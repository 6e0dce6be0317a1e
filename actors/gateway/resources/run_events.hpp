#pragma once

#include "actors/gateway/text/json_text.hpp"
#include "protocols/facts/run.pb.h"
#include "protocols/ids.hpp"
#include "protocols/remote/workflow.pb.h"
#include "protocols/store.hpp"

#include <chrono>
#include <string>
#include <vector>

/// Facts of a run as clients see them. Pure.
namespace shannon::gateway {

/// One event of a run: from the store or fresh from its WORKFLOW.
struct run_event {
  log_version version = 0;
  std::chrono::system_clock::time_point at;
  facts::Event event;
  /// Nothing follows it.
  bool last = false;
};

run_event event_of(const store::recorded_fact& fact);
run_event event_of(const remote::RunEvent& news);

/// The full event of the contract: what `/events` and most frames carry.
json_out event_json(const std::string& task, const run_event& what);

/// The timeline type nearest to a fact's body (`WF_STARTED`, …).
std::string timeline_type(const facts::Fact& fact);

enum class timeline_mode : std::uint8_t { summary, full };

/// GET …/timeline. The summary leaves out what only the engine cares about:
/// timers set, values noted, attempts that were repeated.
json_out timeline_json(const std::string& task,
                       const std::vector<store::recorded_fact>& facts,
                       timeline_mode mode, bool with_payloads);

} // namespace shannon::gateway
