#include "actors/llm/wire/wire_json.hpp"

#include "actors/llm/wire/upstream_error.hpp"

namespace shannon::llm {

using nlohmann::json;

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

void append_string(std::string& out, std::string_view text) {
  static constexpr std::string_view digits = "0123456789abcdef";
  auto before = out.size();
  out.reserve(before + text.size() + text.size() / 16 + 2);
  out += '"';
  for (auto c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) { // May be no UTF-8: left to who mends it.
      out.resize(before);
      out += dump(json(text));
      return;
    }
    if (byte >= 0x20 && c != '"' && c != '\\') {
      out += c;
      continue;
    }
    out += '\\';
    switch (c) {
    case '"':
    case '\\':
      out += c;
      break;
    case '\b':
      out += 'b';
      break;
    case '\f':
      out += 'f';
      break;
    case '\n':
      out += 'n';
      break;
    case '\r':
      out += 'r';
      break;
    case '\t':
      out += 't';
      break;
    default:
      out += "u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  out += '"';
}

result<json> parse_object(std::string_view text) {
  auto value = json::parse(text, nullptr, false);
  if (value.is_object())
    return value;
  return fail(errc::failed,
              value.is_discarded() ? "upstream sent no JSON"
                                   : "upstream sent JSON that is no object",
              true);
}

json arguments_object(const std::string& arguments_json) {
  auto value = json::parse(arguments_json, nullptr, false);
  return value.is_object() ? value : json::object();
}

json parameters_schema(const remote::ToolSpec& tool) {
  auto value = json::parse(tool.parameters_json(), nullptr, false);
  if (value.is_object())
    return value;
  return {{"type", "object"}, {"properties", json::object()}};
}

std::string text_at(const json& object, const char* key) {
  auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>()
                                               : std::string{};
}

std::int64_t count_at(const json& object, const char* key) {
  // More tokens than this were never sent: a broken upstream must not ruin
  // sums and prices.
  constexpr std::int64_t most = 1'000'000'000;
  auto at = object.find(key);
  if (at == object.end() || !at->is_number_integer())
    return -1;
  auto count = at->get<std::int64_t>();
  return count < 0 || count > most ? -1 : count;
}

const json& object_at(const json& object, const char* key) {
  static const json none = json::object();
  auto at = object.find(key);
  return at != object.end() && at->is_object() ? *at : none;
}

std::string chosen_tool(const remote::LlmRequest& request) {
  constexpr std::string_view one = "tool/";
  const auto& choice = request.tool_choice();
  return choice.rfind(one, 0) == 0 ? choice.substr(one.size()) : std::string{};
}

bool is_image(const remote::Attachment& what) {
  return what.media_type().empty() || what.media_type().rfind("image/", 0) == 0;
}

std::int64_t estimate_tokens(std::string_view text) {
  return static_cast<std::int64_t>((text.size() + 3) / 4);
}

std::int64_t estimate_tokens(const remote::ChatMessage& message) {
  auto sum = estimate_tokens(message.text());
  for (const auto& call : message.tool_calls())
    sum += estimate_tokens(call.name())
           + estimate_tokens(call.arguments_json());
  return sum;
}

std::int64_t estimate_tokens(const remote::LlmRequest& request) {
  std::int64_t sum = 0;
  for (const auto& message : request.messages())
    sum += estimate_tokens(message);
  for (const auto& tool : request.tools())
    sum += estimate_tokens(tool.name()) + estimate_tokens(tool.description())
           + estimate_tokens(tool.parameters_json());
  return sum;
}

void complete_usage(remote::TokenUsage& usage, std::int64_t question_tokens,
                    const remote::ChatMessage& answer) {
  if (usage.input_tokens() < 0)
    usage.set_input_tokens(question_tokens);
  if (usage.output_tokens() < 0)
    usage.set_output_tokens(estimate_tokens(answer));
  // Parts of the input: never more than all of it.
  auto within = [](std::int64_t part, std::int64_t whole) {
    return part < 0 ? 0 : part > whole ? whole : part;
  };
  usage.set_cache_read_tokens(
      within(usage.cache_read_tokens(), usage.input_tokens()));
  usage.set_cache_write_tokens(
      within(usage.cache_write_tokens(),
             usage.input_tokens() - usage.cache_read_tokens()));
}

error stream_error(const json& object) {
  return {errc::unavailable, "upstream broke off: " + upstream_message(object),
          true, std::nullopt};
}

} // namespace shannon::llm
