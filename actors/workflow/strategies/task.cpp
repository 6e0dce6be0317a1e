#include "actors/workflow/strategies/task.hpp"

#include "actors/workflow/engine/text.hpp"
#include "actors/workflow/strategies/browser_use.hpp"
#include "actors/workflow/strategies/daemon.hpp"
#include "actors/workflow/strategies/plan.hpp"
#include "actors/workflow/strategies/purse.hpp"
#include "actors/workflow/strategies/session_title.hpp"
#include "embedded/prompts.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <optional>

namespace shannon::workflow {

namespace {

using nlohmann::json;

/// What clients know the agent by that has a task to itself.
constexpr const char* lone_agent = "simple-agent";

std::string prompt(std::string_view name) {
  for (const auto& [file, text] : embedded::prompts())
    if (file == name)
      return std::string{text};
  return {};
}

facts::Event event_of(std::string type, std::string agent, std::string message,
                      const json& payload = nullptr) {
  facts::Event event;
  event.set_type(std::move(type));
  event.set_agent_id(std::move(agent));
  event.set_message(std::move(message));
  if (payload.is_object())
    event.set_payload_json(
        payload.dump(-1, ' ', false, json::error_handler_t::replace));
  return event;
}

void add(remote::LlmRequest& request, remote::ChatMessage::Role role,
         std::string text) {
  auto& message = *request.add_messages();
  message.set_role(role);
  message.set_text(std::move(text));
}

remote::LlmRequest request_for(const remote::TaskInput& task,
                               std::string purpose) {
  remote::LlmRequest request;
  request.set_tier(purpose == "plan" && task.tier().empty() ? "small"
                                                            : task.tier());
  request.set_purpose(std::move(purpose));
  request.set_model(task.model());
  request.set_provider(task.provider());
  return request;
}

/// What a planner is told of files: it divides the work, others look at them.
std::string names_of_files(const remote::TaskInput& task) {
  std::string text;
  for (const auto& file : task.attachments())
    text += (text.empty() ? "\n\nFiles that each step can see: " : ", ")
            + (file.name().empty() ? "a file" : file.name()) + " ("
            + file.media_type() + ")";
  return text;
}

plan plan_of_one(const remote::TaskInput& task) {
  plan what;
  what.parts.push_back({"1", task.query(), {}, {}});
  return what;
}

/// One model call; whatever goes wrong with it, the task goes on.
durable<plan> make_plan(context ctx, const remote::TaskInput& task,
                        purse& money, task_options options) {
  auto request = request_for(task, "plan");
  money.pay_for(request);
  request.set_json_object(true);
  request.set_temperature(0.1);
  request.set_max_output_tokens(4096);
  add(request, remote::ChatMessage::SYSTEM, prompt("plan.txt"));
  for (const auto& message : task.history())
    *request.add_messages() = message;
  add(request, remote::ChatMessage::USER, task.query() + names_of_files(task));
  // What was accepted with the task counts: another limit could read the
  // recorded plan in another way.
  auto parts_max
      = task.agents_max() != 0 ? task.agents_max() : options.agents_max;
  auto read = [query = task.query(), parts_max](const std::string& text) {
    return parse_plan(text, query, parts_max);
  };
  step_options how;
  how.attempts_max = 3;
  how.always_blob = true;
  how.completed_event = [read, query = task.query()](const std::string& bytes) {
    remote::LlmResponse answer;
    answer.ParseFromString(bytes);
    auto got = read(answer.message().text());
    plan what = got ? *got : plan{};
    if (what.parts.empty())
      what.parts.push_back({"1", query, {}, {}});
    return event_of("PROGRESS", "planner",
                    "Planned " + std::to_string(what.parts.size())
                        + (what.parts.size() == 1 ? " step" : " steps"),
                    json::parse(plan_payload(what)));
  };
  std::optional<std::string> answer;
  try {
    auto response = co_await ctx.step("plan", std::move(request), how);
    answer = response.message().text();
  } catch (const step_failed& thrown) {
    // Without a plan one agent does it all; only a cancel ends the run here.
    if (thrown.why().code == errc::cancelled)
      throw;
  }
  if (answer)
    if (auto got = read(*answer))
      co_return *got;
  co_return plan_of_one(task);
}

/// Agents of a plan, and those that have not begun.
struct part_count {
  std::size_t all = 1;
  std::size_t left = 1;
};

durable<remote::AgentReport> work_on(context ctx, const remote::TaskInput& task,
                                     const plan_part& part,
                                     std::vector<remote::AgentReport> inputs,
                                     purse& money, part_count parts,
                                     task_options options) {
  remote::AgentBrief brief;
  brief.set_name("agent-" + part.id);
  brief.set_task(part.description);
  brief.set_query(task.query());
  for (auto& input : inputs)
    *brief.add_inputs() = std::move(input);
  for (const auto& message : task.history())
    *brief.add_history() = message;
  *brief.mutable_attachments() = task.attachments();
  brief.set_iterations_max(task.iterations_max() != 0 ? task.iterations_max()
                                                      : options.iterations_max);
  brief.set_tier(task.tier());
  brief.set_model(task.model());
  brief.set_provider(task.provider());
  auto context_object = json::parse(task.context_json(), nullptr, false);
  if (context_object.is_object() && context_object.contains("system_prompt")
      && context_object["system_prompt"].is_string())
    brief.set_system_prompt(context_object["system_prompt"].get<std::string>());
  if (uses_browser(task))
    give_browser(task, brief);
  step_options how;
  how.attempts_max = 1; // The agent itself is durable and retries inside.
  // Its log and its step are named by the brief, as in every build before.
  if (parts.all == 1 && !uses_browser(task))
    how.shown_as = lone_agent;
  how.completed_event = [name = brief.name()](const std::string& bytes) {
    remote::AgentReport report;
    report.ParseFromString(bytes);
    // One that began under an earlier build has another name.
    return event_of("AGENT_COMPLETED",
                    report.name().empty() ? name : report.name(),
                    report.success() ? "Task done" : report.error(),
                    json{{"success", report.success()},
                         {"iterations", report.iterations()},
                         {"tool_calls", report.tool_calls()}});
  };
  std::string failure;
  try {
    money.pay_for(brief, parts.left, parts.all > 1);
    auto report = co_await ctx.scope(part.id).step("agent", brief, how);
    if (report.name().empty())
      report.set_name(brief.name());
    co_return report;
  } catch (const step_failed& thrown) {
    if (thrown.why().code == errc::cancelled)
      throw;
    failure = thrown.why().text;
  }
  money.lost(brief);
  // Another part may still give an answer.
  remote::AgentReport report;
  report.set_name("agent-" + part.id);
  report.set_error(failure);
  co_return report;
}

durable<std::vector<remote::AgentReport>>
work_in_waves(context ctx, const remote::TaskInput& task, const plan& what,
              purse& money, task_options options) {
  std::map<std::string, remote::AgentReport> reports;
  for (const auto& wave : waves(what)) {
    part_count parts{what.parts.size(), what.parts.size() - reports.size()};
    std::vector<durable<remote::AgentReport>> running;
    for (auto i : wave) {
      std::vector<remote::AgentReport> inputs;
      for (const auto& need : what.parts[i].dependencies)
        inputs.push_back(reports[need]);
      running.push_back(work_on(ctx, task, what.parts[i], std::move(inputs),
                                money, parts, options));
    }
    auto got = co_await all(std::move(running));
    for (std::size_t k = 0; k < wave.size(); ++k)
      reports[what.parts[wave[k]].id] = got[k];
    money.look();
  }
  std::vector<remote::AgentReport> ordered;
  for (const auto& part : what.parts)
    ordered.push_back(reports[part.id]);
  co_return ordered;
}

/// Without a call: for a task that cannot pay for one any more.
std::string in_a_row(const std::vector<remote::AgentReport>& reports) {
  std::string text;
  for (const auto& report : reports)
    if (report.success())
      text += (text.empty() ? "" : "\n\n") + report.text();
  return text;
}

durable<std::string> synthesize(context ctx, const remote::TaskInput& task,
                                const std::vector<remote::AgentReport>& reports,
                                purse& money) {
  auto request = request_for(task, "synthesize");
  request.set_stream(true);
  add(request, remote::ChatMessage::SYSTEM, prompt("synthesize.txt"));
  std::string text = "Task: " + task.query() + "\n";
  for (const auto& report : reports)
    text += "\n## Report of " + report.name() + "\n"
            + (report.success() ? report.text() : "Failed: " + report.error())
            + "\n";
  add(request, remote::ChatMessage::USER, std::move(text));
  step_options how;
  how.always_blob = true;
  how.completed_event = [](const std::string&) {
    return event_of("PROGRESS", "synthesis", "Joined the agents' reports");
  };
  try {
    money.pay_for(request);
    auto asked = ctx.step("synthesize", std::move(request), how);
    auto answer = co_await asked;
    co_return answer.message().text();
  } catch (const step_failed& thrown) {
    if (task.budget_nanousd() == 0 || thrown.why().code != errc::denied)
      throw;
  }
  co_return in_a_row(reports);
}

durable<remote::AgentReport> join(context ctx, const remote::TaskInput& task,
                                  std::vector<remote::AgentReport> reports,
                                  purse& money) {
  auto good = std::count_if(reports.begin(), reports.end(),
                            [](const auto& r) { return r.success(); });
  if (reports.size() == 1)
    co_return reports.front();
  if (good == 0) {
    remote::AgentReport none;
    none.set_error("no agent succeeded: " + reports.front().error());
    co_return none;
  }
  auto text = co_await synthesize(ctx, task, reports, money);
  remote::AgentReport joined;
  joined.set_name("synthesis");
  joined.set_success(true);
  joined.set_text(text);
  for (const auto& report : reports)
    joined.mutable_screenshots()->MergeFrom(report.screenshots());
  co_return joined;
}

} // namespace

durable<std::string> run_task(context ctx, std::string input,
                              task_options options) {
  remote::TaskInput task;
  if (!task.ParseFromString(input))
    throw step_failed{
        {errc::invalid_argument, "task input cannot be read", false, {}}};
  // Given up when the answer is there first.
  durable<nothing> title;
  if (task.names_session())
    title = give_title(ctx.scope("title"), task, options.title_timeout);
  purse money{ctx, task};
  remote::AgentReport answer;
  std::size_t count = 1;
  if (is_for_daemon(task)) {
    auto asked = ask_daemon(ctx, task);
    answer = co_await asked;
  } else {
    plan what = plan_of_one(task);
    // One page at a time: a plan would only divide what belongs together.
    if (task.mode() != "simple" && !uses_browser(task))
      what = co_await make_plan(ctx, task, money, options);
    auto reports = co_await work_in_waves(ctx, task, what, money, options);
    count = reports.size();
    answer = co_await join(ctx, task, std::move(reports), money);
  }
  if (!answer.success())
    throw step_failed{
        {errc::failed,
         answer.error().empty() ? "the agent gave no answer" : answer.error(),
         false,
         {}}};
  const auto& usage = ctx.usage();
  ctx.publish("final",
              event_of("LLM_OUTPUT", "final_output",
                       cut_characters(answer.text(), event_output_max),
                       json{{"tokens_used",
                             usage.input_tokens() + usage.output_tokens()},
                            {"model_used", usage.model()},
                            {"provider", usage.provider()}}));
  answer.set_iterations(static_cast<std::uint32_t>(count));
  co_return answer.SerializeAsString();
}

} // namespace shannon::workflow
