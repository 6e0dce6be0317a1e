#include "actors/llm/local/turn.hpp"

#include "actors/llm/local/arithmetic.hpp"
#include "actors/llm/local/intents.hpp"
#include "actors/llm/local/local_model.hpp"
#include "actors/llm/local/programs.hpp"
#include "actors/llm/local/telling.hpp"
#include "actors/llm/wire/wire_json.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace shannon::llm {

namespace {

using nlohmann::json;
using remote::ChatMessage;
using kind = intent::kind;

/// Text handed to a program, at most.
constexpr std::size_t program_text_max = 20'000;

std::string call_id(std::size_t index) {
  return "call_" + std::to_string(index + 1);
}

/// The conversation since the user last spoke.
struct progress {
  task_text task;
  intents wanted;
  std::vector<outcome> outcomes; ///< One for each intent.
};

void take_result(progress& so_far, const ChatMessage& message) {
  std::size_t number = 0;
  const auto& id = message.tool_call_id();
  if (id.rfind("call_", 0) != 0)
    return;
  std::from_chars(id.data() + 5, id.data() + id.size(), number);
  if (number == 0 || number > so_far.outcomes.size())
    return;
  auto& one = so_far.outcomes[number - 1];
  one.state = message.is_error() ? outcome::failed : outcome::done;
  one.text = message.text();
}

/// The number that "it" or "the result" means for intent `index`.
std::string previous_number(const progress& so_far, std::size_t index) {
  for (auto i = index; i-- > 0;) {
    auto what = so_far.wanted.all[i].what;
    if ((what == kind::calculate || what == kind::run)
        && so_far.outcomes[i].state == outcome::done)
      return last_number(so_far.outcomes[i].text);
  }
  for (auto at = so_far.task.results.rbegin(); at != so_far.task.results.rend();
       ++at)
    if (auto number = last_number(*at); !number.empty())
      return number;
  return {};
}

/// Puts the number that "it" means into its place, if it is known.
void resolve(std::string& expression, const std::string& number) {
  if (number.empty())
    return;
  auto value = number.front() == '-' ? "(" + number + ")" : number;
  for (auto at = expression.find(previous_result); at != expression.npos;
       at = expression.find(previous_result))
    expression.replace(at, previous_result.size(), value);
}

progress read(const remote::LlmRequest& request) {
  progress out;
  int user = -1;
  for (int i = 0; i < request.messages_size(); ++i)
    if (request.messages(i).role() == ChatMessage::USER)
      user = i;
  if (user >= 0)
    out.task = read_task(request.messages(user).text());
  out.wanted = find_intents(out.task.own, !out.task.results.empty());
  out.outcomes.resize(out.wanted.all.size());
  for (int i = user + 1; i < request.messages_size(); ++i)
    if (request.messages(i).role() == ChatMessage::TOOL)
      take_result(out, request.messages(i));
  // From here on "it" is the number it means, wherever that is known.
  for (std::size_t i = 0; i < out.outcomes.size(); ++i)
    if (out.wanted.all[i].what == kind::calculate
        && out.outcomes[i].state != outcome::open)
      resolve(out.wanted.all[i].subject, previous_number(out, i));
  return out;
}

/// The text that a program asks about: what was read last.
std::string text_read(const progress& so_far) {
  std::string text;
  for (std::size_t i = 0; i < so_far.outcomes.size(); ++i) {
    auto what = so_far.wanted.all[i].what;
    if (so_far.outcomes[i].state == outcome::done
        && (what == kind::read || what == kind::fetch))
      text = page_body(so_far.outcomes[i].text);
  }
  return text.substr(0, program_text_max);
}

/// The arguments of the call, or none if it cannot be made.
std::optional<json> arguments(progress& so_far, std::size_t index) {
  auto& one = so_far.wanted.all[index];
  switch (one.what) {
  case kind::calculate:
    resolve(one.subject, previous_number(so_far, index));
    if (one.subject.find(previous_result) != std::string::npos)
      return std::nullopt;
    return json{{"expression", one.subject}};
  case kind::run:
    if (one.about_text) {
      auto text = text_read(so_far);
      if (text.empty())
        return std::nullopt;
      return json{
          {"code", "text = " + python_literal(text) + "\n" + one.subject}};
    }
    return json{{"code", one.subject}};
  case kind::fetch:
    return json{{"url", one.subject}};
  case kind::read:
    return json{{"path", one.subject}};
  case kind::write:
    break;
  }
  auto content = one.has_content
                     ? one.content + "\n"
                     : file_content(one.subject, so_far.task, so_far.wanted,
                                    so_far.outcomes, index);
  if (content.empty())
    return std::nullopt;
  json out{{"path", one.subject}, {"content", content}};
  if (one.append)
    out["append"] = true;
  return out;
}

} // namespace

ChatMessage next_turn(const remote::LlmRequest& request) {
  auto so_far = read(request);
  std::set<std::string> offered;
  for (const auto& tool : request.tools())
    offered.insert(tool.name());
  ChatMessage message;
  message.set_role(ChatMessage::ASSISTANT);
  auto is_over = [&](std::size_t i) {
    return so_far.outcomes[i].state != outcome::open;
  };
  // What cannot be done is over too, and may set others free.
  for (bool moved = true; moved && message.tool_calls_size() == 0;) {
    moved = false;
    for (std::size_t i = 0; i < so_far.wanted.all.size(); ++i) {
      const auto& one = so_far.wanted.all[i];
      if (is_over(i)
          || !std::all_of(one.after.begin(), one.after.end(), is_over))
        continue;
      if (offered.count(one.tool()) == 0) {
        so_far.outcomes[i].state = outcome::no_tool;
        moved = true;
        continue;
      }
      auto with = arguments(so_far, i);
      if (!with) {
        so_far.outcomes[i].state = outcome::nothing_to_do;
        moved = true;
        continue;
      }
      auto& call = *message.add_tool_calls();
      call.set_id(call_id(i));
      call.set_name(one.tool());
      call.set_arguments_json(dump(*with));
    }
  }
  if (message.tool_calls_size() == 0)
    message.set_text(answer_text(so_far.task, so_far.wanted, so_far.outcomes));
  return message;
}

std::string about_this_model() {
  return std::string{"I am "} + local_model_id
         + ", the rule-based stand-in that answers when no language model is "
           "configured. I compute, run small programs, read pages and read or "
           "write files when a task says so plainly; I know nothing of the "
           "world. For a real model set OPENAI_API_KEY or ANTHROPIC_API_KEY, "
           "or OPENAI_BASE_URL for one of your own, and start the node again.";
}

} // namespace shannon::llm
