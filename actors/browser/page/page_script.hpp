#pragma once

#include <string>

namespace shannon::browser {

/// What runs beside a page's own scripts, in a world they cannot see: the files
/// of `script/` in one piece. It defines `shannon(verb, given)`.
const std::string& page_script();

} // namespace shannon::browser
