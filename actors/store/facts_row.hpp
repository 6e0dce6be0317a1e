#pragma once

#include "protocols/errc.hpp"
#include "protocols/ids.hpp"
#include "protocols/store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shannon::store {

/// The facts of one append as one value: of one fact its bytes, of several
/// each behind its length as a varint. How many there are says the row.
std::string pack_facts(const std::vector<std::string>& facts);

/// The same onto the end of `out`.
void pack_facts(const std::vector<std::string>& facts, std::string& out);

/// Bytes that `pack_facts` makes.
std::size_t packed_size(const std::vector<std::string>& facts);

/// Views into `packed`; nothing if that is not `count` facts.
std::optional<std::vector<std::string_view>>
unpack_facts(std::string_view packed, std::size_t count);

/// One row of the table `facts`.
struct facts_row {
  log_version first = 0;
  log_version last = 0;
  shard_epoch epoch = 0;
  std::chrono::system_clock::time_point at;
  /// Of the log up to `last`.
  std::uint64_t chain = 0;
  std::string_view packed;
};

/// Puts rows of a log together again, in their order, and finds what is
/// missing or was changed.
class row_reader {
public:
  /// `base` is where the log stood before the first row.
  explicit row_reader(log_id log, log_tail base)
      : log_(std::move(log)), tail_(base) {}

  /// Calls `fact(version, bytes, chain)` for each fact of the row; `failed`,
  /// with the version, if the log is damaged there.
  template <class Function>
  result<void> take(const facts_row& row, Function&& fact) {
    auto facts = check(row);
    if (!facts)
      return tl::unexpected<error>{std::move(facts.error())};
    for (std::size_t i = 0; i < facts->size(); ++i)
      fact(row.first + static_cast<log_version>(i), (*facts)[i], chains_[i]);
    return {};
  }

  /// Where the log ends as of the last row taken.
  const log_tail& tail() const noexcept {
    return tail_;
  }

private:
  result<std::vector<std::string_view>> check(const facts_row& row);

  log_id log_;
  log_tail tail_;
  std::vector<std::uint64_t> chains_;
};

} // namespace shannon::store
