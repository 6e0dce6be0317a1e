#pragma once

#include "actors/llm/wire/sse_parser.hpp"
#include "protocols/errc.hpp"
#include "protocols/remote/llm.pb.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shannon::llm {

/// How one model wants to be asked.
struct wire_options {
  std::string model;   ///< As the provider calls it.
  std::string api_key; ///< Empty: no authorization is sent.
  /// Output tokens when the request names none; 0 for the provider's own.
  std::uint32_t output_tokens = 0;
  /// The model refuses any temperature but its own.
  bool fixed_temperature = false;
  /// OpenAI's newer name of `max_tokens`; compatible servers know the older.
  bool completion_tokens = false;
};

/// What is sent: the path below the base URL, headers and the JSON body.
struct wire_request {
  std::string path;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// Builds one answer out of what the far side sends. One use.
class answer_reader {
public:
  virtual ~answer_reader() = default;

  /// One event of a stream.
  virtual result<void> event(const sse_event& what) = 0;

  /// The whole answer, when it was not streamed.
  virtual result<void> body(std::string_view json) = 0;

  /// The answer, after the last piece. Fails if it is not complete. Holds the
  /// message, the usage without its price, and the finish reason.
  virtual result<remote::LlmResponse> finish() = 0;

  /// Text that came since this was last called.
  std::string take_text() {
    return std::exchange(fresh_, {});
  }
  /// Pieces of tool calls that came since this was last called; none unless
  /// the request wants them streamed.
  std::vector<remote::ToolCallDelta> take_calls() {
    return std::exchange(fresh_calls_, {});
  }
  /// How many pieces of text or of tool calls have come.
  std::uint64_t pieces() const noexcept {
    return pieces_;
  }

protected:
  void came(std::string_view text) {
    ++pieces_;
    fresh_ += text;
  }
  void came(remote::ToolCallDelta piece) {
    ++pieces_;
    fresh_calls_.push_back(std::move(piece));
  }

private:
  std::string fresh_;
  std::vector<remote::ToolCallDelta> fresh_calls_;
  std::uint64_t pieces_ = 0;
};

/// One provider's language. Stateless.
class wire_format {
public:
  virtual ~wire_format() = default;
  virtual wire_request write(const remote::LlmRequest& request,
                             const wire_options& how) const = 0;
  /// `request` is only needed to estimate usage that the far side kept back.
  virtual std::unique_ptr<answer_reader>
  read(const remote::LlmRequest& request) const = 0;
};

/// OpenAI's chat completions, spoken by Ollama, vLLM and many others.
const wire_format& openai_wire();

/// Anthropic's messages.
const wire_format& anthropic_wire();

} // namespace shannon::llm
