#pragma once

#include "protocols/ids.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

/// What LINKS says of the links of its node.
namespace shannon::link {

/// To LINKS. Answers link_states.
struct get_links {};

struct link_state {
  /// The newest process of the peer that is known.
  node_id process;
  bool up = false;
  std::chrono::system_clock::time_point since;
  /// Why it is down, or why it was the last time.
  std::string last_error;
  /// Of the last probe; 0 before the first.
  std::chrono::microseconds rtt{0};
  /// Sent or about to be, and not yet taken by the peer.
  std::uint64_t mails_in_flight = 0;
  std::uint64_t bytes_in_flight = 0;
  /// Asks that went over this link and have no answer yet.
  std::uint64_t asks_open = 0;
  // Since the link is up.
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t mails_sent = 0;
  std::uint64_t mails_received = 0;
  /// Asks refused and mail dropped at the window's end.
  std::uint64_t refused = 0;
};

struct link_states {
  node_id self;
  std::string listens; ///< HOST:PORT.
  bool tls = false;
  std::vector<link_state> links; ///< By name.
};

} // namespace shannon::link
