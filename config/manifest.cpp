#include "config/manifest.hpp"

#include "config/keys.hpp"
#include "config/manifest_guard.hpp"
#include "config/settings.hpp"
#include "config/units.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shannon::config {

namespace {

constexpr std::size_t nodes_max = 1'024;
constexpr std::size_t name_max = 64;
constexpr std::size_t profiles_max = 64;

/// A cluster without one of these does nothing.
constexpr std::array<std::string_view, 5> needed_roles{
    "gateway", "orchestrator", "agent", "llm", "tool"};

/// Does a listener on `one` keep `other` from the same port?
bool same_address(const std::string& one, const std::string& other) {
  auto every = [](const std::string& host) {
    return host == "0.0.0.0" || host == "::";
  };
  return one == other || every(one) || every(other);
}

/// Reads one manifest. A mistake is told with its line.
class reader {
public:
  reader(std::string file, std::string profile)
      : file_(std::move(file)), profile_(std::move(profile)) {}

  /// The one node that is named; the only one if none is.
  result<settings> one(const YAML::Node& root, const std::string& wanted) {
    settings all;
    if (!read_root(root, all) || !pick(root["nodes"], wanted, all))
      return fail(errc::invalid_argument, std::move(complaint_));
    return all;
  }

  result<manifest> whole(const YAML::Node& root) {
    settings all;
    if (!read_root(root, all) || !check_cluster(root["nodes"]))
      return fail(errc::invalid_argument, std::move(complaint_));
    return manifest{file_, all.cluster, profile_, std::move(nodes_)};
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
    std::vector<std::string_view> allowed{"cluster", "profile", "profiles",
                                          "nodes"};
    for (auto name : key_names(""))
      allowed.push_back(name);
    for (auto name : section_names())
      if (name != "node")
        allowed.push_back(name);
    if (!root.IsMap())
      return refuse(root, "", "expected a map, found " + found(root));
    if (!check_keys(root, "", allowed))
      return false;
    if (root["cluster"] && !read_name(root["cluster"], "cluster", all.cluster))
      return false;
    for (const auto& key : keys())
      if (key.section.empty() && root[std::string{key.name}]
          && !read_value(root[std::string{key.name}], "", key, all))
        return false;
    return read_sections(root, "", all) && read_profiles(root, all)
           && check(root, all) && read_nodes(root, all);
  }

  // -- profiles ---------------------------------------------------------------

  bool read_profiles(const YAML::Node& root, settings& all) {
    auto chosen = root["profile"];
    if (chosen && profile_.empty() && !read_name(chosen, "profile", profile_))
      return false;
    auto profiles = root["profiles"];
    if (profiles && (!profiles.IsMap() || profiles.size() > profiles_max))
      return refuse(profiles, "profiles",
                    "expected a map of at most 64 profiles, found "
                        + found(profiles));
    std::set<std::string> names;
    std::string known;
    // All are checked, also those that are not in force.
    for (const auto& entry : profiles) {
      std::string name;
      if (!read_name(entry.first, "profiles", name))
        return false;
      if (!names.insert(name).second)
        return refuse(entry.first, "profiles." + name, "stands here twice");
      known += (known.empty() ? "" : ", ") + name;
      if (!check_profile(entry.second, "profiles." + name, all))
        return false;
    }
    for (const auto& entry : profiles)
      if (std::vector<YAML::Node> chain;
          !chain_of(profiles, entry.first.Scalar(), entry.first, chain))
        return false;
    if (profile_.empty())
      return true;
    if (names.count(profile_) == 0)
      return refuse(chosen ? chosen : root, "profile",
                    "no profile is named " + profile_ + "; known: "
                        + (known.empty() ? "none" : known.substr(0, 200)));
    std::vector<YAML::Node> chain;
    if (!chain_of(profiles, profile_, chosen, chain))
      return false;
    for (auto one = chain.rbegin(); one != chain.rend(); ++one)
      if (!read_sections(*one, "profiles.", all))
        return false;
    return true;
  }

  bool check_profile(const YAML::Node& profile, const std::string& path,
                     settings scratch) {
    std::vector<std::string_view> allowed{"extends"};
    for (auto name : section_names())
      if (name != "node")
        allowed.push_back(name);
    return check_keys(profile, path, allowed)
           && read_sections(profile, path + ".", scratch);
  }

  /// A profile and those it extends, the farthest last. A YAML::Node that is
  /// assigned to changes the document: hence `reset`, and no insertion.
  bool chain_of(const YAML::Node& profiles, std::string name,
                const YAML::Node& where, std::vector<YAML::Node>& chain) {
    std::set<std::string> seen;
    auto from = where;
    for (;;) {
      if (!seen.insert(name).second)
        return refuse(from, "profiles." + name + ".extends",
                      "extends itself, by way of others");
      auto profile = profiles[name];
      chain.push_back(profile);
      auto next = profile["extends"];
      if (!next)
        return true;
      if (!read_name(next, "profiles." + name + ".extends", name))
        return false;
      if (!profiles[name])
        return refuse(next, "profiles", "no profile is named " + name);
      from.reset(next);
    }
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
    if (is_list(key.unit)) {
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
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      // All nodes are checked, so that a mistake shows on every one of them.
      auto mine = all;
      if (!read_node(nodes[i], "nodes[" + std::to_string(i) + "].", mine))
        return false;
      if (!names.insert(mine.node.name).second)
        return refuse(nodes[i], "nodes",
                      "two nodes are named " + mine.node.name);
      nodes_.push_back(std::move(mine));
    }
    return true;
  }

  bool pick(const YAML::Node& nodes, const std::string& wanted,
            settings& into) {
    std::string known;
    for (auto& mine : nodes_) {
      known += (known.empty() ? "" : ", ") + mine.node.name;
      bool only = wanted.empty() && nodes_.size() == 1;
      if (only || mine.node.name == wanted) {
        into = std::move(mine);
        return true;
      }
    }
    return refuse(
        nodes, "nodes",
        (wanted.empty() ? "name the node to run" : "no node is named " + wanted)
            + "; known: " + known.substr(0, 200));
  }

  // -- the cluster ------------------------------------------------------------

  bool check_cluster(const YAML::Node& nodes) {
    for (auto role : needed_roles) {
      auto played
          = std::any_of(nodes_.begin(), nodes_.end(), [role](const auto& one) {
              const auto& roles = one.node.roles;
              return std::find(roles.begin(), roles.end(), role) != roles.end();
            });
      if (!played)
        return refuse(nodes, "nodes",
                      "nobody plays the role " + std::string{role}
                          + ", and no task can be carried out without");
    }
    struct listener {
      std::string machine;
      endpoint where;
      std::string node;
    };
    std::vector<listener> taken;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      auto path = "nodes[" + std::to_string(i) + "].";
      struct named {
        const char* section;
        const std::string* text;
      };
      for (auto [section, text] : {named{"http", &nodes_[i].http.listen},
                                   named{"http", &nodes_[i].http.admin_listen},
                                   named{"link", &nodes_[i].link.listen}}) {
        auto where = parse_endpoint(*text);
        if (!where || where->port == 0)
          continue;
        const auto& machine = nodes_[i].node.host;
        for (const auto& other : taken)
          if (other.machine == machine && other.where.port == where->port
              && same_address(other.where.host, where->host))
            return refuse(nodes[i], path + section,
                          nodes_[i].node.name + " and " + other.node
                              + " both listen on port "
                              + std::to_string(where->port) + " of " + machine);
        taken.push_back({machine, *where, nodes_[i].node.name});
      }
      // One that nobody can ask is no help to the others.
      if (nodes_[i].link.listen.empty() != nodes_[0].link.listen.empty())
        return refuse(nodes[i], path + "link",
                      "of " + nodes_[0].node.name + " and "
                          + nodes_[i].node.name
                          + " only one has link.listen: all nodes are linked, "
                            "or none");
    }
    return true;
  }

  bool read_node(const YAML::Node& node, const std::string& path,
                 settings& mine) {
    std::vector<std::string_view> allowed{"name", "roles"};
    for (auto name : key_names("node"))
      allowed.push_back(name);
    for (auto section : node_section_names())
      allowed.push_back(section);
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
    // An agent's log lies in the shard of its task, and so is carried there.
    if (seen.count("orchestrator") != seen.count("agent"))
      return refuse(roles, path,
                    "orchestrator and agent go together: a node that carries "
                    "tasks carries their agents");
    return true;
  }

  std::string file_;
  std::string profile_;
  std::string complaint_;
  std::vector<settings> nodes_;
};

template <class F>
auto read_file(const std::string& file, F how) -> decltype(how(YAML::Node{})) {
  auto text = read_guarded(file);
  if (!text)
    return tl::unexpected(text.error());
  try {
    return how(YAML::Load(*text));
  } catch (const YAML::Exception& e) {
    return fail(errc::invalid_argument, file + ":"
                                            + std::to_string(e.mark.line + 1)
                                            + ": not YAML: " + e.msg);
  }
}

} // namespace

result<settings> load(const std::string& file, const std::string& node) {
  return load_node(file, node, {});
}

result<settings> load_node(const std::string& file, const std::string& node,
                           const std::string& profile) {
  return read_file(file, [&](const YAML::Node& root) {
    return reader{file, profile}.one(root, node);
  });
}

result<manifest> load_manifest(const std::string& file,
                               const std::string& profile) {
  return read_file(file, [&](const YAML::Node& root) {
    return reader{file, profile}.whole(root);
  });
}

} // namespace shannon::config
