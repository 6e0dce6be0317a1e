#include "actors/gateway/text/media_type.hpp"

#include "actors/gateway/text/answers.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace shannon::gateway {

namespace {

constexpr std::array<std::string_view, 13> foreign{
    "text/xml",           "text/html",          "text/csv",
    "text/css",           "text/javascript",    "application/xml",
    "application/yaml",   "application/x-yaml", "application/pdf",
    "application/zip",    "application/gzip",   "application/x-protobuf",
    "application/msgpack"};
constexpr std::array<std::string_view, 5> foreign_families{
    "multipart/", "image/", "audio/", "video/", "font/"};

std::string essence(std::string_view field) {
  std::string text{field.substr(0, field.find(';'))};
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.pop_back();
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return text;
}

bool starts_with_any(const std::string& type) {
  return std::any_of(
      foreign_families.begin(), foreign_families.end(),
      [&](std::string_view family) { return type.rfind(family, 0) == 0; });
}

} // namespace

std::optional<http_response> check_media_type(const http_request& request) {
  auto coding = essence(request.find("content-encoding"));
  if (!coding.empty() && coding != "identity")
    return error_answer(415, "Unsupported Content-Encoding: send the body "
                             "uncompressed");
  auto type = essence(request.find("content-type"));
  auto is_xml = type.size() > 4 && type.substr(type.size() - 4) == "+xml";
  if (is_xml || starts_with_any(type)
      || std::find(foreign.begin(), foreign.end(), type) != foreign.end())
    return error_answer(415, "Unsupported Content-Type: send application/json");
  return std::nullopt;
}

} // namespace shannon::gateway
