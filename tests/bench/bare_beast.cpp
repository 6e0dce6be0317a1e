#include "tests/bench/bare_beast.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <thread>
#include <utility>

namespace shannon::bench {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::beast::error_code;

class session : public std::enable_shared_from_this<session> {
public:
  explicit session(tcp::socket socket) : stream_(std::move(socket)) {
    error_code ignored;
    stream_.socket().set_option(tcp::no_delay(true), ignored);
  }

  void read() {
    request_ = {};
    http::async_read(
        stream_, buffer_, request_,
        [self = shared_from_this()](error_code failed, std::size_t) {
          if (!failed)
            self->write();
        });
  }

private:
  void write() {
    response_ = {};
    response_.version(11);
    response_.set(http::field::content_type, "application/json");
    response_.body() = "{\"status\":\"healthy\"}\n";
    response_.prepare_payload();
    http::async_write(
        stream_, response_,
        [self = shared_from_this()](error_code failed, std::size_t) {
          if (!failed)
            self->read();
        });
  }

  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  http::response<http::string_body> response_;
};

} // namespace

class bare_beast::impl {
public:
  impl() {
    accept();
    thread_ = std::thread{[this] { io_.run(); }};
  }
  ~impl() {
    io_.stop();
    thread_.join();
  }
  std::uint16_t port() const {
    return acceptor_.local_endpoint().port();
  }

private:
  void accept() {
    acceptor_.async_accept([this](error_code failed, tcp::socket socket) {
      if (failed)
        return;
      std::make_shared<session>(std::move(socket))->read();
      accept();
    });
  }

  asio::io_context io_{1};
  tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  std::thread thread_;
};

bare_beast::bare_beast() : impl_(std::make_unique<impl>()) {}

bare_beast::~bare_beast() = default;

std::uint16_t bare_beast::port() const noexcept {
  return impl_->port();
}

} // namespace shannon::bench
