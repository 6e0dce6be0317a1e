#pragma once

#include "protocols/errc.hpp"
#include "protocols/facts/run.pb.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace shannon::workflow {

/// SHA-256 of `bytes`, 32 raw bytes.
std::string sha256(std::string_view bytes);

/// What clients are told when a strategy has not said otherwise.
facts::Event event_of(std::string type, std::string message);

// -- inputs of steps ----------------------------------------------------------

/// Finds code that asks for something else than was recorded; no boundary of
/// security. 8 bytes: they stand in every fact of a step.
std::string input_hash(std::string_view effect, std::string_view identity);

/// What earlier builds recorded instead: half a SHA-256.
std::string old_input_hash(std::string_view effect, std::string_view identity);
inline constexpr std::size_t old_input_hash_bytes = 16;

// -- what an operator reads ---------------------------------------------------

/// Bytes as one line: what cannot be printed is a dot, the end is cut.
std::string readable(std::string_view bytes);

/// What the log holds of a step beside its input: who was told what, and what
/// it gave. Its input itself is not recorded: that would double the log for
/// something looked at once in a blue moon, and what the step gave tells an
/// operator more than the beginning of what it was asked.
std::string recorded_text(const facts::Fact* fact,
                          const result<std::string>* outcome);

} // namespace shannon::workflow
