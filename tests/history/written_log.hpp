#pragma once

#include "actors/workflow/history/log_checker.hpp"
#include "protocols/checksum.hpp"

#include <google/protobuf/text_format.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace shannon::history {

/// A fact from its text form, with an event and a time unless it says others.
inline facts::Fact fact_of(const std::string& text) {
  facts::Fact fact;
  fact.set_at_us(1'000);
  fact.mutable_event()->set_type("TESTED");
  facts::Fact said;
  if (!google::protobuf::TextFormat::ParseFromString(text, &said))
    throw std::invalid_argument{text};
  fact.MergeFrom(said);
  return fact;
}

/// A log as the store would hold it. Its rows may be bent before it is
/// sealed, which chains them, or after, which breaks what chains them.
class written_log {
public:
  explicit written_log(std::vector<std::string> facts) {
    for (const auto& text : facts)
      add(fact_of(text));
  }

  void add(const facts::Fact& fact) {
    log_row row;
    row.version = static_cast<log_version>(rows.size() + 1);
    row.epoch = 3;
    row.fact = fact.SerializeAsString();
    for (const auto* body :
         {&fact.run_started().input(), &fact.step_completed().output(),
          &fact.run_completed().output()})
      if (body->at_case() == facts::Body::kBlob) {
        row.bodies.push_back(body->blob());
        bodies[body->blob()] = body->blob();
      }
    rows.push_back(std::move(row));
  }

  /// Checksums and the head's end as a store would have written them.
  written_log& seal(store::log_status status) {
    store::log_tail tail;
    for (auto& row : rows) {
      row.checksum = store::chain(tail.chain, row.version, row.fact);
      tail = {row.version, row.checksum};
    }
    head = head_row{tail, 3, status};
    if (!store::is_terminal(status))
      head->schedule = store::log_schedule{};
    return *this;
  }

  std::vector<finding> check() const {
    std::vector<finding> all;
    log_checker checker{log_id{"task-1"}, head,
                        [&](finding what) { all.push_back(std::move(what)); }};
    for (const auto& row : rows)
      checker.take(row, bodies);
    checker.finish();
    return all;
  }

  std::vector<log_row> rows;
  std::optional<head_row> head;
  stored_bodies bodies;
};

inline std::string to_text(const std::vector<finding>& all) {
  std::string text;
  for (const auto& one : all)
    text += std::to_string(one.version) + " "
            + std::string{to_string(one.which)} + ": expected " + one.expected
            + ", found " + one.found + "\n";
  return text;
}

} // namespace shannon::history
