#pragma once

#include "config/settings.hpp"
#include "protocols/errc.hpp"

#include <string>

namespace shannon::browser {

/// Starts a browser as the BROWSER POOL would, opens a page, and gives what the
/// browser calls itself; else says what is missing, in one sentence. Blocks for
/// up to 15 s: for `shannon doctor`.
result<std::string> browser_check(const config::browser_settings& settings);

} // namespace shannon::browser
