#pragma once

#include "actors/gateway/resources/run_events.hpp"
#include "protocols/remote/llm.pb.h"

#include <string>

/// Bytes of one event stream, as section 8 of the contract frames them. Pure.
namespace shannon::gateway {

/// How a STREAM says what it has to say. An empty text is not said.
struct stream_words {
  std::string (*connected)(const std::string& task);
  std::string (*event)(const std::string& task, const run_event& what);
  std::string (*delta)(const std::string& task, const remote::LlmDelta& delta,
                       log_version version);
  /// An event that is not recorded.
  std::string (*passing)(const std::string& task, const run_event& what);
  std::string (*not_found)(const std::string& task);
  const char* ping;
  /// The stream ends, and its client is to come again.
  const char* retry;
  /// After the last event, and of an unknown task. Else the client decides.
  bool closes;
};

/// Server-sent events.
extern const stream_words sse_words;
/// Text messages of a WebSocket: events as they are, under internal names. Its
/// pings are the protocol's own.
extern const stream_words websocket_words;

std::string connected_frame(const std::string& task);

/// One recorded event under its client name, with its version as `id:`.
std::string event_frame(const std::string& task, const run_event& what);

/// A piece of an answer. It has no `id:` line, since it is not recorded: a
/// client that resumes goes on after the last recorded event, `version`.
std::string delta_frame(const std::string& task, const remote::LlmDelta& delta,
                        log_version version);

/// The same for an event of outside that is told in passing: under its client
/// name, a piece of an answer as any such piece.
std::string passing_frame(const std::string& task, const run_event& what);

std::string not_found_frame(const std::string& task);

inline constexpr const char* ping_frame = ": ping\n\n";
/// The stream ends, and its client is to come again after so many ms.
inline constexpr const char* retry_frame = "retry: 1000\n\n";

} // namespace shannon::gateway
