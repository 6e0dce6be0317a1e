// How a cancel reaches what waits: the whole run, or one branch of it.

#include "actors/workflow/engine/run.hpp"

#include <vector>

namespace shannon::workflow {

namespace {

/// Does a cancel of `scope` reach what is asked in `from`?
bool is_reached(const cancel_state* from, const cancel_state& scope) {
  for (; from; from = from->above.get()) {
    if (from == &scope)
      return true;
    if (from->shield)
      return false;
  }
  return false;
}

} // namespace

error clean_up_took_too_long() {
  return {errc::timeout, "the clean-up took longer than its limit", false,
          std::nullopt};
}

/// Why what is asked in `scope` is not admitted; nothing if it is.
const error* durable_run::cancelled_by(const cancel_state* scope) const {
  for (; scope; scope = scope->above.get()) {
    if (scope->cancelled)
      return &*scope->cancelled;
    if (scope->shield)
      return nullptr;
  }
  return cancelling_ ? &failure_ : nullptr;
}

/// In the order of asking: so their coroutines go on.
void durable_run::cancel_branch(cancel_state& scope, error why) {
  if (scope.cancelled)
    return;
  scope.cancelled = std::move(why);
  std::vector<operation*> reached;
  for (auto* op = first_; op; op = op->after_)
    if (is_reached(op->scope_.get(), scope))
      reached.push_back(op);
  for (auto* op : reached) {
    stop_effect(*op);
    resolve(*op, tl::unexpected<error>(*scope.cancelled));
  }
}

void durable_run::cancel_all() {
  std::vector<operation*> open;
  for (auto* op = first_; op; op = op->after_)
    open.push_back(op);
  for (auto* op : open) {
    if (cancelled_by(op->scope_.get())) {
      stop_effect(*op);
      resolve(*op, tl::unexpected<error>(failure_));
    } else {
      wind_clock(*op);
    }
  }
}

/// Clean-up behind a shield has its time from the cancel on.
void durable_run::wind_clock(const operation& op) {
  auto* shield = op.scope_.get();
  while (shield && !shield->shield)
    shield = shield->above.get();
  if (!shield || shield->clock || shield->cancelled
      || shield->limit.count() == 0)
    return;
  shield->clock = std::make_unique<operation>(*this, operation::kind::timer,
                                              shield->where, nullptr);
  shield->clock->clock_of_ = shield;
  shield->clock->due_us = cancel_at_us_ + shield->limit.count();
  if (admit_timer(*shield->clock))
    cancel_branch(*shield, clean_up_took_too_long());
}

} // namespace shannon::workflow
