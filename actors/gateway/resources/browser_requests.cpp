#include "actors/gateway/resources/browser_requests.hpp"

#include "actors/gateway/identity/digest.hpp"
#include "actors/gateway/text/json_fields.hpp"
#include "actors/gateway/text/json_text.hpp"
#include "actors/kit/bytes_text.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace shannon::gateway {

namespace {

constexpr std::size_t id_bytes_max = 128;
constexpr std::int64_t pixels_most = 8'192;
/// A deeper one is told as a text.
constexpr std::uint32_t value_depth_max = 64;

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

/// A script's value, which comes as a text.
json_out value_of(const std::string& text, const std::string& type) {
  if (type == "string")
    return text;
  auto value = parse_json(text, value_depth_max);
  return value ? json_out(*value) : json_out(text);
}

} // namespace

page_facts facts_of(const remote::BrowserResult& got) {
  page_facts out;
  out.about = stored_json(got.result().metadata_json());
  if (!out.about.is_object())
    out.about = json_out::object();
  out.url = out.about.value("url", "");
  out.title = out.about.value("title", "");
  return out;
}

const remote::BrowserFile* picture_in(const remote::BrowserResult& got) {
  auto at = std::find_if(
      got.files().begin(), got.files().end(), [](const auto& file) {
        return file.media_type().starts_with("image/") && !file.data().empty();
      });
  return at == got.files().end() ? nullptr : &*at;
}

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
  auto width = read_int(*body, "viewport_width", 1, pixels_most);
  auto height = read_int(*body, "viewport_height", 1, pixels_most);
  auto locale = text_at(*body, "locale");
  if (!width || !height || !locale)
    return tl::unexpected<error>(!width    ? width.error()
                                 : !height ? height.error()
                                           : locale.error());
  action_request out;
  out.session_id = *id;
  out.action = *action;
  out.options.set_width(static_cast<std::uint32_t>(width->value_or(0)));
  out.options.set_height(static_cast<std::uint32_t>(height->value_or(0)));
  out.options.set_locale(*locale);
  // The rest is the action's own.
  for (const char* name :
       {"session_id", "viewport_width", "viewport_height", "locale"})
    body->erase(name);
  // Clients send the fields they leave out as null.
  for (auto at = body->begin(); at != body->end();)
    at = at->is_null() ? body->erase(at) : std::next(at);
  out.what = {"browser", body->dump()};
  return out;
}

result<std::string> read_close(const http_request& request,
                               std::uint32_t depth_max) {
  auto body = body_object(request, depth_max);
  if (!body)
    return tl::unexpected<error>(body.error());
  return session_at(*body);
}

http_response action_answer(const action_request& asked,
                            const remote::BrowserResult& got) {
  const auto& result = got.result();
  auto facts = facts_of(got);
  json_out body;
  body["success"] = result.success();
  body["session_id"] = asked.session_id;
  body["action"] = asked.action;
  body["url"] = facts.url;
  body["title"] = facts.title;
  if (const auto* picture = picture_in(got))
    body["screenshot"] = kit::to_base64(picture->data());
  body["content"] = result.output();
  if (facts.about.contains("elements"))
    body["elements"] = facts.about["elements"];
  if (asked.action == "evaluate" && result.success())
    body["result"] = value_of(result.output(), facts.about.value("type", ""));
  if (!result.success())
    body["error"] = result.error();
  body["elapsed_ms"] = result.duration_us() / 1000;
  return json_answer(200, body);
}

http_response sessions_answer(const shannon::browser::pool_report& all) {
  json_out body;
  body["active_sessions"] = all.sessions.size();
  body["max_sessions"] = all.sessions_max;
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
    row["pid"] = one.process;
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
    row["own_sandbox"] = one.own_sandbox;
    body["processes"].push_back(std::move(row));
  }
  return json_answer(200, body);
}

} // namespace shannon::gateway
