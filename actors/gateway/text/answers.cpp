#include "actors/gateway/text/answers.hpp"

#include <algorithm>
#include <cmath>

namespace shannon::gateway {

namespace {

std::string html_escaped(std::string_view text) {
  std::string all;
  for (char c : text)
    switch (c) {
    case '&':
      all += "&amp;";
      break;
    case '<':
      all += "&lt;";
      break;
    case '>':
      all += "&gt;";
      break;
    case '"':
      all += "&#34;";
      break;
    case '\'':
      all += "&#39;";
      break;
    default:
      all += c;
    }
  return all;
}

} // namespace

int status_of(errc code) noexcept {
  switch (code) {
  case errc::ok:
    return 200;
  case errc::invalid_argument:
    return 400;
  case errc::denied:
    return 403;
  case errc::not_found:
    return 404;
  case errc::conflict:
  case errc::mismatch:
    return 409;
  case errc::timeout:
    return 504;
  case errc::overloaded:
  case errc::unavailable:
  case errc::fenced:
  case errc::cancelled:
    return 503;
  case errc::failed:
    return 500;
  }
  return 500;
}

http_response error_answer(int status, std::string_view message) {
  return json_answer(status, {{"error", message}});
}

http_response error_answer(const error& why) {
  auto answer = error_answer(status_of(why.code), why.text);
  if (answer.status == 503) {
    auto wait = why.retry_after ? why.retry_after->count() : 1'000;
    auto whole = std::max<std::int64_t>(1, (wait + 999) / 1'000);
    answer.fields.emplace_back("Retry-After", std::to_string(whole));
  }
  return answer;
}

http_response json_answer(int status, const json_out& body) {
  return {status, {{"Content-Type", "application/json"}}, go_text(body) + '\n'};
}

http_response text_answer(int status, std::string_view text) {
  return {status,
          {{"Content-Type", "text/plain; charset=utf-8"}},
          std::string{text} + '\n'};
}

http_response redirect_answer(int status, const std::string& target) {
  return {status,
          {{"Content-Type", "text/html; charset=utf-8"}, {"Location", target}},
          "<a href=\"" + html_escaped(target) + "\">"
              + std::string{reason_phrase(status)} + "</a>.\n\n"};
}

} // namespace shannon::gateway
