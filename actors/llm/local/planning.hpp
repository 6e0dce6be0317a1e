#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace shannon::llm {

/// Subtasks of one plan, at most.
inline constexpr std::size_t plan_parts_max = 6;

/// A plan as one JSON object, in the words of config/prompts/plan.txt. One
/// subtask, unless the query clearly lists several: numbered items, bullets,
/// semicolons, sentences that begin with "Then" or "Also", "and also". A part
/// that speaks of "it" or "the result" depends on what stands before it.
std::string plan_json(std::string_view query);

/// The parts of a query, each with the numbers of those it depends on.
struct plan_piece {
  std::string text;
  std::vector<std::size_t> needs;
};
std::vector<plan_piece> plan_pieces(std::string_view query);

/// The reports of agents, as the workflow writes them for the synthesis,
/// joined into one answer.
std::string joined_reports(std::string_view message);

} // namespace shannon::llm
