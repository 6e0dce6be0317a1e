#include "actors/gateway/resources/browser_requests.hpp"

#include "actors/gateway/identity/digest.hpp"
#include "actors/gateway/text/json_fields.hpp"
#include "actors/gateway/text/json_text.hpp"
#include "actors/kit/bytes_text.hpp"

#include <algorithm>
#include <utility>

namespace shannon::gateway {

namespace {

constexpr std::size_t id_bytes_max = 128;
constexpr std::int64_t wait_ms_most = 30'000;
constexpr std::int64_t wait_ms_usual = 3'000;

tl::unexpected<error> invalid(const std::string& text) {
  return fail(errc::invalid_argument, text);
}

result<std::string> text_at(const json_in& body, const char* name) {
  auto got = read_string(body, name, "");
  if (!got)
    return tl::unexpected<error>(got.error());
  return got->value_or("");
}

result<std::string> session_at(const json_in& body) {
  auto id = text_at(body, "session_id");
  if (!id)
    return id;
  auto printable = std::all_of(id->begin(), id->end(), [](unsigned char c) {
    return c > 0x20 && c < 0x7f;
  });
  if (id->empty() || id->size() > id_bytes_max || !printable)
    return invalid("Invalid session_id: 1 to " + std::to_string(id_bytes_max)
                   + " printable characters expected");
  return id;
}

result<std::int64_t> wait_at(const json_in& body) {
  auto got = read_int(body, "wait_ms", 0, wait_ms_most);
  if (!got)
    return tl::unexpected<error>(got.error());
  return got->value_or(wait_ms_usual);
}

browser_action action_of(const char* name, const json_out& arguments) {
  return {name, arguments.dump()};
}

/// To the page, and what it does by itself for a while.
result<visit_request> visit_to(const json_in& body) {
  auto url = text_at(body, "url");
  auto wait = wait_at(body);
  if (!url || !wait)
    return tl::unexpected<error>(url ? wait.error() : url.error());
  if (url->empty())
    return invalid("url is required");
  visit_request out;
  json_out to;
  to["url"] = *url;
  out.actions.push_back(action_of("browser_navigate", to));
  if (*wait > 0) {
    json_out pause;
    pause["ms"] = *wait;
    out.actions.push_back(action_of("browser_wait", pause));
  }
  return out;
}

/// What its actions told of a page.
struct page_facts {
  std::string url;
  std::string title;
  json_out elements;
};

page_facts facts_of(const remote::ToolResult& result) {
  page_facts out;
  auto about = stored_json(result.metadata_json());
  if (!about.is_object())
    return out;
  out.url = about.value("url", "");
  out.title = about.value("title", "");
  if (about.contains("elements"))
    out.elements = about["elements"];
  return out;
}

const remote::BrowserFile* picture_in(const remote::BrowserResult& got) {
  auto at = std::find_if(
      got.files().begin(), got.files().end(), [](const auto& file) {
        return file.media_type().starts_with("image/") && !file.data().empty();
      });
  return at == got.files().end() ? nullptr : &*at;
}

} // namespace

result<action_request> read_action(const http_request& request,
                                   std::uint32_t depth_max) {
  auto body = body_object(request, depth_max);
  if (!body)
    return tl::unexpected<error>(body.error());
  auto id = session_at(*body);
  auto action = text_at(*body, "action");
  if (!id || !action)
    return tl::unexpected<error>(id ? action.error() : id.error());
  if (action->empty())
    return invalid("action is required");
  body->erase("session_id");
  return action_request{*id, {"browser", body->dump()}};
}

result<std::string> read_close(const http_request& request,
                               std::uint32_t depth_max) {
  auto body = body_object(request, depth_max);
  if (!body)
    return tl::unexpected<error>(body.error());
  return session_at(*body);
}

result<visit_request> read_capture(const http_request& request,
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
  picture["full_page"] = full->value_or(false);
  out->actions.push_back(action_of("browser_screenshot", picture));
  if (text->value_or(false))
    out->actions.push_back(action_of("browser_extract", json_out::object()));
  return out;
}

result<visit_request> read_extract(const http_request& request,
                                   std::uint32_t depth_max) {
  auto body = body_object(request, depth_max);
  if (!body)
    return tl::unexpected<error>(body.error());
  auto out = visit_to(*body);
  if (!out)
    return out;
  json_out what = json_out::object();
  for (const char* name : {"selector", "extract_type", "attribute"}) {
    auto text = text_at(*body, name);
    if (!text)
      return tl::unexpected<error>(text.error());
    if (!text->empty())
      what[name] = *text;
  }
  out->actions.push_back(action_of("browser_extract", what));
  return out;
}

http_response action_answer(const remote::BrowserResult& got) {
  const auto& result = got.result();
  auto facts = facts_of(result);
  json_out body;
  body["success"] = result.success();
  body["url"] = facts.url;
  body["title"] = facts.title;
  if (const auto* picture = picture_in(got))
    body["screenshot"] = kit::to_base64(picture->data());
  body["content"] = result.output();
  if (facts.elements.is_array())
    body["elements"] = facts.elements;
  if (!result.success())
    body["error"] = result.error();
  return json_answer(200, body);
}

http_response visit_answer(const std::vector<remote::BrowserResult>& got) {
  json_out body;
  body["success"] = !got.empty() && got.back().result().success();
  for (const auto& one : got) {
    auto facts = facts_of(one.result());
    if (!facts.url.empty())
      body["url"] = facts.url;
    if (!facts.title.empty())
      body["title"] = facts.title;
    if (const auto* picture = picture_in(one))
      body["screenshot"] = kit::to_base64(picture->data());
    if (!one.result().success())
      body["error"] = one.result().error();
  }
  if (!got.empty() && got.back().files().empty()
      && got.back().result().success())
    body["text"] = got.back().result().output();
  return json_answer(200, body);
}

http_response sessions_answer(const shannon::browser::pool_report& all) {
  json_out body;
  body["active"] = all.sessions.size();
  body["max"] = all.sessions_max;
  body["ttl_seconds"] = all.idle_timeout.count() / 1000;
  body["warm"] = all.warm;
  body["processes_started"] = all.started;
  body["processes_crashed"] = all.crashed;
  body["sessions"] = json_out::array();
  for (const auto& one : all.sessions) {
    json_out row;
    row["session_id"] = one.id;
    row["tenant"] = one.tenant;
    row["task"] = one.task;
    row["url"] = one.url;
    row["title"] = one.title;
    row["tabs"] = one.tabs;
    row["busy"] = one.busy;
    row["age_seconds"] = one.age.count() / 1000;
    row["idle_seconds"] = one.idle.count() / 1000;
    row["memory_bytes"] = one.memory_bytes;
    row["bytes_in"] = one.bytes_in;
    row["bytes_out"] = one.bytes_out;
    row["requests_refused"] = one.refused;
    body["sessions"].push_back(std::move(row));
  }
  body["processes"] = json_out::array();
  for (const auto& one : all.processes) {
    json_out row;
    row["pid"] = one.pid;
    row["age_seconds"] = one.age.count() / 1000;
    row["sessions"] = one.sessions;
    row["opened"] = one.opened;
    row["memory_bytes"] = one.memory_bytes;
    row["leaves"] = one.leaves;
    body["processes"].push_back(std::move(row));
  }
  return json_answer(200, body);
}

} // namespace shannon::gateway
