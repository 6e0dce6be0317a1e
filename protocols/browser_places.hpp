#pragma once

#include <string>

/// What is said to the RECORD STORE about browser sessions that clients have
/// named: which node has which. Sessions of runs are not among them: their logs
/// know.
namespace shannon::browser_places {

/// Answers place.
struct find {
  std::string session;
};

/// The session was opened in `holder`, a process as `NAME#INCARNATION`, and is
/// its own unless another live node has it. Repeats change nothing. Answers
/// place: who has it.
struct claim {
  std::string session;
  std::string holder;
};

/// The session is not there any more. Nothing happens if another has it by now.
/// Answers place.
struct leave {
  std::string session;
  std::string holder;
};

struct place {
  /// A node with a valid lease; empty: nobody.
  std::string holder;
};

} // namespace shannon::browser_places
