#include "actors/agent/agent_loop.hpp"

#include "actors/agent/browser_calls.hpp"
#include "actors/agent/conversation.hpp"
#include "actors/workflow/engine/budget.hpp"
#include "embedded/prompts.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace shannon::agent {

namespace {

using workflow::context;
using workflow::durable;
using workflow::step_failed;
using workflow::step_options;

std::string system_prompt(const remote::AgentBrief& brief) {
  std::string text = brief.system_prompt();
  if (text.empty())
    for (const auto& [file, prompt] : embedded::prompts())
      if (file == "agent.txt")
        text = prompt;
  return text;
}

/// `browser_*` stands for all that begin so.
bool names(const std::string& pattern, const std::string& tool) {
  return pattern.ends_with('*')
             ? tool.starts_with(pattern.substr(0, pattern.size() - 1))
             : pattern == tool;
}

/// Asked once and recorded: the tools of this run stay what they were, also
/// when a newer build brings others.
durable<remote::ToolList> list_tools(context ctx,
                                     const remote::AgentBrief& brief,
                                     std::string key, std::string of_role) {
  step_options how;
  auto allowed = [patterns = std::vector<std::string>(brief.tools().begin(),
                                                      brief.tools().end())](
                     const remote::ToolList& all) {
    remote::ToolList chosen;
    for (const auto& tool : all.tools())
      if (patterns.empty()
          || std::any_of(
              patterns.begin(), patterns.end(),
              [&](const auto& one) { return names(one, tool.name()); }))
        *chosen.add_tools() = tool;
    return chosen;
  };
  how.completed_event = [allowed, name = brief.name(),
                         role = brief.role()](const std::string& bytes) {
    remote::ToolList all;
    all.ParseFromString(bytes);
    return role_event(name, role, allowed(all));
  };
  remote::ListTools which;
  which.set_role(std::move(of_role));
  auto all = co_await ctx.step(key, std::move(which), how);
  co_return allowed(all);
}

durable<remote::ToolList> choose_tools(context ctx,
                                       const remote::AgentBrief& brief) {
  remote::ToolList out;
  bool others = brief.tools().empty()
                || !std::all_of(brief.tools().begin(), brief.tools().end(),
                                is_browser_tool);
  if (others)
    out = co_await list_tools(ctx, brief, "tools", "");
  if (wants_browser(brief)) {
    auto more = co_await list_tools(ctx, brief, "browser-tools", "browser");
    out.MergeFrom(more);
  }
  co_return out;
}

durable<remote::LlmResponse>
ask_model(context ctx, const remote::AgentBrief& brief,
          const conversation& so_far, const remote::ToolList& tools,
          const workflow::budget& purse, loop_options options) {
  remote::LlmRequest request;
  request.set_purpose("agent");
  request.set_tier(brief.tier());
  request.set_model(brief.model());
  request.set_provider(brief.provider());
  request.set_stream(true);
  request.set_max_output_tokens(options.output_tokens_max);
  if (purse.has_price())
    request.set_cost_nanousd_max(purse.nanousd_left(ctx.usage()));
  if (auto left = purse.tokens_left(ctx.usage());
      purse.has_tokens() && left < options.output_tokens_max)
    request.set_max_output_tokens(static_cast<std::uint32_t>(left));
  for (const auto& message : so_far)
    *request.add_messages() = message;
  for (const auto& tool : tools.tools())
    *request.add_tools() = tool;
  step_options how;
  how.always_blob = true;
  how.completed_event = [name = brief.name()](const std::string& bytes) {
    remote::LlmResponse answer;
    answer.ParseFromString(bytes);
    return answered_event(name, answer);
  };
  auto answer = co_await ctx.step("llm", std::move(request), how);
  co_return answer;
}

durable<remote::ToolResult> use_tool(context ctx, std::string agent,
                                     remote::ToolCall call) {
  ctx.publish("invoke", invoked_event(agent, call));
  remote::ToolRequest request;
  request.set_tool(call.name());
  request.set_arguments_json(call.arguments_json());
  step_options how;
  how.attempts_max = 3;
  how.completed_event = [agent, call](const std::string& bytes) {
    remote::ToolResult result;
    result.ParseFromString(bytes);
    return observed_event(agent, call, result);
  };
  std::string failure;
  try {
    auto result = co_await ctx.step("run", std::move(request), how);
    co_return result;
  } catch (const step_failed& thrown) {
    if (thrown.why().code == errc::cancelled)
      throw;
    failure = thrown.why().text;
  }
  // The runner could not run it at all; the model may go another way.
  remote::ToolResult result;
  result.set_error(failure);
  co_return result;
}

/// Runs what the model asked for, side by side, each in a scope of its own;
/// what is asked of the browser one after another.
durable<workflow::nothing> use_tools(context ctx, const std::string& agent,
                                     const remote::ChatMessage& answer,
                                     conversation& so_far,
                                     browser_session& browser,
                                     loop_options options) {
  auto calls = std::vector<remote::ToolCall>(answer.tool_calls().begin(),
                                             answer.tool_calls().end());
  std::vector<durable<remote::ToolResult>> running;
  auto count = std::min<std::size_t>(calls.size(), options.calls_per_turn_max);
  std::vector<numbered_call> in_browser;
  for (std::size_t i = 0; i < count; ++i)
    if (is_browser_tool(calls[i].name()))
      in_browser.push_back({i + 1, calls[i]});
    else
      running.push_back(
          use_tool(ctx.scope("tool" + std::to_string(i + 1)), agent, calls[i]));
  auto browsing = use_browser(ctx, agent, std::move(in_browser), browser);
  auto results = co_await workflow::all(std::move(running));
  auto seen = co_await std::move(browsing);
  auto next = results.begin();
  auto next_seen = seen.begin();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (i < count) {
      add_result(so_far, calls[i],
                 is_browser_tool(calls[i].name()) ? *next_seen++ : *next++);
      continue;
    }
    remote::ToolResult refused;
    refused.set_error("at most " + std::to_string(count)
                      + " calls in one turn; ask again for this one");
    add_result(so_far, calls[i], refused);
  }
  co_return workflow::nothing{};
}

/// Fails when nothing is left to ask with; says once when little is.
bool comes_to_an_end(const context& ctx, const workflow::budget& purse,
                     const facts::Usage& last_call, bool told) {
  const auto& used = ctx.usage();
  if (purse.is_spent(used))
    throw step_failed{{errc::denied, purse.spent_text(used), false, {}}};
  bool thin = purse.is_thin(used, last_call);
  if (thin && !told)
    ctx.publish("budget", purse.warning(used));
  return thin;
}

durable<std::string> work_on(context ctx, const remote::AgentBrief& brief,
                             browser_session& browser, loop_options options) {
  // As they were when the run began: a node with other settings must decide
  // the same.
  auto iterations_max = brief.iterations_max() != 0 ? brief.iterations_max()
                                                    : options.iterations_max;
  auto bytes_max = brief.conversation_bytes_max() != 0
                       ? brief.conversation_bytes_max()
                       : options.conversation_bytes_max;
  auto tools = co_await choose_tools(ctx, brief);
  auto so_far = open_conversation(brief, system_prompt(brief));
  remote::AgentReport report;
  report.set_name(brief.name());
  workflow::budget purse{"agent", brief.budget_nanousd(),
                         static_cast<std::int64_t>(brief.tokens_max())};
  facts::Usage last_call;
  bool thin = false;
  for (std::uint32_t i = 1;; ++i) {
    thin = comes_to_an_end(ctx, purse, last_call, thin);
    // One beyond the limit, without tools: the best answer there is.
    bool last = i > iterations_max || thin;
    auto turn = ctx.scope("turn" + std::to_string(i));
    // Named: GCC 12 destroys a conditional temporary of a co_await twice.
    remote::ToolList offered;
    if (!last)
      offered = tools;
    if (!shorten(so_far, bytes_max))
      throw step_failed{
          {errc::failed,
           "the conversation holds " + std::to_string(size_of(so_far))
               + " bytes, its limit is " + std::to_string(bytes_max),
           false,
           {}}};
    auto answer
        = co_await ask_model(turn, brief, so_far, offered, purse, options);
    last_call.set_cost_nanousd(answer.usage().cost_nanousd());
    last_call.set_input_tokens(answer.usage().input_tokens());
    last_call.set_output_tokens(answer.usage().output_tokens());
    report.set_iterations(i);
    auto said = add_answer(so_far, answer.message());
    if (said.tool_calls().empty() || last) {
      report.set_success(!said.text().empty());
      report.set_text(said.text());
      report.set_stop_reason(i > iterations_max ? "iterations"
                             : thin             ? "budget"
                                                : "answered");
      if (said.text().empty())
        report.set_error("the model gave no answer");
      break;
    }
    report.set_tool_calls(report.tool_calls()
                          + static_cast<std::uint32_t>(said.tool_calls_size()));
    co_await use_tools(turn, brief.name(), said, so_far, browser, options);
  }
  for (const auto& key : browser.screenshots)
    report.add_screenshots(key);
  co_return report.SerializeAsString();
}

} // namespace

durable<std::string> run_agent(context ctx, std::string input,
                               loop_options options) {
  remote::AgentBrief brief;
  if (!brief.ParseFromString(input))
    throw step_failed{
        {errc::invalid_argument, "agent brief cannot be read", false, {}}};
  browser_session browser;
  browser.options = brief.browser();
  std::string report;
  std::optional<error> failure;
  try {
    report = co_await work_on(ctx, brief, browser, options);
  } catch (const step_failed& thrown) {
    failure = thrown.why();
  }
  // However it ends, also when it is cancelled.
  if (browser.wanted || !browser.holder.empty()) {
    auto safe = ctx.shielded(std::chrono::seconds{10});
    co_await close_browser(safe, browser);
  }
  if (failure)
    throw step_failed{*failure};
  co_return report;
}

} // namespace shannon::agent
