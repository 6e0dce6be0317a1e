#pragma once

#include <boost/regex.hpp>

#include <string>

namespace shannon::llm {

/// A pattern over user's words. Boost's matcher neither recurses, as the
/// standard library's does, nor works without end: it throws
/// boost::regex_error. `^` and `$` are the ends of the text, `.` is no line
/// end.
inline boost::regex pattern(const std::string& text) {
  return boost::regex{text, boost::regex::perl | boost::regex::no_mod_m
                                | boost::regex::no_mod_s};
}

} // namespace shannon::llm
