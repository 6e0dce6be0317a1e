#pragma once

#include "actors/llm/local/intents.hpp"
#include "actors/llm/local/task_text.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::llm {

/// What became of an intent.
struct outcome {
  enum state_type : std::uint8_t {
    open,
    done,
    failed,
    no_tool,      ///< The tool is not offered.
    nothing_to_do ///< What it needs was never found.
  };
  state_type state = open;
  std::string text; ///< What the tool said.
};

/// A fetched page without the lines about itself.
std::string page_body(const std::string& output);

/// What intent `index` writes into its file: all that was found before it,
/// as the file's name asks: text, Markdown, CSV or JSON. Empty if nothing was.
std::string file_content(const std::string& path, const task_text& task,
                         const intents& wanted,
                         const std::vector<outcome>& outcomes,
                         std::size_t index);

/// The answer: every result in a sentence, every failure, and what no rule
/// understands.
std::string answer_text(const task_text& task, const intents& wanted,
                        const std::vector<outcome>& outcomes);

} // namespace shannon::llm
