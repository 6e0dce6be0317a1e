#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shannon::llm {

/// What a plain piece of an OpenAI answer says. Negative counts: not told.
struct plain_answer {
  std::string text;
  std::string finish_reason;
  std::int64_t input_tokens = -1;
  std::int64_t output_tokens = -1;
  std::int64_t cached_tokens = -1;
};

/// Reads what nearly all pieces are, one choice with a text or its end and
/// usage, without a tree of it: a stream is thousands of them. `part` is where
/// the words are, `delta` or `message`. Nothing for whatever is anything else
/// (tool calls, refusals, errors, escapes by code point, what is no JSON):
/// that is read by who knows it all, and says what is wrong with it.
std::optional<plain_answer> read_plain(std::string_view json,
                                       std::string_view part);

} // namespace shannon::llm
