#pragma once

#include "actors/llm/models/catalogue.hpp"
#include "protocols/errc.hpp"
#include "protocols/remote/llm.pb.h"

namespace shannon::llm {

/// Shortens the answer that `asked` may have to what its `cost_nanousd_max`
/// pays for at the model's prices, after its question. Changes nothing when
/// there is no such bound. `denied` when fewer than `answer_tokens_least`
/// tokens could be paid: whoever asks has spent what it may.
///
/// The question is counted at its estimated tokens, a picture at
/// `picture_tokens`: what it costs more than that is over the bound, once, for
/// the next call is told what was really paid.
result<void> keep_affordable(remote::LlmRequest& asked,
                             const model_entry& model);

/// An answer shorter than this is worth nothing.
inline constexpr std::int64_t answer_tokens_least = 64;
/// The most that providers count for one picture or page.
inline constexpr std::int64_t picture_tokens = 1'600;

} // namespace shannon::llm
