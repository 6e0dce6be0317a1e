#include "actors/workflow/strategies/plan.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

namespace shannon::workflow {

namespace {

using nlohmann::json;

/// Models wrap JSON in prose or fences: the span of the outermost braces.
std::string_view object_span(std::string_view text) {
  auto from = text.find('{');
  auto to = text.rfind('}');
  if (from == std::string_view::npos || to == std::string_view::npos
      || to < from)
    return {};
  return text.substr(from, to - from + 1);
}

std::string text_at(const json& object, const char* key) {
  auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>()
                                               : std::string{};
}

std::vector<std::string> texts_at(const json& object, const char* key) {
  std::vector<std::string> texts;
  if (auto at = object.find(key); at != object.end() && at->is_array())
    for (const auto& item : *at)
      if (item.is_string())
        texts.push_back(item.get<std::string>());
  return texts;
}

/// An id becomes part of an address and a log's name.
bool is_plain_id(const std::string& id) {
  return !id.empty() && id.size() <= 64
         && std::all_of(id.begin(), id.end(), [](unsigned char c) {
              return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
            });
}

} // namespace

result<plan> parse_plan(std::string_view answer, std::string_view query,
                        std::uint32_t parts_max) {
  auto object = json::parse(object_span(answer), nullptr, false);
  if (!object.is_object())
    return fail(errc::failed, "plan: a JSON object expected");
  plan what;
  if (auto mode = text_at(object, "mode"); !mode.empty())
    what.mode = mode;
  if (auto at = object.find("complexity_score");
      at != object.end() && at->is_number())
    what.complexity = std::clamp(at->get<double>(), 0.0, 1.0);
  std::set<std::string> ids;
  if (auto parts = object.find("subtasks");
      parts != object.end() && parts->is_array()) {
    if (parts->size() > parts_max)
      return fail(errc::failed, "plan: at most " + std::to_string(parts_max)
                                    + " subtasks expected, "
                                    + std::to_string(parts->size()) + " found");
    for (const auto& item : *parts) {
      if (!item.is_object())
        return fail(errc::failed, "plan: a subtask is no object");
      plan_part part{text_at(item, "id"), text_at(item, "description"),
                     texts_at(item, "dependencies"),
                     texts_at(item, "suggested_tools")};
      if (!is_plain_id(part.id) || !ids.insert(part.id).second)
        return fail(errc::failed,
                    "plan: subtask id missing, repeated or odd: " + part.id);
      if (part.description.empty())
        part.description = std::string{query};
      what.parts.push_back(std::move(part));
    }
  }
  if (what.parts.empty())
    what.parts.push_back({"1", std::string{query}, {}, {}});
  std::size_t placed = 0;
  for (const auto& part : what.parts)
    for (const auto& name : part.dependencies)
      if (ids.count(name) == 0 && name != part.id)
        return fail(errc::failed,
                    "plan: " + part.id + " depends on the unknown " + name);
  for (const auto& wave : waves(what))
    placed += wave.size();
  if (placed != what.parts.size())
    return fail(errc::failed, "plan: dependencies form a cycle");
  return what;
}

std::vector<std::vector<std::size_t>> waves(const plan& what) {
  std::vector<std::vector<std::size_t>> order;
  std::set<std::string> done;
  std::vector<bool> placed(what.parts.size(), false);
  for (;;) {
    std::vector<std::size_t> wave;
    for (std::size_t i = 0; i < what.parts.size(); ++i) {
      const auto& needs = what.parts[i].dependencies;
      if (!placed[i]
          && std::all_of(needs.begin(), needs.end(), [&](const auto& name) {
               return done.count(name) != 0;
             }))
        wave.push_back(i);
    }
    if (wave.empty())
      return order;
    for (auto i : wave) {
      placed[i] = true;
      done.insert(what.parts[i].id);
    }
    order.push_back(std::move(wave));
  }
}

std::string plan_payload(const plan& what) {
  json nodes = json::array();
  json edges = json::array();
  for (const auto& part : what.parts) {
    nodes.push_back({{"id", part.id},
                     {"name", part.description.substr(0, 200)},
                     {"type", "agent"}});
    for (const auto& name : part.dependencies)
      edges.push_back({{"from", name}, {"to", part.id}});
  }
  return json{{"plan", nodes}, {"deps", edges}}.dump(
      -1, ' ', false, json::error_handler_t::replace);
}

} // namespace shannon::workflow
