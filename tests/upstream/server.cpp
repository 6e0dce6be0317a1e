#include "tests/upstream/server.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include <array>
#include <atomic>
#include <future>
#include <optional>
#include <utility>

namespace shannon::upstream {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

using asio::ip::tcp;
using boost::system::error_code;

constexpr std::uint64_t body_bytes_max = 64 * 1024 * 1024;

std::string head(int status, const char* type, const std::string& more) {
  return "HTTP/1.1 " + std::to_string(status)
         + " Scripted\r\nContent-Type: " + type + "\r\n" + more;
}

std::string whole(int status, const std::string& body,
                  const std::string& more = {}) {
  return head(status, "application/json", more)
         + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string chunk(const std::string& bytes) {
  std::array<char, 20> size{};
  std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
  return size.data() + bytes + "\r\n";
}

} // namespace

class server::impl : public std::enable_shared_from_this<impl> {
public:
  impl(asio::io_context& loop, server_options options)
      : loop_(loop),
        acceptor_(loop, {asio::ip::address_v4::loopback(), options.port}),
        seen_(options.ledger_file), script_(std::move(options.rules)) {}

  std::uint16_t port() const {
    return acceptor_.local_endpoint().port();
  }
  void accept();
  void close() {
    error_code ignored;
    acceptor_.close(ignored);
  }

  asio::io_context& loop_;
  tcp::acceptor acceptor_;
  ledger seen_;
  script script_;
  std::atomic<int> accepted_{0};
};

namespace {

/// One connection: reads a request, answers it, reads the next.
template <class Owner>
class session : public std::enable_shared_from_this<session<Owner>> {
public:
  session(tcp::socket socket, std::shared_ptr<Owner> owner)
      : socket_(std::move(socket)), timer_(owner->loop_),
        owner_(std::move(owner)) {
    error_code ignored;
    socket_.set_option(tcp::no_delay{true}, ignored);
  }

  void read() {
    parser_.emplace();
    parser_->body_limit(body_bytes_max);
    http::async_read(
        socket_, buffer_, *parser_,
        [self = this->shared_from_this()](error_code ec, std::size_t) {
          if (!ec)
            self->handle();
        });
  }

private:
  void handle() {
    const auto& request = parser_->get();
    std::string target{request.target()};
    auto ends_with = [&](std::string_view end) {
      return target.size() >= end.size()
             && target.compare(target.size() - end.size(), end.size(), end)
                    == 0;
    };
    entry_ = 0;
    if (target == "/ledger")
      return send_all(whole(200, owner_->seen_.to_json()));
    std::optional<question> asked;
    if (ends_with("/chat/completions"))
      asked = read_question(api::openai, request.body());
    else if (ends_with("/messages"))
      asked = read_question(api::anthropic, request.body());
    else
      return send_all(whole(404, R"({"error":{"message":"no such path"}})"));
    if (!asked)
      return send_all(whole(400, R"({"error":{"message":"no request"}})"));
    asked_ = std::move(*asked);
    how_ = owner_->script_.decide(asked_);
    ledger_entry entry;
    entry.attempt_key = std::string{request["X-Shannon-Attempt"]};
    entry.idempotency_key = std::string{request["Idempotency-Key"]};
    entry.traceparent = std::string{request["traceparent"]};
    entry.api = asked_.language == api::openai ? "openai" : "anthropic";
    entry.model = asked_.model;
    entry.stream = asked_.stream;
    entry.text = asked_.text;
    entry.files = asked_.files;
    entry.turn = asked_.turn;
    entry.status = how_.status;
    entry_ = owner_->seen_.arrived(std::move(entry));
    watch();
    wait(how_.delay, [](session& self) { self.answer(); });
  }

  // -- answers ----------------------------------------------------------------

  void answer() {
    if (how_.status != 200)
      return send_all(
          whole(how_.status, error_answer(asked_, how_), "Retry-After: 1\r\n"));
    if (!asked_.stream) {
      if (how_.stall)
        return; // Until the client goes away.
      auto bytes = whole(200, how_.garbage ? "<html>garbage</html>"
                                           : whole_answer(asked_, how_));
      if (how_.cut)
        return send_part(bytes.substr(0, bytes.size() / 2));
      return send_all(std::move(bytes));
    }
    auto begin
        = head(200, "text/event-stream", "Transfer-Encoding: chunked\r\n\r\n");
    if (how_.garbage)
      return send_all(begin + chunk("data: {\"choices\": [garbage\n\n")
                      + "0\r\n\r\n");
    pieces_ = streamed_answer(asked_, how_);
    at_ = 0;
    if (how_.stall)
      return send(begin + chunk(pieces_.front()), [](session&) {});
    if (how_.cut)
      pieces_.resize(pieces_.size() / 2);
    if (how_.token_pause.count() != 0)
      return send(std::move(begin), [](session& self) { self.next_token(); });
    for (const auto& piece : pieces_)
      begin += chunk(piece);
    if (how_.cut)
      return send_part(std::move(begin));
    send_all(begin + "0\r\n\r\n");
  }

  void next_token() {
    if (at_ == pieces_.size())
      return how_.cut ? send_part({}) : send_all("0\r\n\r\n");
    send(chunk(pieces_[at_++]), [](session& self) {
      self.wait(self.how_.token_pause,
                [](session& again) { again.next_token(); });
    });
  }

  // -- sending ----------------------------------------------------------------

  using step = void (*)(session&);

  void wait(std::chrono::milliseconds time, step then) {
    if (time.count() == 0)
      return then(*this);
    timer_.expires_after(time);
    timer_.async_wait([self = this->shared_from_this(), then](error_code ec) {
      if (!ec && self->socket_.is_open())
        then(*self);
    });
  }

  void send(std::string bytes, step then) {
    out_ = std::move(bytes);
    asio::async_write(
        socket_, asio::buffer(out_),
        [self = this->shared_from_this(), then](error_code ec, std::size_t) {
          if (ec)
            return self->leave();
          then(*self);
        });
  }

  /// The end of an answer; the next request may come.
  void send_all(std::string bytes) {
    send(std::move(bytes), [](session& self) {
      self.end("finished");
      self.read();
    });
  }

  /// The end of the connection in mid-answer.
  void send_part(std::string bytes) {
    send(std::move(bytes), [](session& self) { self.leave(); });
  }

  /// Notices at once when the client goes away while it should be waiting.
  void watch() {
    auto mine = entry_;
    socket_.async_wait(tcp::socket::wait_read, [self = this->shared_from_this(),
                                                mine](error_code ec) {
      if (ec || self->entry_ != mine)
        return;
      char byte = 0;
      error_code none;
      auto n = self->socket_.receive(asio::buffer(&byte, 1),
                                     tcp::socket::message_peek, none);
      if (none || n == 0)
        self->leave();
    });
  }

  void end(const char* state) {
    if (auto number = std::exchange(entry_, 0); number != 0)
      owner_->seen_.ended(number, state);
  }

  void leave() {
    end("cut");
    timer_.cancel();
    error_code ignored;
    socket_.close(ignored);
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  std::shared_ptr<Owner> owner_;
  boost::beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  question asked_;
  behaviour how_;
  std::vector<std::string> pieces_;
  std::size_t at_ = 0;
  std::size_t entry_ = 0;
  std::string out_;
};

} // namespace

void server::impl::accept() {
  acceptor_.async_accept(
      [self = shared_from_this()](error_code ec, tcp::socket socket) {
        if (!self->acceptor_.is_open())
          return;
        self->accepted_ += !ec;
        if (!ec)
          std::make_shared<session<impl>>(std::move(socket), self)->read();
        self->accept();
      });
}

server::server(asio::io_context& loop, server_options options)
    : impl_(std::make_shared<impl>(loop, std::move(options))) {
  impl_->accept();
}

server::~server() {
  asio::post(impl_->loop_, [ptr = impl_] { ptr->close(); });
}

std::vector<ledger_entry> server::seen() const {
  std::promise<std::vector<ledger_entry>> got;
  asio::post(impl_->loop_, [&] { got.set_value(impl_->seen_.entries()); });
  return got.get_future().get();
}

int server::connections() const noexcept {
  return impl_->accepted_;
}

std::uint16_t server::port() const noexcept {
  return impl_->port();
}

} // namespace shannon::upstream
