#pragma once

#include "actors/llm/local/task_text.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace shannon::llm {

/// A piece of a sentence that a small program answers.
struct program_phrase {
  span where;
  std::string code;
  /// Begins the sentence whose end is the program's output: "The primes below
  /// 50 are". Empty for code of the user's own.
  std::string label;
};

/// Finds what a small program can answer: primes, Fibonacci numbers, sums of
/// rows of numbers, statistics, sorting, divisors, bases, words, dates.
/// `text` is in lower case; `original` is the same text as it was written.
std::vector<program_phrase> find_programs(const std::string& text,
                                          std::string_view original);

/// Programs about a text that was read before, named by what is asked of it:
/// its words, lines or characters counted, its numbers summed and so on. Empty
/// if nothing like it is asked. The code defines `text` by `literal`.
struct text_program {
  span where;
  std::string body; ///< Uses `text`.
  std::string label;
};
std::vector<text_program> find_text_programs(const std::string& text);

/// A Python literal of any text.
std::string python_literal(std::string_view text);

} // namespace shannon::llm
