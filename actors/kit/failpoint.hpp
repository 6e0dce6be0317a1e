#pragma once

/// A named place where a build for tests can be made to die, stand still or
/// throw: `SHANNON_FAILPOINTS=log.committed=kill@3` in the environment. The
/// points and what is shown by them: docs/reliability.md. In every other build
/// this is nothing at all; `shannon_failpoints` is compiled with FAILPOINTS.
#ifdef FAILPOINTS

#include <string_view>

namespace shannon::kit {

/// Does what the environment orders for this pass, and says so on stderr.
void failpoint(std::string_view name);

} // namespace shannon::kit

#define SHANNON_FAILPOINT(name) ::shannon::kit::failpoint(name)

#else

#define SHANNON_FAILPOINT(name) static_cast<void>(0)

#endif
