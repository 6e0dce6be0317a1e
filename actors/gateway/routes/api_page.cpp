#include "actors/gateway/routes/api_page.hpp"

#include "actors/gateway/routes/routes.hpp"

#include <string_view>
#include <vector>

namespace shannon::gateway {

namespace {

constexpr std::string_view opening = R"(# The HTTP API

Made from the table that serves it (`actors/gateway/routes/route_table.cpp`): do not edit it here; `SHANNON_WRITE_GOLDEN=1 build/dev/routes_test`
writes it anew. Shapes of bodies stand in `GET /openapi.json`. A credential comes as `X-API-Key: KEY` or `Authorization: Bearer KEY`; for streams also as
`?api_key=KEY`. What belongs to others is answered as if it did not exist: 404.

Columns: *scope*: what a key must allow. *limits*: `key`: counted against the rates of the key or user, of its tenant and of its address, `IP`: of the address alone; `N/min`: and on this route. *repeat*: what an
`Idempotency-Key` does: `same` names what is made, so that a repeat meets it; `recorded` gives the recorded answer again. The same key with another body is
refused with 422.
)";

std::string limits_of(const route& line) {
  if (line.counted == rate::none)
    return {};
  std::string text = line.counted == rate::caller ? "key" : "IP";
  if (line.per_minute > 0)
    text += ", " + std::to_string(line.per_minute) + "/min";
  return text;
}

std::string_view repeat_of(const route& line) noexcept {
  switch (line.repeated) {
  case repeats::as_new:
    return "";
  case repeats::by_name:
    return "same";
  case repeats::recorded:
    return "recorded";
  }
  return "";
}

std::string who_of(const route& line) {
  switch (line.who) {
  case access::anybody:
    return "anybody";
  case access::operator_:
    return "operators";
  case access::approver:
    return "operators, `http.approvals_token`";
  case access::event_source:
    return "operators, `http.events_token`";
  default:
    return line.scope.empty() ? std::string{"any key"}
                              : "`" + std::string{line.scope} + "`";
  }
}

std::string line_of(const route& line) {
  std::string text = "| `";
  text += line.method.empty() ? "GET" : line.method;
  text += ' ';
  text += line.pattern;
  text += "` | ";
  text += line.summary;
  std::string asked;
  for (const auto& one : line.asks)
    if (!one.name.empty())
      asked += (asked.empty() ? " (`" : "`, `") + std::string{one.name};
  if (!asked.empty())
    text += asked + "`)";
  text += " | " + std::to_string(line.success) + " | " + who_of(line) + " | ";
  text += limits_of(line);
  text += " | ";
  text += repeat_of(line);
  return text + " |\n";
}

} // namespace

std::string api_page() {
  std::string page{opening};
  std::vector<std::string_view> tags;
  for (const auto& line : routes()) {
    bool seen = false;
    for (auto tag : tags)
      seen = seen || tag == line.tag;
    if (!seen)
      tags.push_back(line.tag);
  }
  for (auto tag : tags) {
    page += "\n## " + std::string{tag} + "\n\n"
            + "| route | what it does (query) | success | scope | limits | "
              "repeat |\n|---|---|---|---|---|---|\n";
    for (const auto& line : routes())
      if (line.tag == tag)
        page += line_of(line);
  }
  return page;
}

} // namespace shannon::gateway
