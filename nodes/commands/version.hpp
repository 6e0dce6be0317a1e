#pragma once

#include <string_view>

namespace shannon::commands {

/// What this binary is, as `shannon version` says it.
std::string_view program_version() noexcept;

} // namespace shannon::commands
