#include "actors/gateway/text/json_fields.hpp"

#include <algorithm>

namespace shannon::gateway {

namespace {

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

tl::unexpected<error> wrong_type(const json_in& value, const char* name,
                                 const std::string& where, const char* wanted) {
  return fail(errc::invalid_argument, "Invalid request body: " + where + name
                                          + " must be " + wanted + ", not "
                                          + type_name(value));
}

bool has_nul(const std::string& text) noexcept {
  return text.find('\0') != std::string::npos;
}

bool has_nul(const json_in& value) {
  if (value.is_string())
    return has_nul(value.get_ref<const std::string&>());
  if (value.is_array())
    return std::any_of(value.begin(), value.end(),
                       [](const json_in& item) { return has_nul(item); });
  if (value.is_object())
    for (auto at = value.begin(); at != value.end(); ++at)
      if (has_nul(at.key()) || has_nul(*at))
        return true;
  return false;
}

} // namespace

result<json_in> body_object(const http_request& request,
                            std::uint32_t depth_max) {
  auto body = parse_json(request.body, depth_max);
  if (!body)
    return fail(body.error().code,
                "Invalid request body: " + body.error().text);
  if (!body->is_object())
    return fail(errc::invalid_argument,
                "Invalid request body: must be a JSON object");
  return body;
}

const json_in* find_field(const json_in& object, std::string_view name) {
  auto exact = object.find(name);
  if (exact == object.end())
    for (auto at = object.begin(); at != object.end(); ++at)
      if (at.key().size() == name.size()
          && std::equal(name.begin(), name.end(), at.key().begin(),
                        [](char a, char b) { return lower(a) == lower(b); })) {
        exact = at;
        break;
      }
  return exact == object.end() || exact->is_null() ? nullptr : &*exact;
}

result<std::optional<std::string>>
read_string(const json_in& object, const char* name, const std::string& where) {
  const auto* value = find_field(object, name);
  if (!value)
    return std::optional<std::string>{};
  if (!value->is_string())
    return wrong_type(*value, name, where, "a string");
  auto text = value->get<std::string>();
  if (text.find('\0') != std::string::npos)
    return fail(errc::invalid_argument, "Invalid request body: " + where + name
                                            + " contains a NUL character");
  return std::optional<std::string>{std::move(text)};
}

result<std::optional<bool>> read_bool(const json_in& object, const char* name,
                                      const std::string& where) {
  const auto* value = find_field(object, name);
  if (!value)
    return std::optional<bool>{};
  if (!value->is_boolean())
    return wrong_type(*value, name, where, "a boolean");
  return std::optional<bool>{value->get<bool>()};
}

result<std::optional<std::int64_t>> read_int(const json_in& object,
                                             const char* name,
                                             std::int64_t least,
                                             std::int64_t most) {
  const auto* value = find_field(object, name);
  if (!value)
    return std::optional<std::int64_t>{};
  if (!value->is_number_integer())
    return wrong_type(*value, name, "", "a whole number");
  // An unsigned value above int64's range is out of every bound here.
  auto number
      = value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX
            ? INT64_MAX
            : value->get<std::int64_t>();
  if (number < least || number > most)
    return fail(errc::invalid_argument, std::string{name} + " out of range ("
                                            + std::to_string(least) + ".."
                                            + std::to_string(most) + ")");
  return std::optional<std::int64_t>{number};
}

std::string find_nul(const json_in& value, const std::string& path) {
  if (!has_nul(value))
    return {}; // Nearly always: no path is spelled in vain.
  if (value.is_string())
    return path;
  if (value.is_array())
    for (std::size_t i = 0; i < value.size(); ++i)
      if (has_nul(value[i]))
        return find_nul(value[i], path + "[" + std::to_string(i) + "]");
  if (value.is_object())
    for (auto at = value.begin(); at != value.end(); ++at) {
      if (at.key().find('\0') != std::string::npos)
        return "a key of " + path;
      if (has_nul(*at))
        return find_nul(*at, path + "." + at.key());
    }
  return path;
}

std::string type_name(const json_in& value) {
  if (value.is_number_float())
    return "a number with a fraction";
  return std::string{value.type_name()};
}

} // namespace shannon::gateway
