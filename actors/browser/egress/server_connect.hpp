#pragma once

#include "actors/browser/egress/two_ends.hpp"
#include "actors/kit/egress/url.hpp"

#include <functional>

namespace shannon::browser {

/// Connects the server's side to a host: its name is looked up once, each of
/// its addresses was checked, and exactly those are tried, the next one beside
/// the last after a moment (RFC 8305). `done` gets denied, unavailable, timeout
/// or overloaded; it is not called if the connection is closed meanwhile.
void connect_server(two_ends_ptr ends, const kit::url& where,
                    std::function<void(result<void>)> done);

} // namespace shannon::browser
