#include "actors/browser/egress/pump.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// Most connections carry little; those that fill their buffer get a larger.
constexpr std::size_t buffer_bytes_min = 8 * 1024;
constexpr std::size_t buffer_bytes_max = 128 * 1024;

} // namespace

pump::pump(two_ends_ptr ends, way where, body_end end, done_fn done)
    : ends_(std::move(ends)),
      from_(where == way::up ? ends_->client : ends_->server),
      to_(where == way::up ? ends_->server : ends_->client), way_(where),
      end_(end), done_(std::move(done)) {}

void pump::start(std::string head, std::string ahead) {
  auto taken = end_.take(ahead);
  rest_ = ahead.substr(taken);
  ahead.resize(taken);
  head += ahead;
  if (end_.broken() || head.empty()) {
    asio::post(ends_->session->loop, [self = shared_from_this()] {
      if (self->end_.broken())
        self->finish(outcome::framing_broken);
      else
        self->next();
    });
    return;
  }
  buffer_.assign(head.begin(), head.end());
  write(buffer_.size());
}

void pump::read() {
  if (buffer_.size() < buffer_bytes_min)
    buffer_.resize(buffer_bytes_min);
  from_.async_read_some(
      asio::buffer(buffer_),
      [self = shared_from_this()](error_code failed, std::size_t bytes) {
        if (failed)
          self->finish(failed == asio::error::eof ? outcome::source_closed
                                                  : outcome::read_failed);
        else
          self->took(bytes);
      });
}

void pump::took(std::size_t bytes) {
  auto body = end_.take({buffer_.data(), bytes});
  if (end_.broken())
    return finish(outcome::framing_broken);
  rest_.assign(buffer_.data() + body, bytes - body);
  write(body);
}

void pump::write(std::size_t bytes) {
  asio::async_write(
      to_, asio::buffer(buffer_.data(), bytes),
      [self = shared_from_this()](error_code failed, std::size_t sent) {
        auto& session = *self->ends_->session;
        self->ends_->touch();
        bool up = self->way_ == way::up;
        if (!session.count(up ? sent : 0, up ? 0 : sent))
          session.close_all();
        if (failed || self->ends_->is_closed())
          return self->finish(outcome::write_failed);
        if (sent == self->buffer_.size() && sent >= buffer_bytes_min
            && sent < buffer_bytes_max)
          self->buffer_.resize(std::min(sent * 2, buffer_bytes_max));
        self->next();
      });
}

void pump::next() {
  if (end_.done())
    finish(outcome::body_ended);
  else
    read();
}

void pump::finish(outcome how) {
  if (done_)
    std::exchange(done_, nullptr)(how, std::move(rest_));
}

} // namespace shannon::browser
