#include "actors/gateway/openai/told_answer.hpp"

#include <utility>

namespace shannon::gateway::chat {

/// The first words of an attempt stand apart from those of the one before.
std::string told_answer::set_off(std::string text) {
  bool apart = begun_ && text_.empty();
  begun_ = true;
  return apart ? "\n\n" + text : std::move(text);
}

told_answer::news told_answer::take(const remote::LlmDelta& piece) {
  if (piece.attempt_key() != attempt_) {
    attempt_ = piece.attempt_key();
    next_ = 0;
    torn_ = false;
    text_.clear();
    calls_.clear();
  }
  torn_ = torn_ || piece.index() != next_;
  if (torn_)
    return {};
  ++next_;
  news out;
  if (!piece.text().empty()) {
    out.text = set_off(piece.text());
    text_ += piece.text();
  }
  for (const auto& call : piece.tool_calls()) {
    calls_[call.index()] += call.arguments().size();
    out.calls.push_back(call);
  }
  return out;
}

told_answer::news told_answer::rest(const remote::ChatMessage& whole) {
  news out;
  const auto& text = whole.text();
  if (text.compare(0, text_.size(), text_) == 0) {
    auto missing = text.substr(text_.size());
    if (!missing.empty())
      out.text = set_off(std::move(missing));
  } else {
    // Told in other words: it stands behind them.
    text_.clear();
    out.text = set_off(text);
  }
  text_ = text;
  for (int i = 0; i < whole.tool_calls_size(); ++i) {
    const auto& call = whole.tool_calls(i);
    auto index = static_cast<std::uint32_t>(i);
    auto told = calls_.find(index);
    remote::ToolCallDelta missing;
    missing.set_index(index);
    if (told == calls_.end()) {
      missing.set_id(call.id());
      missing.set_name(call.name());
      missing.set_arguments(call.arguments_json());
    } else if (told->second < call.arguments_json().size()) {
      missing.set_arguments(call.arguments_json().substr(told->second));
    } else {
      continue;
    }
    calls_[index] = call.arguments_json().size();
    out.calls.push_back(std::move(missing));
  }
  return out;
}

} // namespace shannon::gateway::chat
