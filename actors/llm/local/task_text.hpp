#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::llm {

/// A half-open span of a text, in bytes.
struct span {
  std::size_t begin = 0;
  std::size_t end = 0;

  bool overlaps(const span& other) const noexcept {
    return begin < other.end && other.begin < end;
  }
};

/// What an agent's user message says: its own task, and what other agents
/// found before.
struct task_text {
  std::string own;
  /// The whole results of earlier agents, in order; empty for none.
  std::vector<std::string> results;
};

/// Longest task that rules look at, in bytes; what is beyond is not read.
inline constexpr std::size_t task_bytes_max = 4'000;

task_text read_task(std::string_view message);

/// ASCII letters in lower case; all else, and every offset, as it is.
std::string lowered(std::string_view text);

std::string_view trimmed(std::string_view text);

/// `text` with these spans made unreadable, of the same length.
std::string masked(std::string text, const std::vector<span>& spans);

/// The clause that ends at `at`: what stands between it and the last comma,
/// semicolon, full stop, line end or "then" before it.
std::string_view clause_before(std::string_view text, std::size_t at);

/// The last number in a text, as it is written there; empty for none.
std::string last_number(std::string_view text);

/// At most `most` bytes, cut at a sentence, a word or a character, in that
/// order of liking, with `…` if something was cut.
std::string excerpt(std::string_view text, std::size_t most);

} // namespace shannon::llm
