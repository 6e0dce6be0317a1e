#pragma once

#include <chrono>
#include <string>
#include <sys/types.h>
#include <vector>

namespace shannon::test {

/// What a program left behind.
struct outcome {
  /// Its exit code, or 128 and the number of the signal that ended it.
  int code = -1;
  std::string out;
  std::string err;
};

using environment = std::vector<std::string>;

/// A child process whose output is collected. Ends it when destroyed.
class process {
public:
  /// Starts `arguments[0]`; `extra` are `NAME=value`, `NAME=` takes one away.
  explicit process(std::vector<std::string> arguments, environment extra = {});
  ~process();

  process(const process&) = delete;
  process& operator=(const process&) = delete;

  /// Reads until stdout or stderr holds `text`; false after `most`.
  bool await(const std::string& text, std::chrono::milliseconds most);

  /// Reads to the end of both pipes; kills the child after `most`.
  outcome wait(std::chrono::milliseconds most = std::chrono::seconds{60});

  /// Takes what the child writes for so long: one that nobody listens to
  /// stands still once its pipe is full. Returns early at the end of both.
  void listen(std::chrono::milliseconds how_long);

  void signal(int number) const;
  pid_t pid() const noexcept {
    return pid_;
  }
  const std::string& out() const noexcept {
    return out_;
  }
  const std::string& err() const noexcept {
    return err_;
  }

private:
  using clock = std::chrono::steady_clock;

  /// False at the end of both pipes.
  bool read_some(clock::time_point until);
  int reap();

  pid_t pid_ = -1;
  int pipes_[2] = {-1, -1};
  std::string out_;
  std::string err_;
};

/// Runs the program under test and waits for its end; after `most` it is
/// killed.
outcome run_shannon(std::vector<std::string> arguments, environment extra = {},
                    std::chrono::seconds most = std::chrono::seconds{60});

/// A port of 127.0.0.1 where nobody listens, that no other call is given, in
/// this process or another, until this process ends.
std::uint16_t closed_port();

} // namespace shannon::test
