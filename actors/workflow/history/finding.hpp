#pragma once

#include "protocols/ids.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace shannon::history {

/// What must be true of every log that was ever written.
enum class rule : std::uint8_t {
  version,   ///< Versions are 1, 2, 3 … without a gap.
  checksum,  ///< Each fact is the one that was written, in its place.
  body,      ///< Bodies that facts refer to are there and are what they were.
  epoch,     ///< Epochs never fall, and none is above the head's.
  head,      ///< The head says what the facts say.
  fact,      ///< Each fact can be read.
  event,     ///< Each fact is an event for clients.
  start,     ///< The first fact starts the run, and no other does. One that
             ///< begins anew carries on what it had.
  step,      ///< A step ends once; its attempts are counted 1, 2, 3 …
  timer,     ///< A timer is set once, and fires once, when it is due; a run
             ///< that rests is woken for it.
  child,     ///< A child's facts come 1, 2, 3 …, are there, and all of them;
             ///< its end is heard.
  parked,    ///< Only a parked run is resumed.
  end,       ///< Nothing follows the end but the end of the stream.
  cancelled, ///< Who is cancelled was asked to stop.
};

/// Stable name, for scripts.
std::string_view to_string(rule which) noexcept;

/// Something that is not true.
struct finding {
  log_id log;
  /// The fact it was seen at; 0 for the log as a whole.
  log_version version = 0;
  rule which = rule::fact;
  std::string expected;
  std::string found;
};

using finding_sink = std::function<void(finding)>;

} // namespace shannon::history
