#include "tests/simulation/effects.hpp"

#include "protocols/remote/tool.pb.h"

#include <sstream>
#include <utility>

namespace shannon::sim {

namespace {

using outcome = workflow::durable_run::effect_outcome;

outcome good(const ledger_entry& entry) {
  remote::ToolResult answer;
  answer.set_success(true);
  answer.set_output(std::to_string(entry.order.turn) + " "
                    + std::to_string(entry.order.number) + " "
                    + std::to_string(entry.number));
  // Some are too long for the log, and become a body of their own.
  if (entry.number % 13 == 0)
    answer.set_output(answer.output() + std::string(9'000, '.'));
  outcome out{answer.SerializeAsString(), {}, {}, 1};
  out.usage.set_input_tokens(1);
  return out;
}

outcome bad(errc code, bool retryable) {
  return {fail(code, "simulated", retryable), {}, {}, 1};
}

} // namespace

std::string to_text(const effect_order& order) {
  auto text = std::to_string(order.turn) + " " + std::to_string(order.number)
              + " " + (order.once ? "1" : "0") + " "
              + (order.clean_up ? "1" : "0");
  for (const auto& step : order.after)
    text += " " + step;
  return text;
}

effect_order order_of(const std::string& text) {
  effect_order order;
  std::istringstream in{text};
  in >> order.turn >> order.number >> order.once >> order.clean_up;
  for (std::string step; in >> step;)
    order.after.push_back(step);
  return order;
}

std::uint64_t ledger_number(const std::string& output) {
  std::uint64_t turn = 0, step = 0, number = 0;
  std::istringstream in{output};
  in >> turn >> step >> number;
  return number;
}

void far_side::begin(ledger_entry what, done answer) {
  auto& dice = everything_.dice;
  what.number = ledger_.size() + 1;
  what.began_us = everything_.now_us();
  auto place = ledger_.size();
  auto ends = [this, place, answer](std::int64_t after_us, outcome how) {
    everything_.after(after_us, [this, place, answer, how] {
      ledger_[place].open = false;
      answer(how);
    });
  };
  auto takes = dice.spread(1'000, 20'000'000);
  if (dice.per_mille(sky_.effect_slow)) {
    everything_.seen.hit("effect that takes minutes");
    takes = dice.spread(60'000'000, 600'000'000);
  }
  ledger_.push_back(what);
  open_[what.log].push_back(place);
  if (dice.per_mille(sky_.effect_never)) {
    everything_.seen.hit("effect that nobody hears of");
    return;
  }
  auto how = dice.per_mille(sky_.effect_final_error) ? bad(errc::failed, false)
             : dice.per_mille(sky_.effect_error) ? bad(errc::unavailable, true)
                                                 : good(what);
  ends(takes, how);
  if (dice.per_mille(sky_.effect_twice)) {
    everything_.seen.hit("effect answered twice");
    ends(takes + dice.spread(10, 30'000'000),
         dice.one_in(2) ? bad(errc::failed, false) : how);
  }
}

void far_side::stop(const log_id& log, const std::string& key,
                    std::uint32_t attempt) {
  for (auto place : open_[log]) {
    auto& entry = ledger_[place];
    if (entry.key == key && entry.attempt == attempt)
      entry.stopped = true;
  }
}

void far_side::forget(const log_id& log, std::uint64_t life) {
  auto& places = open_[log];
  for (auto place : places)
    if (ledger_[place].life == life)
      ledger_[place].open = false;
  std::erase_if(places, [this](auto place) { return !ledger_[place].open; });
}

} // namespace shannon::sim
