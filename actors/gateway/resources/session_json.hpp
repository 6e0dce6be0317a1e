#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "actors/gateway/text/json_text.hpp"
#include "protocols/remote/workflow.pb.h"
#include "protocols/sessions.hpp"
#include "protocols/store.hpp"

#include <tl/expected.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Sessions as clients see them, and what they say about them. Pure.
namespace shannon::gateway {

/// The session a task belongs to: what the client calls it, and a UUID, which
/// is the same for the same user and name. A name that is a UUID is the id.
struct session_ids {
  std::string id;
  std::string name;
};
session_ids session_ids_of(const tenant_id& tenant, const user_id& user,
                           std::string_view given);

/// As a session begins with its first task.
sessions::session first_session(const session_ids& ids, const user_id& user,
                                const remote::TaskInput& first);

/// As the first task's owner makes it.
remote::NewSession opening_of(const sessions::session& what);

/// Messages of the session's earlier tasks, oldest first, for a task's input:
/// of those that have an answer, the newest `messages_max`, and no more than
/// 256 KiB.
std::vector<remote::ChatMessage>
history_of(const std::vector<store::log_head>& newest_first,
           std::size_t messages_max);

/// Messages that a task's context asks for, within the contract's bounds.
std::size_t history_window(const std::string& context_json);

/// GET /api/v1/sessions/{id}.
json_out session_detail(const sessions::session& what,
                        const store::session_sum& sum);

/// One entry of GET /api/v1/sessions.
json_out session_summary(const sessions::session& what,
                         const store::session_sum& sum,
                         std::chrono::system_clock::time_point now);

/// One entry of GET …/history.
json_out task_history(const store::log_head& head);

/// One entry of GET …/events; `number` counts from 1.
json_out session_turn(const store::log_head& head, std::uint64_t number,
                      const std::vector<store::recorded_fact>& facts,
                      bool with_payloads);

/// The new title of PATCH: trimmed, without control characters, 1 to 60 code
/// points; or the response that says what is wrong.
tl::expected<std::string, http_response>
read_title(const http_request& request, std::uint32_t json_depth_max);

/// The first words of a query.
std::string title_of(std::string_view query);

} // namespace shannon::gateway
