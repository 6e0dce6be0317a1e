#pragma once

#include "actors/gateway/http/http_message.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::gateway {

/// What a route leads to: each has one handler.
enum class endpoint : std::uint8_t {
  // What anybody may know.
  health,
  live,
  ready,
  health_detailed,
  metrics,
  openapi,
  // Tasks.
  submit_task,
  submit_task_stream,
  list_tasks,
  get_task,
  get_events,
  get_timeline,
  redirect_stream,
  cancel_task,
  pause_task,
  resume_task,
  get_control_state,
  stream_sse,
  stream_ws,
  // Sessions.
  list_sessions,
  get_session,
  get_session_history,
  get_session_events,
  rename_session,
  delete_session,
  list_session_files,
  get_session_file,
  list_memory_files,
  get_memory_file,
  // Schedules.
  create_schedule,
  list_schedules,
  get_schedule,
  get_schedule_runs,
  update_schedule,
  pause_schedule,
  resume_schedule,
  delete_schedule,
  // What people say while a task runs.
  decide_approval,
  get_review,
  post_review,
  post_swarm_message,
  // Bodies, and what is told of tasks from outside.
  get_blob,
  ingest_events,
  signal_daemon_reply,
  // Programs on users' own machines.
  daemon_ws,
  daemon_status,
  send_to_daemons,
  // What a task can be carried out with.
  list_agents,
  get_agent,
  run_agent,
  list_skills,
  get_skill,
  get_skill_versions,
  list_tools,
  get_tool,
  run_tool,
  // Accounts and credentials.
  register_with_provider,
  refresh_token,
  get_me,
  rotate_key,
  list_keys,
  make_key,
  revoke_key,
  make_account,
  log_in,
  // The chat surface: OpenAI's and Anthropic's clients.
  chat_completions,
  messages,
  completions,
  list_models,
  get_model,
  list_llm_models,
  // The node and its runs, for operators.
  tree,
  drain,
  actors,
  top,
  workflows,
  links,
  leases,
  describe_run,
  signal_run,
  resume_run,
  query_run,
  // Browser sessions of clients that chose this node.
  act_in_browser,
  browser_close,
  browser_sessions,
  browser_capture,
  capture_sections,
  browser_extract,
  count_, ///< How many there are.
};

inline constexpr auto endpoints = static_cast<std::size_t>(endpoint::count_);

/// Who may come by.
enum class access : std::uint8_t {
  anybody,
  client, ///< With a credential in a header.
  /// The same, or in the query: a browser's stream can set no header.
  stream_client,
  operator_, ///< Who reaches the admin port.
  /// The same, with the token that the settings name for this; while they name
  /// none, from this machine only.
  approver,
  event_source,
};

/// Which bound of the settings holds for the body.
enum class body_bound : std::uint8_t { usual, task, events };

/// Which budget a request is counted against.
enum class rate : std::uint8_t {
  none,
  caller,  ///< Of the key, or of its user.
  address, ///< Of the client's address: nobody is known yet.
};

/// What an Idempotency-Key does.
enum class repeats : std::uint8_t {
  as_new, ///< Nothing.
  /// The key names what is made: a repeat meets it.
  by_name,
  /// The answer is recorded under the key, and given again.
  recorded,
};

/// Through which doors a route is reached.
enum class doors : std::uint8_t { api, admin, both };

/// A parameter of the query.
struct query_parameter {
  std::string_view name;
  std::string_view text = {};
  bool required = false;
};

/// One line of the public surface: everything that is said about a route is
/// said here, once. The router, admission, openapi.json, the tenant matrix and
/// the docs are made from it.
struct route {
  std::string_view method; ///< Empty: any.
  /// Segments in braces match one segment, `{name...}` at the end all that
  /// are left, or none; they are handed on.
  std::string_view pattern;
  endpoint leads_to;
  /// For people, and the operation's name in openapi.json.
  std::string_view summary;
  std::string_view tag;
  access who = access::client;
  /// What the credential must allow; empty: nothing beyond itself.
  std::string_view scope = {};
  rate counted = rate::none;
  /// What one caller, or one address where nobody is known, may ask of this
  /// route alone in a minute; 0: no bound of its own.
  std::uint32_t per_minute = 0;
  repeats repeated = repeats::as_new;
  body_bound body = body_bound::usual;
  doors by = doors::api;
  /// Answers carry X-Trace-ID and X-Span-ID.
  bool traced = true;
  /// Names of the schemas of the request's and of the answer's body in
  /// schemas.json; empty: none, or not JSON.
  std::string_view takes = {};
  std::string_view gives = {};
  /// Media type of an answer that is not JSON, or not only; empty: none.
  std::string_view streams = {};
  int success = 200;
  std::array<query_parameter, 6> asks = {};
};

constexpr bool is_reached_by(const route& line, door by) noexcept {
  return line.by == doors::both
         || (line.by == doors::admin) == (by == door::admin);
}

/// The whole surface, in the order of the contract.
std::span<const route> routes() noexcept;

struct route_match {
  enum class outcome : std::uint8_t {
    found,
    unknown_path,
    wrong_method,
    moved,
    bad_path,
  };
  outcome what = outcome::unknown_path;
  /// Set when found.
  const route* to = nullptr;
  /// What the braces matched, percent-decoded, in order.
  std::vector<std::string> parts;
  /// For wrong_method: the Allow list. For moved: the new target.
  std::string text;
};

/// Decides as Go 1.22's ServeMux does: first the cleaned path, then the
/// pattern, then the method; GET answers HEAD too.
route_match match(const http_request& request);

/// Without `//`, `.` and `..`; a slash at the end stays.
std::string clean_path(std::string_view path);

/// False if an escape is malformed; `out` then is unspecified.
bool percent_decode(std::string_view text, bool plus_is_blank,
                    std::string& out);

} // namespace shannon::gateway
