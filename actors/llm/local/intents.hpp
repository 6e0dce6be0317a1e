#pragma once

#include "actors/llm/local/task_text.hpp"

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::llm {

/// One thing to do with a tool.
struct intent {
  enum class kind : std::uint8_t { calculate, run, fetch, read, write };

  kind what = kind::calculate;
  span where;
  /// The expression, the code, the URL or the path. An expression may hold
  /// `previous_result`; code that `about_text` uses the variable `text`.
  std::string subject;
  /// Begins the sentence that tells a program's output.
  std::string label;
  /// Of a write: the user's own words; none: what was found goes in.
  std::string content;
  bool has_content = false;
  bool append = false;
  /// Code about the text that the intent `of` brought.
  bool about_text = false;
  /// Intents that must be done before, by their place in the list.
  std::vector<std::size_t> after;

  const char* tool() const noexcept;
};

/// What a task wants done, in the order of its words.
struct intents {
  std::vector<intent> all;
  /// Parts of the task that no rule understands.
  std::vector<std::string> unknown;
};

/// `has_results`: earlier agents found something, so "the result" has a
/// meaning from the start.
intents find_intents(std::string_view task, bool has_results);

} // namespace shannon::llm
