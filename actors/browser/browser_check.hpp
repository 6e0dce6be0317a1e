#pragma once

#include "config/settings.hpp"
#include "protocols/errc.hpp"

#include <string>

namespace shannon::browser {

struct checked_browser {
  std::string version;     ///< What it calls itself.
  bool own_sandbox = true; ///< Inside ours; false: the machine refuses it.
};

/// Starts a browser as the BROWSER POOL would and opens a page; else says what
/// is missing, in one sentence. Blocks for up to 15 s, and as long again where
/// the machine refuses the browser its own sandbox: for `shannon doctor`.
result<checked_browser> browser_check(const config::browser_settings& settings);

} // namespace shannon::browser
