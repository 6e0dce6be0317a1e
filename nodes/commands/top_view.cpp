#include "nodes/commands/top_view.hpp"

#include <algorithm>
#include <cstdio>
#include <tuple>

namespace shannon::commands {

namespace {

using nlohmann::json;

double key_of(const shown_actor& who, top_sort by) {
  switch (by) {
  case top_sort::depth:
    return static_cast<double>(who.depth);
  case top_sort::age:
    return who.oldest_ms.value_or(-1);
  case top_sort::rate:
    break;
  }
  return who.per_s.value_or(0);
}

std::string one_digit(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

std::string right(const std::string& text, std::size_t columns) {
  return text.size() < columns ? std::string(columns - text.size(), ' ') + text
                               : text;
}

std::string summary(const node_sample& node) {
  auto text = padded(one_line(node.node), 14) + " ";
  if (!node.trouble.empty())
    return text + one_line(node.trouble);
  return text + std::to_string(node.actors) + " actors, "
         + std::to_string(node.busy) + " busy, depth "
         + std::to_string(node.depth) + ", oldest " + age_text(node.oldest_ms)
         + ", " + one_digit(node.per_s) + " messages/s";
}

std::string cut(const std::string& text, std::size_t columns) {
  return columns == 0 ? text : shortened(text, columns);
}

} // namespace

std::string_view to_text(top_sort by) noexcept {
  switch (by) {
  case top_sort::depth:
    return "depth";
  case top_sort::age:
    return "age";
  case top_sort::rate:
    break;
  }
  return "rate";
}

std::optional<top_sort> read_top_sort(std::string_view text) {
  for (auto by : {top_sort::depth, top_sort::age, top_sort::rate})
    if (text == to_text(by))
      return by;
  return std::nullopt;
}

top_key key_of(char pressed) noexcept {
  switch (pressed) {
  case 'd':
    return {top_sort::depth, false};
  case 'a':
    return {top_sort::age, false};
  case 'r':
    return {top_sort::rate, false};
  case 'q':
  case '\x03': // Ctrl-C, which a raw terminal hands over as it is.
    return {std::nullopt, true};
  default:
    return {};
  }
}

node_sample sample_of(const std::string& node, const json& answer) {
  node_sample out;
  out.node = node;
  auto rows = answer.is_object() ? answer.find("actors") : answer.end();
  if (!answer.is_object() || rows == answer.end() || !rows->is_array()) {
    out.trouble = "answers what docs/operations.md does not tell: is it a node "
                  "of this version?";
    return out;
  }
  auto totals = actor_of(answer);
  out.depth = totals.depth;
  out.oldest_ms = totals.oldest_ms;
  out.per_s = totals.per_s.value_or(0);
  out.actors = count_at(answer, "total");
  out.busy = count_at(answer, "busy");
  for (const auto& row : *rows)
    out.rows.push_back(actor_of(row));
  return out;
}

std::vector<top_row> busiest(const std::vector<node_sample>& nodes, top_sort by,
                             std::size_t most) {
  std::vector<top_row> all;
  for (const auto& node : nodes)
    for (const auto& who : node.rows)
      all.push_back({node.node, who});
  std::sort(all.begin(), all.end(), [by](const auto& a, const auto& b) {
    auto first = key_of(a.who, by);
    auto second = key_of(b.who, by);
    return first != second ? first > second
                           : std::tie(a.node, a.who.address)
                                 < std::tie(b.node, b.who.address);
  });
  if (all.size() > most)
    all.resize(most);
  return all;
}

std::string top_text(const std::vector<node_sample>& nodes, top_sort by,
                     std::size_t lines, std::size_t columns,
                     const terminal& out) {
  std::string text;
  std::size_t used = 0;
  for (const auto& node : nodes) {
    auto line = cut(summary(node), columns);
    text += (node.trouble.empty() ? line : out.red(line)) + "\n";
    ++used;
  }
  text += out.bold(cut(padded("node", 15) + right("depth", 7)
                           + right("oldest", 12) + right("msgs/s", 10)
                           + right("messages", 12) + "  " + padded("kind", 20)
                           + " actor, by " + std::string{to_text(by)},
                       columns))
          + "\n";
  ++used;
  auto left = lines > used ? lines - used : 0;
  for (const auto& [node, who] : busiest(nodes, by, left)) {
    auto line = padded(shortened(one_line(node), 14), 15)
                + right(std::to_string(who.depth), 7)
                + right(age_text(who.oldest_ms), 12)
                + right(one_digit(who.per_s.value_or(0)), 10)
                + right(std::to_string(who.total), 12) + "  "
                + padded(shortened(one_line(who.kind), 20), 20) + " "
                + one_line(who.address);
    text += cut(line, columns) + "\n";
  }
  return text;
}

json top_json(const std::vector<node_sample>& nodes, top_sort by,
              std::size_t most) {
  json all{
      {"by", to_text(by)}, {"nodes", json::array()}, {"actors", json::array()}};
  auto age = [](const std::optional<double>& ms) {
    return ms ? json(*ms) : json(nullptr);
  };
  for (const auto& node : nodes)
    all["nodes"].push_back({{"node", node.node},
                            {"trouble", node.trouble},
                            {"actors", node.actors},
                            {"busy", node.busy},
                            {"mailbox_depth", node.depth},
                            {"oldest_ms", age(node.oldest_ms)},
                            {"messages_per_s", node.per_s}});
  for (const auto& [node, who] : busiest(nodes, by, most))
    all["actors"].push_back({{"node", node},
                             {"address", who.address},
                             {"kind", who.kind},
                             {"mailbox_depth", who.depth},
                             {"oldest_ms", age(who.oldest_ms)},
                             {"messages_per_s", who.per_s.value_or(0)},
                             {"messages_total", who.total}});
  return all;
}

} // namespace shannon::commands
