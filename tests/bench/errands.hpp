#pragma once

#include "tests/bench/load_client.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <ios>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace shannon::bench {

/// Requests that must all be answered, whatever happens to the server: what
/// was refused or lost on its way is asked again. Each may be repeated without
/// harm, that is the server's promise.
class errands {
public:
  void add(std::string path) {
    todo_.push_back(paths_.size());
    paths_.push_back(std::move(path));
  }

  /// Until all are done or the time has come; false for the latter. May be
  /// called again to go on.
  bool run(load_client& clients, std::chrono::steady_clock::time_point until);

  /// In the order in which they were answered.
  const std::vector<std::string>& done() const noexcept {
    return done_;
  }
  std::size_t left() const noexcept {
    return paths_.size() - done_.size();
  }
  std::uint64_t refused() const noexcept {
    return refused_;
  }
  std::uint64_t lost() const noexcept {
    return lost_;
  }
  std::vector<double>& took_us() noexcept {
    return took_us_;
  }

private:
  std::vector<std::string> paths_;
  std::deque<std::size_t> todo_;
  std::vector<std::string> done_;
  std::vector<double> took_us_;
  std::uint64_t refused_ = 0;
  std::uint64_t lost_ = 0;
};

/// The lines of a file that others append to, with how often each is there.
class line_ledger {
public:
  explicit line_ledger(std::string file) : file_(std::move(file)) {}

  /// Takes in what was added since.
  const std::map<std::string, int>& read();

  /// Reads until there are so many different lines. False after `most`.
  bool await(std::size_t wanted, std::chrono::milliseconds most);

private:
  std::string file_;
  std::streamoff at_ = 0;
  std::map<std::string, int> lines_;
};

} // namespace shannon::bench
