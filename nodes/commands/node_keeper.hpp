#pragma once

#include "actors/kit/backoff.hpp"
#include "protocols/errc.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

namespace shannon::commands {

/// Keeps processes running: each that fails is started again after a backoff,
/// which is forgotten once one has run for a while. One that ends with code 0
/// was drained, and stays away. They end, in order, when
/// the keeper does, however that is. Used by one thread, which must live as
/// long as they shall.
class node_keeper {
public:
  struct kept {
    std::string name;
    /// The first is an absolute path.
    std::vector<std::string> argv;
    /// Takes stdout and stderr, appended.
    std::string log_file;
  };

  /// What has happened to one of them; a sentence.
  struct news {
    std::string name;
    std::string text;
  };

  explicit node_keeper(std::vector<kept> all);
  ~node_keeper();

  node_keeper(const node_keeper&) = delete;
  node_keeper& operator=(const node_keeper&) = delete;

  /// Starts what is due, and takes notice of what has ended. Does not wait.
  std::vector<news> look();

  /// Those that were drained are started again.
  void start_drained();

  /// SIGTERM to all; SIGKILL to those that are there after `patience`.
  std::vector<news> stop(std::chrono::milliseconds patience);

  /// 0 while it does not run.
  pid_t pid_of(const std::string& name) const;

private:
  using clock = std::chrono::steady_clock;

  struct member {
    kept what;
    pid_t pid = 0;
    clock::time_point since{};
    clock::time_point due{};
    std::uint32_t failures = 0;
    bool drained = false;
  };

  result<void> start(member& one);

  kit::backoff delay_{std::chrono::milliseconds{500},
                      std::chrono::milliseconds{30'000}};
  std::vector<member> members_;
};

} // namespace shannon::commands
