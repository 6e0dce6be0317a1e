#include "actors/gateway/resources/skills.hpp"

#include "actors/gateway/text/identifiers.hpp"
#include "embedded/skill_files.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <tuple>

namespace shannon::gateway {

namespace {

constexpr std::string_view fence = "---\n";

tl::unexpected<error> bad(std::string_view file, const std::string& why) {
  return fail(errc::invalid_argument, std::string{file} + ": " + why);
}

/// Throws what yaml-cpp throws for a wrong type.
skill from_yaml(const YAML::Node& head) {
  skill out;
  out.name = head["name"].as<std::string>("");
  out.version = head["version"].as<std::string>("");
  out.author = head["author"].as<std::string>("");
  out.category = head["category"].as<std::string>("");
  out.description = head["description"].as<std::string>("");
  for (const auto& tool : head["requires_tools"])
    out.requires_tools.push_back(tool.as<std::string>());
  out.requires_role = head["requires_role"].as<std::string>("");
  out.budget_max = head["budget_max"] ? head["budget_max"].as<double>() : 0;
  if (head["dangerous"])
    out.dangerous = head["dangerous"].as<bool>();
  if (head["enabled"])
    out.enabled = head["enabled"].as<bool>();
  return out;
}

std::vector<skill> read_all() {
  std::vector<skill> all;
  for (const auto& [file, text] : embedded::skill_files()) {
    auto read = read_skill(file, text);
    if (!read) // A test reads them all: this build would not have passed it.
      throw std::logic_error(read.error().text);
    all.push_back(std::move(*read));
  }
  std::sort(all.begin(), all.end(), [](const skill& a, const skill& b) {
    return std::tie(a.name, a.version) < std::tie(b.name, b.version);
  });
  return all;
}

} // namespace

result<skill> read_skill(std::string_view file, std::string_view text) {
  if (!text.starts_with(fence))
    return bad(file, "expected `---` as first line");
  auto end = text.find("\n---\n", fence.size());
  if (end == std::string_view::npos)
    return bad(file, "expected a second line `---`");
  try {
    auto head = YAML::Load(
        std::string{text.substr(fence.size(), end - fence.size())});
    if (!head.IsMap())
      return bad(file, "expected keys between the lines `---`");
    static const std::set<std::string> known{
        "name",        "version",        "author",        "category",
        "description", "requires_tools", "requires_role", "budget_max",
        "dangerous",   "enabled"};
    for (const auto& one : head)
      if (auto key = one.first.as<std::string>(); known.count(key) == 0)
        return bad(file, "unknown key " + key);
    auto out = from_yaml(head);
    if (!is_identifier(out.name) || !is_identifier(out.version))
      return bad(file, "expected a name and a version of letters, digits, `.`, "
                       "`-`, `_`");
    out.file = file;
    out.content = text.substr(end + 5);
    if (out.content.empty())
      return bad(file, "expected instructions after the second `---`");
    return out;
  } catch (const YAML::Exception& thrown) {
    return bad(file, thrown.what());
  }
}

const std::vector<skill>& skills() {
  static const auto all = read_all();
  return all;
}

const skill* find_skill(std::string_view name) {
  auto at = name.find('@');
  auto wanted = name.substr(0, at);
  const skill* found = nullptr;
  for (const auto& one : skills())
    if (one.name == wanted
        && (at == std::string_view::npos || one.version == name.substr(at + 1)))
      found = &one; // The last of its name is the newest.
  return found;
}

json_out skill_line(const skill& what) {
  json_out line;
  line["name"] = what.name;
  line["version"] = what.version;
  line["category"] = what.category;
  line["description"] = what.description;
  line["requires_tools"] = what.requires_tools;
  line["dangerous"] = what.dangerous;
  line["enabled"] = what.enabled;
  return line;
}

json_out skills_json(std::string_view category) {
  json_out lines;
  std::set<std::string> categories;
  for (const auto& one : skills()) {
    categories.insert(one.category);
    if (category.empty() || one.category == category)
      lines.push_back(skill_line(one));
  }
  json_out body;
  auto count = lines.size();
  body["skills"] = std::move(lines); // null when nothing matches.
  body["count"] = count;
  body["categories"] = categories;
  return body;
}

json_out skill_detail(const skill& what) {
  json_out one;
  one["Name"] = what.name;
  one["Version"] = what.version;
  one["Author"] = what.author;
  one["Category"] = what.category;
  one["Description"] = what.description;
  one["RequiresTools"] = what.requires_tools;
  one["RequiresRole"] = what.requires_role;
  one["BudgetMax"] = go_number(what.budget_max);
  one["Dangerous"] = what.dangerous;
  one["Enabled"] = what.enabled;
  one["Metadata"] = json_out::object();
  one["Content"] = what.content;
  auto line = skill_line(what);
  for (auto& [key, value] : line.items())
    one[key] = value;
  one["author"] = what.author;
  one["requires_role"] = what.requires_role;
  one["budget_max"] = go_number(what.budget_max);
  one["content"] = what.content;
  json_out body;
  body["skill"] = std::move(one);
  body["metadata"] = {{"source_path", "config/skills/" + what.file},
                      {"content_hash", content_hash(what.content)},
                      {"loaded_at", ""}};
  return body;
}

json_out skill_versions(std::string_view name) {
  auto lines = json_out::array();
  for (const auto& one : skills())
    if (one.name == name)
      lines.push_back(skill_line(one));
  if (lines.empty())
    return nullptr;
  json_out body;
  body["name"] = name;
  auto count = lines.size();
  body["versions"] = std::move(lines);
  body["count"] = count;
  return body;
}

} // namespace shannon::gateway
