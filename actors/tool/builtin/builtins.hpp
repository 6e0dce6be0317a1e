#pragma once

#include "actors/tool/parts.hpp"
#include "actors/tool/registry.hpp"

#include <memory>
#include <vector>

namespace shannon::tool {

/// The tools that come with the node: calculator, web_fetch, python_executor,
/// file_read, file_write, file_list.
std::vector<tool_definition>
builtin_tools(const std::shared_ptr<tool_parts>& parts);

// -- one by one ---------------------------------------------------------------

tool_definition calculator_tool();
tool_definition web_fetch_tool(std::shared_ptr<tool_parts> parts);
tool_definition python_tool(std::shared_ptr<tool_parts> parts);
tool_definition file_read_tool(std::shared_ptr<tool_parts> parts);
tool_definition file_write_tool(std::shared_ptr<tool_parts> parts);
tool_definition file_list_tool(std::shared_ptr<tool_parts> parts);

} // namespace shannon::tool
