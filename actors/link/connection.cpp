#include "actors/link/connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <utility>

namespace shannon::link {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using namespace std::chrono_literals;

/// Who writes after a pause this long writes itself: one message is under way,
/// and nothing to be collected.
constexpr auto pause_before_own_write = 20us;
/// Buffers larger than this are given back after use.
constexpr std::size_t room_kept = 1024 * 1024;
/// How long last words may take.
constexpr auto linger = 200ms;

std::string text_of(const connection::socket_type& socket) {
  error_code failed;
  auto where = socket.remote_endpoint(failed);
  if (failed)
    return "somebody who is gone";
  auto host = where.address().to_string();
  return (where.address().is_v6() ? "[" + host + "]" : host) + ":"
         + std::to_string(where.port());
}

void empty_out(std::string& text) {
  if (text.capacity() > room_kept)
    std::string{}.swap(text);
  else
    text.clear();
}

error lost(const std::string& why) {
  return {errc::unavailable, why, true, std::nullopt};
}

} // namespace

connection::connection(socket_type socket,
                       std::shared_ptr<const tls_context> tls,
                       tls_channel::side side, std::size_t frame_bytes_max)
    : socket_(std::move(socket)), peer_(text_of(socket_)),
      reader_(frame_bytes_max), heard_(clock::now()),
      linger_(socket_.get_executor()), descriptor_(socket_.native_handle()) {
  error_code ignored;
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  // Programs that are started must not keep it open.
  ::fcntl(descriptor_, F_SETFD, FD_CLOEXEC);
  if (tls)
    tls_ = std::make_unique<tls_channel>(std::move(tls), side);
}

void connection::start(handlers told) {
  told_ = std::make_shared<const handlers>(std::move(told));
  if (!tls_) {
    ready_ = true;
    tell_ready();
  } else {
    took({}); // Whoever dials speaks first.
  }
  if (!closed_)
    read();
}

void connection::tell_ready() {
  auto told = told_; // Stays while it runs, whatever it does.
  told->ready();
}

std::vector<std::string> connection::certified() const {
  std::lock_guard guard{wire_mutex_};
  return tls_ ? tls_->peer_names() : std::vector<std::string>{};
}

// -- reading ------------------------------------------------------------------

void connection::read() {
  socket_.async_read_some(
      asio::buffer(buffer_),
      [self = shared_from_this()](error_code failed, std::size_t n) {
        if (self->closed_)
          return;
        if (failed)
          return self->close(self->ends_ ? self->last_words_
                             : failed == asio::error::eof
                                 ? lost("the peer has closed the connection")
                                 : lost(failed.message()));
        self->heard_ = clock::now();
        self->received_ += n;
        self->took({self->buffer_.data(), n});
        if (!self->closed_)
          self->read();
      });
}

void connection::took(std::string_view bytes) {
  if (ends_)
    return; // Read only so that our last words are not lost by a reset.
  if (!tls_)
    return split(bytes);
  result<void> good;
  bool established = false;
  bool answers = false;
  {
    std::lock_guard guard{wire_mutex_};
    good = tls_->take(bytes, plain_);
    established = tls_->established();
    answers = tls_->has_output();
  }
  if (answers)
    flush();
  if (good && established && !std::exchange(ready_, true) && !closed_)
    tell_ready();
  if (!closed_ && !plain_.empty())
    split(plain_);
  empty_out(plain_);
  if (!good && !closed_ && !ends_)
    close_after_write(good.error());
}

void connection::split(std::string_view plain) {
  reader_.take(plain);
  auto told = told_; // Stays while it runs, whatever it does.
  while (!closed_ && !ends_) {
    auto frame = reader_.next();
    if (!frame)
      return close_after_write(frame.error());
    if (!*frame)
      return;
    told->frame(**frame);
  }
}

// -- writing ------------------------------------------------------------------

void connection::write(std::string_view frames) {
  auto now = clock::now();
  {
    std::lock_guard guard{out_mutex_};
    if (ended_)
      return;
    out_.append(frames);
    if (std::exchange(writing_, true))
      return;
    if (now - wrote_ < pause_before_own_write) {
      asio::post(socket_.get_executor(),
                 [self = shared_from_this()] { self->write_rest(); });
      return;
    }
  }
  if (seal() && push() == pushed::all)
    return after_write();
  asio::post(socket_.get_executor(),
             [self = shared_from_this()] { self->write_rest(); });
}

void connection::flush() {
  {
    std::lock_guard guard{out_mutex_};
    more_ = true;
    if (std::exchange(writing_, true))
      return;
  }
  write_rest();
}

/// Takes what is waiting, and encrypts it. By whoever writes.
bool connection::seal() {
  {
    std::lock_guard guard{out_mutex_};
    taken_.swap(out_);
    more_ = false;
    wrote_ = clock::now();
  }
  std::lock_guard guard{wire_mutex_};
  if (!tls_) {
    wire_.append(taken_);
  } else {
    broken_ = broken_ || (!taken_.empty() && !tls_->put(taken_));
    tls_->drain(wire_);
  }
  empty_out(taken_);
  return !broken_;
}

/// As much as goes without waiting.
connection::pushed connection::push() {
  std::lock_guard guard{wire_mutex_};
  while (wire_at_ < wire_.size()) {
    if (descriptor_ < 0)
      return pushed::failed;
    auto n = ::send(descriptor_, wire_.data() + wire_at_,
                    wire_.size() - wire_at_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errno == EAGAIN || errno == EWOULDBLOCK ? pushed::some
                                                     : pushed::failed;
    wire_at_ += static_cast<std::size_t>(n);
  }
  wire_at_ = 0;
  empty_out(wire_);
  return pushed::all;
}

/// On the socket's thread, by whoever writes.
void connection::write_rest() {
  for (;;) {
    if (closed_)
      return;
    if (!seal())
      return close(lost("TLS does not take what is to be sent"));
    auto how = push();
    if (how == pushed::failed)
      return close(lost("the connection takes nothing any more"));
    if (how == pushed::some) {
      socket_.async_wait(socket_type::wait_write,
                         [self = shared_from_this()](error_code failed) {
                           if (failed && !self->closed_)
                             return self->close(lost(failed.message()));
                           self->write_rest();
                         });
      return;
    }
    {
      std::lock_guard guard{out_mutex_};
      if (!out_.empty() || more_)
        continue;
      writing_ = false;
    }
    if (ends_) {
      // The peer reads them, and closes in its turn; or `linger` ends.
      error_code ignored;
      socket_.shutdown(socket_type::shutdown_send, ignored);
    }
    return;
  }
}

/// After a write by the caller of `write`: what came meanwhile is not his.
void connection::after_write() {
  {
    std::lock_guard guard{out_mutex_};
    if (out_.empty() && !more_ && !ends_) {
      writing_ = false;
      return;
    }
  }
  asio::post(socket_.get_executor(),
             [self = shared_from_this()] { self->write_rest(); });
}

// -- the end ------------------------------------------------------------------

void connection::close(error why) {
  if (std::exchange(closed_, true))
    return;
  auto self = shared_from_this();
  {
    std::lock_guard guard{out_mutex_};
    ended_ = true;
    std::string{}.swap(out_);
  }
  {
    std::lock_guard guard{wire_mutex_};
    descriptor_ = -1;
    error_code ignored;
    socket_.close(ignored);
  }
  linger_.cancel();
  auto told = std::move(told_);
  if (told)
    told->closed(why);
}

void connection::close_after_write(error why) {
  if (closed_ || ends_)
    return;
  last_words_ = std::move(why);
  bool out = false;
  {
    std::lock_guard guard{out_mutex_};
    ended_ = true; // Nothing is said after the last words.
    ends_ = true;
    out = !std::exchange(writing_, true);
  }
  linger_.expires_after(linger);
  linger_.async_wait([self = shared_from_this()](error_code cancelled) {
    if (!cancelled)
      self->close(self->last_words_);
  });
  if (out)
    write_rest();
}

} // namespace shannon::link
