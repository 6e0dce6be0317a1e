#pragma once

#include "nodes/commands/sse_reader.hpp"
#include "nodes/commands/terminal.hpp"

#include <nlohmann/json.hpp>

#include <string>

/// How a person sees tasks and events. Plain functions of what the API said;
/// a member that is missing or of another type is left out, never an error.
namespace shannon::commands {

/// `TASK_STATUS_RUNNING` without what all of them share: `RUNNING`.
std::string task_status(const nlohmann::json& task);

bool is_over(const nlohmann::json& task);
bool has_succeeded(const nlohmann::json& task);

/// The answer, or an empty text.
std::string task_result(const nlohmann::json& task);

/// Why there is no answer, in one sentence.
std::string task_error(const nlohmann::json& task);

/// The lines above a timeline: id, status, task, model, tokens, cost, time.
std::string task_header(const nlohmann::json& task, const terminal& out);

/// A table of `GET /api/v1/tasks`.
std::string task_table(const nlohmann::json& list, const terminal& out);

/// One line of a timeline for one item of `GET /api/v1/tasks/ID/events`;
/// `start` is the first event's time in seconds, as `event_seconds` gives it.
std::string timeline_line(const nlohmann::json& event, double start,
                          const terminal& out);

/// Seconds since 1970 of an RFC 3339 text; 0 for anything else.
double rfc3339_seconds(const std::string& text);
double event_seconds(const nlohmann::json& event);

/// One line of progress for a frame of the stream, `elapsed` seconds after
/// the start; empty for frames nobody wants to watch (deltas, the end).
std::string progress_line(const stream_event& event, double elapsed,
                          const terminal& out);

} // namespace shannon::commands
