#pragma once

#include <cstdint>
#include <string>

/// Between the GATEWAY and its DAEMONs: each is the WebSocket of a program on
/// a user's own machine.
namespace shannon::daemons {

/// To a DAEMON: one text for its program. Told.
struct say {
  std::string text;
};

/// From a DAEMON: what its program said. Answers taken; the next one comes
/// after it.
struct heard {
  std::uint64_t from = 0;
  std::string text;
};

struct taken {};

} // namespace shannon::daemons
