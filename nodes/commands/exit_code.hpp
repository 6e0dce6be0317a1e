#pragma once

#include "protocols/errc.hpp"

#include <string>

namespace shannon::commands {

/// What the shell is told. The numbers are a contract with scripts.
enum class exit_code : int {
  ok = 0,
  failure = 1,
  usage = 2,
  not_found = 3,
  unavailable = 6,
  timeout = 7,
  task_failed = 8,
};

/// What a script does next differs for "try later", "too slow" and "no such
/// thing"; every other error is a plain failure.
exit_code exit_code_of(errc code) noexcept;

/// Prints `shannon: sentence` on stderr, in one line, and returns the code.
exit_code report(const error& what);
exit_code report(errc code, const std::string& text);

} // namespace shannon::commands
