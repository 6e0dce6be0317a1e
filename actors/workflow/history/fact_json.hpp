#pragma once

#include "protocols/errc.hpp"
#include "protocols/facts/run.pb.h"

#include <optional>
#include <string>
#include <string_view>

namespace shannon::history {

struct shown_fact {
  /// Proto JSON, field names as in the .proto file; nothing if the bytes are
  /// no fact.
  std::optional<std::string> text;
  /// `fact_bytes(text)` gives the same bytes again.
  bool exact = false;
};

shown_fact fact_json(std::string_view bytes);
std::string fact_json(const facts::Fact& fact);

/// The deterministic serialisation of a fact written as proto JSON.
result<std::string> fact_bytes(std::string_view json);

} // namespace shannon::history
