#pragma once

#include "actors/kit/egress/egress.hpp"
#include "protocols/remote/tool.pb.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace shannon::tool {

/// How a body is read.
enum class page_kind { html, text, refused };

/// Decides by the Content-Type, or by the first bytes if there is none.
page_kind kind_of(std::string_view content_type, std::string_view body);

/// What came from the network as an answer for the model: title, address and
/// at most `chars_max` bytes of text. Not for the loop's thread: a large page
/// takes a second.
remote::ToolResult page_result(const kit::fetched& page, std::size_t chars_max);

} // namespace shannon::tool
