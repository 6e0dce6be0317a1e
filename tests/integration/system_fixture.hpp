#pragma once

#include "nodes/commands/api_client.hpp"
#include "tests/nodes/process.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace shannon::test {

/// One attempt that the scripted upstream saw.
struct upstream_call {
  std::string attempt_key;
  std::int64_t at_us = 0;
};

/// A whole installation: `shannon up` with its private Postgres and Redis in a
/// folder of its own, and the scripted upstream as its only model. What may be
/// killed is `shannon` itself; the upstream and the folder stay.
class system_fixture {
public:
  system_fixture();
  ~system_fixture();

  /// Starts `shannon up` and waits for its `ready` line. `settings` are
  /// variables such as `SHANNON_RUN__AGENTS_MAX=1`.
  void start(const std::vector<std::string>& settings = {});
  /// SIGKILL; the database server it started is left behind, as in life.
  void kill();
  /// SIGTERM; how the process ended.
  outcome stop();

  /// Accepted, or none when the node could not answer.
  std::optional<std::string> submit(const std::string& query,
                                    const std::string& mode = "simple");
  nlohmann::json task(const std::string& id);
  /// A task's whole document once it is over; fails the test after `most`.
  nlohmann::json await_end(const std::string& id, std::chrono::seconds most);

  /// The body of a page that is no JSON.
  std::string text(const std::string& target);
  std::vector<upstream_call> ledger();
  std::shared_ptr<commands::api_client> client() const;
  const std::string& url() const noexcept {
    return url_;
  }
  std::string admin_url() const;
  /// Of the node as it runs now.
  pid_t node_pid() const;
  std::string postgres_dsn() const;
  const std::filesystem::path& folder() const noexcept {
    return folder_;
  }
  /// What `shannon up` wrote to stderr so far, of the current process.
  const std::string& log() const noexcept {
    return node_->err();
  }

private:
  std::filesystem::path folder_;
  std::uint16_t http_port_ = 0;
  std::uint16_t admin_port_ = 0;
  std::string url_;
  std::string upstream_url_;
  std::unique_ptr<process> upstream_;
  std::unique_ptr<process> node_;
};

} // namespace shannon::test
