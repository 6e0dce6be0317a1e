#include "config/keys.hpp"
#include "config/manifest_guard.hpp"
#include "config/settings.hpp"
#include "config/units.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shannon::config {

namespace {

constexpr std::size_t nodes_max = 1'024;
constexpr std::size_t name_max = 64;

/// Reads one manifest. `complaint()` tells where and why it is refused.
class reader {
public:
  reader(std::string file, std::string node)
      : file_(std::move(file)), wanted_(std::move(node)) {}

  result<settings> read(const YAML::Node& root) {
    settings all;
    if (!read_root(root, all))
      return fail(errc::invalid_argument, std::move(complaint_));
    return all;
  }

private:
  bool refuse(const YAML::Node& where, const std::string& path,
              const std::string& why) {
    auto line = where.IsDefined() ? where.Mark().line : -1;
    complaint_ = file_;
    if (line >= 0)
      complaint_ += ":" + std::to_string(line + 1);
    complaint_ += ": ";
    if (!path.empty())
      complaint_ += path + ": ";
    complaint_ += why;
    return false;
  }

  static std::string found(const YAML::Node& node) {
    switch (node.Type()) {
    case YAML::NodeType::Map:
      return "a map";
    case YAML::NodeType::Sequence:
      return "a list";
    case YAML::NodeType::Scalar:
      return "\"" + node.Scalar().substr(0, 80) + "\"";
    default:
      return "nothing";
    }
  }

  /// Checks that `map` is a map, names each key once, and only these keys.
  bool check_keys(const YAML::Node& map, const std::string& path,
                  const std::vector<std::string_view>& allowed) {
    if (!map.IsMap())
      return refuse(map, path, "expected a map, found " + found(map));
    std::set<std::string, std::less<>> seen;
    for (const auto& entry : map) {
      if (!entry.first.IsScalar())
        return refuse(entry.first, path,
                      "expected a key, found " + found(entry.first));
      const auto& key = entry.first.Scalar();
      auto full = (path.empty() ? "" : path + ".") + key.substr(0, 80);
      if (std::find(allowed.begin(), allowed.end(), key) == allowed.end()) {
        auto close = nearest(key, allowed);
        auto hint = close.empty()
                        ? std::string{}
                        : "; did you mean " + std::string{close} + "?";
        return refuse(entry.first, full, "unknown key" + hint);
      }
      if (!seen.insert(key).second)
        return refuse(entry.first, full, "stands here twice");
      auto sections = section_names();
      bool section
          = std::find(sections.begin(), sections.end(), key) != sections.end();
      // A section whose lines are all comments is empty, not wrong.
      if (entry.second.IsNull() && !section)
        return refuse(entry.first, full, "has no value");
    }
    return true;
  }

  bool read_root(const YAML::Node& root, settings& all) {
    std::vector<std::string_view> allowed{"cluster", "nodes"};
    for (auto name : key_names(""))
      allowed.push_back(name);
    for (auto name : section_names())
      if (name != "node")
        allowed.push_back(name);
    if (!root.IsMap())
      return refuse(root, "", "expected a map, found " + found(root));
    if (!check_keys(root, "", allowed))
      return false;
    std::string cluster;
    if (root["cluster"] && !read_name(root["cluster"], "cluster", cluster))
      return false;
    for (const auto& key : keys())
      if (key.section.empty() && root[std::string{key.name}]
          && !read_value(root[std::string{key.name}], "", key, all))
        return false;
    return read_sections(root, "", all) && check(root, all)
           && read_nodes(root, all);
  }

  bool check(const YAML::Node& root, const settings& all) {
    auto done = check_together(all);
    return done || refuse(root, "", done.error().text);
  }

  /// Sections as they stand at the top and, for one node, within it.
  bool read_sections(const YAML::Node& map, const std::string& path,
                     settings& all) {
    for (auto section : section_names()) {
      auto node = map[std::string{section}];
      if (section == "node" || !node || node.IsNull())
        continue;
      auto below = path + std::string{section};
      if (!check_keys(node, below, key_names(section)))
        return false;
      for (const auto& key : keys())
        if (key.section == section && node[std::string{key.name}]
            && !read_value(node[std::string{key.name}], below + ".", key, all))
          return false;
    }
    return true;
  }

  bool read_value(const YAML::Node& node, const std::string& path,
                  const key_spec& key, settings& all) {
    auto full = path + std::string{key.name};
    if (key.unit == unit_kind::host_ports) {
      std::vector<std::string> texts;
      return read_texts(node, full, key.most, texts)
             && assigned(node, full, assign_list(key, all, texts));
    }
    // A quoted number is a text to whoever wrote it.
    bool quoted = node.IsScalar() && node.Tag() == "!";
    bool number = key.unit == unit_kind::number;
    if (!node.IsScalar() || (quoted && number))
      return refuse(node, full,
                    "expected " + expectation_of(key) + ", found "
                        + (quoted ? "the text " : "") + found(node));
    return assigned(node, full, assign(key, all, node.Scalar()));
  }

  bool assigned(const YAML::Node& node, const std::string& path,
                const result<void>& done) {
    return done || refuse(node, path, done.error().text);
  }

  bool read_texts(const YAML::Node& node, const std::string& path,
                  std::size_t most, std::vector<std::string>& into) {
    if (!node.IsSequence() || node.size() > most)
      return refuse(
          node, path,
          "expected a list of at most " + std::to_string(most) + ", found "
              + (node.IsSequence() ? std::to_string(node.size()) + " elements"
                                   : found(node)));
    for (const auto& one : node) {
      if (!one.IsScalar())
        return refuse(one, path, "expected a text, found " + found(one));
      into.push_back(one.Scalar());
    }
    return true;
  }

  bool read_name(const YAML::Node& node, const std::string& path,
                 std::string& into) {
    auto fits = [](const std::string& text) {
      return !text.empty() && text.size() <= name_max
             && std::all_of(text.begin(), text.end(), [](unsigned char c) {
                  return std::isalnum(c) || c == '-' || c == '_' || c == '.';
                });
    };
    if (!node.IsScalar() || !fits(node.Scalar()))
      return refuse(node, path,
                    "expected a name of 1 to 64 letters, digits, - _ ., found "
                        + found(node));
    into = node.Scalar();
    return true;
  }

  // -- nodes ------------------------------------------------------------------

  bool read_nodes(const YAML::Node& root, settings& all) {
    auto nodes = root["nodes"];
    if (!nodes)
      return refuse(root, "nodes", "is missing: a list of nodes with roles");
    if (!nodes.IsSequence() || nodes.size() == 0 || nodes.size() > nodes_max)
      return refuse(nodes, "nodes",
                    "expected a list of 1 to 1024 nodes, found "
                        + (nodes.IsSequence()
                               ? std::to_string(nodes.size()) + " elements"
                               : found(nodes)));
    std::set<std::string> names;
    std::string known;
    bool chosen = false;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      // All nodes are checked, so that a mistake shows on every one of them.
      auto mine = all;
      if (!read_node(nodes[i], "nodes[" + std::to_string(i) + "].", mine))
        return false;
      if (!names.insert(mine.node.name).second)
        return refuse(nodes[i], "nodes",
                      "two nodes are named " + mine.node.name);
      known += (known.empty() ? "" : ", ") + mine.node.name;
      bool only = wanted_.empty() && nodes.size() == 1;
      if (!chosen && (only || mine.node.name == wanted_)) {
        picked_ = std::move(mine);
        chosen = true;
      }
    }
    if (!chosen)
      return refuse(nodes, "nodes",
                    (wanted_.empty() ? "name the node to run"
                                     : "no node is named " + wanted_)
                        + "; known: " + known.substr(0, 200));
    all = std::move(picked_);
    return true;
  }

  bool read_node(const YAML::Node& node, const std::string& path,
                 settings& mine) {
    std::vector<std::string_view> allowed{"name", "roles"};
    for (auto name : key_names("node"))
      allowed.push_back(name);
    for (auto section : {"store", "http", "llm", "tool", "run", "retention"})
      allowed.emplace_back(section);
    if (!check_keys(node, path.substr(0, path.size() - 1), allowed))
      return false;
    if (!node["name"])
      return refuse(node, path + "name", "is missing");
    if (!read_name(node["name"], path + "name", mine.node.name))
      return false;
    for (const auto& key : keys())
      if (key.section == "node" && node[std::string{key.name}]
          && !read_value(node[std::string{key.name}], path, key, mine))
        return false;
    return read_roles(node, path + "roles", mine)
           && read_sections(node, path, mine) && check(node, mine);
  }

  bool read_roles(const YAML::Node& node, const std::string& path,
                  settings& mine) {
    auto roles = node["roles"];
    const auto& known = known_roles();
    auto choice = [&] {
      std::string all;
      for (auto role : known)
        all.append(all.empty() ? "" : ", ").append(role);
      return all;
    };
    if (!roles)
      return refuse(node, path, "is missing: a list out of " + choice());
    if (!read_texts(roles, path, known.size(), mine.node.roles))
      return false;
    if (mine.node.roles.empty())
      return refuse(roles, path, "is empty: name some of " + choice());
    std::set<std::string> seen;
    for (const auto& role : mine.node.roles) {
      if (std::find(known.begin(), known.end(), role) == known.end())
        return refuse(roles, path,
                      "expected some of " + choice() + ", found \""
                          + role.substr(0, 80) + "\"");
      if (!seen.insert(role).second)
        return refuse(roles, path, "names " + role + " twice");
    }
    return true;
  }

  std::string file_;
  std::string wanted_;
  std::string complaint_;
  settings picked_;
};

} // namespace

result<settings> load(const std::string& file, const std::string& node) {
  auto text = read_guarded(file);
  if (!text)
    return tl::unexpected(text.error());
  try {
    return reader{file, node}.read(YAML::Load(*text));
  } catch (const YAML::Exception& e) {
    return fail(errc::invalid_argument, file + ":"
                                            + std::to_string(e.mark.line + 1)
                                            + ": not YAML: " + e.msg);
  }
}

} // namespace shannon::config
