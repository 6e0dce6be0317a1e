#include "tests/browser/site.hpp"

#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <chrono>
#include <sys/socket.h>
#include <utility>

namespace shannon::test {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

site::site() {
  acceptor_.open(tcp::v4());
  acceptor_.bind({asio::ip::make_address("127.0.0.1"), 0});
  acceptor_.listen();
  port_ = acceptor_.local_endpoint().port();
  accepting_ = std::thread([this] {
    for (;;) {
      boost::system::error_code failed;
      tcp::socket socket{loop_};
      acceptor_.accept(socket, failed);
      std::lock_guard lock{mutex_};
      if (failed || stopping_)
        return;
      sockets_.push_back(socket.native_handle());
      serving_.emplace_back([this, taken = std::move(socket)]() mutable {
        serve(std::move(taken));
      });
    }
  });
}

site::~site() {
  std::vector<std::thread> serving;
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
    stopped_.notify_all();
    for (int one : sockets_)
      shutdown(one, SHUT_RDWR);
    serving = std::move(serving_);
  }
  shutdown(acceptor_.native_handle(), SHUT_RDWR);
  accepting_.join();
  for (auto& one : serving)
    one.join();
}

void site::page(const std::string& path, std::string body) {
  std::lock_guard lock{mutex_};
  pages_[path] = std::move(body);
}

std::size_t site::asked(const std::string& path) const {
  std::lock_guard lock{mutex_};
  auto at = asked_.find(path);
  return at == asked_.end() ? 0 : at->second;
}

std::string site::posted(const std::string& path) const {
  std::lock_guard lock{mutex_};
  auto at = posted_.find(path);
  return at == posted_.end() ? "" : at->second;
}

site_answer site::answer(const site_request& request) {
  {
    std::lock_guard lock{mutex_};
    ++asked_[request.path];
    if (request.method == "POST")
      posted_[request.path] = request.body;
    if (auto at = pages_.find(request.path); at != pages_.end())
      return {200, "text/html; charset=utf-8", at->second};
  }
  if (auto at = site_pages().find(request.path); at != site_pages().end())
    return {200, "text/html; charset=utf-8", at->second};
  site_answer out;
  if (site_action(request, out))
    return out;
  return {404, "text/html", "<title>gone</title>nothing here"};
}

void site::serve(tcp::socket socket) {
  boost::beast::flat_buffer buffer;
  boost::system::error_code failed;
  for (;;) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(64 * 1024 * 1024);
    http::read(socket, buffer, parser, failed);
    if (failed)
      break;
    auto& head = parser.get();
    site_request request;
    request.method = std::string{head.method_string()};
    request.host = std::string{head[http::field::host]};
    request.cookie = std::string{head[http::field::cookie]};
    request.body = head.body();
    std::string target{head.target()};
    auto mark = target.find('?');
    request.path = target.substr(0, mark);
    if (mark != std::string::npos)
      request.query = target.substr(mark + 1);
    auto what = answer(request);
    if (what.delay_ms > 0) {
      std::unique_lock lock{mutex_};
      stopped_.wait_for(lock, std::chrono::milliseconds{what.delay_ms},
                        [this] { return stopping_; });
    }
    std::string text = "HTTP/1.1 " + std::to_string(what.status)
                       + " x\r\nContent-Type: " + what.type + "\r\n";
    for (auto& [name, value] : what.headers)
      text += name + ": " + value + "\r\n";
    auto length = what.body.size() + (what.breaks ? 1000 : 0);
    if (what.more)
      text += "Connection: close\r\n\r\n";
    else
      text += "Content-Length: " + std::to_string(length) + "\r\n\r\n";
    text += what.body;
    asio::write(socket, asio::buffer(text), failed);
    while (what.more && !failed) {
      auto next = what.more();
      if (next.empty())
        break;
      asio::write(socket, asio::buffer(next), failed);
    }
    if (failed || what.more || what.breaks)
      break;
  }
  std::lock_guard lock{mutex_};
  std::erase(sockets_, socket.native_handle());
  socket.close(failed);
}

} // namespace shannon::test
