#include "actors/browser/egress/proxy_connection.hpp"

#include "actors/browser/egress/byte_relay.hpp"
#include "actors/browser/egress/server_connect.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;

namespace {

int status_of(errc code) {
  switch (code) {
  case errc::denied:
    return 403;
  case errc::timeout:
    return 504;
  case errc::overloaded:
    return 503;
  default:
    return 502;
  }
}

std::string_view reason_of(int status) {
  switch (status) {
  case 400:
    return "Bad Request";
  case 403:
    return "Forbidden";
  case 405:
    return "Method Not Allowed";
  case 431:
    return "Request Header Fields Too Large";
  case 503:
    return "Service Unavailable";
  case 504:
    return "Gateway Timeout";
  case 505:
    return "HTTP Version Not Supported";
  default:
    return "Bad Gateway";
  }
}

/// Part of an error's text may be the far side's.
std::string on_one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char c) {
        auto u = static_cast<unsigned char>(c);
        return u < 0x20 || u >= 0x7f;
      },
      '?');
  return text.substr(0, 300);
}

std::string refusal_text(int status, const std::string& why, bool bare) {
  auto body = "Refused by the egress policy of this browser: " + why + "\n";
  std::string out = "HTTP/1.1 " + std::to_string(status) + " ";
  out.append(reason_of(status));
  out.append("\r\nContent-Type: text/plain; charset=utf-8"
             "\r\nX-Content-Type-Options: nosniff"
             "\r\nCache-Control: no-store"
             "\r\nConnection: close"
             "\r\nX-Shannon-Egress: refused; ");
  out.append(why).append("\r\nContent-Length: ");
  out.append(std::to_string(body.size())).append("\r\n\r\n");
  return bare ? out : out.append(body);
}

} // namespace

// -- what is asked ------------------------------------------------------------

void proxy_connection::next() {
  scanned_ = 0;
  const auto& limits = ends_->session->rules.limits;
  ends_->set_idle(limits.idle_timeout);
  ends_->due_in(limits.idle_timeout);
  read_head();
}

void proxy_connection::read_head() {
  const auto& limits = ends_->session->rules.limits;
  auto& bytes = ends_->ahead;
  // The first byte starts the clock of the whole head.
  if (scanned_ == 0 && !bytes.empty())
    ends_->due_in(limits.head_timeout);
  auto scan = scan_request(bytes, scanned_, limits.head_bytes_max);
  scanned_ = bytes.size();
  if (scan.refused)
    return refuse(scan.refused->status, scan.refused->why, nullptr);
  if (scan.size == 0)
    return ends_->read_client(
        [self = shared_from_this()] { self->read_head(); });
  auto request = parse_request({bytes.data(), scan.size});
  bytes.erase(0, scan.size);
  if (!request)
    return refuse(request.error().status, request.error().why, nullptr);
  serve(std::move(*request));
}

void proxy_connection::serve(request_head request) {
  auto& session = *ends_->session;
  session.request();
  if (session.exhausted())
    return refuse(403, "the session has used all the bytes it may", &request);
  if (auto ok = session.rules.check(request.where.host); !ok)
    return refuse(status_of(ok.error().code), ok.error().text, &request);
  // How the browser's end is noticed while the server is waited for.
  if (ends_->ahead.empty())
    ends_->read_client();
  reach(std::move(request));
}

// -- the way there ------------------------------------------------------------

void proxy_connection::reach(request_head request) {
  ends_->unwatch_server();
  if (!request.tunnel && ends_->server_name == request.where.authority())
    return connected(std::move(request), true);
  ends_->drop_server();
  // The limits of looking up and connecting end it before that.
  ends_->due_in(ends_->session->rules.limits.idle_timeout);
  auto held = std::make_shared<request_head>(std::move(request));
  connect_server(ends_, held->where,
                 [self = shared_from_this(), held](result<void> how) {
                   if (how)
                     self->connected(std::move(*held), false);
                   else
                     self->refuse(status_of(how.error().code), how.error().text,
                                  held.get());
                 });
}

void proxy_connection::connected(request_head request, bool reused) {
  if (request.tunnel)
    return open_tunnel();
  auto about = std::make_shared<request_head>();
  about->method = request.method;
  about->where = request.where;
  std::make_shared<http_exchange>(
      ends_, std::move(request), reused,
      [self = shared_from_this(), about](exchange_end end) {
        self->on_end(*about, std::move(end));
      })
      ->start();
}

void proxy_connection::open_tunnel() {
  ends_->settle_client([self = shared_from_this()] {
    relay_bytes(self->ends_, {"HTTP/1.1 200 Connection established\r\n\r\n",
                              std::exchange(self->ends_->ahead, {})});
  });
}

void proxy_connection::on_end(const request_head& request, exchange_end end) {
  switch (end.how) {
  case exchange_end::outcome::answered:
    if (!ends_->server_name.empty())
      ends_->watch_server();
    return next();
  case exchange_end::outcome::last:
    return ends_->linger();
  case exchange_end::outcome::refused:
    return refuse(502, end.why, &request);
  }
}

// -- no -----------------------------------------------------------------------

void proxy_connection::refuse(int status, const std::string& why,
                              const request_head* request) {
  auto text = on_one_line(why);
  if (request)
    ends_->session->refuse(request->where.host, request->where.port, text);
  else
    ends_->session->refuse({}, 0, text);
  ends_->drop_server();
  auto bytes = std::make_shared<std::string>(
      refusal_text(status, text, request && request->method == "HEAD"));
  asio::async_write(ends_->client, asio::buffer(*bytes),
                    [self = shared_from_this(),
                     bytes](boost::system::error_code failed, std::size_t) {
                      if (failed)
                        self->ends_->close();
                      else
                        self->ends_->linger();
                    });
}

} // namespace shannon::browser
