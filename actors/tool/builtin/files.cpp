#include "actors/tool/builtin/files.hpp"

#include "actors/tool/builtin/builtins.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <memory>
#include <utility>

namespace shannon::tool {

namespace {

using nlohmann::json;

/// What a file tool does, on a thread of the disk.
using file_work = std::function<result<remote::ToolResult>(
    const kit::workspace& where, const json& arguments)>;

/// Opens the caller's workspace on another thread and works there.
tool_function on_disk(std::shared_ptr<tool_parts> parts, file_work work) {
  return [parts = std::move(parts), work = std::move(work)](
             const tool_input& input, tool_done done) -> tool_cancel {
    auto cancelled = std::make_shared<std::atomic<bool>>(false);
    auto job = [key = workspace_key{parts->settings, input.context}, work,
                arguments = input.arguments, cancelled, done] {
      if (cancelled->load())
        return done(failed_result("cancelled"));
      auto where = key.open();
      auto got = where
                     ? work(*where, arguments)
                     : result<remote::ToolResult>{tl::unexpect, where.error()};
      done(got ? std::move(*got) : failed_result(got.error().text));
    };
    if (!parts->disk.post(std::move(job)))
      done(failed_result("the disk is busy; try again"));
    return [cancelled] { cancelled->store(true); };
  };
}

result<kit::path_parts> path_of(const json& arguments) {
  auto at = arguments.find("path");
  if (at == arguments.end())
    return kit::path_parts{};
  return kit::parse_path(at->get_ref<const std::string&>());
}

result<remote::ToolResult> read_file(const kit::workspace& where,
                                     const json& arguments) {
  auto path = path_of(arguments);
  if (!path)
    return tl::unexpected(path.error());
  auto content = where.read(*path);
  if (!content)
    return tl::unexpected(content.error());
  auto size = content->size();
  remote::ToolResult out;
  if (content->find('\0') != std::string::npos)
    return failed_result(kit::to_text(*path) + ": is a binary file of "
                         + std::to_string(size) + " bytes");
  out.set_success(true);
  out.set_output(std::move(*content));
  out.set_metadata_json(
      json{{"path", kit::to_text(*path)}, {"bytes", size}}.dump());
  return out;
}

result<remote::ToolResult> write_file(const kit::workspace& where,
                                      const json& arguments) {
  auto path = path_of(arguments);
  if (!path)
    return tl::unexpected(path.error());
  const auto& content = arguments.at("content").get_ref<const std::string&>();
  bool append = arguments.value("append", false);
  if (auto ok = where.write(*path, content, append); !ok)
    return tl::unexpected(ok.error());
  remote::ToolResult out;
  out.set_success(true);
  out.set_output((append ? "Appended " : "Wrote ")
                 + std::to_string(content.size()) + " bytes to "
                 + kit::to_text(*path));
  out.set_metadata_json(json{
      {"path", kit::to_text(*path)},
      {"bytes", content.size()},
      {"append", append}}.dump());
  return out;
}

result<remote::ToolResult> list_files(const kit::workspace& where,
                                      const json& arguments) {
  auto path = path_of(arguments);
  if (!path)
    return tl::unexpected(path.error());
  auto entries = where.list(*path);
  if (!entries)
    return tl::unexpected(entries.error());
  std::string text;
  for (const auto& entry : *entries)
    text += entry.is_folder
                ? entry.name + "/\n"
                : entry.name + "  " + std::to_string(entry.bytes) + " bytes\n";
  remote::ToolResult out;
  out.set_success(true);
  out.set_output(text.empty() ? "(empty)" : std::move(text));
  out.set_metadata_json(
      json{{"path", kit::to_text(*path)}, {"entries", entries->size()}}.dump());
  return out;
}

} // namespace

workspace_key::workspace_key(const config::tool_settings& settings,
                             const remote::EffectContext& context)
    : root(settings.workspace_dir), tenant(context.tenant()),
      user(context.user()),
      session(context.session().empty() ? context.task() : context.session()),
      limits{settings.file_bytes_max, settings.workspace_bytes_max} {}

result<kit::workspace> workspace_key::open() const {
  if (session.empty())
    return fail(errc::invalid_argument,
                "this call belongs to no session, so it has no workspace");
  return kit::workspace::open(root, {tenant, user, session}, limits);
}

tool_definition file_read_tool(std::shared_ptr<tool_parts> parts) {
  tool_definition out;
  out.name = "file_read";
  out.description = "Reads a text file of the session's workspace.";
  out.parameters = R"({
    "type": "object",
    "properties": {
      "path": {
        "type": "string", "minLength": 1, "maxLength": 1024,
        "description": "relative to the workspace, for example notes/a.txt"
      }
    },
    "required": ["path"],
    "additionalProperties": false
  })";
  out.may.reads_private = true;
  out.run = on_disk(std::move(parts), read_file);
  return out;
}

tool_definition file_write_tool(std::shared_ptr<tool_parts> parts) {
  tool_definition out;
  out.name = "file_write";
  out.description
      = "Writes a text file in the session's workspace: replaces it, or "
        "appends "
        "to it. Missing folders are made. The files stay for later calls and "
        "are in /workspace for python_executor.";
  out.parameters = R"({
    "type": "object",
    "properties": {
      "path": {
        "type": "string", "minLength": 1, "maxLength": 1024,
        "description": "relative to the workspace, for example notes/a.txt"
      },
      "content": {"type": "string"},
      "append": {
        "type": "boolean",
        "description": "true to add at the end; default false"
      }
    },
    "required": ["path", "content"],
    "additionalProperties": false
  })";
  out.may.writes = true;
  out.run = on_disk(std::move(parts), write_file);
  return out;
}

tool_definition file_list_tool(std::shared_ptr<tool_parts> parts) {
  tool_definition out;
  out.name = "file_list";
  out.description = "Lists a folder of the session's workspace.";
  out.parameters = R"({
    "type": "object",
    "properties": {
      "path": {
        "type": "string", "minLength": 1, "maxLength": 1024,
        "description": "relative to the workspace; default its top"
      }
    },
    "additionalProperties": false
  })";
  out.may.reads_private = true;
  out.run = on_disk(std::move(parts), list_files);
  return out;
}

} // namespace shannon::tool
