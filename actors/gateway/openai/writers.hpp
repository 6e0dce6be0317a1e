#pragma once

#include "actors/gateway/openai/answer_writer.hpp"

#include <memory>
#include <string>
#include <string_view>

/// The three languages behind `writer_of`, and how each puts an error.
namespace shannon::gateway::chat {

std::unique_ptr<answer_writer> chat_writer(answer_head head);
std::unique_ptr<answer_writer> messages_writer(answer_head head);
std::unique_ptr<answer_writer> completions_writer(answer_head head);

/// `{"error": {…}}`, as in a refusal's body. An empty code is the usual one of
/// the status.
std::string error_object(dialect which, int status, std::string_view message,
                         std::string_view code);
std::string error_object(dialect which, const error& why);

} // namespace shannon::gateway::chat
