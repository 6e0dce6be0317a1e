#pragma once

#include "protocols/facts/run.pb.h"
#include "protocols/store.hpp"

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

namespace shannon::history {

/// Takes out of a log what its owner would not show, so that the rest can be
/// shared: every text and body becomes its length and a hash, equal ones the
/// same. What says how the run went stays: versions, times, steps' places,
/// kinds, attempts, error codes, usage, models' and signals' names.
///
/// A text is taken out unless its field is known to be harmless, so that what
/// a later build records does not leak. The hash is salted: else a short text
/// could be guessed from it. Logs that are to be compared need one salt.
class redactor {
public:
  explicit redactor(std::string salt) : salt_(std::move(salt)) {}

  void take_out(facts::Fact& fact) const;
  store::log_birth take_out(store::log_birth birth) const;

private:
  std::string digest(std::string_view bytes) const;
  std::string mark(std::string_view text) const;
  void take_out_of(google::protobuf::Message& message) const;
  void take_out_body(facts::Body& body) const;

  std::string salt_;
};

} // namespace shannon::history
