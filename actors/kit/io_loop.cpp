#include "actors/kit/io_loop.hpp"

#include <pthread.h>

namespace shannon::kit {

io_loop::io_loop(std::string name)
  : guard_(boost::asio::make_work_guard(context_)) {
  thread_ = std::thread{[this, name = std::move(name)] {
    // The kernel keeps 15 characters.
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    context_.run();
  }};
}

io_loop::~io_loop() {
  stop();
}

void io_loop::stop() {
  guard_.reset();
  context_.stop();
  if (thread_.joinable())
    thread_.join();
}

} // namespace shannon::kit
