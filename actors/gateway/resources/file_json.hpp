#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "actors/gateway/text/json_text.hpp"
#include "actors/kit/workspace/path.hpp"
#include "actors/kit/workspace/workspace.hpp"

#include <tl/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Files as clients see them. Pure.
namespace shannon::gateway {

/// The folder or file a client names below its own top; a folder may be the
/// top itself, by no path. What `kit::parse_path` refuses is refused with
/// 400, and so is every absolute path.
tl::expected<kit::path_parts, http_response>
read_folder_path(std::string_view text);
tl::expected<kit::path_parts, http_response>
read_file_path(std::string_view text);

/// Media type by the name's ending, if the bytes are what it says: what claims
/// to be text and is no UTF-8 is `application/octet-stream`, and text without
/// an ending that is known is `text/plain`.
std::string_view media_type_of(std::string_view name, std::string_view bytes);

/// At most `shown_max` lines of a folder; says if there are more.
http_response folder_answer(const kit::path_parts& folder,
                            const std::vector<kit::workspace_entry>& entries,
                            std::size_t shown_max);

/// A file's content: text as it is, everything else in base64; the media type
/// says which.
http_response file_answer(const kit::path_parts& file,
                          const std::string& bytes);

/// What the disk said, as the contract says it.
http_response no_file_answer(const error& why);
http_response file_refusal(int status, std::string_view text);

} // namespace shannon::gateway
