#include "actors/kit/http_client.hpp"

#include "actors/kit/http_message.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <sys/socket.h>
#include <utility>

namespace shannon::kit {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;

using asio::ip::tcp;
using boost::system::error_code;
using clock = std::chrono::steady_clock;
using io_handler = std::function<void(error_code, std::size_t)>;

constexpr std::size_t read_size = 16 * 1024;

// -- one socket ---------------------------------------------------------------

struct connection {
  connection(asio::io_context& loop, ssl::context* context) : socket(loop) {
    if (context)
      tls.emplace(socket, *context);
  }

  void read_some(asio::mutable_buffer into, io_handler then) {
    if (tls)
      tls->async_read_some(into, std::move(then));
    else
      socket.async_read_some(into, std::move(then));
  }
  void write(asio::const_buffer from, io_handler then) {
    if (tls)
      asio::async_write(*tls, from, std::move(then));
    else
      asio::async_write(socket, from, std::move(then));
  }
  void close() {
    error_code ignored;
    socket.close(ignored);
  }
  /// A kept connection the far side closed, or wrote to unasked, is useless.
  bool is_quiet() {
    char byte = 0;
    auto got
        = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    // TLS 1.3 session tickets may wait to be read: only an end counts there.
    return got < 0 ? errno == EAGAIN || errno == EWOULDBLOCK
                   : got > 0 && tls.has_value();
  }

  tcp::socket socket;
  std::optional<ssl::stream<tcp::socket&>> tls;
  clock::time_point idle_until;
  /// What it reads into: kept with it, since each call would make it anew.
  std::vector<char> buffer;
};

using connection_ptr = std::shared_ptr<connection>;

} // namespace

// -- the pool -----------------------------------------------------------------

/// All but the constructor runs on the loop, which one thread drives.
class http_client::impl : public std::enable_shared_from_this<impl> {
public:
  class exchange;

  impl(asio::io_context& io, http_client_options wanted)
      : loop(io), options(std::move(wanted)), context(ssl::context::tls_client),
        watch_(io), reaper_(io) {
    prepare_tls();
  }

  /// A kept connection of this key, or null.
  connection_ptr take(const std::string& key) {
    auto at = idle_.find(key);
    while (at != idle_.end() && !at->second.empty()) {
      auto found = std::move(at->second.back());
      at->second.pop_back();
      if (found->idle_until > clock::now() && found->is_quiet())
        return found;
      found->close();
    }
    return nullptr;
  }

  void keep(const std::string& key, connection_ptr what) {
    auto& list = idle_[key];
    if (closed_ || list.size() >= options.idle_max) {
      what->close();
      return;
    }
    what->idle_until = clock::now() + options.idle_timeout;
    arm_reaper(what->idle_until);
    list.push_back(std::move(what));
  }

  /// Some exchange has to be looked at then. One timer for all of them: one of
  /// each would be armed and cancelled for each call, and nearly never ring.
  void watch(clock::time_point at);

  void close();

  asio::io_context& loop;
  const http_client_options options;
  ssl::context context;
  /// Why no TLS connection can be made; empty if they can.
  std::string tls_error;
  std::set<exchange*> running;

private:
  void prepare_tls() {
    auto* raw = context.native_handle();
    SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
    context.set_verify_mode(ssl::verify_peer);
    error_code ec;
    context.set_default_verify_paths(ec);
    if (!options.ca_file.empty())
      context.load_verify_file(options.ca_file, ec);
    if (ec)
      tls_error = "trust anchors cannot be read: " + ec.message();
    static const unsigned char http11[] = "\x08http/1.1";
    SSL_CTX_set_alpn_protos(raw, http11, sizeof(http11) - 1);
  }

  void look();

  /// Those that are kept later end later: an armed one comes first.
  void arm_reaper(clock::time_point at) {
    if (reaper_armed_)
      return;
    reaper_armed_ = true;
    reaper_.expires_at(at);
    reaper_.async_wait([weak = weak_from_this()](error_code ec) {
      if (auto self = weak.lock(); self && !ec)
        self->reap();
    });
  }

  void reap() {
    reaper_armed_ = false;
    auto now = clock::now();
    auto next = clock::time_point::max();
    for (auto at = idle_.begin(); at != idle_.end();) {
      at->second.remove_if([&](const connection_ptr& x) {
        if (x->idle_until <= now) {
          x->close();
          return true;
        }
        next = std::min(next, x->idle_until);
        return false;
      });
      at = at->second.empty() ? idle_.erase(at) : std::next(at);
    }
    if (!idle_.empty() && !closed_)
      arm_reaper(next);
  }

  std::map<std::string, std::list<connection_ptr>> idle_;
  asio::steady_timer watch_;
  clock::time_point watched_for_ = clock::time_point::max();
  asio::steady_timer reaper_;
  bool reaper_armed_ = false;
  bool closed_ = false;
};

// -- one exchange -------------------------------------------------------------

class http_client::impl::exchange final
    : public http_call,
      public std::enable_shared_from_this<exchange> {
public:
  exchange(std::shared_ptr<impl> owner, http_request request,
           http_limits limits, http_events events)
      : owner_(std::move(owner)), request_(std::move(request)), limits_(limits),
        events_(std::move(events)) {
    // What Host brackets, sockets and certificates want bare.
    auto& host = request_.host;
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
      host = host.substr(1, host.size() - 2);
    name_ = host + ':' + std::to_string(request_.port);
    key_ = (request_.tls ? "https://" : "http://") + name_;
  }

  void cancel() override {
    asio::post(owner_->loop, [self = shared_from_this()] {
      self->finish(fail(errc::cancelled, "HTTP call was cancelled"));
    });
  }

  void run() {
    if (done_)
      return;
    owner_->running.insert(this);
    total_due_ = clock::now() + limits_.total;
    if (auto ok = check_request(request_); !ok)
      return finish(ok);
    if (request_.tls && !owner_->tls_error.empty())
      return finish(fail(errc::unavailable, owner_->tls_error));
    bytes_ = serialize_request(request_);
    if (auto kept = owner_->take(key_)) {
      connection_ = std::move(kept);
      reused_ = true;
      return talk();
    }
    resolve();
  }

  clock::time_point due() const noexcept {
    return std::min(phase_due_, total_due_);
  }

  /// It is due.
  void ring() {
    if (total_due_ <= clock::now())
      return finish(fail(errc::timeout,
                         name_ + ": no whole answer within "
                             + std::to_string(limits_.total.count()) + " ms",
                         true));
    if (connecting_ && next_ < endpoints_.size())
      return connect(); // Gives the next address its share.
    finish(fail(errc::timeout, name_ + ": " + phase_, true));
  }

  void finish(result<void> how) {
    if (done_)
      return;
    done_ = true;
    if (resolver_)
      resolver_->cancel();
    if (connection_)
      connection_->close();
    connection_.reset();
    owner_->running.erase(this);
    // Callbacks hold on to actors: they go before the exchange does.
    auto events = std::exchange(events_, {});
    if (events.end)
      events.end(std::move(how));
  }

private:
  // -- deadlines --------------------------------------------------------------

  /// Moves the phase's deadline.
  void allow(std::chrono::milliseconds time, const char* phase) {
    phase_ = phase;
    phase_due_ = clock::now() + time;
    owner_->watch(due());
  }

  // -- connecting -------------------------------------------------------------

  void resolve() {
    connect_due_ = clock::now() + limits_.connect;
    allow(limits_.connect, "no connection in time");
    auto then = [self
                 = shared_from_this()](result<std::vector<tcp::endpoint>> got) {
      asio::post(self->owner_->loop, [self, got = std::move(got)]() mutable {
        self->resolved(std::move(got));
      });
    };
    if (owner_->options.resolver)
      return owner_->options.resolver(request_.host, request_.port,
                                      std::move(then));
    resolver_.emplace(owner_->loop);
    resolver_->async_resolve(
        request_.host, std::to_string(request_.port),
        tcp::resolver::numeric_service,
        [self = shared_from_this()](error_code ec,
                                    tcp::resolver::results_type found) {
          if (ec)
            return self->resolved(
                fail(errc::unavailable,
                     self->name_ + ": name not found: " + ec.message(), true));
          std::vector<tcp::endpoint> all;
          for (const auto& entry : found)
            all.push_back(entry.endpoint());
          self->resolved(std::move(all));
        });
  }

  void resolved(result<std::vector<tcp::endpoint>> got) {
    if (done_)
      return;
    if (!got)
      return finish(tl::unexpected<error>(std::move(got.error())));
    endpoints_ = std::move(*got);
    next_ = 0;
    if (endpoints_.empty())
      return finish(fail(errc::unavailable, name_ + ": no address"));
    connect();
  }

  /// Tries the next address. Each gets an equal share of the time left, so
  /// that one that swallows packets does not hide the others.
  void connect() {
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    auto left = duration_cast<milliseconds>(connect_due_ - clock::now());
    auto share = left / static_cast<int>(endpoints_.size() - next_);
    auto where = endpoints_[next_++];
    if (connection_)
      connection_->close();
    auto fresh = std::make_shared<connection>(
        owner_->loop, request_.tls ? &owner_->context : nullptr);
    connection_ = fresh;
    connecting_ = true;
    allow(share, "no connection in time");
    fresh->socket.async_connect(where, [self = shared_from_this(),
                                        fresh](error_code ec) {
      if (self->done_ || self->connection_ != fresh)
        return;
      if (ec && self->next_ < self->endpoints_.size())
        return self->connect();
      self->connecting_ = false;
      if (ec)
        return self->broken("cannot connect", ec);
      error_code ignored;
      fresh->socket.set_option(tcp::no_delay{true}, ignored);
      self->allow(std::chrono::duration_cast<milliseconds>(self->connect_due_
                                                           - clock::now()),
                  "no TLS session in time");
      if (fresh->tls)
        self->handshake();
      else
        self->talk();
    });
  }

  void handshake() {
    auto* raw = connection_->tls->native_handle();
    const auto& host = request_.host;
    error_code no_address;
    asio::ip::make_address(host, no_address);
    auto* rules = SSL_get0_param(raw);
    X509_VERIFY_PARAM_set_hostflags(rules,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    bool ok
        = no_address
              ? SSL_set_tlsext_host_name(raw, host.c_str()) == 1
                    && X509_VERIFY_PARAM_set1_host(rules, host.c_str(), 0) == 1
              : X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) == 1;
    if (!ok)
      return finish(fail(errc::invalid_argument,
                         name_ + ": no certificate can name this host"));
    connection_->tls->async_handshake(
        ssl::stream_base::client,
        [self = shared_from_this(), mine = connection_, raw](error_code ec) {
          if (self->done_ || self->connection_ != mine)
            return;
          if (!ec)
            return self->talk();
          if (auto why = SSL_get_verify_result(raw); why != X509_V_OK)
            return self->finish(fail(errc::unavailable,
                                     self->name_ + ": certificate refused: "
                                         + X509_verify_cert_error_string(why)));
          self->broken("TLS handshake failed", ec);
        });
  }

  // -- talking ----------------------------------------------------------------

  /// Writes and reads at once: a far side that answers before it has read all
  /// is heard.
  void talk() {
    written_ = false;
    got_byte_ = false;
    used_ = 0;
    parser_.emplace(events_, limits_, request_.method == "HEAD");
    allow(limits_.first_byte, "no answer in time");
    connection_->write(
        asio::buffer(bytes_), [self = shared_from_this(),
                               mine = connection_](error_code ec, std::size_t) {
          if (self->done_ || self->connection_ != mine)
            return;
          self->written_ = !ec;
          if (ec && self->reused_ && !self->got_byte_)
            self->replace();
          else if (!self->got_byte_)
            self->allow(self->limits_.first_byte, "no answer in time");
        });
    if (connection_)
      read();
  }

  void read() {
    auto& buffer = connection_->buffer;
    if (used_ + read_size > buffer.size())
      buffer.resize(used_ + read_size);
    connection_->read_some(
        asio::buffer(buffer.data() + used_, buffer.size() - used_),
        [self = shared_from_this(), mine = connection_](error_code ec,
                                                        std::size_t n) {
          if (!self->done_ && self->connection_ == mine)
            self->took(ec, n);
        });
  }

  void took(error_code ec, std::size_t n) {
    if (ec && !got_byte_ && reused_)
      return replace();
    if (ec == asio::error::eof && parser_->got_some())
      return ended_by_close();
    if (ec)
      return broken("connection lost", ec);
    got_byte_ = true;
    used_ += n;
    allow(limits_.between_bytes, "answer stalled");
    if (parse())
      read();
  }

  /// False if the exchange ended.
  bool parse() {
    auto mine = connection_;
    auto& buffer = mine->buffer;
    std::size_t at = 0;
    error_code ec;
    while (at < used_ && !ec && !parser_->is_done()) {
      auto n = parser_->put(asio::buffer(buffer.data() + at, used_ - at), ec);
      at += n;
      if (parser_->is_done() && parser_->is_interim() && !ec)
        parser_.emplace(events_, limits_, request_.method == "HEAD");
      else if (n == 0)
        break;
    }
    if (ec == http::error::need_more)
      ec = {};
    if (ec == http::error::body_limit || ec == http::error::header_limit)
      return too_large();
    if (ec) {
      broken("no HTTP answer", ec);
      return false;
    }
    if (parser_->is_done()) {
      complete(at == used_ && parser_->keep_alive() && written_);
      return false;
    }
    std::copy(buffer.begin() + static_cast<std::ptrdiff_t>(at),
              buffer.begin() + static_cast<std::ptrdiff_t>(used_),
              buffer.begin());
    used_ -= at;
    // Only an endless header or chunk extension can wait this long.
    if (used_ > limits_.header_bytes_max + read_size)
      return too_large();
    return true;
  }

  bool too_large() {
    finish(fail(errc::failed, name_ + ": answer is larger than allowed"));
    return false;
  }

  void ended_by_close() {
    error_code ec;
    parser_->put_eof(ec);
    if (ec || !parser_->is_done())
      return broken("answer was cut", asio::error::eof);
    complete(false);
  }

  void complete(bool reusable) {
    auto mine = std::exchange(connection_, nullptr);
    if (reusable)
      owner_->keep(key_, std::move(mine));
    else
      mine->close();
    finish({});
  }

  /// A kept connection was closed under us: the request goes out once more,
  /// on a connection of its own.
  void replace() {
    connection_->close();
    connection_.reset();
    reused_ = false;
    resolve();
  }

  void broken(const char* what, error_code ec) {
    finish(fail(errc::unavailable, name_ + ": " + what + ": " + ec.message(),
                true));
  }

  std::shared_ptr<impl> owner_;
  http_request request_;
  http_limits limits_;
  http_events events_;
  std::string name_;
  std::string key_;
  std::string bytes_;

  clock::time_point phase_due_ = clock::time_point::max();
  clock::time_point total_due_;
  clock::time_point connect_due_;
  const char* phase_ = "";

  std::optional<tcp::resolver> resolver_;
  std::vector<tcp::endpoint> endpoints_;
  std::size_t next_ = 0;
  connection_ptr connection_;
  std::optional<answer_parser> parser_;
  std::size_t used_ = 0;

  bool connecting_ = false;
  bool reused_ = false;
  bool written_ = false;
  bool got_byte_ = false;
  bool done_ = false;
};

void http_client::impl::watch(clock::time_point at) {
  if (at >= watched_for_)
    return;
  watched_for_ = at;
  watch_.expires_at(at);
  watch_.async_wait([weak = weak_from_this()](error_code ec) {
    if (auto self = weak.lock(); self && !ec)
      self->look();
  });
}

void http_client::impl::look() {
  watched_for_ = clock::time_point::max();
  auto now = clock::now();
  std::vector<std::shared_ptr<exchange>> late;
  auto next = clock::time_point::max();
  for (auto* one : running) {
    if (one->due() <= now)
      late.push_back(one->shared_from_this());
    else
      next = std::min(next, one->due());
  }
  if (next != clock::time_point::max())
    watch(next);
  for (auto& one : late)
    one->ring();
}

void http_client::impl::close() {
  closed_ = true;
  watch_.cancel();
  reaper_.cancel();
  for (auto& [key, list] : idle_)
    for (auto& x : list)
      x->close();
  idle_.clear();
  std::vector<std::shared_ptr<exchange>> all;
  for (auto* x : running)
    all.push_back(x->shared_from_this());
  for (auto& x : all)
    x->finish(fail(errc::cancelled, "HTTP client was closed"));
}

http_client::http_client(asio::io_context& loop, http_client_options options)
    : impl_(std::make_shared<impl>(loop, std::move(options))) {}

http_client::~http_client() {
  asio::post(impl_->loop, [ptr = impl_] { ptr->close(); });
}

std::shared_ptr<http_call> http_client::start(http_request request,
                                              http_limits limits,
                                              http_events events) {
  auto call = std::make_shared<impl::exchange>(impl_, std::move(request),
                                               limits, std::move(events));
  asio::post(impl_->loop, [call] { call->run(); });
  return call;
}

} // namespace shannon::kit
