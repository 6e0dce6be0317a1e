#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "actors/gateway/text/json_text.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Fields of a request's body, read as Go's decoder does: the exact name is
/// preferred, else case does not matter; null counts as absent. A wrong type is
/// refused (invalid_argument) and named. `where` stands before the name.
namespace shannon::gateway {

/// The object in a request's body.
result<json_in> body_object(const http_request& request,
                            std::uint32_t depth_max);

const json_in* find_field(const json_in& object, std::string_view name);

/// Also refuses NUL, which Postgres cannot store in text.
result<std::optional<std::string>>
read_string(const json_in& object, const char* name, const std::string& where);
result<std::optional<bool>> read_bool(const json_in& object, const char* name,
                                      const std::string& where);
result<std::optional<std::int64_t>> read_int(const json_in& object,
                                             const char* name,
                                             std::int64_t least,
                                             std::int64_t most);

/// Path of the first key or string with a NUL in it; empty if there is none.
std::string find_nul(const json_in& value, const std::string& path);

/// `string`, `number`, … for messages.
std::string type_name(const json_in& value);

} // namespace shannon::gateway
