#include "actors/gateway/http/websocket.hpp"

#include "actors/gateway/text/json_text.hpp"

#include <boost/asio/post.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace shannon::gateway {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace ws = boost::beast::websocket;
using boost::system::error_code;

/// Beast pings after half of it.
constexpr std::chrono::seconds silence_max{40};
constexpr std::chrono::seconds handshake_time{10};

/// The request as Beast's handshake reads it.
beast::http::request<beast::http::empty_body>
beast_request(const http_request& from) {
  beast::http::request<beast::http::empty_body> to;
  to.version(11);
  to.method_string(from.method);
  to.target(from.path);
  for (const auto& [name, value] : from.fields)
    to.insert(name, value);
  return to;
}

class session final : public websocket,
                      public std::enable_shared_from_this<session> {
public:
  session(std::shared_ptr<http_connection> owner,
          std::shared_ptr<server_core> core, std::size_t message_bytes_max,
          websocket_events events)
      : owner_(std::move(owner)), core_(std::move(core)),
        message_bytes_max_(message_bytes_max), events_(std::move(events)),
        share_(core_->streams) {}

  // -- on the loop ------------------------------------------------------------

  void accept(const http_request& request) override {
    stream_.emplace(owner_->release_socket());
    ws::stream_base::timeout times;
    times.handshake_timeout = handshake_time;
    times.idle_timeout = silence_max;
    times.keep_alive_pings = true;
    stream_->set_option(times);
    stream_->read_message_max(message_bytes_max_);
    stream_->text(true);
    request_ = beast_request(request);
    stream_->async_accept(request_,
                          [self = shared_from_this()](error_code failed) {
                            if (failed)
                              return self->end();
                            self->open_ = true;
                            self->read();
                            self->write_next();
                          });
  }

  void abort() override {
    if (!stream_)
      return end();
    error_code ignored;
    beast::get_lowest_layer(*stream_).close(ignored);
  }

  // -- any thread -------------------------------------------------------------

  outcome write(std::string text) override {
    std::lock_guard guard{mutex_};
    if (closed_ || closing_)
      return outcome::closed;
    if (!share_.take(text.size())) {
      closed_ = true;
      asio::post(core_->io, [self = shared_from_this()] { self->abort(); });
      return outcome::too_slow;
    }
    queue_.push_back(std::move(text));
    kick();
    return outcome::taken;
  }

  std::size_t unsent() const noexcept override {
    return share_.held();
  }

  bool is_behind() const noexcept override {
    return share_.is_half_full();
  }

  void close() override {
    std::lock_guard guard{mutex_};
    if (closed_ || std::exchange(closing_, true))
      return;
    kick();
  }

private:
  void kick() {
    asio::post(core_->io, [self = shared_from_this()] { self->write_next(); });
  }

  void read() {
    stream_->async_read(
        in_, [self = shared_from_this()](error_code failed, std::size_t) {
          if (failed)
            return self->end();
          if (!self->stream_->got_text())
            return self->say_goodbye(ws::close_code::unknown_data);
          auto text = beast::buffers_to_string(self->in_.data());
          self->in_.consume(self->in_.size());
          // Beast looks whether a message's last character is whole with the
          // last byte that comes, not at its end: an empty last frame passes.
          if (find_invalid_utf8(text) != std::string_view::npos)
            return self->say_goodbye(ws::close_code::bad_payload);
          if (self->events_.message)
            self->events_.message(std::move(text));
          self->read();
        });
  }

  void write_next() {
    if (!open_ || writing_)
      return;
    if (goodbye_)
      return say_goodbye(*goodbye_);
    {
      std::lock_guard guard{mutex_};
      if (!queue_.empty()) {
        out_ = std::move(queue_.front());
        queue_.pop_front();
      } else if (closing_) {
        asio::post(core_->io, [self = shared_from_this()] {
          // Its client is to come again, elsewhere.
          self->say_goodbye(self->core_->stopping
                                ? ws::close_code::service_restart
                                : ws::close_code::normal);
        });
        return;
      } else {
        return;
      }
    }
    writing_ = true;
    stream_->async_write(
        asio::buffer(out_),
        [self = shared_from_this()](error_code failed, std::size_t) {
          self->writing_ = false;
          auto left
              = self->share_.give_back(std::exchange(self->out_, {}).size());
          if (failed)
            return self->end();
          if (left == 0 && self->events_.drained)
            self->events_.drained();
          self->write_next();
        });
  }

  /// Once; after what is being written.
  void say_goodbye(ws::close_code why) {
    goodbye_ = goodbye_.value_or(why);
    if (!open_ || writing_ || std::exchange(leaving_, true))
      return;
    stream_->async_close(
        ws::close_reason{*goodbye_},
        [self = shared_from_this()](error_code) { self->end(); });
  }

  /// Once, however it came.
  void end() {
    if (std::exchange(ended_, true))
      return;
    open_ = false;
    bool in_order = false;
    {
      std::lock_guard guard{mutex_};
      closed_ = true;
      in_order = closing_;
      queue_.clear();
    }
    abort();
    auto events = std::exchange(events_, {});
    if (auto owner = std::exchange(owner_, nullptr))
      owner->close();
    if (!in_order && events.closed)
      events.closed();
  }

  std::shared_ptr<http_connection> owner_;
  std::shared_ptr<server_core> core_;
  std::size_t message_bytes_max_;
  websocket_events events_;
  stream_share share_;
  std::optional<ws::stream<tcp_socket>> stream_;
  beast::http::request<beast::http::empty_body> request_;
  beast::flat_buffer in_;
  std::string out_;
  bool open_ = false;
  bool writing_ = false;
  bool leaving_ = false;
  std::optional<ws::close_code> goodbye_;
  bool ended_ = false;

  std::mutex mutex_;
  std::deque<std::string> queue_;
  bool closing_ = false;
  bool closed_ = false;
};

} // namespace

std::shared_ptr<websocket>
make_websocket(std::shared_ptr<http_connection> owner,
               std::shared_ptr<server_core> core, std::size_t message_bytes_max,
               websocket_events events) {
  return std::make_shared<session>(std::move(owner), std::move(core),
                                   message_bytes_max, std::move(events));
}

} // namespace shannon::gateway
