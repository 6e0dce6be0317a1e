#include "actors/workflow/strategies/purse.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace shannon::workflow {

namespace {

using nlohmann::json;

constexpr std::int64_t title_part = 50;
/// What agents leave for the call that joins their reports: a sixth.
constexpr std::int64_t join_part = 6;
constexpr double nano = 1e9;
constexpr std::int64_t nanousd_per_cent = 10'000'000;
/// More than any task has cost; keeps the sums in 64 bits.
constexpr double dollars_max = 1e6;
constexpr double tokens_max = 1e12;

/// Clients send numbers as text, too; what is none is no bound.
double number_at(const json& context, const char* name) {
  auto at = context.find(name);
  if (at == context.end())
    return 0;
  if (at->is_number())
    return at->get<double>();
  return at->is_string() ? std::strtod(at->get<std::string>().c_str(), nullptr)
                         : 0;
}

} // namespace

purse::purse(context ctx, const remote::TaskInput& task)
    : ctx_(std::move(ctx)), of_task_("task", task.budget_nanousd(), 0),
      agent_tokens_max_(task.agent_tokens_max()) {
  // Its title is asked for beside the work.
  if (task.names_session())
    of_task_.lose(title_nanousd_max(task));
}

void purse::check() const {
  if (of_task_.is_spent(ctx_.usage()))
    throw step_failed{
        {errc::denied, of_task_.spent_text(ctx_.usage()), false, {}}};
}

void purse::pay_for(remote::LlmRequest& request) {
  check();
  if (of_task_.has_price())
    request.set_cost_nanousd_max(of_task_.nanousd_left(ctx_.usage()));
}

void purse::pay_for(remote::AgentBrief& agent, std::size_t parts, bool joins) {
  check();
  agent.set_tokens_max(static_cast<std::uint64_t>(agent_tokens_max_));
  if (!of_task_.has_price())
    return;
  auto left = of_task_.nanousd_left(ctx_.usage());
  if (joins)
    left -= left / join_part;
  auto share
      = left / static_cast<std::int64_t>(std::max<std::size_t>(parts, 1));
  agent.set_budget_nanousd(std::max<std::int64_t>(share, 1));
}

void purse::lost(const remote::AgentBrief& agent) {
  of_task_.lose(agent.budget_nanousd());
}

void purse::look() {
  if (!told_ && of_task_.is_thin(ctx_.usage())) {
    told_ = true;
    ctx_.publish("budget", of_task_.warning(ctx_.usage()));
  }
}

std::int64_t title_nanousd_max(const remote::TaskInput& task) noexcept {
  return task.budget_nanousd() / title_part;
}

void fix_budget(remote::TaskInput& task, std::uint32_t cents_max) {
  auto context = json::parse(task.context_json(), nullptr, false);
  std::int64_t wished = 0;
  if (context.is_object()) {
    auto dollars
        = std::clamp(number_at(context, "budget_max"), 0.0, dollars_max);
    wished = std::llround(std::ceil(dollars * nano));
    task.set_agent_tokens_max(std::llround(std::clamp(
        number_at(context, "token_budget_per_agent"), 0.0, tokens_max)));
  }
  auto most = std::int64_t{cents_max} * nanousd_per_cent;
  task.set_budget_nanousd(wished == 0 ? most
                          : most == 0 ? wished
                                      : std::min(wished, most));
}

} // namespace shannon::workflow
