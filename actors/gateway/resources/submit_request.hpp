#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "actors/gateway/identity/identity.hpp"
#include "actors/gateway/text/json_text.hpp"
#include "protocols/errc.hpp"
#include "protocols/remote/workflow.pb.h"

#include <tl/expected.hpp>

#include <cstdint>
#include <string>

namespace shannon::gateway {

/// Above this many bytes as Protobuf a task is refused, its files not counted:
/// its input is a fact, and facts are read whole at each activation.
constexpr std::size_t task_input_bytes_max = 1536 * 1024;

/// Reads the body of POST /api/v1/tasks and checks every field. The answer is
/// the task's input without tenant and user, and the bytes of its files; or the
/// response that names the field that is wrong. `session` stays empty if the
/// client named none.
tl::expected<remote::StartTask, http_response>
read_submit(const http_request& request, const identity& who,
            std::uint32_t json_depth_max);

/// `session_id` of a body, as it stands: any text of 256 bytes without control
/// characters. Empty if there is none.
result<std::string> read_session(const json_in& body);

/// The `reason` of cancel, pause and resume, at most 4 KiB of it. Whoever wants
/// a task stopped is not told how to say so: a body that cannot be read means
/// no reason.
std::string read_reason(const http_request& request,
                        std::uint32_t json_depth_max);

} // namespace shannon::gateway
