#include "actors/gateway/resources/catalog_requests.hpp"

#include "actors/gateway/resources/submit_request.hpp"
#include "actors/gateway/text/answers.hpp"
#include "actors/gateway/text/json_fields.hpp"
#include "actors/gateway/text/media_type.hpp"

#include <array>

namespace shannon::gateway {

namespace {

struct shelf {
  std::string_view tool;
  std::string_view category;
  bool direct;
};

/// What runs programs is for agents alone: their runs are recorded, and have
/// budgets.
constexpr std::array shelves{
    shelf{"calculator", "calculation", true}, shelf{"web_fetch", "web", true},
    shelf{"web_search", "web", true},         shelf{"file_read", "file", true},
    shelf{"file_write", "file", true},        shelf{"file_list", "file", true},
    shelf{"python_executor", "code", false},  shelf{"bash", "code", false},
    shelf{"browser", "browser", false},
};

constexpr int tool_timeout_seconds = 120;
/// What one run is counted as where clients count tokens.
constexpr int tokens_per_run = 100;

const shelf* shelf_of(std::string_view tool) noexcept {
  for (const auto& one : shelves)
    if (one.tool == tool)
      return &one;
  return nullptr;
}

std::string_view category_of(std::string_view tool) noexcept {
  const auto* one = shelf_of(tool);
  return one ? one->category : "other";
}

json_out parameters_of(const remote::ToolSpec& tool) {
  auto schema = stored_json(tool.parameters_json());
  return schema.is_object() ? schema : json_out::object();
}

} // namespace

/// Deny by default: a tool that is not listed is not for clients.
bool is_direct_tool(std::string_view name) noexcept {
  const auto* one = shelf_of(name);
  return one && one->direct;
}

const remote::ToolSpec* find_tool(const remote::ToolList& all,
                                  std::string_view name) {
  for (const auto& tool : all.tools())
    if (tool.name() == name)
      return &tool;
  return nullptr;
}

json_out tools_json(const remote::ToolList& all, std::string_view category) {
  auto lines = json_out::array();
  for (const auto& tool : all.tools()) {
    if (!is_direct_tool(tool.name())
        || (!category.empty() && category_of(tool.name()) != category))
      continue;
    json_out line;
    line["name"] = tool.name();
    line["description"] = tool.description();
    line["parameters"] = parameters_of(tool);
    lines.push_back(std::move(line));
  }
  return lines;
}

json_out tool_detail(const remote::ToolSpec& tool) {
  json_out body;
  body["name"] = tool.name();
  body["description"] = tool.description();
  body["category"] = category_of(tool.name());
  body["version"] = "1.0.0";
  body["parameters"] = parameters_of(tool);
  body["timeout_seconds"] = tool_timeout_seconds;
  body["cost_per_use"] = 0;
  return body;
}

tl::expected<tool_call, http_response>
read_tool_call(const http_request& request, std::uint32_t json_depth_max) {
  auto refuse = [](const std::string& text) {
    return tl::unexpected<http_response>{error_answer(400, text)};
  };
  if (auto refused = check_media_type(request))
    return tl::unexpected<http_response>{std::move(*refused)};
  auto body = body_object(request, json_depth_max);
  if (!body)
    return refuse("Invalid request body");
  const auto* arguments = find_field(*body, "arguments");
  if (arguments && !arguments->is_object())
    return refuse("Invalid request body: arguments must be an object, not "
                  + type_name(*arguments));
  auto session = read_session(*body);
  if (!session)
    return refuse(session.error().text);
  tool_call call;
  call.session = std::move(*session);
  call.arguments_json = arguments ? arguments->dump() : "{}";
  return call;
}

json_out tool_result_json(const remote::ToolResult& result) {
  json_out body;
  body["success"] = result.success();
  auto output = json_out::parse(result.output(), nullptr, false);
  if (!result.success())
    body["output"] = nullptr;
  else if (output.is_discarded())
    body["output"] = result.output();
  else
    body["output"] = std::move(output);
  if (result.success()) {
    body["text"] = result.output();
    body["error"] = nullptr;
  } else {
    body["text"] = nullptr;
    body["error"] = result.error();
  }
  if (auto metadata = stored_json(result.metadata_json()); metadata.is_object())
    body["metadata"] = std::move(metadata);
  body["execution_time_ms"] = result.duration_us() / 1000;
  if (result.success())
    body["usage"] = {{"tokens", tokens_per_run}, {"cost_usd", 0}};
  return body;
}

} // namespace shannon::gateway
