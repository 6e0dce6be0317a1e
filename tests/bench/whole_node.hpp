#pragma once

#include "tests/bench/child_process.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace shannon::bench {

/// `shannon up --dev` with a Postgres and data of its own, in a new folder
/// below `dir`; all of it goes with this.
class whole_node {
public:
  /// `environment` is added: `NAME=value`. Throws std::runtime_error.
  whole_node(const std::string& shannon, const std::string& dir,
             const std::vector<std::string>& environment);
  ~whole_node();
  whole_node(const whole_node&) = delete;
  whole_node& operator=(const whole_node&) = delete;

  std::uint16_t port() const noexcept {
    return port_;
  }
  pid_t pid() const noexcept {
    return process_->pid();
  }

  /// The sum of a counter's series whose line holds `part`.
  double counter(const std::string& name, const std::string& part = {}) const;

private:
  std::string folder_;
  std::unique_ptr<child_process> process_;
  std::uint16_t port_ = 0;
  std::uint16_t admin_ = 0;
};

} // namespace shannon::bench
