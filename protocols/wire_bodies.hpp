#pragma once

#include "protocols/envelope.hpp"
#include "protocols/errc.hpp"

#include <string>
#include <string_view>

/// Which messages may cross nodes: those of package `shannon.remote`.
namespace shannon {

/// Under which name a body crosses; empty if it may not: a plain struct, or a
/// message of another package.
std::string_view wire_name(const message_body& body);

/// A body from its name and its bytes, as its receiver's table knows it.
/// `not_found` for a name this build does not know, `invalid_argument` for
/// bytes that are no such message.
result<message_body> body_from_wire(std::string_view name,
                                    std::string_view bytes);

} // namespace shannon
