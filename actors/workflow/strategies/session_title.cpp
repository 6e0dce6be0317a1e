#include "actors/workflow/strategies/session_title.hpp"

#include "actors/workflow/engine/text.hpp"
#include "actors/workflow/strategies/purse.hpp"
#include "embedded/prompts.hpp"
#include "protocols/remote/session.pb.h"

#include <algorithm>

namespace shannon::workflow {

namespace {

constexpr std::size_t title_points_max = 60;
/// Of a query; it is enough to say what it is about.
constexpr std::size_t query_bytes_max = 2'000;
/// More than a title needs: some models think first.
constexpr std::uint32_t title_tokens_max = 1'024;
constexpr double temperature = 0.3;

constexpr std::string_view marks[]{"\"", "'",  "`",  "*", "“", "”", "«",
                                   "»",  "「", "」", "„", " ", "\t"};

std::string_view without_marks(std::string_view text) {
  for (bool again = true; again;) {
    again = false;
    for (auto mark : marks) {
      if (text.starts_with(mark)) {
        text.remove_prefix(mark.size());
        again = true;
      }
      if (text.ends_with(mark)) {
        text.remove_suffix(mark.size());
        again = true;
      }
    }
  }
  return text;
}

std::string prompt() {
  for (const auto& [file, text] : embedded::prompts())
    if (file == "title.txt")
      return std::string{text};
  return {};
}

remote::LlmRequest question(const remote::TaskInput& task) {
  remote::LlmRequest request;
  request.set_purpose("title");
  request.set_tier("small");
  request.set_provider(task.provider());
  request.set_temperature(temperature);
  request.set_max_output_tokens(title_tokens_max);
  request.set_cost_nanousd_max(title_nanousd_max(task));
  auto& rules = *request.add_messages();
  rules.set_role(remote::ChatMessage::SYSTEM);
  rules.set_text(prompt());
  auto& query = *request.add_messages();
  query.set_role(remote::ChatMessage::USER);
  query.set_text(cut(task.query(), query_bytes_max));
  return request;
}

} // namespace

std::string title_in(std::string_view answer) {
  // Whatever breaks a line or a terminal is a blank.
  std::string text{answer};
  auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos)
    return {};
  text.erase(0, begin);
  text.erase(std::min(text.find_first_of("\r\n"), text.size()));
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; },
      ' ');
  std::string title{without_marks(text)};
  auto starts_point
      = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  std::size_t points = 0;
  std::size_t last = 0; ///< Where the last character that may stay begins.
  for (std::size_t i = 0; i < title.size(); ++i)
    if (starts_point(title[i]) && ++points == title_points_max)
      last = i;
  if (points > title_points_max)
    title = title.substr(0, last) + "…";
  return title;
}

durable<nothing> give_title(context ctx, const remote::TaskInput& task,
                            std::chrono::milliseconds time_max) {
  try {
    auto request = question(task);
    step_options once;
    once.attempts_max = 1;
    once.attempt_timeout = time_max;
    once.always_blob = true;
    auto asked = ctx.step("ask", std::move(request), once);
    auto answer = co_await asked;
    remote::NameSession wish;
    wish.set_tenant(task.tenant());
    wish.set_user(task.user());
    wish.set_session(task.session());
    wish.set_title(title_in(answer.message().text()));
    if (wish.title().empty())
      co_return nothing{};
    step_options told;
    told.completed_event = [title = wish.title()](const std::string& bytes) {
      remote::SessionNamed done;
      done.ParseFromString(bytes);
      facts::Event event;
      event.set_type(done.named() ? "LLM_OUTPUT" : "STEP_RECORDED");
      event.set_agent_id("title_generator");
      event.set_message(title);
      return event;
    };
    auto named = ctx.step("name", std::move(wish), told);
    co_await named;
  } catch (const step_failed&) {
    // The title stays what it was.
  }
  co_return nothing{};
}

} // namespace shannon::workflow
