#include "tests/simulation/coverage.hpp"

#include <array>

namespace shannon::sim {

namespace {

/// What 500 seeds must have met at least once.
constexpr std::array must_happen{
    "node crashes",
    "node freezes",
    "frozen node crashes",
    "node crashes when a child has just ended",
    "frozen owner wakes up",
    "cut off from the database",
    "shard given up",
    "shard handed over",
    "live node taken for dead",
    "two lives of one run at once",
    "statement lost",
    "answer lost",
    "statement overtaken by the loss of its connection",
    "statement carried out twice",
    "slow database",
    "append refused by an overloaded store",
    "group of several appends",
    "append read back as committed",
    "append sent again",
    "append in conflict",
    "append fenced",
    "run that must read its log again",
    "run read back from its log",
    "run submitted twice",
    "run that waits is put to rest",
    "timer wakes a resting run",
    "signal repeated",
    "mail lost",
    "mail twice",
    "mail for a run of another node",
    "client asks again",
    "attempt that failed is tried again",
    "attempt that reached the world twice",
    "effect started by an owner of yesterday",
    "effect that takes minutes",
    "effect that nobody hears of",
    "effect answered twice",
    "effect told to stop",
    "step that failed for good",
    "run cancelled",
    "cancel while a step waits for its next attempt",
    "run completed",
    "run failed",
    "run ended cancelled",
    "run begins anew",
    "child started",
    "child's end heard",
    "child told to end",
    "child's end told after a crash",
    "clean-up behind a cancel",
};

} // namespace

void coverage::add(const coverage& other) {
  for (const auto& [what, count] : other.counts_)
    counts_[what] += count;
}

std::uint64_t coverage::count(std::string_view what) const {
  auto at = counts_.find(what);
  return at == counts_.end() ? 0 : at->second;
}

std::vector<std::string> coverage::missing() const {
  std::vector<std::string> out;
  for (std::string_view what : must_happen)
    if (count(what) == 0)
      out.emplace_back(what);
  return out;
}

} // namespace shannon::sim
