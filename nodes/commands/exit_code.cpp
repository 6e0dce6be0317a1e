#include "nodes/commands/exit_code.hpp"

#include "nodes/commands/terminal.hpp"

#include <cstdio>

namespace shannon::commands {

exit_code exit_code_of(errc code) noexcept {
  switch (code) {
  case errc::ok:
    return exit_code::ok;
  case errc::invalid_argument:
    return exit_code::usage;
  case errc::not_found:
    return exit_code::not_found;
  case errc::overloaded:
  case errc::unavailable:
    return exit_code::unavailable;
  case errc::timeout:
    return exit_code::timeout;
  case errc::conflict:
  case errc::fenced:
  case errc::cancelled:
  case errc::denied:
  case errc::failed:
  case errc::mismatch:
    return exit_code::failure;
  }
  return exit_code::failure;
}

exit_code report(const error& what) {
  return report(what.code, what.text);
}

exit_code report(errc code, const std::string& text) {
  std::fprintf(stderr, "shannon: %s\n", one_line(text).c_str());
  return exit_code_of(code);
}

} // namespace shannon::commands
