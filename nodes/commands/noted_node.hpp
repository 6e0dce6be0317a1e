#pragma once

#include "nodes/node.hpp"

#include <optional>
#include <string>

/// Where the node of a data directory listens, for commands that speak to it:
/// `node.json` beside its data, from when it is ready until it ends. After a
/// crash it is still there, and nobody answers.
namespace shannon::commands {

void note_node(const std::string& dir, const nodes::node_urls& urls);
void forget_node(const std::string& dir);
std::optional<nodes::node_urls> noted_node(const std::string& dir);

} // namespace shannon::commands
