#pragma once

#include "actors/gateway/text/json_text.hpp"
#include "protocols/remote/workflow.pb.h"

namespace shannon::gateway {

/// Moves the files in `context.attachments` to where agents find them: bytes
/// to `into.bodies`, each once, and what names them to the input's attachments.
/// What stays in `context` is what clients are shown: `id`, `media_type`,
/// `filename`, `size_bytes` or `url`, `thumbnail` and `blob`, the key for
/// GET /api/v1/blob/{key}.
///
/// Refuses (invalid_argument) what is no array of objects with a media type and
/// base64 data or a URL, what decodes to more than 25 MiB in all, and programs.
/// A thumbnail of more than 50 KiB is left out.
result<void> take_attachments(json_in& context, remote::StartTask& into);

} // namespace shannon::gateway
