// Paths and queries. What holds: a cleaned path is clean, a redirect stays on
// this host, and a parameter that is taken is UTF-8 without NUL.

#include "actors/gateway/routes/routes.hpp"
#include "actors/gateway/text/json_text.hpp"
#include "actors/gateway/text/query_string.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace shannon;
using namespace shannon::fuzz;

namespace {

void check_path(const std::string& path) {
  auto clean = gateway::clean_path(path);
  expect(!clean.empty() && clean.front() == '/', "a clean path is a path");
  expect(gateway::clean_path(clean) == clean, "a clean path stays as it is");
  for (auto door : {gateway::door::api, gateway::door::admin}) {
    for (const char* method : {"GET", "POST", "DELETE"}) {
      gateway::http_request request;
      request.method = method;
      request.path = path;
      request.came_by = door;
      auto found = gateway::match(request);
      using outcome = gateway::route_match::outcome;
      expect((found.what == outcome::found) == (found.to != nullptr),
             "a route is found, or there is none");
      expect(found.what != outcome::found
                 || gateway::is_reached_by(*found.to, door),
             "a route is reached by its own doors alone");
      if (found.what == outcome::moved)
        expect(found.text.size() < 2
                   || (found.text[1] != '/' && found.text[1] != '\\'),
               "a redirect stays on this host");
    }
  }
}

void check_query(const std::string& text) {
  auto query = gateway::query_string::parse(text);
  if (!query)
    return;
  for (const char* name : {"limit", "offset", "q", "workflow_id"}) {
    const auto& value = query->get(name);
    expect(gateway::find_invalid_utf8(value) == std::string::npos,
           "a parameter is UTF-8");
    expect(value.find('\0') == std::string::npos, "a parameter has no NUL");
    auto number = query->number(name, 20, 1, 100);
    expect(!number || (*number >= 1 && *number <= 100),
           "a number is within its bounds");
  }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto target = text_of(data, size);
  auto mark = target.find('?');
  // The strict layer lets no other through.
  check_path("/" + std::string{target.substr(0, mark)});
  if (mark != std::string_view::npos)
    check_query(std::string{target.substr(mark + 1)});
  return 0;
}
