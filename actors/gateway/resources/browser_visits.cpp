#include "actors/gateway/resources/browser_visits.hpp"

#include "actors/gateway/text/json_fields.hpp"
#include "actors/gateway/text/json_text.hpp"
#include "actors/kit/bytes_text.hpp"

#include <array>
#include <utility>

namespace shannon::gateway {

namespace {

constexpr std::int64_t wait_ms_most = 30'000;
constexpr std::int64_t wait_ms_usual = 3'000;
constexpr std::size_t selectors_most = 20;
constexpr std::size_t selector_bytes_most = 1'000;

tl::unexpected<error> invalid(const std::string& text) {
  return fail(errc::invalid_argument, text);
}

visit_step step(const char* name, const json_out& arguments,
                bool may_fail = false) {
  return {{name, arguments.dump()}, may_fail};
}

result<std::string> url_at(const json_in& body) {
  auto got = read_string(body, "url", "");
  if (!got)
    return tl::unexpected<error>(got.error());
  auto url = got->value_or("");
  if (url.empty())
    return invalid("url is required");
  if (url.find("http://") != 0 && url.find("https://") != 0)
    return invalid(
        "Invalid url: expected one that begins with http:// or https://");
  return url;
}

/// To the page, and what it does by itself for a while.
result<visit_steps> visit_to(const json_in& body, visit_steps before = {}) {
  auto url = url_at(body);
  auto wait = read_int(body, "wait_ms", 0, wait_ms_most);
  if (!url || !wait)
    return tl::unexpected<error>(url ? wait.error() : url.error());
  json_out to;
  to["url"] = *url;
  before.push_back(step("browser_navigate", to));
  auto pause = wait->value_or(wait_ms_usual);
  if (pause > 0) {
    json_out how;
    how["ms"] = pause;
    before.push_back(step("browser_wait", how));
  }
  return before;
}

visit_step tidy(bool scroll_through) {
  json_out how;
  how["scroll_through"] = scroll_through;
  return step("browser_tidy", how, true);
}

result<json_out> selectors_at(const json_in& body) {
  json_out out = json_out::array();
  const auto* all = find_field(body, "selectors");
  if (all == nullptr)
    return out;
  auto expected = "selectors: expected a list of up to "
                  + std::to_string(selectors_most) + " texts of 1 to "
                  + std::to_string(selector_bytes_most) + " bytes";
  if (!all->is_array() || all->size() > selectors_most)
    return invalid(expected);
  for (const auto& one : *all) {
    if (!one.is_string())
      return invalid(expected);
    auto text = one.get<std::string>();
    if (text.empty() || text.size() > selector_bytes_most)
      return invalid(expected);
    out.push_back(std::move(text));
  }
  return out;
}

result<std::string> device_at(const json_in& body) {
  auto got = read_string(body, "device", "");
  if (!got)
    return tl::unexpected<error>(got.error());
  auto device = got->value_or("desktop");
  if (device != "desktop" && device != "mobile" && device != "tablet")
    return invalid("device: expected desktop, mobile or tablet");
  return device;
}

const remote::BrowserFile* file_named(const remote::BrowserResult& in,
                                      const std::string& name) {
  for (const auto& file : in.files())
    if (file.name() == name)
      return &file;
  return nullptr;
}

json_out sections_of(const remote::BrowserResult& got, const json_out& about) {
  json_out out = json_out::array();
  for (auto one : about["sections"]) {
    if (const auto* file = file_named(got, one.value("file", "")))
      one["screenshot"] = kit::to_base64(file->data());
    one.erase("file");
    out.push_back(std::move(one));
  }
  return out;
}

} // namespace

result<visit_steps> read_capture(const http_request& request,
                                 std::uint32_t depth_max) {
  auto body = body_object(request, depth_max);
  if (!body)
    return tl::unexpected<error>(body.error());
  auto full = read_bool(*body, "full_page", "");
  auto text = read_bool(*body, "include_text", "");
  if (!full || !text)
    return tl::unexpected<error>(full ? text.error() : full.error());
  auto out = visit_to(*body);
  if (!out)
    return out;
  json_out picture;
  picture["full_page"] = full->value_or(true);
  out->push_back(tidy(full->value_or(true)));
  out->push_back(step("browser_screenshot", picture));
  if (text->value_or(false))
    out->push_back(step("browser_extract", json_out::object()));
  return out;
}

result<visit_steps> read_sections(const http_request& request,
                                  std::uint32_t depth_max) {
  auto body = body_object(request, depth_max);
  if (!body)
    return tl::unexpected<error>(body.error());
  auto device = device_at(*body);
  if (!device)
    return tl::unexpected<error>(device.error());
  json_out how;
  struct bound {
    const char* name;
    std::int64_t least;
    std::int64_t most;
    std::int64_t usual;
  };
  constexpr std::array bounds{bound{"min_height", 1, 10'000, 300},
                              bound{"max_sections", 1, 20, 8},
                              bound{"merge_threshold", 0, 10'000, 500}};
  for (const auto& one : bounds) {
    auto number = read_int(*body, one.name, one.least, one.most);
    if (!number)
      return tl::unexpected<error>(number.error());
    how[one.name] = number->value_or(one.usual);
  }
  auto selectors = selectors_at(*body);
  if (!selectors)
    return tl::unexpected<error>(selectors.error());
  how["selectors"] = std::move(*selectors);
  json_out as;
  as["device"] = *device;
  auto out = visit_to(*body, {step("browser_show_as", as)});
  if (!out)
    return out;
  out->push_back(tidy(true));
  out->push_back(step("browser_sections", how));
  return out;
}

result<visit_steps> read_extract(const http_request& request,
                                 std::uint32_t depth_max) {
  auto body = body_object(request, depth_max);
  if (!body)
    return tl::unexpected<error>(body.error());
  auto out = visit_to(*body);
  if (!out)
    return out;
  json_out what = json_out::object();
  for (const char* name : {"selector", "extract_type", "attribute"}) {
    auto text = read_string(*body, name, "");
    if (!text)
      return tl::unexpected<error>(text.error());
    if (*text && !(*text)->empty())
      what[name] = **text;
  }
  out->push_back(step("browser_extract", what));
  return out;
}

http_response visit_answer(const visit_steps& steps,
                           const std::vector<remote::BrowserResult>& got) {
  json_out body;
  body["success"] = got.size() == steps.size();
  for (std::size_t i = 0; i < got.size(); ++i) {
    const auto& one = got[i];
    const auto& action = steps[i].what.action;
    auto facts = facts_of(one);
    if (!facts.url.empty() && facts.url != "about:blank")
      body["url"] = facts.url;
    if (!facts.title.empty())
      body["title"] = facts.title;
    if (!one.result().success()) {
      body[steps[i].may_fail ? "warning" : "error"] = one.result().error();
      body["success"] = body["success"] && steps[i].may_fail;
      continue;
    }
    for (const char* name :
         {"device", "popup_detected", "popups_dismissed", "sections_total"})
      if (facts.about.contains(name))
        body[name] = facts.about[name];
    if (facts.about.contains("sections"))
      body["sections"] = sections_of(one, facts.about);
    else if (const auto* picture = picture_in(one))
      body[action == "browser_tidy" ? "popup_screenshot" : "screenshot"]
          = kit::to_base64(picture->data());
    if (action == "browser_extract")
      body["text"] = one.result().output();
  }
  return json_answer(200, body);
}

} // namespace shannon::gateway
