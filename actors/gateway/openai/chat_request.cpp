#include "actors/gateway/openai/chat_request.hpp"

#include "actors/gateway/openai/field_reader.hpp"

#include <algorithm>

namespace shannon::gateway::chat {

namespace {

using remote::ChatMessage;
using std::string;

constexpr std::int64_t output_tokens_max = 1'000'000;

// -- messages -----------------------------------------------------------------

ChatMessage::Role role_of(const string& name, const string& where) {
  if (name == "system" || name == "developer")
    return ChatMessage::SYSTEM;
  if (name == "user")
    return ChatMessage::USER;
  if (name == "assistant")
    return ChatMessage::ASSISTANT;
  if (name == "tool")
    return ChatMessage::TOOL;
  refuse("Invalid request body: " + where + "role: " + name.substr(0, 64)
         + " (allowed: system, developer, user, assistant, tool)");
}

void read_file(ChatMessage& into, const json_in& block, const string& where) {
  const auto* file = object_field(block, "file", where);
  auto data = file ? text_field(*file, "file_data", where) : string{};
  if (data.empty())
    refuse("Attachment error: " + where + "file needs file_data");
  auto& out = *into.add_attachments();
  // Bare base64 is what some clients send for a PDF.
  if (data.find(':') == string::npos) {
    out.set_media_type("application/pdf");
    out.set_data_base64(std::move(data));
  } else {
    out = attachment_of_url(data, where + "file.file_data");
  }
  out.set_name(text_field(*file, "filename", where));
}

void read_image(ChatMessage& into, const json_in& block, const string& where) {
  const auto* image = find_field(block, "image_url");
  if (!image)
    refuse("Attachment error: " + where + "image_url is missing");
  auto url = image->is_string()
                 ? image->get<string>()
                 : text_field(as_object(*image, where + "image_url"), "url",
                              where + "image_url.");
  *into.add_attachments() = attachment_of_url(url, where + "image_url");
}

void read_block(ChatMessage& into, const json_in& block, const string& where) {
  auto type = text_field(as_object(block, where), "type", where + ".");
  if (type == "text")
    append_block(*into.mutable_text(), text_field(block, "text", where + "."));
  else if (type == "refusal")
    append_block(*into.mutable_text(),
                 text_field(block, "refusal", where + "."));
  else if (type == "image_url")
    read_image(into, block, where + ".");
  else if (type == "file")
    read_file(into, block, where + ".");
  else
    refuse("Invalid request body: " + where + ".type: " + type.substr(0, 64)
           + " (allowed: text, image_url, file)");
}

void read_content(ChatMessage& into, const json_in& message,
                  const string& where) {
  const auto* content = find_field(message, "content");
  if (!content)
    return;
  if (!content->is_array()) {
    into.set_text(text_field(message, "content", where));
    return;
  }
  std::size_t at = 0;
  for (const auto& block : *content)
    read_block(into, block, where + "content[" + std::to_string(at++) + "]");
}

void read_calls(ChatMessage& into, const json_in& message,
                const string& where) {
  const auto* calls = list_field(message, "tool_calls", tools_max, where);
  if (!calls)
    return;
  for (const auto& item : *calls) {
    const auto* function = object_field(as_object(item, where + "tool_calls"),
                                        "function", where + "tool_calls.");
    if (!function)
      refuse("Invalid request body: " + where
             + "tool_calls: an item without function");
    auto& call = *into.add_tool_calls();
    call.set_id(text_field(item, "id", where));
    call.set_name(text_field(*function, "name", where));
    call.set_arguments_json(text_field(*function, "arguments", where));
  }
}

void read_messages_of(const json_in& body, remote::LlmRequest& into) {
  const auto* all = list_field(body, "messages", messages_max);
  if (!all || all->empty())
    refuse("messages array is required");
  std::size_t at = 0;
  bool asks = false;
  for (const auto& item : *all) {
    auto where = "messages[" + std::to_string(at++) + "]";
    as_object(item, where);
    where += '.';
    auto& message = *into.add_messages();
    message.set_role(role_of(text_field(item, "role", where), where));
    read_content(message, item, where);
    if (message.role() == ChatMessage::ASSISTANT)
      read_calls(message, item, where);
    if (message.role() == ChatMessage::TOOL)
      message.set_tool_call_id(text_field(item, "tool_call_id", where));
    asks = asks || message.role() == ChatMessage::USER;
  }
  if (!asks)
    refuse("no user message found in messages array");
}

// -- tools and choices --------------------------------------------------------

void read_tools(const json_in& body, remote::LlmRequest& into) {
  const auto* all = list_field(body, "tools", tools_max);
  if (!all)
    return;
  std::size_t at = 0;
  for (const auto& item : *all) {
    auto where = "tools[" + std::to_string(at++) + "]";
    const auto* function
        = object_field(as_object(item, where), "function", where + ".");
    if (!function)
      refuse("Invalid request body: " + where
             + " must be of the type function");
    auto& tool = *into.add_tools();
    tool.set_name(text_field(*function, "name", where + ".function."));
    if (tool.name().empty())
      refuse("Invalid request body: " + where + ".function.name is required");
    tool.set_description(
        text_field(*function, "description", where + ".function."));
    if (const auto* schema
        = object_field(*function, "parameters", where + ".function."))
      tool.set_parameters_json(schema->dump());
  }
}

void read_tool_choice(const json_in& body, remote::LlmRequest& into) {
  const auto* choice = find_field(body, "tool_choice");
  if (!choice)
    return;
  if (choice->is_object()) {
    const auto* function = object_field(*choice, "function", "tool_choice.");
    auto name = function ? text_field(*function, "name") : string{};
    if (name.empty())
      refuse("tool_choice: function.name is required");
    return into.set_tool_choice("tool/" + name);
  }
  auto text = text_field(body, "tool_choice");
  if (text != "auto" && text != "none" && text != "required")
    refuse("Invalid tool_choice (allowed: auto, none, required, or a "
           "function)");
  into.set_tool_choice(std::move(text));
}

void read_format(const json_in& body, remote::LlmRequest& into) {
  const auto* format = object_field(body, "response_format");
  if (!format)
    return;
  auto type = text_field(*format, "type", "response_format.");
  if (type == "json_object") {
    into.set_json_object(true);
  } else if (type == "json_schema") {
    const auto* schema
        = object_field(*format, "json_schema", "response_format.");
    if (!schema)
      refuse("response_format.json_schema is required");
    into.set_json_schema(schema->dump());
  } else if (type != "text") {
    refuse("Invalid response_format.type (allowed: text, json_object, "
           "json_schema)");
  }
}

void read_numbers(const json_in& body, remote::LlmRequest& into) {
  for (const auto* name : {"max_completion_tokens", "max_tokens"})
    if (auto most = must(read_int(body, name, 1, output_tokens_max));
        most && into.max_output_tokens() == 0)
      into.set_max_output_tokens(static_cast<std::uint32_t>(*most));
  if (auto value = number_field(body, "temperature", 0, 2))
    into.set_temperature(*value);
  if (auto value = number_field(body, "top_p", 0, 1))
    into.set_top_p(*value);
  if (auto value = number_field(body, "presence_penalty", -2, 2))
    into.set_presence_penalty(*value);
  if (auto value = number_field(body, "frequency_penalty", -2, 2))
    into.set_frequency_penalty(*value);
  if (auto value = must(read_int(body, "seed", INT64_MIN, INT64_MAX)))
    into.set_seed(*value);
}

void read_options(const json_in& body, json_in& into) {
  const auto* given = object_field(body, "shannon_options");
  if (!given)
    return;
  const string where = "shannon_options.";
  if (const auto* context = object_field(*given, "context", where))
    into = *context;
  for (const auto* name : {"agent", "role", "research_strategy", "model_tier"})
    if (auto text = text_field(*given, name, where); !text.empty())
      into[name] = text;
  if (const auto* input = object_field(*given, "agent_input", where))
    into["agent_input"] = *input;
}

} // namespace

result<chat_request> read_chat(const json_in& body) {
  return read_all([&] {
    chat_request out;
    auto& call = out.call;
    call.set_purpose("chat");
    call.set_model(text_field(body, "model"));
    read_messages_of(body, call);
    read_tools(body, call);
    read_tool_choice(body, call);
    read_format(body, call);
    read_numbers(body, call);
    read_stops(body, "stop", call);
    call.set_reasoning_effort(text_field(body, "reasoning_effort"));
    if (auto parallel = must(read_bool(body, "parallel_tool_calls", "")))
      call.set_single_tool_call(!*parallel);
    call.set_stream(flag_field(body, "stream"));
    if (const auto* options = object_field(body, "stream_options"))
      out.include_usage
          = flag_field(*options, "include_usage", "stream_options.");
    read_options(body, out.options);
    return out;
  });
}

result<chat_request> read_completions(const json_in& body) {
  constexpr std::int64_t tokens_default = 8'192;
  constexpr std::int64_t tokens_max = 32'000;
  return read_all([&] {
    chat_request out;
    auto& call = out.call;
    call.set_purpose("completion");
    read_messages_of(body, call);
    read_tools(body, call);
    call.set_model(text_field(body, "specific_model"));
    auto tier = text_field(body, "model_tier");
    call.set_tier(tier.empty() ? "small" : tier);
    call.set_temperature(number_field(body, "temperature", 0, 2).value_or(0.7));
    call.set_max_output_tokens(static_cast<std::uint32_t>(
        must(read_int(body, "max_tokens", 1, tokens_max))
            .value_or(tokens_default)));
    call.set_reasoning_effort(text_field(body, "reasoning_effort"));
    call.set_stream(flag_field(body, "stream"));
    out.include_usage = true;
    return out;
  });
}

} // namespace shannon::gateway::chat
