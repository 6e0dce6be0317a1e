#include "actors/llm/models/affordable.hpp"

#include "actors/llm/wire/wire_json.hpp"

#include <algorithm>
#include <limits>

namespace shannon::llm {

namespace {

std::int64_t question_tokens(const remote::LlmRequest& asked) {
  auto sum = estimate_tokens(asked);
  for (const auto& message : asked.messages())
    sum += picture_tokens * message.attachments_size();
  return sum;
}

/// As dear as any of it can be: nobody knows yet what is in a cache.
std::int64_t question_price(const prices& of) {
  return std::max(of.input, of.cache_write);
}

} // namespace

result<void> keep_affordable(remote::LlmRequest& asked,
                             const model_entry& model) {
  auto most = asked.cost_nanousd_max();
  if (most <= 0)
    return {};
  auto question
      = (question_tokens(asked) * question_price(model.costs) + 999) / 1'000;
  auto left = most - question;
  auto tokens = std::numeric_limits<std::int64_t>::max();
  if (left <= 0)
    tokens = question == 0 ? tokens : 0;
  else if (model.costs.output > 0)
    tokens = left * 1'000 / model.costs.output;
  if (tokens < answer_tokens_least)
    return fail(errc::denied,
                "the budget does not pay for this call to " + model.id + ": "
                    + std::to_string(most)
                    + " nano-US-dollars are left, its question alone costs "
                    + std::to_string(question));
  std::int64_t wished = asked.max_output_tokens() != 0
                            ? asked.max_output_tokens()
                            : model.output_tokens;
  if (wished == 0 || tokens < wished)
    if (tokens < std::numeric_limits<std::uint32_t>::max())
      asked.set_max_output_tokens(static_cast<std::uint32_t>(tokens));
  return {};
}

} // namespace shannon::llm
