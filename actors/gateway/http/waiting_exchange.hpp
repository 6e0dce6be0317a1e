#pragma once

#include "actors/gateway/http/http_connection.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

namespace shannon::gateway {

/// A request that has no response yet. It goes to whoever answers, by any
/// thread; let go without an answer it answers 503 itself.
class waiting_exchange final : public exchange {
public:
  waiting_exchange(std::shared_ptr<http_connection> owner,
                   std::shared_ptr<server_core> core, http_request request);
  ~waiting_exchange() override;

  const http_request& request() const noexcept override {
    return request_;
  }
  boost::asio::io_context& loop() const noexcept override {
    return core_->io;
  }
  void respond(http_response response) override;
  void watch(std::function<void()> gone) override;
  std::shared_ptr<response_stream> stream(http_response head,
                                          stream_events events) override;
  std::shared_ptr<response_stream> upgrade(std::size_t message_bytes_max,
                                           websocket_events events) override;

  /// From the connection.
  void client_left();

private:
  std::shared_ptr<http_connection> owner_;
  std::shared_ptr<server_core> core_;
  http_request request_;
  std::atomic<bool> answered_{false};
  std::mutex mutex_;
  std::function<void()> gone_;
  bool gone_already_ = false;
};

} // namespace shannon::gateway
