#pragma once

#include <nlohmann/json.hpp>

#include <string_view>

namespace shannon::gateway {

/// The object in `text`, or null: if it is none, holds anything after it, is
/// nested deeper than `depth_max`, or says a name twice. Of such two readers
/// could take different values, and what decides who comes in must not be
/// among them.
nlohmann::json strict_object(std::string_view text, int depth_max);

} // namespace shannon::gateway
