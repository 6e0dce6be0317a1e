#pragma once

#include <memory>
#include <string>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

namespace shannon::kit {

/// One thread that runs an Asio event loop: sockets live here, actors do not.
/// Declared before the actor system, so that it outlives every actor.
class io_loop {
public:
  explicit io_loop(std::string name);
  ~io_loop();

  io_loop(const io_loop&) = delete;
  io_loop& operator=(const io_loop&) = delete;

  boost::asio::io_context& context() noexcept {
    return context_;
  }

  /// Stops the loop and joins the thread. Pending operations are dropped.
  void stop();

private:
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type>
    guard_;
  std::thread thread_;
};

} // namespace shannon::kit
