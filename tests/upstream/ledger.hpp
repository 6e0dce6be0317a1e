#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace shannon::upstream {

/// What the upstream saw: one entry per request, in order of arrival.
struct ledger_entry {
  std::string attempt_key;
  std::string idempotency_key;
  std::string traceparent;
  std::string api;
  std::string model;
  bool stream = false;
  std::string text;               ///< The last the user said; not in the file.
  std::vector<std::string> files; ///< Of the user; not in the file.
  int turn = 0;
  int status = 0;
  std::int64_t at_us = 0;    ///< Unix time.
  std::int64_t ended_us = 0; ///< 0 while it is open.
  /// `open`, `finished` (all was sent) or `cut` (the client went away, or the
  /// script closed).
  std::string state = "open";
};

/// Kept in memory, and appended to a file line by line, so that it outlives
/// its readers: a line with `attempt_key` for each arrival, one with `ended`
/// for each end; `request` is the number that joins them.
class ledger {
public:
  /// Empty: no file. Throws std::runtime_error if it cannot be opened.
  explicit ledger(const std::string& file);
  ~ledger();

  std::size_t arrived(ledger_entry entry);
  void ended(std::size_t number, const char* state);

  const std::vector<ledger_entry>& entries() const noexcept {
    return entries_;
  }
  std::string to_json() const;

private:
  void append(const std::string& line);

  std::vector<ledger_entry> entries_;
  int file_ = -1;
};

} // namespace shannon::upstream
