#pragma once

#include "nodes/commands/api_client.hpp"
#include "tests/nodes/process.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace shannon::test {

/// An attempt that the scripted upstream saw.
struct model_call {
  std::string attempt_key;
  std::int64_t at_us = 0;
  std::int64_t ended_us = 0; ///< 0: it is under way.
  std::string traceparent;
};

/// Processes of `shannon node` from one manifest over one database, with the
/// scripted upstream as their only model.
class real_cluster {
public:
  /// Nodes `n1`, `n2` … that play every role.
  explicit real_cluster(unsigned nodes);
  /// One node for each list of roles, `gateway, llm`; `more` is added to the
  /// top of the manifest, `each` to every node. Newcomers settle within 1 s
  /// unless `more` has a `membership`.
  explicit real_cluster(const std::vector<std::string>& roles,
                        const std::string& more = {},
                        const std::string& each = {});
  ~real_cluster();

  /// The node's processes are of this executable from the next start on.
  void run_as(unsigned node, std::string program) {
    nodes_[node].program = std::move(program);
  }
  /// The node's processes ask clients for credentials, which they check with
  /// this file; all others let everybody in.
  void guard(unsigned node, std::string secrets_file) {
    nodes_[node].secrets = std::move(secrets_file);
  }
  /// Starts the node's process; `await_ready` waits until it can serve. What
  /// `special` says goes before what is usual here.
  void start(unsigned node, const std::vector<std::string>& special = {});
  void await_ready(unsigned node);
  /// SIGKILL, SIGSTOP, SIGCONT; SIGTERM and waits.
  void kill(unsigned node);
  void signal(unsigned node, int number);
  /// Takes what the nodes log, `how_long` for each.
  void listen(std::chrono::milliseconds how_long);
  outcome stop(unsigned node);
  /// Of a process that ends by itself; killed after `most`.
  outcome await_exit(unsigned node, std::chrono::milliseconds most);

  /// The task's id, or nothing if the node took none.
  std::optional<std::string> submit(unsigned node, const std::string& query);
  /// The task's document, asked of this node, once it has ended.
  nlohmann::json await_end(unsigned node, const std::string& task,
                           std::chrono::seconds most);
  bool cancel(unsigned node, const std::string& task);
  std::string page(unsigned node, const std::string& target, bool admin);

  std::vector<model_call> calls() const;
  /// When this attempt was seen for the `nth` time; waits for it.
  std::int64_t await_call(const std::string& key, std::size_t nth,
                          std::chrono::seconds most) const;

  std::uint16_t port(unsigned node) const {
    return nodes_[node].http;
  }
  std::uint16_t admin_port(unsigned node) const {
    return nodes_[node].admin;
  }
  std::uint16_t link_port(unsigned node) const {
    return nodes_[node].link;
  }
  /// Of the model.
  std::uint16_t upstream_port() const {
    return upstream_port_;
  }
  std::string name(unsigned node) const {
    return "n" + std::to_string(node + 1);
  }
  const std::string& dsn() const noexcept {
    return dsn_;
  }
  pid_t pid(unsigned node) const {
    return nodes_[node].run->pid();
  }
  const std::string& log(unsigned node) const {
    return nodes_[node].run->err();
  }

private:
  struct member {
    std::uint16_t http = 0;
    std::uint16_t admin = 0;
    std::uint16_t link = 0;
    std::string program;
    std::string secrets; ///< Empty: everybody may come in.
    std::unique_ptr<process> run;
  };

  std::shared_ptr<commands::api_client> client(std::uint16_t port) const;

  std::string dsn_;
  std::filesystem::path folder_;
  std::string upstream_url_;
  std::uint16_t upstream_port_ = 0;
  std::unique_ptr<process> upstream_;
  std::vector<member> nodes_;
};

/// The wall clock, as the upstream stamps its ledger.
std::int64_t unix_now_us();

} // namespace shannon::test
