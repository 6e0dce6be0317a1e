#include "actors/llm/local/telling.hpp"

#include "actors/llm/local/turn.hpp"
#include "actors/llm/wire/wire_json.hpp"

#include <algorithm>

namespace shannon::llm {

namespace {

using nlohmann::json;
using kind = intent::kind;

constexpr std::size_t quote_max = 1'500;
constexpr std::size_t page_quote_max = 700;

/// One thing found: what it is and its value. The two make a sentence.
struct finding {
  std::string what;  ///< `17 * 23`, `The primes below 50 are`.
  std::string value; ///< `391`, `2, 3, 5`.
  bool is_equation = false;
  bool is_quote = false;
};

/// The calculator says the value, or the whole equation.
std::string computed(const std::string& output) {
  auto equals = output.rfind('=');
  auto value = equals == output.npos
                   ? std::string_view{output}
                   : std::string_view{output}.substr(equals + 1);
  return std::string{trimmed(value)};
}

finding found(const intent& one, const outcome& how) {
  auto text = std::string{trimmed(how.text)};
  switch (one.what) {
  case kind::calculate:
    return {one.subject, computed(text), true, false};
  case kind::run:
    if (text.empty())
      text = "(no output)";
    if (one.label.empty())
      return {"The program printed", excerpt(text, quote_max), false,
              text.find('\n') != text.npos};
    if (one.label.size() > 2 && one.label.substr(one.label.size() - 2) == " =")
      return {one.label.substr(0, one.label.size() - 2), text, true, false};
    return {one.label, excerpt(text, quote_max), false,
            text.find('\n') != text.npos};
  case kind::fetch:
    return {one.subject + " says", excerpt(page_body(text), page_quote_max),
            false, true};
  case kind::read:
    return {one.subject + " contains", excerpt(text, quote_max), false, true};
  case kind::write:
    break;
  }
  return {};
}

bool ends_with(const std::string& text, std::string_view end) {
  return text.size() >= end.size()
         && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

std::string heading(const finding& what) {
  return ends_with(what.what, ":") ? what.what : what.what + ":";
}

std::string line(const finding& what) {
  if (what.is_equation)
    return what.what + " = " + what.value;
  if (what.is_quote)
    return heading(what) + "\n" + what.value;
  if (ends_with(what.what, ":"))
    return what.what + " " + what.value;
  auto end = what.value.empty() ? '.' : what.value.back();
  return what.what + " " + what.value + (end == '.' ? "" : ".");
}

/// As part of a list in an answer: quotes stand apart.
std::string item(const finding& what) {
  if (!what.is_quote)
    return line(what);
  std::string out = heading(what) + "\n";
  std::string_view rest = what.value;
  while (!rest.empty()) {
    auto end = std::min(rest.find('\n'), rest.size());
    out += "  > " + std::string{rest.substr(0, end)} + "\n";
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  out.pop_back();
  return out;
}

std::vector<finding> findings(const intents& wanted,
                              const std::vector<outcome>& outcomes,
                              const std::vector<std::size_t>& of) {
  // Who asks about a text wants the answer, not the text.
  bool has_answers = std::any_of(of.begin(), of.end(), [&](std::size_t i) {
    return wanted.all[i].about_text && outcomes[i].state == outcome::done;
  });
  std::vector<finding> out;
  for (auto i : of) {
    auto what = wanted.all[i].what;
    bool is_text = what == kind::read || what == kind::fetch;
    if (what != kind::write && !(is_text && has_answers)
        && outcomes[i].state == outcome::done)
      out.push_back(found(wanted.all[i], outcomes[i]));
  }
  return out;
}

std::string csv_field(const std::string& text) {
  std::string out = "\"";
  for (char c : text)
    out += c == '"' ? std::string{"\"\""} : std::string{c};
  return out + "\"";
}

/// The bytes that a write names in its output: "Wrote 98 bytes to …".
std::string bytes_written(const std::string& output) {
  auto at = output.find(" bytes");
  if (at == output.npos)
    return {};
  auto number = last_number(output.substr(0, at));
  return number.empty() ? number : " (" + number + " bytes)";
}

std::string failure(const intent& one, const outcome& how) {
  std::string what = one.what == kind::calculate ? "compute " + one.subject
                     : one.what == kind::fetch   ? "read " + one.subject
                     : one.what == kind::read    ? "read " + one.subject
                     : one.what == kind::write   ? "write " + one.subject
                                                 : "run the program";
  if (one.what == kind::run && one.label.size() > 8) {
    auto label = one.label.substr(0, one.label.find_last_of(' '));
    what += " for “" + label + "”";
  }
  std::string_view why = how.text;
  if (why.substr(0, 7) == "Error: ")
    why.remove_prefix(7);
  if (how.state == outcome::no_tool)
    return "I could not " + what + ": the tool " + one.tool()
           + " is not available here.";
  if (how.state == outcome::failed)
    return "I could not " + what + ": " + excerpt(why, 300)
           + (why.empty() || why.back() == '.' ? "" : ".");
  return "I could not " + what + ": no rule of mine found anything to use.";
}

std::string paragraph(const std::vector<std::string>& lines,
                      const char* before) {
  std::string out;
  for (const auto& one : lines)
    out += (out.empty() ? "" : "\n") + std::string{before} + one;
  return out;
}

void add_block(std::string& text, const std::string& block) {
  if (!block.empty())
    text += (text.empty() ? "" : "\n\n") + block;
}

} // namespace

std::string page_body(const std::string& output) {
  auto rest = std::string_view{output};
  for (auto head : {"Title: ", "URL: "})
    if (rest.rfind(head, 0) == 0)
      rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
  return std::string{trimmed(rest)};
}

std::string file_content(const std::string& path, const task_text& task,
                         const intents& wanted,
                         const std::vector<outcome>& outcomes,
                         std::size_t index) {
  auto all = findings(wanted, outcomes, wanted.all[index].after);
  // A summary tells results, unless there is nothing but what was read.
  if (all.empty() && task.results.empty())
    return {};
  if (ends_with(path, ".json")) {
    json list = json::array();
    for (const auto& one : all)
      list.push_back({{"what", one.what}, {"value", one.value}});
    for (const auto& text : task.results)
      list.push_back({{"what", "earlier result"}, {"value", text}});
    return json{{"results", list}}.dump(2, ' ', false,
                                        json::error_handler_t::replace)
           + "\n";
  }
  if (ends_with(path, ".csv")) {
    std::string out = "what,value\n";
    for (const auto& one : all)
      out += csv_field(one.what) + "," + csv_field(one.value) + "\n";
    for (const auto& text : task.results)
      out += "\"earlier result\"," + csv_field(text) + "\n";
    return out;
  }
  bool markdown = ends_with(path, ".md");
  std::string out = markdown ? "# Summary\n\n" : "Summary\n\n";
  for (const auto& text : task.results)
    out += text + "\n";
  for (const auto& one : all)
    out += (markdown ? "- " + item(one) : line(one)) + "\n";
  return out;
}

std::string answer_text(const task_text& task, const intents& wanted,
                        const std::vector<outcome>& outcomes) {
  std::vector<std::size_t> every(outcomes.size());
  for (std::size_t i = 0; i < every.size(); ++i)
    every[i] = i;
  std::vector<std::string> results;
  for (const auto& one : findings(wanted, outcomes, every))
    results.push_back(item(one));
  std::vector<std::string> saved;
  std::vector<std::string> failures;
  for (auto i : every) {
    const auto& one = wanted.all[i];
    const auto& how = outcomes[i];
    if (how.state == outcome::done && one.what == kind::write)
      saved.push_back("I "
                      + std::string{one.append        ? "added "
                                    : one.has_content ? "wrote "
                                                      : "saved "}
                      + (one.has_content ? "“" + excerpt(one.content, 100) + "”"
                                         : "a summary of this")
                      + " to " + one.subject + bytes_written(how.text) + ".");
    else if (how.state != outcome::done)
      failures.push_back(failure(one, how));
  }
  // Something was to be written, and only a real model could invent it.
  bool is_helpless
      = results.empty() && wanted.unknown.empty()
        && std::any_of(outcomes.begin(), outcomes.end(), [](const auto& x) {
             return x.state == outcome::nothing_to_do;
           });
  std::string text;
  if (results.size() == 1)
    add_block(text, results.front()
                        + (results.front().find('\n') == std::string::npos
                                   && results.front().back() != '.'
                               ? "."
                               : ""));
  else if (!results.empty())
    add_block(text, "Here is what I found:\n\n" + paragraph(results, "- "));
  add_block(text, paragraph(saved, ""));
  add_block(text, paragraph(failures, ""));
  if (wanted.all.empty() && !task.results.empty())
    // Nothing to do but to hand on what others found.
    for (const auto& one : task.results)
      add_block(text, one);
  if (!wanted.unknown.empty() && !text.empty()) {
    std::string parts;
    for (const auto& one : wanted.unknown)
      parts += (parts.empty() ? "“" : ", “") + excerpt(one, 200) + "”";
    add_block(text, "I cannot answer " + parts + ". " + about_this_model());
  }
  if (text.empty())
    text = "I cannot answer this. " + about_this_model();
  else if (is_helpless)
    text += " " + about_this_model();
  return text;
}

} // namespace shannon::llm
