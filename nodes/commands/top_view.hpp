#pragma once

#include "nodes/commands/node_view.hpp"
#include "nodes/commands/terminal.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What `shannon top` shows. Pure: from what the admin ports tell.
namespace shannon::commands {

enum class top_sort : std::uint8_t { depth, age, rate };

std::string_view to_text(top_sort by) noexcept;
std::optional<top_sort> read_top_sort(std::string_view text);

/// What a key means while `top` shows: an order, the end, or nothing.
struct top_key {
  std::optional<top_sort> by;
  bool end = false;
};
top_key key_of(char pressed) noexcept;

/// One node at one moment, or why it tells nothing.
struct node_sample {
  std::string node; ///< Its name, or where it is reached.
  std::string trouble;
  std::uint64_t actors = 0;
  std::uint64_t busy = 0;
  std::uint64_t depth = 0;
  std::optional<double> oldest_ms;
  double per_s = 0;
  std::vector<shown_actor> rows;
};

/// From `/debug/top`; what is no such answer is trouble.
node_sample sample_of(const std::string& node, const nlohmann::json& answer);

/// One actor of any node.
struct top_row {
  std::string node;
  shown_actor who;
};

/// Those of all nodes with most to do, at most `most`; of two that are alike
/// the first by node and address.
std::vector<top_row> busiest(const std::vector<node_sample>& nodes, top_sort by,
                             std::size_t most);

/// A line for each node, then a table of at most `lines` lines in all, each at
/// most `columns` wide; 0: as wide as it takes.
std::string top_text(const std::vector<node_sample>& nodes, top_sort by,
                     std::size_t lines, std::size_t columns,
                     const terminal& out);

/// What scripts get: nodes as they stand above, rows in order.
nlohmann::json top_json(const std::vector<node_sample>& nodes, top_sort by,
                        std::size_t most);

} // namespace shannon::commands
