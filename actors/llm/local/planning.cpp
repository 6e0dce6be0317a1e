#include "actors/llm/local/planning.hpp"

#include "actors/llm/local/intents.hpp"
#include "actors/llm/local/pattern.hpp"
#include "actors/llm/local/task_text.hpp"
#include "actors/llm/wire/wire_json.hpp"

#include <algorithm>
#include <set>

namespace shannon::llm {

namespace {

using nlohmann::json;

/// Splits at every match outside quotes and code. Empty pieces are left out.
std::vector<std::string> split(const std::string& text,
                               const boost::regex& boundary) {
  static const auto quoted = pattern(R"(```[^`]*```|`[^`]*`|"[^"]*")");
  auto lower = lowered(text);
  std::vector<span> kept;
  for (auto at = boost::sregex_iterator{lower.begin(), lower.end(), quoted};
       at != boost::sregex_iterator{}; ++at)
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
  for (auto at = boost::sregex_iterator{lower.begin(), lower.end(), boundary};
       at != boost::sregex_iterator{}; ++at) {
    take(static_cast<std::size_t>(at->position()));
    begin = static_cast<std::size_t>(at->position() + at->length());
  }
  take(text.size());
  return out;
}

/// "1. … 2. … 3. …", on one line or many; else empty.
std::vector<std::string> numbered_items(const std::string& query) {
  static const auto item = pattern(R"((?:^|[\s:])(\d{1,2})[.)] +(?=\S))");
  auto lower = lowered(query);
  int count = 0;
  for (auto at = boost::sregex_iterator{lower.begin(), lower.end(), item};
       at != boost::sregex_iterator{}; ++at)
    // Any other number before a full stop ends a sentence.
    if ((*at)[1] != std::to_string(++count))
      return {};
  if (count < 2)
    return {};
  auto out = split(query, item);
  // What stands before the first item introduces the list.
  if (out.size() > static_cast<std::size_t>(count))
    out.erase(out.begin());
  return out;
}

std::vector<std::string> bulleted_items(const std::string& query) {
  static const auto item = pattern(R"((?:^|\n) *[-*] +)");
  auto lower = lowered(query);
  auto count
      = std::distance(boost::sregex_iterator{lower.begin(), lower.end(), item},
                      boost::sregex_iterator{});
  if (count < 2)
    return {};
  auto out = split(query, item);
  if (static_cast<std::ptrdiff_t>(out.size()) > count)
    out.erase(out.begin());
  return out;
}

std::vector<std::string> pieces_of(const std::string& query) {
  static const auto words = pattern(
      R"(;(?: and)?(?: then| also)?\s+|[.!?]\s+(?=(?:then|next|finally|also|)"
      R"(after that|afterwards)\b)|,? and also\s+|\n\n+)");
  if (auto out = numbered_items(query); !out.empty())
    return out;
  if (auto out = bulleted_items(query); !out.empty())
    return out;
  return split(query, words);
}

std::string without_opening(std::string text) {
  static const auto opening
      = pattern("^(?:and |then |next,? |also,? |finally,? |after that,? "
                "|afterwards,? )+");
  boost::smatch m;
  auto lower = lowered(text);
  if (boost::regex_search(lower, m, opening))
    text.erase(0, static_cast<std::size_t>(m.length()));
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z')
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

enum class reference { none, last, all };

reference refers_back(const std::string& piece) {
  static const auto to_all = pattern(
      "\\b(?:results|answers|everything|both|all of (?:it|them|this|these)|"
      "summary|summari[sz]e|them|these|those|findings|report)\\b");
  static const auto to_last = pattern(
      "^(?:then|next|after that|afterwards|finally)\\b|\\b(?:it|its|that|"
      "the (?:result|answer|output|sum|product|total|value|file|text|list)|"
      "previous|above|this)\\b");
  auto lower = lowered(piece);
  if (boost::regex_search(lower, to_all))
    return reference::all;
  return boost::regex_search(lower, to_last) ? reference::last
                                             : reference::none;
}

} // namespace

std::vector<plan_piece> plan_pieces(std::string_view query) {
  auto text = std::string{trimmed(query.substr(0, task_bytes_max))};
  std::vector<std::string> pieces;
  try {
    pieces = pieces_of(text);
  } catch (const boost::regex_error&) {
    // Too tangled for the patterns: one part.
  }
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
