#pragma once

#include "protocols/errc.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace shannon::kit {

/// The parts of a path inside a workspace, from the top; empty for the top
/// itself. None is empty, `.` or `..`.
using path_parts = std::vector<std::string>;

/// Reads a path as a tool gives it. `/workspace/x` (how Python sees it) and
/// `x` are the same; any other absolute path, `..` wherever it stands, control
/// characters, backslashes, bytes that are no UTF-8, parts over 255 bytes,
/// paths over 1024 bytes and more than 32 parts are refused with
/// invalid_argument. Nothing is decoded: `%2e%2e` is a name like any other.
result<path_parts> parse_path(std::string_view text);

/// `a/b/c`, or `.` for the top.
std::string to_text(const path_parts& parts);

/// A folder name for an id that may hold anything. Different ids have
/// different names; ids of letters, digits, `-` and `_` keep theirs visible.
std::string folder_name(std::string_view id);

} // namespace shannon::kit
