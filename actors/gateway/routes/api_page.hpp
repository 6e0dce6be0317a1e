#pragma once

#include <string>

namespace shannon::gateway {

/// docs/api.md: the public surface for people, made from the route table, so
/// that it cannot say anything else. A test holds the page against it. Pure.
std::string api_page();

} // namespace shannon::gateway
