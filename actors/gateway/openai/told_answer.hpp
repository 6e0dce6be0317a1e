#pragma once

#include "protocols/remote/llm.pb.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace shannon::gateway::chat {

/// What of an answer its client has been told: so that pieces and the whole end
/// in the same words, though pieces may get lost, and an agent speaks more than
/// once before its answer. Pure.
///
/// Within one attempt what is told is always a beginning of the answer: after a
/// piece that was lost no more are told, and `rest` makes it good. What another
/// attempt says (an agent's next turn, or the same one again) is set off by an
/// empty line.
class told_answer {
public:
  struct news {
    std::string text;
    std::vector<remote::ToolCallDelta> calls;

    bool empty() const noexcept {
      return text.empty() && calls.empty();
    }
  };

  /// A piece of the answer.
  news take(const remote::LlmDelta& piece);

  /// The answer is whole: what its client has not been told.
  news rest(const remote::ChatMessage& whole);

private:
  std::string set_off(std::string text);

  std::string attempt_;
  std::uint32_t next_ = 0;
  bool torn_ = false;
  bool begun_ = false; ///< Something was told.
  std::string text_;   ///< Told of this attempt.
  /// Bytes of arguments told, by the call's index.
  std::map<std::uint32_t, std::size_t> calls_;
};

} // namespace shannon::gateway::chat
