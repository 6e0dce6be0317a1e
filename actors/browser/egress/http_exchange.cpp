#include "actors/browser/egress/http_exchange.hpp"

#include "actors/browser/egress/byte_relay.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t read_bytes = 16 * 1024;
constexpr std::uint32_t interims_max = 16;

} // namespace

http_exchange::http_exchange(two_ends_ptr ends, request_head request,
                             bool reused, done_fn done)
    : ends_(std::move(ends)), request_(std::move(request)), reused_(reused),
      done_(std::move(done)) {}

void http_exchange::start() {
  ends_->set_idle(ends_->session->rules.limits.idle_timeout);
  if (request_.body.done())
    return send();
  // The body's reader must be the only one.
  ends_->settle_client([self = shared_from_this()] { self->send(); });
}

// -- the request --------------------------------------------------------------

void http_exchange::send() {
  std::make_shared<pump>(
      ends_, pump::way::up, request_.body,
      [self = shared_from_this()](pump::outcome how, std::string rest) {
        self->on_sent(how, std::move(rest));
      })
      ->start(std::move(request_.bytes), std::exchange(ends_->ahead, {}));
  read_answer();
}

void http_exchange::on_sent(pump::outcome how, std::string rest) {
  if (!done_)
    return;
  switch (how) {
  case pump::outcome::body_ended:
    sent_ = true;
    // What was read meanwhile came later.
    ends_->ahead.insert(0, rest);
    if (ends_->ahead.empty())
      ends_->read_client();
    return;
  case pump::outcome::write_failed:
    // It may have answered before it stopped listening.
    return;
  default:
    ends_->close();
  }
}

// -- the answer's head --------------------------------------------------------

void http_exchange::read_answer() {
  buffer_.resize(used_ + read_bytes);
  ends_->server.async_read_some(
      asio::buffer(buffer_.data() + used_, read_bytes),
      [self = shared_from_this()](error_code failed, std::size_t bytes) {
        if (self->ends_->is_closed())
          return;
        if (failed)
          self->lost();
        else
          self->on_answer_bytes(bytes);
      });
}

void http_exchange::on_answer_bytes(std::size_t bytes) {
  heard_ = true;
  used_ += bytes;
  ends_->touch();
  std::string_view all{buffer_.data(), used_};
  auto size = find_answer_end(all, scanned_);
  scanned_ = used_;
  auto most = ends_->session->rules.limits.head_bytes_max;
  if ((size == 0 ? used_ : size) > most)
    return finish(exchange_end::outcome::refused,
                  "the server's answer has a head of more than "
                      + std::to_string(most) + " bytes");
  if (size == 0)
    read_answer();
  else
    on_answer_head(size);
}

void http_exchange::on_answer_head(std::size_t size) {
  auto read = parse_answer(
      {buffer_.data(), size},
      {request_.method == "HEAD", request_.keep_alive, request_.upgrade});
  if (!read)
    return finish(exchange_end::outcome::refused, std::move(read.error()));
  answer_ = std::move(*read);
  std::string rest{buffer_.data() + size, used_ - size};
  if (answer_.is_interim() || answer_.status == 101) {
    std::copy(rest.begin(), rest.end(), buffer_.begin());
    used_ = rest.size();
    scanned_ = 0;
    return answer_.is_interim() ? pass_interim() : become_relay();
  }
  if (!sent_)
    answer_.server_keeps = false;
  buffer_ = {};
  std::make_shared<pump>(
      ends_, pump::way::down, answer_.body,
      [self = shared_from_this()](pump::outcome how, const std::string& more) {
        self->on_answered(how, more);
      })
      ->start(std::move(answer_.bytes), std::move(rest));
}

void http_exchange::pass_interim() {
  if (++interims_ > interims_max)
    return finish(exchange_end::outcome::refused,
                  "the server's answer does not begin");
  asio::async_write(
      ends_->client, asio::buffer(answer_.bytes),
      [self = shared_from_this()](error_code failed, std::size_t) {
        if (failed)
          return self->ends_->close();
        if (self->used_ > 0)
          self->on_answer_bytes(0);
        else
          self->read_answer();
      });
}

/// A server that agrees before it has the whole request is not understood.
void http_exchange::become_relay() {
  if (!sent_)
    return ends_->close();
  ends_->settle_client([self = shared_from_this()] {
    auto first = std::move(self->answer_.bytes);
    first.append(self->buffer_.data(), self->used_);
    self->done_ = nullptr;
    relay_bytes(self->ends_,
                {std::move(first), std::exchange(self->ends_->ahead, {})});
  });
}

// -- the answer's body --------------------------------------------------------

void http_exchange::on_answered(pump::outcome how, const std::string& rest) {
  bool whole
      = how == pump::outcome::body_ended
        || (how == pump::outcome::source_closed && answer_.body.is_at_close());
  // The browser sees that the body was cut.
  if (!whole)
    return ends_->close();
  bool again = answer_.client_keeps && sent_;
  if (!again || !answer_.server_keeps || !rest.empty())
    ends_->drop_server();
  finish(again ? exchange_end::outcome::answered : exchange_end::outcome::last);
}

/// The server ended the connection or broke it, instead of an answer.
void http_exchange::lost() {
  // It did not want to wait any longer for another request, as servers do.
  // Browsers know that and ask again; what they asked may not bear repeating,
  // so it is not repeated here.
  if (reused_ && !heard_)
    return ends_->close();
  finish(exchange_end::outcome::refused,
         heard_ ? "the server ended the connection within its answer's head"
                : "the server ended the connection without an answer");
}

void http_exchange::finish(exchange_end::outcome how, std::string why) {
  if (done_)
    std::exchange(done_, nullptr)({how, std::move(why)});
}

} // namespace shannon::browser
