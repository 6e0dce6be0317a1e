#include "actors/agent/browser_calls.hpp"

#include "actors/agent/conversation.hpp"
#include "actors/kit/bytes_text.hpp"
#include "actors/workflow/engine/events.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace shannon::agent {

namespace {

using nlohmann::json;
using workflow::context;
using workflow::durable;
using workflow::step_failed;
using workflow::step_options;

constexpr std::string_view prefix = "browser_";

/// A tenant that has as many sessions as it may waits for one of them to end,
/// about a quarter of an hour; each look is a fact.
constexpr std::uint32_t refusals_max = 180;
constexpr std::chrono::seconds refusal_pause{5};

remote::BrowserRequest request_of(const browser_session& session) {
  remote::BrowserRequest request;
  request.set_holder(session.holder);
  *request.mutable_options() = session.options;
  // Who has it knows better.
  if (session.holder.empty())
    request.set_state(session.state);
  return request;
}

/// As events name it, and GET /api/v1/blob/{key} takes it.
std::string blob_key(const remote::BrowserFile& file) {
  return "shannon:blob:" + kit::to_hex(file.blob());
}

bool is_picture(const remote::BrowserFile& file) {
  return file.media_type().starts_with("image/") && !file.blob().empty();
}

void learn(browser_session& session, const remote::BrowserResult& got) {
  session.holder = got.holder();
  if (!got.state().empty())
    session.state = got.state();
  for (const auto& file : got.files())
    if (is_picture(file)
        && session.screenshots.size() < browser_session::screenshots_max)
      session.screenshots.push_back(blob_key(file));
}

std::string url_in(const std::string& state) {
  auto all = json::parse(state, nullptr, false);
  return all.is_object() ? all.value("url", std::string{}) : std::string{};
}

facts::Event saved_event(const std::string& agent,
                         const remote::BrowserFile& file,
                         const remote::ToolResult& result) {
  auto about = json::parse(result.metadata_json(), nullptr, false);
  json payload{{"name", file.name()},
               {"media_type", file.media_type()},
               {"size", file.size()}};
  if (!file.blob().empty())
    payload["blob"] = blob_key(file);
  // The name that clients of the reference platform look for.
  if (is_picture(file))
    payload["screenshot_path"] = blob_key(file);
  if (about.is_object())
    for (const char* key : {"url", "title", "thumbnail", "path"})
      if (about.contains(key))
        payload[key] = about[key];
  facts::Event event;
  event.set_type("SCREENSHOT_SAVED");
  event.set_agent_id(agent);
  event.set_message("Saved " + file.name());
  event.set_payload_json(
      payload.dump(-1, ' ', false, json::error_handler_t::replace));
  return event;
}

/// SCREENSHOT_SAVED has it already.
remote::ToolResult without_picture(remote::ToolResult result) {
  auto about = json::parse(result.metadata_json(), nullptr, false);
  if (about.is_object() && about.erase("thumbnail") > 0)
    result.set_metadata_json(
        about.dump(-1, ' ', false, json::error_handler_t::replace));
  return result;
}

/// Opens the session, from its last state if it had one, wherever there is
/// room. False: it could not be opened; `why` says it.
durable<bool> open(context ctx, std::string key, browser_session& session,
                   std::string& why) {
  session.holder.clear();
  session.wanted = true;
  auto request = request_of(session);
  step_options how;
  how.refusals_max = refusals_max;
  how.backoff_max = refusal_pause;
  try {
    auto got = co_await ctx.step(key, std::move(request), how);
    learn(session, got);
    if (got.result().success())
      co_return true;
    why = got.result().error();
  } catch (const step_failed& thrown) {
    if (thrown.why().code == errc::cancelled)
      throw;
    why = thrown.why().text;
  }
  co_return false;
}

/// In logs of earlier builds the first action opens the session.
bool opened_by_action(const context& ctx) {
  return ctx.has_record("run") && !ctx.has_record("open");
}

durable<remote::ToolResult> lost(context ctx, const remote::ToolCall& call,
                                 browser_session& session) {
  std::string why;
  bool there = co_await open(ctx, "reopen", session, why);
  remote::ToolResult out;
  auto begin = "the browser session was lost while " + call.name()
               + " was asked for; whether it took effect is not known. ";
  if (there)
    out.set_error(begin + "The session was opened again at "
                  + url_in(session.state)
                  + "; look at the page (browser_observe) before you repeat "
                    "anything.");
  else
    out.set_error(begin + "It could not be opened again: " + why);
  co_return out;
}

durable<remote::ToolResult> act(context ctx, const std::string& agent,
                                const remote::ToolCall& call,
                                browser_session& session) {
  ctx.publish("invoke", invoked_event(agent, call));
  remote::ToolResult out;
  if (session.holder.empty() && !opened_by_action(ctx)) {
    std::string why;
    bool there = co_await open(ctx, "open", session, why);
    if (!there) {
      out.set_error("the browser session could not be opened: " + why);
      ctx.publish("observed", observed_event(agent, call, out));
      co_return out;
    }
  }
  auto request = request_of(session);
  request.set_action(call.name());
  request.set_arguments_json(call.arguments_json());
  step_options how;
  how.not_retried = {errc::not_found};
  how.completed_event = [agent, call](const std::string& bytes) {
    remote::BrowserResult got;
    got.ParseFromString(bytes);
    return observed_event(agent, call, without_picture(got.result()));
  };
  std::optional<error> failure;
  try {
    auto got = co_await ctx.step("run", std::move(request), how);
    learn(session, got);
    for (const auto& file : got.files())
      ctx.publish("saved", saved_event(agent, file, got.result()));
    co_return got.result();
  } catch (const step_failed& thrown) {
    if (thrown.why().code == errc::cancelled)
      throw;
    failure = thrown.why();
  }
  if (failure->code == errc::not_found && !session.holder.empty()) {
    auto told = co_await lost(ctx, call, session);
    ctx.publish("observed", observed_event(agent, call, told));
    co_return told;
  }
  out.set_error(failure->text);
  ctx.publish("observed", observed_event(agent, call, out));
  co_return out;
}

} // namespace

bool is_browser_tool(std::string_view name) {
  return name == "browser" || name.starts_with(prefix);
}

bool wants_browser(const remote::AgentBrief& brief) {
  return std::any_of(brief.tools().begin(), brief.tools().end(),
                     [](const auto& name) { return is_browser_tool(name); });
}

durable<std::vector<remote::ToolResult>>
use_browser(context ctx, std::string agent, std::vector<numbered_call> calls,
            browser_session& session) {
  std::vector<remote::ToolResult> out;
  for (const auto& [number, call] : calls) {
    auto where = ctx.scope("tool" + std::to_string(number));
    auto result = co_await act(where, agent, call, session);
    out.push_back(std::move(result));
  }
  co_return out;
}

durable<workflow::nothing> close_browser(context ctx,
                                         browser_session& session) {
  auto request = request_of(session);
  request.set_action("browser_close");
  request.set_arguments_json("{}");
  session.holder.clear();
  session.wanted = false;
  step_options how;
  how.attempts_max = 2;
  how.not_retried = {errc::not_found};
  try {
    co_await ctx.step("close-browser", std::move(request), how);
  } catch (const step_failed&) {
    // Gone already, or the node ends it.
  }
  co_return workflow::nothing{};
}

} // namespace shannon::agent
