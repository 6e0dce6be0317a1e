#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace shannon::history {

/// With padding, in one line.
std::string to_base64(std::string_view bytes);

/// Nothing if `text` is not what `to_base64` gives for some bytes.
std::optional<std::string> of_base64(std::string_view text);

} // namespace shannon::history
