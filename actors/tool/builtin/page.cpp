#include "actors/tool/builtin/page.hpp"

#include "actors/kit/text.hpp"
#include "actors/tool/builtin/html_text.hpp"
#include "actors/tool/registry.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace shannon::tool {

namespace {

std::string lowered(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

/// `Text/HTML; charset=x` as `text/html`.
std::string media_type(std::string_view header) {
  auto out = lowered(header.substr(0, header.find(';')));
  while (!out.empty() && (out.back() == ' ' || out.back() == '\t'))
    out.pop_back();
  return out;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size()
         && text.substr(text.size() - end.size()) == end;
}

page_text plain_page(const std::string& body, std::size_t chars_max) {
  page_text out;
  out.text = kit::valid_utf8(kit::utf8_prefix(body, chars_max));
  out.truncated = body.size() > chars_max;
  return out;
}

} // namespace

page_kind kind_of(std::string_view content_type, std::string_view body) {
  auto type = media_type(content_type);
  if (type.empty()) {
    auto start = body.find_first_not_of(" \t\r\n");
    if (start != std::string_view::npos && body[start] == '<')
      return page_kind::html;
    auto head = kit::utf8_prefix(body, 1024);
    bool text = kit::is_valid_utf8(head) && head.find('\0') == head.npos;
    return text ? page_kind::text : page_kind::refused;
  }
  if (type == "text/html" || type == "application/xhtml+xml")
    return page_kind::html;
  bool text = type.rfind("text/", 0) == 0 || ends_with(type, "json")
              || ends_with(type, "xml") || ends_with(type, "yaml")
              || ends_with(type, "javascript") || type == "application/csv";
  return text ? page_kind::text : page_kind::refused;
}

remote::ToolResult page_result(const kit::fetched& page,
                               std::size_t chars_max) {
  auto type = media_type(page.header("content-type"));
  nlohmann::json about{
      {"url", page.url},
      {"status", page.status},
      {"content_type", kit::valid_utf8(kit::utf8_prefix(type, 100))},
      {"bytes", page.body.size()},
      {"redirects", page.redirects}};
  auto coding = lowered(page.header("content-encoding"));
  auto kind = kind_of(type, page.body);
  remote::ToolResult out;
  if (!coding.empty() && coding != "identity") {
    out = failed_result("the server sent compressed content although none was "
                        "asked for");
  } else if (kind == page_kind::refused) {
    out = failed_result("the content type '"
                        + about["content_type"].get<std::string>()
                        + "' cannot be read as text");
  } else {
    auto read = kind == page_kind::html ? html_to_text(page.body, chars_max)
                                        : plain_page(page.body, chars_max);
    bool good = page.status >= 200 && page.status < 300;
    if (!good)
      out = failed_result("the server answered with status "
                          + std::to_string(page.status));
    out.set_success(good);
    std::string text;
    if (!read.title.empty()) {
      text += "Title: " + read.title + "\n";
      about["title"] = read.title;
    }
    text += "URL: " + page.url + "\n\n" + read.text;
    out.set_truncated(read.truncated || page.truncated);
    if (out.truncated())
      text += "\n[the page goes on]";
    if (kind == page_kind::html)
      about["links"] = read.links;
    about["chars"] = read.text.size();
    about["truncated"] = out.truncated();
    out.set_output(std::move(text));
  }
  out.set_metadata_json(about.dump());
  return out;
}

} // namespace shannon::tool
