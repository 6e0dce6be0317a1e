#include "actors/gateway/openai/field_reader.hpp"

#include "actors/gateway/openai/chat_request.hpp"

#include <cstdio>

namespace shannon::gateway::chat {

namespace {

[[noreturn]] void refuse_type(const json_in& value, const std::string& name,
                              const char* wanted) {
  refuse("Invalid request body: " + name + " must be " + wanted + ", not "
         + type_name(value));
}

std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

} // namespace

const json_in* list_field(const json_in& object, const char* name,
                          std::size_t most, const std::string& where) {
  const auto* value = find_field(object, name);
  if (!value)
    return nullptr;
  if (!value->is_array())
    refuse_type(*value, where + name, "a list");
  if (value->size() > most)
    refuse("Invalid request body: " + where + name + " holds "
           + std::to_string(value->size()) + " items, at most "
           + std::to_string(most));
  return value;
}

const json_in* object_field(const json_in& object, const char* name,
                            const std::string& where) {
  const auto* value = find_field(object, name);
  return value ? &as_object(*value, where + name) : nullptr;
}

const json_in& as_object(const json_in& value, const std::string& where) {
  if (!value.is_object())
    refuse_type(value, where, "an object");
  return value;
}

std::optional<double> number_field(const json_in& object, const char* name,
                                   double least, double most) {
  const auto* value = find_field(object, name);
  if (!value)
    return std::nullopt;
  if (!value->is_number())
    refuse_type(*value, name, "a number");
  auto number = value->get<double>();
  if (!(number >= least && number <= most))
    refuse(std::string{name} + " out of range (" + short_number(least) + ".."
           + short_number(most) + ")");
  return number;
}

void read_stops(const json_in& object, const char* name,
                remote::LlmRequest& into) {
  const auto* value = find_field(object, name);
  if (!value)
    return;
  auto add = [&](const json_in& item) {
    if (!item.is_string())
      refuse_type(item, name, "a string or a list of strings");
    // A text of nothing would end every answer.
    if (const auto& text = item.get_ref<const std::string&>(); !text.empty())
      into.add_stop(text);
  };
  if (!value->is_array())
    return add(*value);
  for (const auto& item : *list_field(object, name, stops_max))
    add(item);
}

remote::Attachment attachment_of_url(const std::string& url,
                                     const std::string& where) {
  remote::Attachment out;
  if (url.rfind("https://", 0) == 0 || url.rfind("http://", 0) == 0) {
    out.set_url(url);
    return out;
  }
  constexpr std::string_view scheme = "data:";
  auto comma = url.find(',');
  if (url.rfind(scheme, 0) != 0 || comma == std::string::npos)
    refuse("Attachment error: " + where
           + " must be an http, https or data address");
  auto head = url.substr(scheme.size(), comma - scheme.size());
  constexpr std::string_view coding = ";base64";
  if (head.size() < coding.size()
      || head.compare(head.size() - coding.size(), coding.size(), coding) != 0)
    refuse("Attachment error: " + where + " must be coded in base64");
  out.set_media_type(head.substr(0, head.find(';')));
  if (out.media_type().empty())
    refuse("Attachment error: " + where + " does not name its media type");
  out.set_data_base64(url.substr(comma + 1));
  return out;
}

void append_block(std::string& all, std::string_view text) {
  if (!all.empty() && !text.empty())
    all += '\n';
  all += text;
}

} // namespace shannon::gateway::chat
