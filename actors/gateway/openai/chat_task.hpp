#pragma once

#include "actors/gateway/openai/chat_request.hpp"
#include "config/chat_models.hpp"
#include "protocols/ids.hpp"
#include "protocols/remote/workflow.pb.h"

#include <string>
#include <string_view>

/// A chat with an agent as the task it becomes. Pure.
namespace shannon::gateway::chat {

/// The task, without its id, session, tenant and user: the last message of the
/// user is its query, what was said before its history, system prompts go to
/// `context.system_prompt`, and pictures of that last message are its
/// attachments. Tool calls of clients mean nothing to an agent, which
/// has tools of its own. Refuses (invalid_argument) what a task cannot hold.
result<remote::StartTask> task_of(const chat_request& request,
                                     const config::chat_model& model);

/// Which conversation a request belongs to.
struct chat_session {
  std::string name; ///< As the client may send it back.
  std::string id;   ///< `shannon-<user>-<name>`: what the task is filed under.
};

/// `given` is what X-Session-ID holds. If that is nothing, or no identifier,
/// the name follows from the user, the system prompt and the first message: so
/// a conversation that grows stays the same one.
chat_session session_of(const chat_request& request, const user_id& user,
                        std::string_view given);

} // namespace shannon::gateway::chat
