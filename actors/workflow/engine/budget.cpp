#include "actors/workflow/engine/budget.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <sstream>

namespace shannon::workflow {

namespace {

constexpr double nano = 1e9;

std::int64_t tokens_of(const facts::Usage& used) noexcept {
  return used.input_tokens() + used.output_tokens();
}

double percent(std::int64_t part, std::int64_t whole) noexcept {
  return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

std::string dollars(std::int64_t nanousd) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out << std::fixed << std::setprecision(6)
      << static_cast<double>(nanousd) / nano;
  return out.str();
}

} // namespace

std::int64_t budget::nanousd_left(const facts::Usage& used) const noexcept {
  return std::max<std::int64_t>(nanousd_max_ - used.cost_nanousd() - lost_, 0);
}

std::int64_t budget::tokens_left(const facts::Usage& used) const noexcept {
  return std::max<std::int64_t>(tokens_max_ - tokens_of(used), 0);
}

bool budget::is_spent(const facts::Usage& used) const noexcept {
  return (has_price() && nanousd_left(used) == 0)
         || (has_tokens() && tokens_left(used) == 0);
}

bool budget::is_thin(const facts::Usage& used,
                     const facts::Usage& last_call) const noexcept {
  return percent_used(used) >= thin_percent
         || (has_price() && nanousd_left(used) < 2 * last_call.cost_nanousd())
         || (has_tokens() && tokens_left(used) < 2 * tokens_of(last_call));
}

double budget::percent_used(const facts::Usage& used) const noexcept {
  double most = 0;
  if (has_price())
    most = percent(used.cost_nanousd() + lost_, nanousd_max_);
  if (has_tokens())
    most = std::max(most, percent(tokens_of(used), tokens_max_));
  return most;
}

facts::Event budget::warning(const facts::Usage& used) const {
  std::ostringstream fields;
  fields.imbue(std::locale::classic());
  auto percent_now = std::lround(percent_used(used));
  fields << "{\"usage_percent\":" << percent_now
         << ",\"threshold_percent\":" << std::lround(thin_percent)
         << ",\"tokens_used\":" << tokens_of(used)
         << ",\"tokens_budget\":" << tokens_max_
         << ",\"level\":\"warning\",\"budget_type\":\"" << kind_ << "\"";
  if (has_price())
    fields << ",\"cost_usd\":" << dollars(used.cost_nanousd() + lost_)
           << ",\"cost_budget_usd\":" << dollars(nanousd_max_);
  fields << "}";
  facts::Event event;
  event.set_type("BUDGET_THRESHOLD");
  event.set_agent_id("budget-manager");
  event.set_message("Budget: " + std::to_string(percent_now) + "% used");
  event.set_payload_json(fields.str());
  return event;
}

std::string budget::spent_text(const facts::Usage& used) const {
  if (has_price() && nanousd_left(used) == 0)
    return "the budget of the " + kind_
           + " is spent: " + dollars(used.cost_nanousd() + lost_) + " of "
           + dollars(nanousd_max_) + " US dollars";
  return "the budget of the " + kind_
         + " is spent: " + std::to_string(tokens_of(used)) + " of "
         + std::to_string(tokens_max_) + " tokens";
}

} // namespace shannon::workflow
