#pragma once

#include "actors/llm/models/catalogue.hpp"
#include "protocols/errc.hpp"
#include "protocols/remote/llm.pb.h"

#include <functional>
#include <string>
#include <vector>

namespace shannon::llm {

/// A model to ask, in the order of `candidates`.
struct candidate {
  model_entry model;
  const provider_entry* provider = nullptr;
};

/// Which models may answer `request`, the best first; never empty.
///
/// 1. A named model: it alone. One that is not listed is passed on as it is to
///    the named provider, at no known price.
/// 2. A named provider: its models, the tier's first.
/// 3. The tier's models (`medium` if none is named) of all usable providers by
///    priority, then those of the nearest tiers.
/// 4. `local` comes last, and only if no other provider can be used: its rules
///    are no stand-in for a model that is out of order for a while.
///
/// Fails with not_found for an unknown model or provider, invalid_argument for
/// an unknown tier or a model of another provider, denied when a key is
/// missing; none of them retryable.
result<std::vector<candidate>> candidates(const catalogue& all,
                                          const remote::LlmRequest& request);

} // namespace shannon::llm
