// Anthropic's messages, read into the same form.

#include "actors/gateway/openai/chat_request.hpp"
#include "actors/gateway/openai/field_reader.hpp"

namespace shannon::gateway::chat {

namespace {

using remote::ChatMessage;
using std::string;

constexpr std::int64_t output_tokens_max = 1'000'000;

// -- blocks -------------------------------------------------------------------

/// A text, or the texts of a list of blocks.
string plain_text(const json_in& object, const char* name,
                  const string& where) {
  const auto* value = find_field(object, name);
  if (!value || !value->is_array())
    return text_field(object, name, where);
  string all;
  for (const auto& block : *value)
    append_block(all, text_field(as_object(block, where + name), "text",
                                 where + name + "."));
  return all;
}

/// A picture or a document.
void read_source(ChatMessage& into, const json_in& block, const string& where) {
  const auto* source = object_field(block, "source", where);
  if (!source)
    refuse("Attachment error: " + where + "source is required");
  auto inside = where + "source.";
  auto type = text_field(*source, "type", inside);
  if (type == "text") // A document that is plain text.
    return append_block(*into.mutable_text(),
                        text_field(*source, "data", inside));
  if (type != "base64" && type != "url")
    refuse("Attachment error: " + inside + "type: " + type.substr(0, 64)
           + " (allowed: base64, url, text)");
  auto& out = *into.add_attachments();
  out.set_name(text_field(block, "title", where));
  if (type == "url") {
    auto url = text_field(*source, "url", inside);
    if (url.rfind("data:", 0) == 0)
      refuse("Attachment error: " + inside
             + "url must be an http or https address");
    out.set_url(attachment_of_url(url, inside + "url").url());
    if (text_field(block, "type", where) == "document")
      out.set_media_type("application/pdf");
    return;
  }
  out.set_media_type(text_field(*source, "media_type", inside));
  out.set_data_base64(text_field(*source, "data", inside));
  if (out.media_type().empty() || out.data_base64().empty())
    refuse("Attachment error: " + inside + "media_type and data are required");
}

void read_result(ChatMessage& into, const json_in& block, const string& where) {
  into.set_role(ChatMessage::TOOL);
  into.set_tool_call_id(text_field(block, "tool_use_id", where));
  into.set_is_error(flag_field(block, "is_error", where));
  const auto* content = find_field(block, "content");
  if (!content || !content->is_array())
    return into.set_text(text_field(block, "content", where));
  for (const auto& part : *content) {
    auto type = text_field(as_object(part, where + "content"), "type",
                           where + "content.");
    if (type == "image" || type == "document")
      read_source(into, part, where + "content.");
    else
      append_block(*into.mutable_text(),
                   text_field(part, "text", where + "content."));
  }
}

/// One message of a client may be several of ours: a result is one of its own.
class turn_reader {
public:
  turn_reader(remote::LlmRequest& into, ChatMessage::Role role)
      : into_(into), role_(role) {}

  void take(const json_in& block, const string& where) {
    auto type = text_field(as_object(block, where), "type", where + ".");
    if (type == "text")
      append_block(*open().mutable_text(),
                   text_field(block, "text", where + "."));
    else if (type == "image" || type == "document")
      read_source(open(), block, where + ".");
    else if (type == "tool_use")
      take_call(block, where + ".");
    else if (type == "tool_result")
      take_result(block, where + ".");
    else if (type != "thinking" && type != "redacted_thinking")
      refuse("Invalid request body: " + where + ".type: " + type.substr(0, 64)
             + " (allowed: text, image, document, tool_use, tool_result, "
               "thinking)");
  }

  ChatMessage& open() {
    if (!open_) {
      open_ = into_.add_messages();
      open_->set_role(role_);
    }
    return *open_;
  }

private:
  void take_call(const json_in& block, const string& where) {
    auto& call = *open().add_tool_calls();
    call.set_id(text_field(block, "id", where));
    call.set_name(text_field(block, "name", where));
    const auto* input = object_field(block, "input", where);
    call.set_arguments_json(input ? input->dump() : "{}");
  }

  void take_result(const json_in& block, const string& where) {
    read_result(*into_.add_messages(), block, where);
    open_ = nullptr;
  }

  remote::LlmRequest& into_;
  ChatMessage::Role role_;
  ChatMessage* open_ = nullptr;
};

void read_turns(const json_in& body, remote::LlmRequest& into) {
  const auto* all = list_field(body, "messages", messages_max);
  if (!all || all->empty())
    refuse("messages: at least one message is required");
  std::size_t at = 0;
  for (const auto& item : *all) {
    auto where = "messages[" + std::to_string(at++) + "]";
    auto role = text_field(as_object(item, where), "role", where + ".");
    if (role != "user" && role != "assistant")
      refuse("Invalid request body: " + where + ".role: " + role.substr(0, 64)
             + " (allowed: user, assistant)");
    turn_reader turn{into, role == "user" ? ChatMessage::USER
                                          : ChatMessage::ASSISTANT};
    const auto* content = find_field(item, "content");
    if (!content || !content->is_array()) {
      turn.open().set_text(text_field(item, "content", where + "."));
      continue;
    }
    std::size_t block = 0;
    for (const auto& part : *content)
      turn.take(part, where + ".content[" + std::to_string(block++) + "]");
  }
}

// -- tools --------------------------------------------------------------------

void read_tools(const json_in& body, remote::LlmRequest& into) {
  const auto* all = list_field(body, "tools", tools_max);
  if (!all)
    return;
  std::size_t at = 0;
  for (const auto& item : *all) {
    auto where = "tools[" + std::to_string(at++) + "]";
    auto type = text_field(as_object(item, where), "type", where + ".");
    if (!type.empty() && type != "custom")
      refuse(where + ".type: " + type.substr(0, 64)
             + " is not served here; send tools of your own");
    auto& tool = *into.add_tools();
    tool.set_name(text_field(item, "name", where + "."));
    if (tool.name().empty())
      refuse(where + ".name: Field required");
    tool.set_description(text_field(item, "description", where + "."));
    if (const auto* schema = object_field(item, "input_schema", where + "."))
      tool.set_parameters_json(schema->dump());
  }
}

void read_tool_choice(const json_in& body, remote::LlmRequest& into) {
  const auto* choice = object_field(body, "tool_choice");
  if (!choice)
    return;
  auto type = text_field(*choice, "type", "tool_choice.");
  into.set_single_tool_call(
      flag_field(*choice, "disable_parallel_tool_use", "tool_choice."));
  if (type == "any")
    into.set_tool_choice("required");
  else if (type == "auto" || type == "none")
    into.set_tool_choice(type);
  else if (type == "tool")
    into.set_tool_choice("tool/" + text_field(*choice, "name", "tool_choice."));
  else
    refuse("Invalid tool_choice.type (allowed: auto, any, tool, none)");
}

} // namespace

result<chat_request> read_messages(const json_in& body) {
  return read_all([&] {
    chat_request out;
    auto& call = out.call;
    call.set_purpose("chat");
    call.set_model(text_field(body, "model"));
    if (call.model().empty())
      refuse("model: Field required");
    auto most = must(read_int(body, "max_tokens", 1, output_tokens_max));
    if (!most)
      refuse("max_tokens: Field required");
    call.set_max_output_tokens(static_cast<std::uint32_t>(*most));
    if (auto system = plain_text(body, "system", ""); !system.empty()) {
      auto& message = *call.add_messages();
      message.set_role(ChatMessage::SYSTEM);
      message.set_text(std::move(system));
    }
    read_turns(body, call);
    read_tools(body, call);
    read_tool_choice(body, call);
    if (auto value = number_field(body, "temperature", 0, 1))
      call.set_temperature(*value);
    if (auto value = number_field(body, "top_p", 0, 1))
      call.set_top_p(*value);
    read_stops(body, "stop_sequences", call);
    call.set_stream(flag_field(body, "stream"));
    out.include_usage = true;
    return out;
  });
}

} // namespace shannon::gateway::chat
