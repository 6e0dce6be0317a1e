#pragma once

#include "actors/kit/roster.hpp"
#include "protocols/inspector.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace shannon::inspector {

/// What one actor shows while it is looked at; the texts are the actor's own.
struct glance {
  std::uint64_t number = 0;
  std::uint64_t parent = 0; ///< A number; 0 for none.
  std::string_view address;
  std::string_view kind;
  bool running = false;
  std::chrono::steady_clock::time_point born;
  std::uint64_t depth = 0;
  message_age oldest;
  std::uint64_t processed = 0;
  std::uint64_t rejected = 0;
  std::uint64_t restarts = 0;
  std::string_view last_error;
  std::string about;
};

/// Shows up to `most` actors after the number `after`, as `roster::read` does.
using glances = std::function<std::optional<std::uint64_t>(
    std::uint64_t after, std::size_t most,
    const std::function<bool(const glance&)>& look)>;

/// The actors of a node.
glances glances_of(const kit::roster& all);

} // namespace shannon::inspector
