#pragma once

#include "actors/kit/log.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace shannon::kit::log {

/// `to_text`, in colour if the reader is a terminal that wants it.
std::string render_text(level severity, std::string_view event,
                        std::string_view sentence, fields details,
                        std::int64_t unix_us, bool colour);

} // namespace shannon::kit::log
