#include "actors/agent/conversation.hpp"

#include "actors/workflow/engine/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>

namespace shannon::agent {

namespace {

using nlohmann::json;
using workflow::cut;
using workflow::cut_characters;

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

facts::Event event_of(std::string type, const std::string& agent,
                      std::string message, const json& payload) {
  facts::Event event;
  event.set_type(std::move(type));
  event.set_agent_id(agent);
  event.set_message(std::move(message));
  event.set_payload_json(dump(payload));
  return event;
}

/// Words in a key that make its value a secret; as the reference platform has
/// them.
bool names_secret(std::string key) {
  static constexpr std::array words{"api_key", "apikey",     "token",
                                    "secret",  "password",   "credential",
                                    "auth",    "private_key"};
  std::transform(key.begin(), key.end(), key.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return std::any_of(words.begin(), words.end(), [&](const char* word) {
    return key.find(word) != std::string::npos;
  });
}

json presentable(const json& value, int depth) {
  constexpr std::size_t string_max = 1'000;
  constexpr int depth_max = 4;
  if (value.is_string())
    return cut(value.get_ref<const std::string&>(), string_max);
  if (!value.is_structured())
    return value;
  if (depth >= depth_max)
    return "…";
  json copy = value.is_array() ? json::array() : json::object();
  if (value.is_array()) {
    for (const auto& item : value)
      copy.push_back(presentable(item, depth + 1));
  } else {
    for (const auto& [key, item] : value.items())
      copy[key] = names_secret(key) ? json("[redacted]")
                                    : presentable(item, depth + 1);
  }
  return copy;
}

} // namespace

conversation open_conversation(const remote::AgentBrief& brief,
                               std::string_view system_prompt) {
  conversation what;
  auto add = [&](remote::ChatMessage::Role role, std::string text) {
    auto& message = what.emplace_back();
    message.set_role(role);
    message.set_text(std::move(text));
  };
  add(remote::ChatMessage::SYSTEM, std::string{system_prompt});
  for (const auto& message : brief.history())
    what.push_back(message);
  std::string text = brief.task();
  if (!brief.query().empty() && brief.query() != brief.task())
    text += "\n\nThis is part of a larger task: " + brief.query();
  for (const auto& report : brief.inputs())
    text += "\n\nResult of " + report.name() + ":\n"
            + (report.success() ? report.text() : "failed: " + report.error());
  add(remote::ChatMessage::USER, std::move(text));
  *what.back().mutable_attachments() = brief.attachments();
  return what;
}

const remote::ChatMessage& add_answer(conversation& what,
                                      remote::ChatMessage answer) {
  answer.set_role(remote::ChatMessage::ASSISTANT);
  int number = 0;
  for (auto& call : *answer.mutable_tool_calls())
    if (++number; call.id().empty())
      call.set_id("call_" + std::to_string(what.size()) + "_"
                  + std::to_string(number));
  what.push_back(std::move(answer));
  return what.back();
}

void add_result(conversation& what, const remote::ToolCall& call,
                const remote::ToolResult& result) {
  auto& message = what.emplace_back();
  message.set_role(remote::ChatMessage::TOOL);
  message.set_tool_call_id(call.id());
  message.set_tool_name(call.name());
  message.set_is_error(!result.success());
  message.set_text(result.success() ? result.output()
                                    : "Error: " + result.error());
}

std::size_t size_of(const conversation& what) {
  std::size_t bytes = 0;
  for (const auto& message : what) {
    bytes += message.text().size() + message.tool_call_id().size()
             + message.tool_name().size();
    for (const auto& call : message.tool_calls())
      bytes += call.id().size() + call.name().size()
               + call.arguments_json().size();
  }
  return bytes;
}

bool shorten(conversation& what, std::size_t bytes_max) {
  constexpr std::size_t kept_of_newest = 1'000;
  auto bytes = size_of(what);
  auto make_room = [&](std::size_t from, std::size_t to, std::size_t keep) {
    for (auto i = from; i < to && bytes > bytes_max; ++i) {
      if (what[i].role() != remote::ChatMessage::TOOL)
        continue;
      auto had = what[i].text().size();
      auto text = cut(what[i].text(), keep)
                  + (keep == 0 ? "[this result" : "\n[the rest of a result")
                  + " of " + std::to_string(had)
                  + " bytes was left out to make room]";
      // A note is not worth replacing by a note.
      if (had < text.size() + 64)
        continue;
      bytes -= had - text.size();
      what[i].set_text(std::move(text));
    }
  };
  auto last = what.size();
  while (last > 0 && what[last - 1].role() == remote::ChatMessage::TOOL)
    --last;
  make_room(0, last, 0);
  make_room(last, what.size(), kept_of_newest);
  return bytes <= bytes_max;
}

facts::Event invoked_event(const std::string& agent,
                           const remote::ToolCall& call) {
  return event_of(
      "TOOL_INVOKED", agent, "Calling " + cut(call.name(), 100),
      {{"tool", cut(call.name(), 100)},
       {"params", json::parse(presentable_arguments(call.arguments_json()))}});
}

facts::Event observed_event(const std::string& agent,
                            const remote::ToolCall& call,
                            const remote::ToolResult& result) {
  json payload{{"tool", cut(call.name(), 100)},
               {"success", result.success()},
               {"usage", {{"duration_ms", result.duration_us() / 1000}}}};
  if (!result.success())
    payload["error"]
        = cut_characters(result.error(), workflow::event_observation_max);
  if (auto extra = json::parse(result.metadata_json(), nullptr, false);
      extra.is_object())
    payload["metadata"] = std::move(extra);
  return event_of(
      "TOOL_OBSERVATION", agent,
      cut_characters(result.success() ? result.output() : result.error(),
                     workflow::event_observation_max),
      payload);
}

facts::Event answered_event(const std::string& agent,
                            const remote::LlmResponse& answer) {
  const auto& usage = answer.usage();
  json payload{{"tokens_used", usage.input_tokens() + usage.output_tokens()},
               {"model_used", answer.model()},
               {"provider", answer.provider()},
               {"input_tokens", usage.input_tokens()},
               {"output_tokens", usage.output_tokens()},
               {"cost_usd", static_cast<double>(usage.cost_nanousd()) / 1e9},
               {"duration_ms", answer.duration_us() / 1000}};
  if (answer.message().tool_calls().empty())
    return event_of(
        "LLM_OUTPUT", agent,
        cut_characters(answer.message().text(), workflow::event_output_max),
        payload);
  std::string text = answer.message().text();
  if (text.empty()) {
    text = "Using";
    for (const auto& call : answer.message().tool_calls())
      text += " " + call.name();
  }
  payload["interim"] = true;
  return event_of("AGENT_THINKING", agent,
                  cut_characters(text, workflow::event_thinking_max), payload);
}

facts::Event role_event(const std::string& agent, const std::string& role,
                        const remote::ToolList& tools) {
  json names = json::array();
  for (const auto& tool : tools.tools())
    names.push_back(tool.name());
  return event_of("ROLE_ASSIGNED", agent,
                  "Ready with " + std::to_string(names.size()) + " tools",
                  {{"role", role.empty() ? "generalist" : role},
                   {"tool_count", names.size()},
                   {"tools", names}});
}

std::string presentable_arguments(std::string_view arguments_json) {
  auto value = json::parse(arguments_json, nullptr, false);
  return value.is_object() ? dump(presentable(value, 0)) : "{}";
}

} // namespace shannon::agent
