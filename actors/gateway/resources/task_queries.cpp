#include "actors/gateway/resources/task_queries.hpp"

#include "actors/gateway/text/answers.hpp"
#include "actors/gateway/text/identifiers.hpp"
#include "actors/gateway/text/query_string.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace shannon::gateway {

namespace {

using store::log_status;

constexpr std::int64_t offset_max = 1'000'000'000;
constexpr std::size_t types_max = 64;

tl::unexpected<http_response> bad(std::string_view text) {
  return tl::unexpected<http_response>(error_answer(400, text));
}

checked<query_string> parameters(const http_request& request) {
  auto all = query_string::parse(request.query);
  if (!all)
    return bad(all.error().text);
  return std::move(*all);
}

std::optional<std::vector<log_status>> statuses_of(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  });
  if (name == "QUEUED")
    return {{log_status::queued}};
  if (name == "RUNNING") // What is shown as running.
    return {{log_status::running, log_status::needs_operator}};
  if (name == "COMPLETED")
    return {{log_status::completed}};
  if (name == "FAILED")
    return {{log_status::failed}};
  if (name == "CANCELLED" || name == "CANCELED")
    return {{log_status::cancelled}};
  if (name == "TIMEOUT")
    return {{log_status::timed_out}};
  return std::nullopt;
}

std::optional<bool> flag(const query_string& all, const std::string& name) {
  const auto& text = all.get(name);
  if (text.empty() || text == "false" || text == "0")
    return false;
  if (text == "true" || text == "1")
    return true;
  return std::nullopt;
}

/// `7`, or `1700000000000-0`: an id of another server's stream, which says
/// nothing about ours, so the client gets everything.
std::optional<log_version> position(std::string_view text) {
  if (auto plain = parse_number(text))
    return plain;
  auto dash = text.find('-');
  if (dash != std::string_view::npos && parse_number(text.substr(0, dash))
      && parse_number(text.substr(dash + 1)))
    return 0;
  return std::nullopt;
}

std::set<std::string> types_of(std::string_view list) {
  std::set<std::string> all;
  while (!list.empty() && all.size() < types_max) {
    auto comma = list.find(',');
    auto name = list.substr(0, comma);
    list.remove_prefix(comma == std::string_view::npos ? list.size()
                                                       : comma + 1);
    while (!name.empty() && name.front() == ' ')
      name.remove_prefix(1);
    while (!name.empty() && name.back() == ' ')
      name.remove_suffix(1);
    if (!name.empty())
      all.emplace(name);
  }
  return all;
}

std::string escaped(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string all;
  for (char c : text) {
    auto u = static_cast<unsigned char>(c);
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.'
        || c == '~') {
      all += c;
    } else {
      all += '%';
      all += digits[u >> 4];
      all += digits[u & 15];
    }
  }
  return all;
}

} // namespace

checked<log_id> read_task_id(const std::string& task) {
  if (!is_identifier(task))
    return bad("Invalid task ID format");
  return log_id{task};
}

checked<store::list_heads> read_list(const http_request& request,
                                     const tenant_id& tenant) {
  auto all = parameters(request);
  if (!all)
    return tl::unexpected<http_response>(all.error());
  store::list_heads wanted;
  wanted.tenant = tenant;
  auto limit = all->number("limit", 20, 1, 100);
  if (!limit)
    return bad("Invalid limit parameter");
  wanted.limit = static_cast<std::uint32_t>(*limit);
  auto offset = all->number("offset", 0, 0, offset_max);
  if (!offset)
    return bad("Invalid offset parameter");
  wanted.offset = static_cast<std::uint32_t>(*offset);
  if (const auto& session = all->get("session_id"); !session.empty()) {
    if (!is_identifier(session))
      return bad("Invalid session_id format");
    wanted.session = session_id{session};
  }
  if (const auto& status = all->get("status"); !status.empty()) {
    auto statuses = statuses_of(status);
    if (!statuses)
      return bad("Invalid status value");
    wanted.statuses = std::move(*statuses);
  }
  return wanted;
}

checked<store::read_facts> read_events(const http_request& request,
                                       const std::string& task) {
  auto id = read_task_id(task);
  if (!id)
    return tl::unexpected<http_response>(id.error());
  auto all = parameters(request);
  if (!all)
    return tl::unexpected<http_response>(all.error());
  auto limit = all->number("limit", 50, 1, 200);
  if (!limit)
    return bad("Invalid limit parameter");
  auto offset = all->number("offset", 0, 0, offset_max);
  if (!offset)
    return bad("Invalid offset parameter");
  return store::read_facts{*id, *offset, static_cast<std::uint32_t>(*limit)};
}

checked<timeline_request> read_timeline(const http_request& request,
                                        const std::string& task) {
  if (auto id = read_task_id(task); !id)
    return tl::unexpected<http_response>(id.error());
  auto all = parameters(request);
  if (!all)
    return tl::unexpected<http_response>(all.error());
  timeline_request wanted;
  const auto& mode = all->get("mode");
  if (!mode.empty() && mode != "summary" && mode != "full")
    return bad("Invalid mode parameter (allowed: summary, full)");
  if (mode == "full")
    wanted.mode = timeline_mode::full;
  auto payloads = flag(*all, "include_payloads");
  if (!payloads)
    return bad("Invalid include_payloads parameter");
  auto persist = flag(*all, "persist");
  if (!persist)
    return bad("Invalid persist parameter");
  wanted.with_payloads = *payloads;
  wanted.persist = *persist;
  return wanted;
}

checked<stream_request> read_stream(const http_request& request) {
  auto all = parameters(request);
  if (!all)
    return tl::unexpected<http_response>(all.error());
  stream_request wanted;
  wanted.task = all->get("workflow_id");
  if (!is_identifier(wanted.task))
    return bad("Invalid or missing workflow_id");
  if (const auto& from = all->get("last_event_id"); !from.empty()) {
    auto at = position(from);
    if (!at)
      return bad("Invalid last_event_id");
    wanted.after = *at;
  }
  // Browsers send back whatever they saw: the header is never refused.
  if (request.has("last-event-id"))
    wanted.after = position(request.find("last-event-id")).value_or(0);
  wanted.types = types_of(all->get("types"));
  return wanted;
}

checked<std::string> read_stream_redirect(const http_request& request,
                                          const std::string& task) {
  if (auto id = read_task_id(task); !id)
    return tl::unexpected<http_response>(id.error());
  auto all = parameters(request);
  if (!all)
    return tl::unexpected<http_response>(all.error());
  const auto& from = all->get("last_event_id");
  if (!from.empty() && !position(from))
    return bad("Invalid last_event_id");
  auto target = "/api/v1/stream/sse?workflow_id=" + escaped(task);
  for (const auto* name : {"types", "last_event_id"})
    if (const auto& value = all->get(name); !value.empty())
      target += "&" + std::string{name} + "=" + escaped(value);
  return target;
}

} // namespace shannon::gateway
