#pragma once

#include "nodes/commands/server_url.hpp"
#include "protocols/errc.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace shannon::commands {

using deadline = std::optional<std::chrono::steady_clock::time_point>;

/// The node's HTTP API for a command line: each call blocks until its answer.
/// An answer that is no success is an error with the server's own sentence.
class api_client {
public:
  /// `key` is sent as `X-API-Key` unless empty.
  api_client(server_url where, std::string key);
  ~api_client();

  result<nlohmann::json> get(const std::string& target, deadline until = {});
  result<nlohmann::json> post(const std::string& target,
                              const nlohmann::json& body, deadline until = {});

  /// Reads an event stream. `data` gets the bytes as they come and says
  /// whether to go on; it runs on another thread, while this call waits.
  /// Ends without an error when the server or `data` ends it.
  result<void> stream(const std::string& target,
                      const std::string& last_event_id, deadline until,
                      std::function<bool(std::string_view)> data);

  const server_url& where() const noexcept;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

/// `SHANNON_API_KEY`, or empty.
std::string api_key_from_environment();

} // namespace shannon::commands
