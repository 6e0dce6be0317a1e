#include "actors/gateway/identity/strict_json.hpp"

#include <set>
#include <string>
#include <vector>

namespace shannon::gateway {

nlohmann::json strict_object(std::string_view text, int depth_max) {
  using json = nlohmann::json;
  bool bad = false;
  std::vector<std::set<std::string>> seen;
  auto look = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > depth_max)
      bad = true;
    if (event == json::parse_event_t::object_start)
      seen.emplace_back();
    else if (event == json::parse_event_t::object_end)
      seen.pop_back();
    else if (event == json::parse_event_t::key)
      bad = bad || !seen.back().insert(value.get<std::string>()).second;
    return true;
  };
  auto out = json::parse(text, look, false);
  return bad || !out.is_object() ? json{} : out;
}

} // namespace shannon::gateway
