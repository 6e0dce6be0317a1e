#pragma once

#include "actors/gateway/http/http_connection.hpp"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

/// One client's connection to the server as it is, without a network: what the
/// client sends comes in the pieces it is given in.
namespace shannon::fuzz {

class wire {
public:
  explicit wire(std::function<void(gateway::exchange_ptr)> handle);
  ~wire();
  wire(const wire&) = delete;
  wire& operator=(const wire&) = delete;

  /// False once the server has closed. Returns when the server waits for more.
  bool send(std::string_view bytes);

  /// Everything the server has sent so far.
  const std::string& received() const noexcept {
    return received_;
  }

private:
  void settle();

  std::shared_ptr<gateway::server_core> core_;
  int socket_ = -1;
  bool open_ = true;
  std::string received_;
};

} // namespace shannon::fuzz
