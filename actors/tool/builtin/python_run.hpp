#pragma once

#include "actors/kit/process/process.hpp"
#include "actors/tool/builtin/files.hpp"
#include "actors/tool/registry.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace shannon::tool {

/// Runs a program in the sandbox with the caller's workspace and answers what
/// it printed. While it runs, memory and workspace are watched; a workspace
/// that was full before can only be emptied. Returns what cancels it.
tool_cancel run_python(std::shared_ptr<tool_parts> parts, workspace_key where,
                       std::string code, std::chrono::milliseconds wall,
                       tool_done done);

/// What the end of a program means to the model.
remote::ToolResult python_result(kit::process_end end,
                                 const config::tool_settings& settings,
                                 std::chrono::milliseconds wall);

} // namespace shannon::tool
