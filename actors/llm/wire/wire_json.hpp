#pragma once

#include "protocols/errc.hpp"
#include "protocols/remote/llm.pb.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>

/// What both wire formats share.
namespace shannon::llm {

/// Tool calls in one answer, and the length of their names and ids; what is
/// above is no answer of a sane model.
inline constexpr std::size_t tool_calls_max = 128;
inline constexpr std::size_t tool_name_max = 256;

/// As text. Invalid UTF-8 is replaced: it must not stop a run.
std::string dump(const nlohmann::json& value);

/// `text` as a JSON string behind `out`, quotes and all; as `dump` writes it.
void append_string(std::string& out, std::string_view text);

/// An object, or a failure that says what came instead.
result<nlohmann::json> parse_object(std::string_view text);

/// Arguments of a tool call as the object an upstream insists on; an empty
/// one where a model wrote something else.
nlohmann::json arguments_object(const std::string& arguments_json);

/// A tool's JSON Schema; one without parameters where it has none.
nlohmann::json parameters_schema(const remote::ToolSpec& tool);

/// The text at `key`, or empty if there is none.
std::string text_at(const nlohmann::json& object, const char* key);

/// A count at `key`, or -1 if it is missing or cannot be one.
std::int64_t count_at(const nlohmann::json& object, const char* key);

/// The child object at `key`, or an empty object.
const nlohmann::json& object_at(const nlohmann::json& object, const char* key);

/// The name in a choice of `tool/NAME`; empty for any other choice.
std::string chosen_tool(const remote::LlmRequest& request);

/// A picture, as opposed to a document.
bool is_image(const remote::Attachment& what);

/// Rough size in tokens: a token is about four bytes of English.
std::int64_t estimate_tokens(std::string_view text);
std::int64_t estimate_tokens(const remote::LlmRequest& request);
std::int64_t estimate_tokens(const remote::ChatMessage& message);

/// Fills what the far side did not tell (-1) with estimates: that of the
/// question, and of the answer.
void complete_usage(remote::TokenUsage& usage, std::int64_t question_tokens,
                    const remote::ChatMessage& answer);

/// `An error inside a 200: the text of {"error": {"message": …}}`.
error stream_error(const nlohmann::json& object);

} // namespace shannon::llm
