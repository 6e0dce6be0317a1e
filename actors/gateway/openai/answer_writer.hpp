#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "actors/gateway/resources/run_events.hpp"
#include "protocols/errc.hpp"
#include "protocols/remote/llm.pb.h"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

/// How an answer is told, in each language that `chat_request` is read from.
/// Pure: bytes of bodies and of event streams.
namespace shannon::gateway::chat {

/// What every answer to one request carries.
struct answer_head {
  std::string id; ///< See `answer_id`.
  std::string model;
  std::chrono::system_clock::time_point created;
  bool include_usage = false;
  /// An agent answers: usage stands in the last chunk, as clients of the
  /// reference platform expect, and not in one of its own, as OpenAI's do.
  bool is_agent = false;
};

/// One answer. Whole, or as a stream: `begin`, then pieces, then `end` or
/// `broke`. What a language has no words for is an empty text.
class answer_writer {
public:
  virtual ~answer_writer() = default;

  virtual http_response whole(const remote::LlmResponse& answer) = 0;
  virtual http_response refused(const error& why) = 0;

  virtual std::string begin() = 0;
  virtual std::string text(std::string_view piece) = 0;
  virtual std::string call(const remote::ToolCallDelta& piece) = 0;
  /// What happens in the run, for who watches an agent.
  virtual std::string event(const run_event&) {
    return {};
  }
  /// Nothing comes for a while.
  virtual std::string keepalive() = 0;
  virtual std::string end(const remote::LlmResponse& answer) = 0;
  virtual std::string broke(const error& why) = 0;
};

enum class dialect : std::uint8_t { openai, anthropic, completions };

std::unique_ptr<answer_writer> writer_of(dialect which, answer_head head);

/// The refusal of a request in the words of its language: also of one that
/// nobody has read yet (no credential, too many requests, no such path).
http_response refusal(dialect which, int status, std::string_view message,
                      std::string_view code = {});
http_response refusal(dialect which, const error& why);

/// A refusal of a layer that knows no language (`{"error": "text"}`), in this
/// one; any other response as it is.
http_response in_words_of(dialect which, http_response response);

/// `chatcmpl-<YYYYMMDDhhmmss><8 hex>`, `msg_<24 hex>`, or 32 hex.
std::string answer_id(dialect which, std::chrono::system_clock::time_point now);

/// The text as a JSON string, quotes and all.
std::string json_string(std::string_view text);

} // namespace shannon::gateway::chat
