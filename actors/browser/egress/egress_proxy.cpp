#include "actors/browser/egress/egress_proxy.hpp"

#include "actors/browser/egress/proxy_connection.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cerrno>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

namespace {

/// Without descriptors there is nothing to accept with; others end meanwhile.
constexpr std::chrono::milliseconds accept_pause{50};
/// What a kernel lets wait at one listener, as it is set up by default.
constexpr int backlog_max = 4096;

} // namespace

class egress_proxy::listening : public std::enable_shared_from_this<listening> {
public:
  listening(asio::io_context& loop, std::shared_ptr<kit::resolver> names,
            proxy_rules rules)
      : session_(std::make_shared<proxy_session>(loop, std::move(names),
                                                 std::move(rules))),
        acceptor_(loop), pause_(loop) {}

  result<void> open(int listener) {
    sockaddr_storage where{};
    socklen_t size = sizeof where;
    int listens = 0;
    socklen_t listens_size = sizeof listens;
    error_code failed;
    bool known
        = ::getsockname(listener, reinterpret_cast<sockaddr*>(&where), &size)
              == 0
          && ::getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &listens,
                          &listens_size)
                 == 0
          && listens != 0
          && (where.ss_family == AF_INET || where.ss_family == AF_INET6);
    if (known)
      acceptor_.assign(where.ss_family == AF_INET ? tcp::v4() : tcp::v6(),
                       listener, failed);
    if (!known || failed) {
      ::close(listener);
      return fail(errc::failed,
                  "the browser's proxy was given no listening TCP socket");
    }
    drop_leftovers();
    return {};
  }

  void run() {
    session_->on_room = [weak = weak_from_this()] {
      if (auto self = weak.lock())
        self->accept();
    };
    accept();
  }

  void close() {
    closed_ = true;
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    session_->close_all();
  }

  proxy_session& session() noexcept {
    return *session_;
  }

private:
  /// Who connected before was the browser of another session, if the listener
  /// has served one: it must not go out by the rules of this one.
  void drop_leftovers() {
    error_code failed;
    acceptor_.non_blocking(true, failed);
    for (int i = 0; i < backlog_max && !failed; ++i) {
      tcp::socket nobodys{session_->loop};
      acceptor_.accept(nobodys, failed);
    }
  }

  void accept() {
    if (accepting_ || closed_ || session_->full())
      return;
    accepting_ = true;
    acceptor_.async_accept(
        [self = shared_from_this()](error_code failed, tcp::socket socket) {
          self->accepting_ = false;
          if (self->closed_)
            return;
          if (failed)
            return self->accept_later();
          std::make_shared<proxy_connection>(
              std::make_shared<two_ends>(self->session_, std::move(socket)))
              ->next();
          self->accept();
        });
  }

  void accept_later() {
    accepting_ = true;
    pause_.expires_after(accept_pause);
    pause_.async_wait([self = shared_from_this()](error_code) {
      self->accepting_ = false;
      self->accept();
    });
  }

  std::shared_ptr<proxy_session> session_;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  bool accepting_ = false;
  bool closed_ = false;
};

result<std::shared_ptr<egress_proxy>>
egress_proxy::start(asio::io_context& loop,
                    std::shared_ptr<kit::resolver> names, proxy_rules rules,
                    int listener) {
  auto door
      = std::make_shared<listening>(loop, std::move(names), std::move(rules));
  if (auto ok = door->open(listener); !ok)
    return tl::unexpected(ok.error());
  asio::post(loop, [door] { door->run(); });
  return std::shared_ptr<egress_proxy>{new egress_proxy{std::move(door)}};
}

egress_proxy::egress_proxy(std::shared_ptr<listening> door)
    : door_(std::move(door)) {}

egress_proxy::~egress_proxy() {
  close();
}

void egress_proxy::close() {
  asio::post(door_->session().loop, [door = door_] { door->close(); });
}

proxy_counters egress_proxy::counters() const {
  return door_->session().counters();
}

} // namespace shannon::browser
