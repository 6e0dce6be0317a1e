#pragma once

#include "nodes/commands/api_client.hpp"
#include "nodes/commands/sse_reader.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <functional>
#include <string>

namespace shannon::commands {

struct follow_options {
  /// Ends with errc::timeout; the task goes on.
  deadline until;
  /// How long no node may answer before this gives up with its last error.
  std::chrono::milliseconds patience{60'000};
  std::chrono::milliseconds pause_min{200};
  std::chrono::milliseconds pause_max{2'000};
};

struct follow_events {
  std::function<void(const stream_event&)> event;
  /// The connection broke and is being made again; told once per break.
  std::function<void(const error&)> broken;
};

/// Follows one task to its end over broken connections and restarts of the
/// node, and returns it as the API tells it then. Each event with an id comes
/// once: after a break the stream goes on where it was.
result<nlohmann::json> follow_task(api_client& api, const std::string& task,
                                   const follow_options& options,
                                   const follow_events& events);

} // namespace shannon::commands
