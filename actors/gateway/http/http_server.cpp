#include "actors/gateway/http/http_server.hpp"

#include "actors/gateway/http/http_connection.hpp"
#include "actors/gateway/http/response_head.hpp"
#include "actors/gateway/text/answers.hpp"
#include "actors/kit/log.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>

#include <array>
#include <fcntl.h>
#include <future>
#include <optional>
#include <unistd.h>
#include <utility>
#include <vector>

namespace shannon::gateway {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;
using tcp_acceptor = asio::basic_socket_acceptor<tcp, io_executor>;

constexpr int backlog = 4'096;
constexpr milliseconds sweep_interval{100};
/// After a failed accept that no reserve can mend.
constexpr milliseconds accept_pause{50};
constexpr milliseconds stop_patience{2'000};
/// Between two lines of the log that say the same.
constexpr std::chrono::minutes log_pause{1};

std::string text_of(const tcp::endpoint& where) {
  auto host = where.address().to_string();
  return (where.address().is_v6() ? "[" + host + "]" : host) + ":"
         + std::to_string(where.port());
}

/// Descriptors given back when the process has no more, so that a client can
/// still be told.
class descriptor_reserve {
public:
  descriptor_reserve() {
    for (auto& one : held_)
      one = open();
  }
  ~descriptor_reserve() {
    for (auto one : held_)
      if (one >= 0)
        ::close(one);
  }
  descriptor_reserve(const descriptor_reserve&) = delete;
  descriptor_reserve& operator=(const descriptor_reserve&) = delete;

  bool give() noexcept {
    for (auto& one : held_)
      if (one >= 0) {
        ::close(std::exchange(one, -1));
        return true;
      }
    return false;
  }
  void refill() noexcept {
    for (auto& one : held_)
      if (one < 0)
        one = open();
  }

private:
  static int open() noexcept {
    return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  }
  std::array<int, 16> held_{};
};

class server final : public http_server,
                     public std::enable_shared_from_this<server> {
public:
  server(kit::io_loop& loop, const config::http_settings& settings)
      : core_(std::make_shared<server_core>(loop.context(), settings)),
        doors_{{{tcp_acceptor{loop.context()}, door::api, {}},
                {tcp_acceptor{loop.context()}, door::admin, {}}}},
        pause_(loop.context()) {}

  result<void> open(bool insecure) {
    if (auto done = open(doors_[0], core_->settings.listen, insecure); !done)
      return done;
    return open(doors_[1], core_->settings.admin_listen, insecure);
  }

  void start() {
    asio::post(core_->io, [self = shared_from_this()] {
      for (auto& one : self->doors_)
        self->accept(one);
    });
  }

  std::string local_address() const override {
    return text_of(doors_[0].bound);
  }
  std::string admin_address() const override {
    return text_of(doors_[1].bound);
  }
  std::uint16_t port() const noexcept override {
    return doors_[0].bound.port();
  }
  std::uint16_t admin_port() const noexcept override {
    return doors_[1].bound.port();
  }

  std::uint64_t serve(http_service service) override {
    auto number = ++services_;
    auto shared = std::make_shared<const http_service>(std::move(service));
    asio::post(core_->io, [self = shared_from_this(), shared, number] {
      self->core_->service = shared;
      self->serving_ = number;
      self->is_served_ = true;
    });
    return number;
  }

  void retire(std::uint64_t number) override {
    asio::post(core_->io, [self = shared_from_this(), number] {
      if (self->serving_ != number)
        return;
      self->core_->service = nullptr;
      self->is_served_ = false;
    });
  }

  bool is_served() const noexcept override {
    return is_served_;
  }

  void close_after_each() override {
    asio::post(core_->io,
               [self = shared_from_this()] { self->core_->stopping = true; });
  }

  void stop_accepting() override {
    asio::post(core_->io, [self = shared_from_this()] {
      self->close_doors();
      for (const auto& one : self->connections())
        one->close_when_idle();
    });
  }

  std::size_t under_way() override {
    auto told = std::make_shared<std::promise<std::size_t>>();
    auto waiting = told->get_future();
    asio::post(core_->io, [self = shared_from_this(), told] {
      std::size_t count = 0;
      for (const auto* one : self->core_->connections)
        count += one->owes_answer() ? 1 : 0;
      told->set_value(count);
    });
    return waiting.wait_for(stop_patience) == std::future_status::ready
               ? waiting.get()
               : 0;
  }

  void stop() override {
    auto done = std::make_shared<std::promise<void>>();
    auto waiting = done->get_future();
    asio::post(core_->io, [self = shared_from_this(), done] {
      self->close_doors();
      for (const auto& one : self->connections())
        one->close();
      self->core_->service = nullptr;
      self->core_->sweeper.cancel();
      done->set_value();
    });
    // The loop may have stopped before: then nothing is left to close.
    waiting.wait_for(stop_patience);
  }

private:
  struct listener {
    tcp_acceptor acceptor;
    door leads_to;
    tcp::endpoint bound;
  };

  result<void> open(listener& one, const std::string& text, bool insecure) {
    auto where = config::parse_endpoint(text);
    if (!where)
      return tl::unexpected<error>(where.error());
    error_code failed;
    auto host = where->host == "localhost" ? "127.0.0.1" : where->host;
    auto address = asio::ip::make_address(host, failed);
    if (failed)
      return fail(errc::invalid_argument,
                  "cannot listen on " + text + ": the host must be an address");
    if (!address.is_loopback() && !insecure)
      return fail(errc::denied,
                  "refuse to listen on " + text
                      + ": other hosts can reach it and nothing is encrypted, "
                        "credentials neither; use a loopback address behind a "
                        "proxy that speaks TLS, or say insecure: true "
                        "(SHANNON_INSECURE=true)");
    tcp::endpoint endpoint{address, where->port};
    one.acceptor.open(endpoint.protocol(), failed);
    if (!failed)
      one.acceptor.set_option(asio::socket_base::reuse_address(true), failed);
    if (!failed)
      one.acceptor.bind(endpoint, failed);
    if (!failed)
      one.acceptor.listen(backlog, failed);
    if (!failed)
      one.bound = one.acceptor.local_endpoint(failed);
    if (!failed)
      one.acceptor.non_blocking(true, failed);
    if (failed)
      return fail(errc::unavailable,
                  "cannot listen on " + text + ": " + failed.message());
    close_on_exec(one.acceptor.native_handle());
    return {};
  }

  void accept(listener& one) {
    one.acceptor.async_accept([self = shared_from_this(),
                               &one](error_code failed, tcp_socket socket) {
      if (!one.acceptor.is_open())
        return;
      if (!failed)
        self->welcome(std::move(socket), one.leads_to);
      else if (failed == asio::error::no_descriptors)
        return self->turn_away(one);
      else if (failed != asio::error::connection_aborted)
        return self->accept_later(one);
      self->accept(one);
    });
  }

  /// Without descriptors an accept fails also when nobody is there: tried at
  /// once it would fail again, for ever.
  void accept_when_asked(listener& one) {
    one.acceptor.async_wait(tcp_acceptor::wait_read, [self = shared_from_this(),
                                                      &one](error_code failed) {
      if (!failed && one.acceptor.is_open())
        self->accept(one);
    });
  }

  void accept_later(listener& one) {
    pause_.expires_after(accept_pause);
    pause_.async_wait([self = shared_from_this(), &one](error_code stopped) {
      if (!stopped && one.acceptor.is_open())
        self->accept(one);
    });
  }

  void welcome(tcp_socket socket, door leads_to) {
    error_code failed;
    auto remote = socket.remote_endpoint(failed);
    if (failed)
      return; // It has left already.
    auto peer = remote.address().to_string();
    const auto& limits = core_->settings;
    if (core_->connections.size() >= limits.connections_max)
      return refuse(socket, 503, "total", "too many connections");
    // A proxy's connections are those of all its clients.
    auto at = core_->per_peer.find(peer);
    if (at != core_->per_peer.end()
        && at->second >= limits.connections_per_ip_max
        && !core_->proxies.has(peer))
      return refuse(socket, 429, "per-ip",
                    "too many connections from this address");
    std::make_shared<http_connection>(core_, std::move(socket), leads_to,
                                      std::move(peer))
        ->start();
    sweep_later();
  }

  /// One short write into an empty socket buffer: never blocks.
  void refuse(tcp_socket& socket, int status, std::string_view reason,
              std::string_view text) {
    if (auto* counts = core_->counts())
      counts->connection_refused(reason);
    auto answer = error_answer(status, text);
    answer.fields.emplace_back("Retry-After", "1");
    auto bytes = response_head(answer, {answer.body.size(), true, false}, "/",
                               core_->settings.cors_origins, core_->date())
                 + answer.body;
    error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(bytes), ignored);
    socket.shutdown(tcp_socket::shutdown_send, ignored);
    // Unread bytes at the close would reset the connection and may take the
    // answer with them.
    socket.read_some(asio::buffer(core_->scratch.data(), core_->scratch.size()),
                     ignored);
  }

  void tell_no_descriptors() {
    auto now = std::chrono::steady_clock::now();
    if (told_ && now - *told_ < log_pause)
      return;
    told_ = now;
    kit::log::warning("descriptors-exhausted",
                      "HTTP server has no descriptors left, clients get 503: "
                      "raise the limit of open files (ulimit -n) or lower "
                      "http.connections_max",
                      {{"connections", core_->connections.size()}});
  }

  void turn_away(listener& one) {
    tell_no_descriptors();
    if (!reserve_.give())
      return accept_later(one);
    error_code failed;
    {
      auto socket = one.acceptor.accept(failed);
      if (!failed)
        refuse(socket, 503, "descriptors", "too many open files");
    }
    reserve_.refill();
    if (failed)
      accept_when_asked(one);
    else
      accept(one);
  }

  std::vector<std::shared_ptr<http_connection>> connections() {
    std::vector<std::shared_ptr<http_connection>> all;
    all.reserve(core_->connections.size());
    for (auto* one : core_->connections)
      all.push_back(one->shared_from_this());
    return all;
  }

  void sweep_later() {
    if (std::exchange(core_->sweeping, true))
      return;
    core_->sweeper.expires_after(sweep_interval);
    core_->sweeper.async_wait([self = shared_from_this()](error_code stopped) {
      self->core_->sweeping = false;
      if (!stopped)
        self->sweep();
    });
  }

  void sweep() {
    auto now = std::chrono::steady_clock::now();
    std::vector<std::shared_ptr<http_connection>> late;
    for (auto* one : core_->connections)
      if (one->is_overdue(now))
        late.push_back(one->shared_from_this());
    for (const auto& one : late)
      one->check_deadline(now);
    if (!core_->connections.empty())
      sweep_later();
  }

  void close_doors() {
    core_->stopping = true;
    error_code ignored;
    for (auto& one : doors_)
      one.acceptor.close(ignored);
    pause_.cancel();
  }

  std::shared_ptr<server_core> core_;
  std::array<listener, 2> doors_;
  asio::steady_timer pause_;
  descriptor_reserve reserve_;
  std::atomic<std::uint64_t> services_{0};
  std::uint64_t serving_ = 0;
  std::atomic<bool> is_served_{false};
  std::optional<steady_time> told_;
};

} // namespace

result<std::shared_ptr<http_server>>
http_server::listen(kit::io_loop& loop, const config::http_settings& settings,
                    bool insecure) {
  auto opened = std::make_shared<server>(loop, settings);
  if (auto done = opened->open(insecure); !done)
    return tl::unexpected<error>(done.error());
  opened->start();
  kit::log::info("http-listening", "HTTP server listens",
                 {{"address", opened->local_address()},
                  {"admin", opened->admin_address()}});
  return std::shared_ptr<http_server>{opened};
}

} // namespace shannon::gateway
