#include "tests/upstream/script.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace shannon::upstream {

namespace {

using nlohmann::json;

/// A text, or the text parts of a list of blocks.
std::string content_text(const json& message) {
  auto at = message.find("content");
  if (at == message.end())
    return {};
  if (at->is_string())
    return at->get<std::string>();
  std::string text;
  if (at->is_array())
    for (const auto& block : *at)
      if (block.is_object() && block.value("type", "") == "text")
        text += block.value("text", "");
  return text;
}

void add_files(const json& message, std::vector<std::string>& into) {
  auto at = message.find("content");
  if (at == message.end() || !at->is_array())
    return;
  for (const auto& block : *at)
    if (auto type = block.value("type", ""); type == "image_url")
      into.push_back(block["image_url"].value("url", ""));
    else if (type == "image" || type == "document")
      into.push_back(block["source"].value("data", ""));
}

std::int64_t number(const markers& all, const std::string& name,
                    std::int64_t otherwise) {
  auto at = all.find(name);
  if (at == all.end())
    return otherwise;
  return at->second.empty() ? 1 : at->second.front();
}

/// An agent's plan with the work in so many equal parts.
std::string plan_text(const std::string& query, std::int64_t parts) {
  json subtasks = json::array();
  for (std::int64_t i = 1; i <= parts; ++i)
    subtasks.push_back({{"id", "s" + std::to_string(i)},
                        {"description", query},
                        {"dependencies", json::array()},
                        {"suggested_tools", {"calculator"}}});
  return json{{"mode", parts > 1 ? "standard" : "simple"},
              {"complexity_score", parts > 1 ? 0.5 : 0.3},
              {"execution_strategy", parts > 1 ? "parallel" : "sequential"},
              {"subtasks", std::move(subtasks)}}
      .dump();
}

std::int64_t output_tokens(const behaviour& how) {
  auto bytes = how.text.size();
  for (const auto& call : how.calls)
    bytes += call.name.size() + call.arguments.size();
  return static_cast<std::int64_t>(bytes / 4 + 1);
}

/// The text in pieces: each word with the space behind it.
std::vector<std::string> tokens(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    auto end = text.find(' ', at);
    end = end == std::string::npos ? text.size() : end + 1;
    out.push_back(text.substr(at, end - at));
    at = end;
  }
  return out;
}

/// Lines `CALL name {"some": "arguments"}`: one call for each turn.
std::vector<behaviour::call> told_calls(const std::string& text) {
  constexpr std::string_view word = "CALL ";
  std::vector<behaviour::call> out;
  for (std::size_t at = 0; at < text.size();) {
    auto end = std::min(text.find('\n', at), text.size());
    auto line = text.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(word))
      continue;
    line.erase(0, word.size());
    auto space = std::min(line.find(' '), line.size());
    auto arguments = space < line.size() ? line.substr(space + 1) : "{}";
    out.push_back({"call_" + std::to_string(out.size() + 1),
                   line.substr(0, space), arguments});
  }
  return out;
}

} // namespace

std::optional<question> read_question(api language, std::string_view body) {
  auto object = json::parse(body, nullptr, false);
  if (!object.is_object() || !object.contains("messages")
      || !object["messages"].is_array())
    return std::nullopt;
  question out;
  out.language = language;
  out.model = object.value("model", "");
  out.stream = object.value("stream", false);
  out.has_tools = object.contains("tools");
  out.input_tokens = static_cast<std::int64_t>(body.size() / 4 + 1);
  if (auto at = object.find("system"); at != object.end())
    out.system = content_text(json{{"content", *at}});
  for (const auto& message : object["messages"]) {
    if (!message.is_object())
      return std::nullopt;
    auto role = message.value("role", "");
    out.turn += role == "assistant";
    auto text = content_text(message);
    if (role == "system")
      out.system += text;
    if (role == "user" && !text.empty())
      out.text = text;
    if (role == "user")
      add_files(message, out.files);
  }
  return out;
}

markers read_markers(std::string_view text) {
  markers out;
  for (auto at = text.find("[["); at != text.npos; at = text.find("[[", at)) {
    auto end = text.find("]]", at);
    if (end == text.npos)
      break;
    auto inside = text.substr(at + 2, end - at - 2);
    at = end;
    auto colon = inside.find(':');
    auto& numbers = out[std::string{inside.substr(0, colon)}];
    while (colon != inside.npos) {
      inside.remove_prefix(colon + 1);
      colon = inside.find(':');
      std::int64_t value = 0;
      auto part = inside.substr(0, colon);
      std::from_chars(part.data(), part.data() + part.size(), value);
      numbers.push_back(value);
    }
  }
  return out;
}

std::vector<rule> read_rules(std::string_view text) {
  auto object = json::parse(text, nullptr, false);
  if (!object.is_object() || !object.contains("rules")
      || !object["rules"].is_array())
    throw std::runtime_error{"script: an object with a list `rules` expected"};
  std::vector<rule> out;
  for (const auto& item : object["rules"])
    out.push_back({item.at("contains").get<std::string>(),
                   item.at("markers").get<std::string>()});
  return out;
}

bool script::is_due(const markers& all, const std::string& what,
                    const std::string& conversation, std::size_t number_at) {
  auto at = all.find(what);
  if (at == all.end())
    return false;
  if (at->second.size() <= number_at)
    return true;
  auto& done = done_[what + '\n' + conversation];
  if (done >= at->second[number_at])
    return false;
  ++done;
  return true;
}

behaviour script::decide(const question& what) {
  auto text = what.text;
  for (const auto& one : rules_)
    if (what.text.find(one.contains) != std::string::npos)
      text += one.markers;
  auto all = read_markers(text);
  behaviour out;
  out.delay = std::chrono::milliseconds{number(all, "delay", 0)};
  out.token_pause = std::chrono::milliseconds{number(all, "slow", 0)};
  if (is_due(all, "status", what.text, 1))
    out.status = static_cast<int>(number(all, "status", 500));
  out.stall = is_due(all, "stall", what.text, 0);
  out.garbage = is_due(all, "garbage", what.text, 0);
  out.cut = is_due(all, "cut", what.text, 0);
  if (what.system.find("subtasks") != std::string::npos) {
    out.text = plan_text(what.text, number(all, "parts", 1));
    return out;
  }
  auto told = told_calls(what.text);
  if (what.has_tools && !told.empty()) {
    auto turn = static_cast<std::size_t>(what.turn);
    if (turn < told.size())
      out.calls.push_back(told[turn]);
    out.text = turn < told.size() ? "I act." : "I have seen it.";
    return out;
  }
  bool busy = all.count("busy") != 0;
  bool calls = busy || all.count("tools") != 0 || all.count("badargs") != 0;
  if (what.has_tools && what.turn < number(all, "steps", calls ? 1 : 0)) {
    out.text = "I compute.";
    for (std::int64_t i = 1; i <= number(all, "tools", 1); ++i) {
      auto id = std::to_string(what.turn + 1) + "_" + std::to_string(i);
      if (busy) {
        auto code = "import time\nend = time.monotonic() + "
                    + std::to_string(number(all, "busy", 1'000))
                    + " / 1000\nwhile time.monotonic() < end: pass\nprint(7)";
        out.calls.push_back(
            {"call_" + id, "python_executor", json{{"code", code}}.dump()});
        continue;
      }
      auto expression
          = std::to_string(what.turn + 1) + " * 7 + " + std::to_string(i);
      out.calls.push_back({"call_" + id, "calculator",
                           all.count("badargs") != 0
                               ? "{\"expression\": 1 +"
                               : json{{"expression", expression}}.dump()});
    }
    return out;
  }
  out.text = "This is the scripted answer after " + std::to_string(what.turn)
             + (what.turn == 1 ? " turn." : " turns.");
  return out;
}

// -- whole answers ------------------------------------------------------------

std::string whole_answer(const question& to, const behaviour& how) {
  if (to.language == api::openai) {
    json message{{"role", "assistant"}, {"content", how.text}};
    for (const auto& call : how.calls)
      message["tool_calls"].push_back(
          {{"id", call.id},
           {"type", "function"},
           {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
    return json{
        {"id", "chatcmpl-1"},
        {"object", "chat.completion"},
        {"model", to.model},
        {"choices",
         {{{"index", 0},
           {"message", message},
           {"finish_reason", how.calls.empty() ? "stop" : "tool_calls"}}}},
        {"usage",
         {{"prompt_tokens", to.input_tokens},
          {"completion_tokens", output_tokens(how)},
          {"total_tokens", to.input_tokens + output_tokens(how)}}}}
        .dump();
  }
  json content = json::array();
  content.push_back({{"type", "text"}, {"text", how.text}});
  for (const auto& call : how.calls) {
    auto input = json::parse(call.arguments, nullptr, false);
    // What is no JSON cannot stand here: the worst is an input of any type.
    content.push_back(
        {{"type", "tool_use"},
         {"id", call.id},
         {"name", call.name},
         {"input", input.is_discarded() ? json(call.arguments) : input}});
  }
  return json{{"id", "msg_1"},
              {"type", "message"},
              {"role", "assistant"},
              {"model", to.model},
              {"content", content},
              {"stop_reason", how.calls.empty() ? "end_turn" : "tool_use"},
              {"usage",
               {{"input_tokens", to.input_tokens},
                {"output_tokens", output_tokens(how)}}}}
      .dump();
}

// -- streams ------------------------------------------------------------------

namespace {

std::vector<std::string> openai_stream(const question& to,
                                       const behaviour& how) {
  std::vector<std::string> out;
  auto add = [&](json delta, json finish = nullptr) {
    json choice{{"index", 0},
                {"delta", std::move(delta)},
                {"finish_reason", std::move(finish)}};
    out.push_back("data: "
                  + json{{"id", "chatcmpl-1"},
                         {"object", "chat.completion.chunk"},
                         {"model", to.model},
                         {"choices", {choice}}}
                        .dump()
                  + "\n\n");
  };
  for (const auto& word : tokens(how.text))
    add({{"content", word}});
  for (std::size_t i = 0; i < how.calls.size(); ++i) {
    const auto& call = how.calls[i];
    auto half = call.arguments.size() / 2;
    add({{"tool_calls",
          {{{"index", i},
            {"id", call.id},
            {"type", "function"},
            {"function",
             {{"name", call.name},
              {"arguments", call.arguments.substr(0, half)}}}}}}});
    add({{"tool_calls",
          {{{"index", i},
            {"function", {{"arguments", call.arguments.substr(half)}}}}}}});
  }
  add(json::object(), how.calls.empty() ? "stop" : "tool_calls");
  out.push_back("data: "
                + json{{"choices", json::array()},
                       {"usage",
                        {{"prompt_tokens", to.input_tokens},
                         {"completion_tokens", output_tokens(how)}}}}
                      .dump()
                + "\n\n");
  out.push_back("data: [DONE]\n\n");
  return out;
}

std::vector<std::string> anthropic_stream(const question& to,
                                          const behaviour& how) {
  std::vector<std::string> out;
  auto add = [&](const char* type, json body) {
    body["type"] = type;
    out.push_back(std::string{"event: "} + type + "\ndata: " + body.dump()
                  + "\n\n");
  };
  auto block = [&](std::size_t index, json begin, const char* delta,
                   const char* key, const std::vector<std::string>& pieces) {
    add("content_block_start",
        {{"index", index}, {"content_block", std::move(begin)}});
    for (const auto& piece : pieces)
      add("content_block_delta",
          {{"index", index}, {"delta", {{"type", delta}, {key, piece}}}});
    add("content_block_stop", {{"index", index}});
  };
  add("message_start",
      {{"message",
        {{"id", "msg_1"},
         {"role", "assistant"},
         {"model", to.model},
         {"usage",
          {{"input_tokens", to.input_tokens}, {"output_tokens", 1}}}}}});
  add("ping", json::object());
  block(0, {{"type", "text"}, {"text", ""}}, "text_delta", "text",
        tokens(how.text));
  for (std::size_t i = 0; i < how.calls.size(); ++i) {
    const auto& call = how.calls[i];
    auto half = call.arguments.size() / 2;
    block(i + 1,
          {{"type", "tool_use"},
           {"id", call.id},
           {"name", call.name},
           {"input", json::object()}},
          "input_json_delta", "partial_json",
          {call.arguments.substr(0, half), call.arguments.substr(half)});
  }
  add("message_delta",
      {{"delta",
        {{"stop_reason", how.calls.empty() ? "end_turn" : "tool_use"}}},
       {"usage", {{"output_tokens", output_tokens(how)}}}});
  add("message_stop", json::object());
  return out;
}

} // namespace

std::vector<std::string> streamed_answer(const question& to,
                                         const behaviour& how) {
  return to.language == api::openai ? openai_stream(to, how)
                                    : anthropic_stream(to, how);
}

std::string error_answer(const question& to, const behaviour& how) {
  json what{{"type", how.status == 429 ? "rate_limit_error" : "api_error"},
            {"message", "scripted " + std::to_string(how.status)}};
  if (to.language == api::openai)
    return json{{"error", what}}.dump();
  return json{{"type", "error"}, {"error", what}}.dump();
}

} // namespace shannon::upstream
