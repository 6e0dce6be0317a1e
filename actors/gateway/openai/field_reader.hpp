#pragma once

#include "actors/gateway/text/json_fields.hpp"
#include "actors/gateway/text/json_text.hpp"
#include "protocols/remote/llm.pb.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

/// Fields of a chat request, however deep: what is wrong leaves the whole
/// reading as an `unreadable`, which `read_all` turns into a refusal and nobody
/// else sees.
namespace shannon::gateway::chat {

struct unreadable {
  error why;
};

[[noreturn]] inline void refuse(std::string text) {
  throw unreadable{
      {errc::invalid_argument, std::move(text), false, std::nullopt}};
}

template <class T>
T must(result<T> got) {
  if (!got)
    throw unreadable{std::move(got.error())};
  return std::move(*got);
}

template <class F>
auto read_all(F read) -> result<decltype(read())> {
  try {
    return read();
  } catch (unreadable& found) {
    return tl::unexpected<error>(std::move(found.why));
  }
}

/// `where` stands before the name in what is refused: `messages[2].`.
inline std::string text_field(const json_in& object, const char* name,
                              const std::string& where = {}) {
  return must(read_string(object, name, where)).value_or("");
}

inline bool flag_field(const json_in& object, const char* name,
                       const std::string& where = {}) {
  return must(read_bool(object, name, where)).value_or(false);
}

/// Null if it is absent; refused if it is no list, or longer than `most`.
const json_in* list_field(const json_in& object, const char* name,
                          std::size_t most, const std::string& where = {});

/// Null if it is absent; refused if it is no object.
const json_in* object_field(const json_in& object, const char* name,
                            const std::string& where = {});

/// A number with or without a fraction.
std::optional<double> number_field(const json_in& object, const char* name,
                                   double least, double most);

/// One text, or a list of them.
void read_stops(const json_in& object, const char* name,
                remote::LlmRequest& into);

/// The object itself, refused if it is none.
const json_in& as_object(const json_in& value, const std::string& where);

/// `data:image/png;base64,…`, or an http or https address.
remote::Attachment attachment_of_url(const std::string& url,
                                     const std::string& where);

/// Puts a line break between two blocks of text.
void append_block(std::string& all, std::string_view text);

} // namespace shannon::gateway::chat
