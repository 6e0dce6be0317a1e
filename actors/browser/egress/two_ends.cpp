#include "actors/browser/egress/two_ends.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

/// How much of what nobody reads is taken for the sake of a last answer.
constexpr std::size_t drained_max = 1024 * 1024;
constexpr milliseconds linger_time{2'000};

} // namespace

two_ends::two_ends(std::shared_ptr<proxy_session> owner, tcp::socket from)
    : session(std::move(owner)), client(std::move(from)), server(session->loop),
      timer_(session->loop), armed_for_(steady_clock::time_point::max()),
      idle_(session->rules.limits.idle_timeout) {
  error_code ignored;
  client.set_option(tcp::no_delay{true}, ignored);
  session->opened(*this);
}

two_ends::~two_ends() {
  session->closed(*this);
}

// -- the browser's side -------------------------------------------------------

void two_ends::read_client(then next) {
  if (closed_)
    return;
  if (auto reading = next_.lock()) {
    *reading = std::move(next);
    return;
  }
  auto held = std::make_shared<then>(std::move(next));
  next_ = held;
  client.async_read_some(
      asio::buffer(client_buffer_),
      [self = shared_from_this(), held](error_code failed, std::size_t bytes) {
        self->next_.reset();
        self->on_client_read(failed, bytes, std::move(*held));
      });
}

void two_ends::on_client_read(error_code failed, std::size_t bytes, then next) {
  bool settling = std::exchange(settling_, false);
  if (closed_)
    return;
  // A read that was called back may have been too late to be.
  if (failed && !(settling && failed == asio::error::operation_aborted))
    return close();
  ahead.append(client_buffer_.data(), bytes);
  if (next)
    next();
}

void two_ends::settle_client(then next) {
  if (closed_)
    return;
  auto reading = next_.lock();
  if (!reading)
    return next();
  *reading = std::move(next);
  settling_ = true;
  error_code ignored;
  client.cancel(ignored);
}

void two_ends::linger() {
  if (closed_)
    return;
  drop_server();
  error_code ignored;
  client.shutdown(tcp::socket::shutdown_send, ignored);
  // Whoever still reads a body here would take the browser's end for himself.
  if (next_.expired())
    client.cancel(ignored);
  idle_ = linger_time;
  due_in(linger_time);
  drain();
}

void two_ends::drain() {
  drained_ += ahead.size();
  ahead.clear();
  if (drained_ > drained_max)
    return close();
  read_client([self = shared_from_this()] { self->drain(); });
}

// -- the server's side --------------------------------------------------------

void two_ends::drop_server() {
  watching_server_ = false;
  server_name.clear();
  error_code ignored;
  server.close(ignored);
}

void two_ends::watch_server() {
  watching_server_ = true;
  server.async_wait(tcp::socket::wait_read,
                    [self = shared_from_this()](error_code failed) {
                      // Whether it ends or speaks unasked: of no more use.
                      if (!failed && self->watching_server_)
                        self->close();
                    });
}

void two_ends::unwatch_server() {
  if (!std::exchange(watching_server_, false))
    return;
  error_code ignored;
  server.cancel(ignored);
}

// -- both ---------------------------------------------------------------------

void two_ends::due_in(milliseconds time) {
  deadline_ = steady_clock::now() + time;
  if (deadline_ < armed_for_)
    arm(deadline_);
}

/// The timer is not moved with each byte: when it rings it looks how far the
/// deadline has moved meanwhile.
void two_ends::arm(steady_clock::time_point until) {
  armed_for_ = until;
  timer_.expires_at(until);
  timer_.async_wait([weak = weak_from_this()](error_code stopped) {
    auto self = weak.lock();
    if (stopped || !self || self->closed_)
      return;
    self->armed_for_ = steady_clock::time_point::max();
    if (steady_clock::now() >= self->deadline_)
      self->close();
    else
      self->arm(self->deadline_);
  });
}

void two_ends::close() {
  if (std::exchange(closed_, true))
    return;
  if (auto stop = on_close.lock())
    (*stop)();
  error_code ignored;
  timer_.cancel();
  client.close(ignored);
  server.close(ignored);
  session->closed(*this);
}

} // namespace shannon::browser
