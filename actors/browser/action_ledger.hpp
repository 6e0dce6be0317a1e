#pragma once

#include "protocols/remote/browser.pb.h"

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

namespace shannon::browser {

/// `log/step/attempt` without the attempt: what an action is, however often it
/// is asked for.
std::string_view step_of(std::string_view attempt_key) noexcept;

/// What a session was asked for last, and answered: an asker that has died in
/// between, or did not hear, asks again and gets the same answer, so no action
/// is carried out twice. Pure.
class action_ledger {
public:
  static constexpr std::size_t answers_max = 16;
  static constexpr std::size_t bytes_max = 16 * 1024 * 1024;

  /// Null: not asked for before, or so long ago that it is forgotten. Steps of
  /// one run are asked for one after another, so only the last can be.
  const remote::BrowserResult* find(std::string_view step) const;

  void add(std::string step, remote::BrowserResult answer);

private:
  struct entry {
    std::string step;
    remote::BrowserResult answer;
    std::size_t bytes = 0;
  };

  std::deque<entry> entries_;
  std::size_t bytes_ = 0;
};

} // namespace shannon::browser
