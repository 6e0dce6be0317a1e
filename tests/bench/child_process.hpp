#pragma once

#include <chrono>
#include <string>
#include <sys/types.h>
#include <vector>

namespace shannon::bench {

/// A program that runs beside the bench; its stderr goes to a file. Ended with
/// SIGTERM when this goes.
class child_process {
public:
  /// `environment` is added: `NAME=value`.
  child_process(const std::vector<std::string>& arguments,
                const std::vector<std::string>& environment,
                const std::string& log_file);
  ~child_process();

  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  /// The rest of the line in stdout that begins with `sign`. Throws
  /// std::runtime_error if none comes in time.
  std::string await(const std::string& sign, std::chrono::seconds most);

  pid_t pid() const noexcept {
    return pid_;
  }

private:
  pid_t pid_ = -1;
  int out_ = -1;
};

} // namespace shannon::bench
