#pragma once

#include "protocols/facts/run.pb.h"
#include "protocols/store.hpp"

#include <vector>

namespace shannon::history {

/// The body a fact carries, inline or kept apart; null if it carries none.
const facts::Body* body_of(const facts::Fact& fact);
facts::Body* mutable_body_of(facts::Fact& fact);

/// The body that is kept apart under its hash; null if there is none.
const store::blob_hash* reference_of(const facts::Fact& fact);

/// A fact without what only its readers need: the fold looks at none of it,
/// and a log of thousands of facts stays small.
facts::Fact bare(facts::Fact fact);

} // namespace shannon::history
