#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace shannon::browser {

/// As Chromium gives bodies. Nothing for what is no base64.
std::optional<std::string> from_base64(std::string_view text);
std::string to_base64(std::string_view bytes);

} // namespace shannon::browser
