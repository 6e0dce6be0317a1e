#include "actors/browser/action_ledger.hpp"

#include <algorithm>
#include <utility>

namespace shannon::browser {

std::string_view step_of(std::string_view attempt_key) noexcept {
  return attempt_key.substr(0, attempt_key.rfind('/'));
}

const remote::BrowserResult* action_ledger::find(std::string_view step) const {
  auto at = std::find_if(entries_.begin(), entries_.end(),
                         [&](const auto& one) { return one.step == step; });
  return at == entries_.end() ? nullptr : &at->answer;
}

void action_ledger::add(std::string step, remote::BrowserResult answer) {
  auto bytes = answer.ByteSizeLong();
  entries_.push_back({std::move(step), std::move(answer), bytes});
  bytes_ += bytes;
  // The newest stays, whatever its size.
  while (entries_.size() > 1
         && (entries_.size() > answers_max || bytes_ > bytes_max)) {
    bytes_ -= entries_.front().bytes;
    entries_.pop_front();
  }
}

} // namespace shannon::browser
