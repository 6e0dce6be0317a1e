#pragma once

#include "protocols/errc.hpp"
#include "protocols/facts/fact.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace shannon::workflow {

class operation;

/// One key of one scope, and how often it was asked for.
struct series {
  std::string scope;
  std::string key;
  std::uint32_t asked = 0;
};

/// Where something stands in a run, whatever order it is done in: the series
/// and the occurrence in it. A series lives as long as the table it is of.
struct place {
  const series* of = nullptr;
  std::uint32_t occurrence = 0;

  std::string text() const;
  void to(facts::StepId& id) const;
  friend bool operator==(const place&, const place&) = default;
};

/// What is known of one place: what the log holds that the program has not
/// taken yet, and who waits for more.
struct slot {
  operation* waiting = nullptr;
  /// Of the input that was recorded; empty: of a step without one.
  std::string input_hash;
  bool recorded = false; ///< An effect of this place stands in the log.
  std::unique_ptr<result<std::string>> outcome;
  std::uint32_t failed = 0;        ///< Attempts that are recorded as failed.
  std::uint32_t refused = 0;       ///< Those of them that were `overloaded`.
  std::uint32_t announced = 0;     ///< The attempt that was recorded ahead.
  std::uint32_t forgotten = 0;     ///< Attempts made before it was forgotten.
  std::uint32_t attempts_seen = 0; ///< The last attempt that is recorded.
  /// Attempts that are recorded as failed without an answer: wherever they were
  /// made they may go on.
  std::vector<std::uint32_t> lost;
  std::int64_t retry_at_us = 0;
  std::int64_t due_us = 0;      ///< Of a timer that is set.
  std::int64_t deadline_us = 0; ///< Of the whole step.
  bool fired = false;           ///< The timer.
  std::unique_ptr<std::string> note;
  /// Facts of this step before this place in the log are forgotten, by the fact
  /// of this version.
  std::size_t forgotten_before = 0;
  std::int64_t forgotten_by = 0;
  /// While the log is replayed: the fact that has the outcome.
  const facts::Fact* fact = nullptr;
};

/// Everything of one turn of a run, by place.
class place_table {
public:
  /// The next occurrence of this key.
  place next(std::string_view scope, std::string_view key);
  /// What `next` would give, without taking it.
  place coming(std::string_view scope, std::string_view key);
  place of(const facts::StepId& id);

  /// Makes it if there is none.
  slot& at(const place& where);
  slot* find(const place& where);
  void erase(const place& where);

  /// The facts that slots point to are about to go.
  void forget_facts();

private:
  struct name {
    std::string_view scope;
    std::string_view key;
  };
  struct name_hash {
    std::size_t operator()(const name& it) const noexcept;
  };
  struct name_equal {
    bool operator()(const name& a, const name& b) const noexcept {
      return a.key == b.key && a.scope == b.scope;
    }
  };
  struct place_hash {
    std::size_t operator()(const place& it) const noexcept {
      auto address = reinterpret_cast<std::uintptr_t>(it.of);
      return (address >> 4) * 0x9E3779B97F4A7C15u + it.occurrence;
    }
  };

  series& series_of(std::string_view scope, std::string_view key);

  /// Keys point into the series they lead to.
  std::unordered_map<name, std::unique_ptr<series>, name_hash, name_equal>
      series_;
  std::unordered_map<place, slot, place_hash> slots_;
};

} // namespace shannon::workflow
