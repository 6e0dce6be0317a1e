#include "actors/tool/builtin/builtins.hpp"
#include "actors/tool/builtin/page.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace shannon::tool {

namespace {

/// Room for the lines around the text, within the limit of all tools.
constexpr std::size_t frame_bytes = 1024;

remote::ToolResult fetch_failure(const error& why) {
  switch (why.code) {
  case errc::invalid_argument:
    return failed_result(why.text);
  case errc::denied:
    return failed_result("refused by policy: " + why.text);
  default:
    return failed_result("the page could not be fetched: " + why.text);
  }
}

} // namespace

tool_definition web_fetch_tool(std::shared_ptr<tool_parts> parts) {
  tool_definition out;
  out.name = "web_fetch";
  out.description
      = "Fetches a public web page with GET and returns its readable text, "
        "title and final address. HTML is turned into text; plain text, JSON "
        "and "
        "XML are returned as they are. Private addresses are refused.";
  out.parameters = R"({
    "type": "object",
    "properties": {
      "url": {
        "type": "string", "minLength": 1, "maxLength": 8192,
        "description": "http or https URL"
      },
      "max_chars": {
        "type": "integer", "minimum": 100, "maximum": 100000,
        "description": "longest text to return"
      }
    },
    "required": ["url"],
    "additionalProperties": false
  })";
  out.may.outbound = true;
  out.run = [parts = std::move(parts)](const tool_input& input,
                                       tool_done done) -> tool_cancel {
    std::size_t limit = parts->settings.output_bytes_max;
    limit -= std::min(limit, frame_bytes);
    if (auto at = input.arguments.find("max_chars");
        at != input.arguments.end())
      limit = std::min(limit, at->get<std::size_t>());
    auto fetched_page
        = [parts, limit, done = std::move(done)](result<kit::fetched> got) {
            if (!got)
              return done(fetch_failure(got.error()));
            auto render = [page = std::move(*got), limit, done] {
              done(page_result(page, limit));
            };
            if (!parts->disk.post(std::move(render)))
              done(failed_result("too many pages are being read; try again"));
          };
    auto call = parts->outward.get(
        input.arguments.at("url").get_ref<const std::string&>(),
        std::move(fetched_page));
    return [call] { call->cancel(); };
  };
  return out;
}

} // namespace shannon::tool
