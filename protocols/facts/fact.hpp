#pragma once

#include "protocols/facts/run.pb.h"

#include <string>
#include <string_view>

namespace shannon::facts {

/// Text form of a step's place: `scope/key#2`; without a scope `key#2`. What
/// indexes and attempt keys are made of.
std::string to_string(const StepId& id);

/// The place a fact is about; null if it is about none.
const StepId* place_of(const Fact& fact);

/// What most facts tell is the same few texts over and over, a third of what
/// a step's fact would hold. Such an event is stored as its number in the
/// table of wordings, which only grows: what was told once is read the same by
/// each later build.
///
/// Shortens the event of `fact` if the table has it; else leaves it alone.
void shorten_event(Fact& fact);

/// Puts the texts back. An event whose number this build does not know, which
/// is of a later one, gets the type `EVENT`.
void spell_out_event(Fact& fact);

/// Whoever reads a stored fact reads it with this. False: not a fact.
bool read_fact(Fact& fact, std::string_view bytes);

} // namespace shannon::facts
