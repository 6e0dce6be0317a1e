#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "actors/gateway/text/json_text.hpp"
#include "protocols/remote/llm.pb.h"
#include "protocols/remote/tool.pb.h"

#include <tl/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>

/// What clients see of tools and say to them. Pure.
namespace shannon::gateway {

/// May a client run it itself, without a model in between?
bool is_direct_tool(std::string_view name) noexcept;

/// GET /api/v1/tools: a bare array; empty `category`: all.
json_out tools_json(const remote::ToolList& all, std::string_view category);

/// GET /api/v1/tools/{name}.
json_out tool_detail(const remote::ToolSpec& tool);

/// The tool of this name; null if there is none.
const remote::ToolSpec* find_tool(const remote::ToolList& all,
                                  std::string_view name);

struct tool_call {
  std::string arguments_json;
  std::string session;
};

/// The body of POST …/execute.
tl::expected<tool_call, http_response>
read_tool_call(const http_request& request, std::uint32_t json_depth_max);

json_out tool_result_json(const remote::ToolResult& result);

} // namespace shannon::gateway
