#pragma once

#include "protocols/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// How hashes, checksums and states are written where people read them.
namespace shannon::history {

/// 16 digits, the highest first.
std::string hex(std::uint64_t number);

/// Nothing if `text` is something else.
std::optional<std::uint64_t> number_of_hex(std::string_view text);

/// `running`, `needs_operator` …; `status 9` for one of another build.
std::string to_text(store::log_status status);
std::optional<store::log_status> status_of(std::string_view text);

} // namespace shannon::history
