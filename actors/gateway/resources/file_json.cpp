#include "actors/gateway/resources/file_json.hpp"

#include "actors/gateway/identity/digest.hpp"
#include "actors/gateway/text/answers.hpp"
#include "actors/kit/bytes_text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace shannon::gateway {

namespace {

struct ending {
  std::string_view text;
  std::string_view media_type;
};

constexpr std::string_view no_type = "application/octet-stream";

constexpr std::array endings{
    ending{"md", "text/markdown"},      ending{"txt", "text/plain"},
    ending{"log", "text/plain"},        ending{"csv", "text/csv"},
    ending{"json", "application/json"}, ending{"yaml", "text/yaml"},
    ending{"yml", "text/yaml"},         ending{"toml", "text/toml"},
    ending{"xml", "text/xml"},          ending{"html", "text/html"},
    ending{"htm", "text/html"},         ending{"css", "text/css"},
    ending{"js", "text/javascript"},    ending{"ts", "text/typescript"},
    ending{"py", "text/x-python"},      ending{"go", "text/x-go"},
    ending{"rs", "text/x-rust"},        ending{"sh", "text/x-shellscript"},
    ending{"png", "image/png"},         ending{"jpg", "image/jpeg"},
    ending{"jpeg", "image/jpeg"},       ending{"gif", "image/gif"},
    ending{"webp", "image/webp"},       ending{"svg", "image/svg+xml"},
    ending{"pdf", "application/pdf"},   ending{"zip", "application/zip"},
};

std::string lower_ending(std::string_view name) {
  auto dot = name.rfind('.');
  std::string out;
  if (dot != std::string_view::npos)
    out = name.substr(dot + 1);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return out;
}

/// How a client tells text from base64.
bool is_text(std::string_view media_type) {
  return media_type.starts_with("text/") || media_type == "application/json";
}

bool has_parent_part(std::string_view path) {
  while (!path.empty()) {
    auto end = std::min(path.find('/'), path.size());
    if (path.substr(0, end) == "..")
      return true;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return false;
}

tl::expected<kit::path_parts, http_response> read_path(std::string_view text) {
  auto refuse = [](std::string_view why) {
    return tl::unexpected<http_response>{error_answer(400, why)};
  };
  if (has_parent_part(text))
    return refuse("invalid path: cannot contain '..'");
  if (text.starts_with('/'))
    return refuse("path escapes workspace");
  auto parts = kit::parse_path(text);
  if (!parts)
    return refuse("invalid " + parts.error().text);
  return std::move(*parts);
}

} // namespace

tl::expected<kit::path_parts, http_response>
read_folder_path(std::string_view text) {
  if (text.empty())
    return kit::path_parts{};
  return read_path(text);
}

tl::expected<kit::path_parts, http_response>
read_file_path(std::string_view text) {
  auto path = text.empty() ? kit::path_parts{} : read_path(text);
  if (path && path->empty())
    return tl::unexpected<http_response>{
        error_answer(400, "file path is required")};
  return path;
}

std::string_view media_type_of(std::string_view name, std::string_view bytes) {
  bool readable = bytes.find('\0') == std::string_view::npos
                  && find_invalid_utf8(bytes) == std::string_view::npos;
  auto wanted = lower_ending(name);
  auto at = std::find_if(endings.begin(), endings.end(),
                         [&](const ending& one) { return one.text == wanted; });
  if (at == endings.end())
    return readable ? std::string_view{"text/plain"} : no_type;
  return is_text(at->media_type) && !readable ? no_type : at->media_type;
}

http_response folder_answer(const kit::path_parts& folder,
                            const std::vector<kit::workspace_entry>& entries,
                            std::size_t shown_max) {
  auto above = folder.empty() ? std::string{} : kit::to_text(folder) + "/";
  auto files = json_out::array();
  for (const auto& entry : entries) {
    if (files.size() == shown_max)
      break;
    if (folder.empty() && entry.name == "lost+found")
      continue;
    json_out line;
    line["name"] = entry.name;
    line["path"] = above + entry.name;
    line["is_dir"] = entry.is_folder;
    line["size_bytes"] = entry.is_folder ? 0 : entry.bytes;
    files.push_back(std::move(line));
  }
  json_out body;
  body["success"] = true;
  body["files"] = std::move(files);
  if (entries.size() > shown_max)
    body["truncated"] = true;
  return json_answer(200, body);
}

http_response file_answer(const kit::path_parts& file,
                          const std::string& bytes) {
  auto type = media_type_of(file.back(), bytes);
  json_out body;
  body["success"] = true;
  body["content"] = is_text(type) ? bytes : kit::to_base64(bytes);
  body["content_type"] = type;
  body["size_bytes"] = bytes.size();
  return json_answer(200, body);
}

http_response file_refusal(int status, std::string_view text) {
  json_out body;
  body["success"] = false;
  body["error"] = text;
  return json_answer(status, body);
}

http_response no_file_answer(const error& why) {
  switch (why.code) {
  case errc::not_found:
  case errc::invalid_argument: // A part of the path is a file.
    return file_refusal(404, "file not found");
  case errc::denied:
    return error_answer(400, "path escapes workspace");
  default:
    return error_answer(500, "internal error");
  }
}

} // namespace shannon::gateway
