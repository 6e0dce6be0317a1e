#include "actors/llm/local/planning.hpp"

#include "actors/llm/local/intents.hpp"
#include "actors/llm/local/task_text.hpp"
#include "actors/llm/wire/wire_json.hpp"

#include <algorithm>
#include <regex>
#include <set>

namespace shannon::llm {

namespace {

using nlohmann::json;

const auto syntax = std::regex::ECMAScript | std::regex::optimize;

/// Splits at every match outside quotes and code. Empty pieces are left out.
std::vector<std::string> split(const std::string& text,
                               const std::regex& boundary) {
  static const std::regex quoted{R"(```[^`]*```|`[^`]*`|"[^"]*")", syntax};
  auto lower = lowered(text);
  std::vector<span> kept;
  for (auto at = std::sregex_iterator{lower.begin(), lower.end(), quoted};
       at != std::sregex_iterator{}; ++at)
    kept.push_back({static_cast<std::size_t>(at->position()),
                    static_cast<std::size_t>(at->position() + at->length())});
  lower = masked(lower, kept);
  std::vector<std::string> out;
  std::size_t begin = 0;
  auto take = [&](std::size_t end) {
    auto piece = trimmed(std::string_view{text}.substr(begin, end - begin));
    while (!piece.empty() && (piece.back() == ',' || piece.back() == ';'))
      piece.remove_suffix(1);
    if (!piece.empty())
      out.emplace_back(piece);
  };
  for (auto at = std::sregex_iterator{lower.begin(), lower.end(), boundary};
       at != std::sregex_iterator{}; ++at) {
    take(static_cast<std::size_t>(at->position()));
    begin = static_cast<std::size_t>(at->position() + at->length());
  }
  take(text.size());
  return out;
}

std::vector<std::string> pieces_of(const std::string& query) {
  static const std::regex numbered{R"((?:^|[\n:]|[.;,] ?) *\d{1,2}[.)] +)",
                                   syntax};
  static const std::regex bullets{R"((?:^|\n) *[-*] +)", syntax};
  static const std::regex words{
      R"(;(?: and)?(?: then| also)?\s+|[.!?]\s+(?=(?:then|next|finally|also|)"
      R"(after that|afterwards)\b)|,? and also\s+|\n\n+)",
      syntax};
  for (const auto* pattern : {&numbered, &bullets}) {
    auto lower = lowered(query);
    auto count = std::distance(
        std::sregex_iterator{lower.begin(), lower.end(), *pattern},
        std::sregex_iterator{});
    if (count < 2)
      continue;
    auto out = split(query, *pattern);
    // What stands before the first item introduces the list.
    if (static_cast<std::ptrdiff_t>(out.size()) > count)
      out.erase(out.begin());
    return out;
  }
  return split(query, words);
}

std::string without_opening(std::string text) {
  static const std::regex opening{
      "^(?:and |then |next,? |also,? |finally,? |after that,? |afterwards,? )+",
      syntax};
  std::smatch m;
  auto lower = lowered(text);
  if (std::regex_search(lower, m, opening))
    text.erase(0, static_cast<std::size_t>(m.length()));
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z')
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

enum class reference { none, last, all };

reference refers_back(const std::string& piece) {
  static const std::regex to_all{
      "\\b(?:results|answers|everything|both|all of (?:it|them|this|these)|"
      "summary|summari[sz]e|them|these|those|findings|report)\\b",
      syntax};
  static const std::regex to_last{
      "^(?:then|next|after that|afterwards|finally)\\b|\\b(?:it|its|that|"
      "the (?:result|answer|output|sum|product|total|value|file|text|list)|"
      "previous|above|this)\\b",
      syntax};
  auto lower = lowered(piece);
  if (std::regex_search(lower, to_all))
    return reference::all;
  return std::regex_search(lower, to_last) ? reference::last : reference::none;
}

} // namespace

std::vector<plan_piece> plan_pieces(std::string_view query) {
  auto text = std::string{trimmed(query.substr(0, task_bytes_max))};
  auto pieces = pieces_of(text);
  bool worthy = query.size() <= task_bytes_max && pieces.size() > 1
                && pieces.size() <= plan_parts_max
                && std::all_of(pieces.begin(), pieces.end(), [](const auto& x) {
                     return x.find(' ') != std::string::npos;
                   });
  if (!worthy)
    return {{std::string{trimmed(query)}, {}}};
  std::vector<plan_piece> out;
  for (const auto& piece : pieces) {
    plan_piece one{without_opening(piece), {}};
    auto back = refers_back(piece);
    if (back == reference::last && !out.empty())
      one.needs.push_back(out.size() - 1);
    if (back == reference::all)
      for (std::size_t i = 0; i < out.size(); ++i)
        one.needs.push_back(i);
    out.push_back(std::move(one));
  }
  return out;
}

std::string plan_json(std::string_view query) {
  auto pieces = plan_pieces(query);
  json subtasks = json::array();
  std::set<std::string> all_tools;
  bool any_needs = false;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    json needs = json::array();
    for (auto j : pieces[i].needs)
      needs.push_back("s" + std::to_string(j + 1));
    any_needs |= !needs.empty();
    json tools = json::array();
    std::set<std::string> seen;
    for (const auto& one : find_intents(pieces[i].text, i > 0).all)
      if (seen.insert(one.tool()).second)
        tools.push_back(one.tool());
    all_tools.insert(seen.begin(), seen.end());
    subtasks.push_back({{"id", "s" + std::to_string(i + 1)},
                        {"description", pieces[i].text},
                        {"dependencies", std::move(needs)},
                        {"suggested_tools", std::move(tools)}});
  }
  bool simple = pieces.size() == 1;
  auto score = simple ? 0.1
                            + 0.1
                                  * static_cast<double>(std::min<std::size_t>(
                                      all_tools.size(), 3))
                      : 0.5;
  return dump(
      {{"mode", simple ? "simple" : "standard"},
       {"complexity_score", score},
       {"execution_strategy", any_needs || simple ? "sequential" : "parallel"},
       {"subtasks", std::move(subtasks)}});
}

std::string joined_reports(std::string_view message) {
  constexpr std::string_view heading = "## Report of ";
  std::vector<std::string> good;
  std::vector<std::string> failed;
  auto at = message.find(heading);
  if (at == message.npos)
    return std::string{trimmed(message)};
  while (at != message.npos) {
    message.remove_prefix(at + heading.size());
    at = message.find(heading);
    auto report = message.substr(0, at);
    auto end = report.find('\n');
    if (end == report.npos)
      continue;
    auto text = std::string{trimmed(report.substr(end))};
    auto& list = text.rfind("Failed: ", 0) == 0 ? failed : good;
    // Two agents may have been asked the same.
    if (!text.empty()
        && std::find(list.begin(), list.end(), text) == list.end())
      list.push_back(std::move(text));
  }
  std::string out;
  for (const auto& text : good)
    out += (out.empty() ? "" : "\n\n") + text;
  for (const auto& text : failed)
    out += (out.empty() ? "" : "\n\n")
           + std::string{"A part of the task was "
                         "not done: "}
           + text.substr(8);
  return out;
}

} // namespace shannon::llm
