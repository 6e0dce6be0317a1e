#pragma once

#include "protocols/errc.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::config {

/// A model's name on the OpenAI surface behind which stands an agent.
struct chat_model {
  std::string id;
  std::string description;
  /// Of the task: `simple`, `standard`, `complex`, `supervisor`, or empty.
  std::string mode;
  /// Of a research task: `quick`, `standard`, `deep`, `academic`, or empty.
  std::string research;
  /// Output tokens when a request names none.
  std::uint32_t max_tokens = 4096;
  std::int64_t created = 0; ///< Unix time, shown in lists.
};

/// In the order of the file; the first is what a request without a model gets.
struct chat_models {
  std::vector<chat_model> all;

  const chat_model* find(std::string_view id) const noexcept;
};

/// Reads an openai_models.yaml. An unknown key, a wrong type, an id given twice
/// or an empty list is refused with `source` and line.
result<chat_models> parse_chat_models(const std::string& yaml,
                                      const std::string& source);

/// The file, or the one compiled in if `file` is empty.
result<chat_models> load_chat_models(const std::string& file);

} // namespace shannon::config
