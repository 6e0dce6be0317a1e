#pragma once

#include "protocols/errc.hpp"

#include <string>

namespace shannon::config {

/// Reads a manifest's text and refuses what no manifest needs and a hostile
/// file might use: more than 1 MiB, more than one document, deep nesting, many
/// aliases.
result<std::string> read_guarded(const std::string& file);

} // namespace shannon::config
