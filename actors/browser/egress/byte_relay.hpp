#pragma once

#include "actors/browser/egress/two_ends.hpp"

#include <string>

namespace shannon::browser {

/// What stands to be written before the first byte is read.
struct relay_start {
  std::string to_client;
  std::string to_server;
};

/// Carries bytes both ways until both sides have ended. Who says that it will
/// send no more may still listen: that is passed on, and the other way stays
/// open for as long as something moves on it.
void relay_bytes(two_ends_ptr ends, relay_start first);

} // namespace shannon::browser
