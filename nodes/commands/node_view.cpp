#include "nodes/commands/node_view.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>

namespace shannon::commands {

namespace {

using nlohmann::json;

std::string text_in(const json& row, const char* name) {
  auto at = row.find(name);
  return at != row.end() && at->is_string() ? at->get<std::string>()
                                            : std::string{};
}

std::optional<double> number_in(const json& row, const char* name) {
  auto at = row.find(name);
  if (at == row.end() || !at->is_number())
    return std::nullopt;
  return at->get<double>();
}

std::string fixed(double value, const char* unit) {
  char text[48];
  std::snprintf(text, sizeof text, "%.1f%s", value, unit);
  return text;
}

shown_actor group_of(const json& row) {
  auto out = actor_of(row);
  out.actors = count_at(row, "actors");
  out.name = std::to_string(out.actors) + " x " + out.kind;
  out.state = std::to_string(count_at(row, "busy")) + " busy";
  out.per_s.reset();
  for (const auto& below : row.value("groups", json::array()))
    out.below.push_back(group_of(below));
  return out;
}

shown_actor node_of(const json& row, bool with_groups) {
  auto out = actor_of(row);
  out.name = text_in(row, "name");
  for (const auto& child : row.value("children", json::array()))
    out.below.push_back(node_of(child, with_groups));
  if (with_groups)
    for (const auto& group : row.value("groups", json::array()))
      out.below.push_back(group_of(group));
  return out;
}

/// Counts what it takes away, so that everyone stands in one place.
void hang(shown_actor& node,
          std::multimap<std::string, const shown_actor*>& by_parent,
          std::map<std::string, bool>& told) {
  told[node.address] = true;
  for (auto& child : node.below)
    hang(child, by_parent, told);
  auto [first, last] = by_parent.equal_range(node.address);
  std::vector<const shown_actor*> mine;
  for (auto at = first; at != last; ++at)
    mine.push_back(at->second);
  by_parent.erase(first, last);
  for (const auto* one : mine) {
    if (!told.emplace(one->address, true).second)
      continue;
    node.below.push_back(*one);
    hang(node.below.back(), by_parent, told);
  }
}

struct line {
  std::string name;
  const shown_actor* who = nullptr;
};

void collect(const shown_actor& node, const std::string& before,
             const std::string& branch, std::vector<line>& into) {
  auto label = one_line(node.name);
  if (!node.kind.empty() && node.actors == 1 && node.kind != node.name)
    label += " (" + one_line(node.kind) + ")";
  into.push_back({before + branch + label, &node});
  auto deeper = before
                + (branch.empty()     ? ""
                   : branch == "└── " ? "    "
                                      : "│   ");
  for (const auto& child : node.below)
    collect(child, deeper, &child == &node.below.back() ? "└── " : "├── ",
            into);
}

std::string right(const std::string& text, std::size_t columns) {
  return text.size() < columns ? std::string(columns - text.size(), ' ') + text
                               : text;
}

std::size_t columns_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
      }));
}

std::string numbers(const shown_actor& who) {
  return padded(one_line(who.state), 12) + right(std::to_string(who.depth), 7)
         + right(age_text(who.oldest_ms), 12)
         + right(who.per_s ? fixed(*who.per_s, "") : "-", 10)
         + right(std::to_string(who.total), 12)
         + right(std::to_string(who.rejected), 9)
         + right(std::to_string(who.restarts), 9);
}

std::string titles(std::size_t width) {
  return padded("actor", width) + "  " + padded("state", 12) + right("depth", 7)
         + right("oldest", 12) + right("msgs/s", 10) + right("messages", 12)
         + right("refused", 9) + right("restarts", 9) + "  since";
}

std::string lines_text(const std::vector<line>& lines, const terminal& out) {
  std::size_t width = 5;
  for (const auto& one : lines)
    width = std::max(width, columns_of(one.name));
  width = std::min<std::size_t>(width, 60);
  auto text = out.bold(titles(width)) + "\n";
  for (const auto& [name, who] : lines) {
    auto row = padded(shortened(name, width), width) + "  " + numbers(*who);
    if (!who->since.empty())
      row += "  " + who->since.substr(0, 19) + "Z";
    if (!who->about.empty())
      row += "  " + one_line(who->about);
    if (!who->last_error.empty())
      row += "  " + one_line(who->last_error);
    auto down = who->state == "backing_off" || who->state == "ended";
    text += (down ? out.red(row) : row) + "\n";
  }
  return text;
}

} // namespace

std::uint64_t count_at(const json& row, const char* name) {
  auto at = row.find(name);
  if (at == row.end() || !at->is_number_integer())
    return 0;
  auto count = at->get<std::int64_t>();
  return count > 0 ? static_cast<std::uint64_t>(count) : 0;
}

std::string age_text(const std::optional<double>& ms) {
  if (!ms)
    return "-";
  if (*ms < 1)
    return std::to_string(static_cast<long>(*ms * 1e3)) + " us";
  if (*ms < 1e3)
    return std::to_string(static_cast<long>(*ms)) + " ms";
  if (*ms < 60e3)
    return fixed(*ms / 1e3, " s");
  auto seconds = static_cast<long>(*ms / 1e3);
  if (seconds < 3'600)
    return std::to_string(seconds / 60) + " min " + std::to_string(seconds % 60)
           + " s";
  return std::to_string(seconds / 3'600) + " h "
         + std::to_string(seconds % 3'600 / 60) + " min";
}

shown_actor actor_of(const json& row) {
  shown_actor out;
  if (!row.is_object())
    return out;
  out.address = text_in(row, "address");
  out.name = out.address;
  // Of a list over several nodes.
  if (auto node = text_in(row, "node"); !node.empty())
    out.name += "@" + node;
  out.kind = text_in(row, "kind");
  out.parent = text_in(row, "parent");
  out.state = text_in(row, "state");
  out.since = text_in(row, "since");
  out.restarts = count_at(row, "restarts");
  out.last_error = text_in(row, "last_error");
  out.about = text_in(row, "about");
  out.depth = count_at(row, "mailbox_depth");
  out.oldest_ms = number_in(row, "oldest_ms");
  out.per_s = number_in(row, "messages_per_s");
  out.total = count_at(row, "messages_total");
  out.rejected = count_at(row, "rejected_total");
  return out;
}

shown_actor tree_of(const json& tree) {
  return tree.is_object() ? node_of(tree, true) : shown_actor{};
}

shown_actor tree_with(const json& tree, const std::vector<shown_actor>& all) {
  auto root = tree.is_object() ? node_of(tree, false) : shown_actor{};
  std::multimap<std::string, const shown_actor*> by_parent;
  std::map<std::string, bool> told;
  // Who is in the tree already has its line there.
  std::vector<const shown_actor*> open{&root};
  while (!open.empty()) {
    const auto* one = open.back();
    open.pop_back();
    told[one->address] = true;
    for (const auto& child : one->below)
      open.push_back(&child);
  }
  for (const auto& one : all)
    if (told.count(one.address) == 0)
      by_parent.emplace(one.parent, &one);
  hang(root, by_parent, told);
  // Left over: parents that are gone. Their children's children hang there.
  while (!by_parent.empty()) {
    auto first = by_parent.begin();
    const auto* one = first->second;
    by_parent.erase(first);
    if (!told.emplace(one->address, true).second)
      continue;
    root.below.push_back(*one);
    hang(root.below.back(), by_parent, told);
  }
  return root;
}

std::string tree_text(const shown_actor& root, const terminal& out) {
  std::vector<line> lines;
  collect(root, "", "", lines);
  return lines_text(lines, out);
}

std::string actors_text(const std::vector<shown_actor>& rows,
                        const terminal& out) {
  if (rows.empty())
    return {};
  std::vector<line> lines;
  for (const auto& one : rows)
    lines.push_back({one_line(one.name.empty() ? one.kind : one.name), &one});
  return lines_text(lines, out);
}

} // namespace shannon::commands
