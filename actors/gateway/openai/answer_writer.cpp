#include "actors/gateway/openai/answer_writer.hpp"

#include "actors/gateway/openai/writers.hpp"
#include "actors/gateway/text/answers.hpp"
#include "actors/gateway/text/identifiers.hpp"
#include "actors/gateway/text/json_text.hpp"

#include <algorithm>
#include <ctime>

namespace shannon::gateway::chat {

namespace {

/// Type and code of a status, in both languages.
struct wording {
  int status;
  std::string_view openai_type;
  std::string_view openai_code;
  std::string_view anthropic_type;
};

constexpr wording wordings[]{
    {400, "invalid_request_error", "invalid_request", "invalid_request_error"},
    {401, "authentication_error", "invalid_api_key", "authentication_error"},
    {403, "permission_error", "invalid_request", "permission_error"},
    {404, "invalid_request_error", "model_not_found", "not_found_error"},
    {413, "invalid_request_error", "request_too_large", "request_too_large"},
    {415, "invalid_request_error", "invalid_request", "invalid_request_error"},
    {422, "invalid_request_error", "invalid_request", "invalid_request_error"},
    {429, "rate_limit_error", "rate_limit_exceeded", "rate_limit_error"},
    {503, "server_error", "service_unavailable", "overloaded_error"},
    {504, "server_error", "timeout", "timeout_error"},
};
constexpr wording of_any_other{500, "server_error", "internal_error",
                               "api_error"};

const wording& wording_of(int status) noexcept {
  for (const auto& one : wordings)
    if (one.status == status)
      return one;
  return of_any_other;
}

/// A limit is the client's to wait for, whoever it is of.
int chat_status(errc code) noexcept {
  return code == errc::overloaded ? 429 : status_of(code);
}

bool needs_escape(unsigned char c) noexcept {
  return c < 0x20 || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&'
         || c >= 0x80;
}

} // namespace

std::string error_object(dialect which, int status, std::string_view message,
                         std::string_view code) {
  const auto& words = wording_of(status);
  json_out error;
  if (which == dialect::anthropic) {
    error["type"] = words.anthropic_type;
    error["message"] = message;
    json_out all;
    all["type"] = "error";
    all["error"] = std::move(error);
    return go_text(all);
  }
  error["message"] = message;
  error["type"] = words.openai_type;
  error["param"] = nullptr;
  error["code"] = code.empty() ? words.openai_code : code;
  json_out all;
  all["error"] = std::move(error);
  return go_text(all);
}

std::string error_object(dialect which, const error& why) {
  return error_object(which, chat_status(why.code), why.text, {});
}

http_response refusal(dialect which, int status, std::string_view message,
                      std::string_view code) {
  return {status,
          {{"Content-Type", "application/json"}},
          error_object(which, status, message, code) + '\n'};
}

http_response refusal(dialect which, const error& why) {
  auto status = chat_status(why.code);
  http_response answer;
  if (which != dialect::completions) {
    answer = refusal(which, status, why.text);
  } else if (status == 503) {
    answer = refusal(which, 502, "LLM service unavailable: " + why.text);
  } else {
    // As the service behind it in the reference platform says it.
    json_out body;
    body["detail"] = why.text;
    answer = json_answer(status == 400 ? 422 : status, body);
  }
  if (why.code == errc::overloaded || status == 503) {
    auto wait = why.retry_after ? why.retry_after->count() : 1'000;
    auto whole = std::max<std::int64_t>(1, (wait + 999) / 1'000);
    answer.fields.emplace_back("Retry-After", std::to_string(whole));
  }
  return answer;
}

http_response in_words_of(dialect which, http_response response) {
  if (response.status < 400)
    return response;
  auto body = json_in::parse(response.body, nullptr, false);
  auto text = body.is_object() ? body.find("error") : body.end();
  std::string message;
  if (body.is_discarded()) { // A line of text.
    message = response.body.substr(0, response.body.find('\n'));
  } else if (body.is_object() && text != body.end() && text->is_string()) {
    message = text->get<std::string>();
    if (auto more = body.find("message");
        more != body.end() && more->is_string())
      message = more->get<std::string>();
  } else {
    return response;
  }
  auto words = refusal(which, response.status, message);
  std::erase_if(response.fields, [](const auto& field) {
    return field.first == "Content-Type";
  });
  for (auto& field : words.fields)
    response.fields.push_back(std::move(field));
  response.body = std::move(words.body);
  return response;
}

std::string answer_id(dialect which,
                      std::chrono::system_clock::time_point now) {
  if (which == dialect::anthropic)
    return "msg_" + random_hex(24);
  if (which == dialect::completions)
    return random_hex(32);
  auto at = std::chrono::system_clock::to_time_t(now);
  std::tm parts{};
  gmtime_r(&at, &parts);
  char text[24];
  auto size = std::strftime(text, sizeof text, "%Y%m%d%H%M%S", &parts);
  return "chatcmpl-" + std::string{text, size} + random_hex(8);
}

std::string json_string(std::string_view text) {
  // Nearly all that comes is plain; the rest is left to who knows it all.
  if (std::none_of(text.begin(), text.end(), [](char c) {
        return needs_escape(static_cast<unsigned char>(c));
      })) {
    std::string plain;
    plain.reserve(text.size() + 2);
    plain += '"';
    plain += text;
    return plain += '"';
  }
  return go_text(json_out(text));
}

std::unique_ptr<answer_writer> writer_of(dialect which, answer_head head) {
  switch (which) {
  case dialect::anthropic:
    return messages_writer(std::move(head));
  case dialect::completions:
    return completions_writer(std::move(head));
  case dialect::openai:
    break;
  }
  return chat_writer(std::move(head));
}

} // namespace shannon::gateway::chat
