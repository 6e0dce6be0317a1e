#pragma once

#include "protocols/facts/run.pb.h"

#include <string>
#include <string_view>

namespace shannon::workflow {

/// SHA-256 of `bytes`, 32 raw bytes.
std::string sha256(std::string_view bytes);

/// What clients are told when a strategy has not said otherwise.
facts::Event event_of(std::string type, std::string message);

} // namespace shannon::workflow
