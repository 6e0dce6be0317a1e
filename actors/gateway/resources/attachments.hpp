#pragma once

#include "actors/gateway/text/json_text.hpp"

namespace shannon::gateway {

/// Checks `context.attachments`: an array of objects with a media type and
/// either base64 data or a URL; at most 25 MiB decoded in all; nothing that is
/// a program.
result<void> check_attachments(const json_in& context);

} // namespace shannon::gateway
