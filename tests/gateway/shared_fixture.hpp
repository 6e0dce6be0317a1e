#pragma once

#include "tests/gateway/gateway_fixture.hpp"

namespace shannon::test {

/// One GATEWAY for all cases of a program. It ends with the last case and not
/// with the process: an actor system must not outlive `main`.
gateway_fixture& shared_fixture();

} // namespace shannon::test
