#pragma once

#include "actors/store/pg_connection.hpp"
#include "protocols/errc.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <sys/types.h>

namespace shannon::bench {

/// The bench server as a process of its own over a folder of its own, which is
/// removed at the end unless something was thrown. Its stderr goes to
/// `peer.log` in that folder.
class peer_process {
public:
  /// `binary` is run; the folder is made below `base`.
  peer_process(std::string binary, const std::string& base);
  ~peer_process();

  peer_process(const peer_process&) = delete;
  peer_process& operator=(const peer_process&) = delete;

  /// Starts it over what is in the folder and waits until it has carried out
  /// a workflow of one step: only then it serves. Answers how long that took.
  result<std::chrono::duration<double>> start();
  /// Waits until it does so again, after its Postgres was killed.
  result<void> await_service();
  /// SIGKILL; its Postgres is left behind, as in life.
  void kill();
  /// SIGKILL to the postmaster: its children end by themselves.
  void kill_postgres();
  /// SIGTERM, and waits; Postgres ends too.
  void stop();

  pid_t pid() const noexcept {
    return pid_;
  }
  /// The postmaster, as its file says.
  pid_t postgres_pid() const;
  std::uint16_t port() const noexcept {
    return port_;
  }
  /// A counter of the server's /metrics.
  double counter(const std::string& name) const;
  std::string dsn() const;
  result<store::pg_connection> database() const;
  const std::string& folder() const noexcept {
    return folder_;
  }
  std::string effects_file() const {
    return folder_ + "/effects";
  }

private:
  std::string binary_;
  std::string folder_;
  std::uint16_t port_ = 0;
  pid_t pid_ = 0;
};

} // namespace shannon::bench
