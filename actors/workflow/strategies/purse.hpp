#pragma once

#include "actors/workflow/engine/budget.hpp"
#include "actors/workflow/engine/context.hpp"
#include "protocols/remote/agent.pb.h"
#include "protocols/remote/llm.pb.h"
#include "protocols/remote/workflow.pb.h"

#include <cstddef>
#include <string>

namespace shannon::workflow {

/// A task's budget, and what of it each part may have. Parts that work side by
/// side get shares of their own, so that all together never ask beyond it; what
/// one leaves, those after it have. Pure.
class purse {
public:
  /// `ctx`: of the task's run, which counts what its parts used.
  purse(context ctx, const remote::TaskInput& task);

  /// Tells a call how much it may cost. Throws step_failed `denied` when
  /// nothing is left.
  void pay_for(remote::LlmRequest& request);
  /// The same for one of `parts` agents that are still to work; `joins`: their
  /// reports need a call of their own in the end, for which some is kept.
  void pay_for(remote::AgentBrief& agent, std::size_t parts, bool joins);
  /// It failed, and how much it used is not known: all it had.
  void lost(const remote::AgentBrief& agent);
  /// Tells clients once that little is left.
  void look();

private:
  void check() const;

  context ctx_;
  budget of_task_;
  std::int64_t agent_tokens_max_;
  bool told_ = false;
};

/// A title may cost so much of a task's budget: a fiftieth.
std::int64_t title_nanousd_max(const remote::TaskInput& task) noexcept;

/// Fixes what the task may cost when it is accepted: what its context names as
/// `budget_max`, US dollars, but at most `cents_max` if that is not 0; and
/// `token_budget_per_agent`.
void fix_budget(remote::TaskInput& task, std::uint32_t cents_max);

} // namespace shannon::workflow
