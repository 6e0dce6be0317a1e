#include "actors/tool/registry.hpp"

#include "actors/kit/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace shannon::tool {

namespace {

/// An error is a sentence, not a page.
constexpr std::size_t error_bytes_max = 1000;
constexpr std::size_t metadata_bytes_max = 16 * 1024;

std::string valid_prefix(const std::string& text, std::size_t bytes_max) {
  return kit::valid_utf8(kit::utf8_prefix(text, bytes_max));
}

} // namespace

result<registry> registry::make(std::vector<tool_definition> tools) {
  auto entries = std::make_shared<std::vector<entry>>();
  for (auto& tool : tools) {
    auto twice = std::any_of(entries->begin(), entries->end(),
                             [&](auto& e) { return e.tool.name == tool.name; });
    if (tool.name.empty() || !tool.run || twice)
      return fail(errc::invalid_argument,
                  "tool '" + tool.name + "': stands twice or is not whole");
    auto schema = kit::argument_schema::compile(tool.parameters);
    if (!schema)
      return fail(errc::invalid_argument,
                  "tool '" + tool.name + "': " + schema.error().text);
    entries->push_back({std::move(tool), std::move(*schema)});
  }
  registry out;
  out.entries_ = std::move(entries);
  return out;
}

const tool_definition* registry::find(std::string_view name) const noexcept {
  for (const auto& one : *entries_)
    if (one.tool.name == name)
      return &one.tool;
  return nullptr;
}

result<checked_call> registry::check(const remote::ToolRequest& request) const {
  auto at = std::find_if(entries_->begin(), entries_->end(), [&](auto& e) {
    return e.tool.name == request.tool();
  });
  if (at == entries_->end()) {
    std::string names;
    for (const auto& one : *entries_)
      names += (names.empty() ? "" : ", ") + one.tool.name;
    return fail(errc::invalid_argument, "unknown tool '"
                                            + valid_prefix(request.tool(), 60)
                                            + "', expected one of " + names);
  }
  auto arguments = kit::parse_arguments(request.arguments_json());
  if (!arguments)
    return tl::unexpected(arguments.error());
  if (auto ok = at->schema.check(*arguments); !ok)
    return tl::unexpected(ok.error());
  return checked_call{
      &at->tool, std::make_shared<const nlohmann::json>(std::move(*arguments))};
}

remote::ToolList registry::list() const {
  remote::ToolList out;
  for (const auto& one : *entries_) {
    auto* spec = out.add_tools();
    spec->set_name(one.tool.name);
    spec->set_description(one.tool.description);
    spec->set_parameters_json(one.tool.parameters);
  }
  return out;
}

remote::ToolResult failed_result(std::string why) {
  remote::ToolResult out;
  out.set_success(false);
  out.set_error(std::move(why));
  return out;
}

remote::ToolResult presentable(remote::ToolResult raw,
                               std::size_t output_bytes_max) {
  auto output = kit::valid_utf8(raw.output());
  if (output.size() > output_bytes_max) {
    auto total = output.size();
    output.resize(kit::utf8_prefix(output, output_bytes_max).size());
    output += "\n[cut: " + std::to_string(output.size()) + " of "
              + std::to_string(total) + " bytes shown]";
    raw.set_truncated(true);
  }
  raw.set_output(std::move(output));
  raw.set_error(valid_prefix(raw.error(), error_bytes_max));
  // Half a JSON object is none.
  if (raw.metadata_json().size() > metadata_bytes_max)
    raw.clear_metadata_json();
  else
    raw.set_metadata_json(kit::valid_utf8(raw.metadata_json()));
  return raw;
}

} // namespace shannon::tool
