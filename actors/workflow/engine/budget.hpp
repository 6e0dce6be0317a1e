#pragma once

#include "protocols/facts/run.pb.h"

#include <cstdint>
#include <string>

namespace shannon::workflow {

/// What a run may use of money and of tokens. Pure: it knows what the log
/// knows, so a replay decides alike.
///
/// No model is asked beyond it: each call is told how much is left, and whoever
/// knows the prices keeps its answer that short or does not begin it. What a
/// question costs is estimated there from its length; an attempt that failed
/// is not counted, for nobody knows what it cost.
class budget {
public:
  /// 0: no bound. `kind` is what clients are told it is of: `task`, `agent`.
  budget(std::string kind, std::int64_t nanousd_max, std::int64_t tokens_max)
      : kind_(std::move(kind)), nanousd_max_(nanousd_max),
        tokens_max_(tokens_max) {}

  bool has_price() const noexcept {
    return nanousd_max_ > 0;
  }
  bool has_tokens() const noexcept {
    return tokens_max_ > 0;
  }

  /// Counts what no usage tells: a part that failed may have cost all it had.
  void lose(std::int64_t nanousd) noexcept {
    lost_ += nanousd;
  }

  /// Nano-US-dollars, not below 0.
  std::int64_t nanousd_left(const facts::Usage& used) const noexcept;
  std::int64_t tokens_left(const facts::Usage& used) const noexcept;
  /// Nothing more can be asked.
  bool is_spent(const facts::Usage& used) const noexcept;
  /// Four fifths are used, or what is left does not pay for two more calls like
  /// the last one: time to come to an end.
  bool is_thin(const facts::Usage& used,
               const facts::Usage& last_call = {}) const noexcept;
  /// Of the bound that is used most.
  double percent_used(const facts::Usage& used) const noexcept;

  /// `BUDGET_THRESHOLD`, as clients know it.
  facts::Event warning(const facts::Usage& used) const;
  /// `the budget of the task is spent: 0.0500 of 0.0500 US dollars`.
  std::string spent_text(const facts::Usage& used) const;

  static constexpr double thin_percent = 80;

private:
  std::string kind_;
  std::int64_t nanousd_max_;
  std::int64_t tokens_max_;
  std::int64_t lost_ = 0;
};

} // namespace shannon::workflow
