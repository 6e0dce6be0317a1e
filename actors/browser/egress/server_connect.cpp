#include "actors/browser/egress/server_connect.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <list>
#include <memory>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;
using tcp = asio::ip::tcp;

namespace {

/// RFC 8305: how long an address has before the next one is tried beside it.
constexpr milliseconds stagger{250};

/// The two families in turn, each in its order: a machine whose IPv6 leads
/// nowhere costs one `stagger` and not one for each address.
void interleave(kit::endpoints& all) {
  if (all.empty())
    return;
  auto first_is_v4 = all.front().address().is_v4();
  kit::endpoints rest;
  std::stable_partition(all.begin(), all.end(), [&](const auto& one) {
    return one.address().is_v4() == first_is_v4;
  });
  auto second = std::find_if(all.begin(), all.end(), [&](const auto& one) {
    return one.address().is_v4() != first_is_v4;
  });
  for (auto a = all.begin(), b = second; a != second || b != all.end();) {
    if (a != second)
      rest.push_back(*a++);
    if (b != all.end())
      rest.push_back(*b++);
  }
  all = std::move(rest);
}

class attempt : public std::enable_shared_from_this<attempt> {
public:
  attempt(two_ends_ptr ends, const kit::url& where,
          std::function<void(result<void>)> done)
      : ends_(std::move(ends)), name_(where.authority()),
        done_(std::move(done)), next_in_(ends_->session->loop),
        deadline_(ends_->session->loop) {}

  void start(const kit::url& where) {
    stop_ = std::make_shared<two_ends::then>([this] { stop(); });
    ends_->on_close = stop_;
    deadline_.expires_after(ends_->session->rules.limits.connect_timeout);
    deadline_.async_wait([weak = weak_from_this()](error_code stopped) {
      if (auto self = weak.lock(); self && !stopped)
        self->finish(fail(errc::timeout,
                          self->name_ + " cannot be connected to in time",
                          true));
    });
    ends_->session->lookup(
        where, [self = shared_from_this()](result<kit::endpoints> found) {
          if (!self->done_)
            return;
          if (!found)
            return self->finish(tl::unexpected(std::move(found.error())));
          self->found_ = std::move(*found);
          interleave(self->found_);
          self->try_next();
        });
  }

private:
  void try_next() {
    if (tried_ == found_.size())
      return;
    auto where = found_[tried_++];
    auto socket = std::make_shared<tcp::socket>(ends_->session->loop);
    under_way_.push_back(socket);
    socket->async_connect(
        where, [self = shared_from_this(), socket, where](error_code failed) {
          self->on_connected(socket, where, failed);
        });
    if (tried_ == found_.size())
      return;
    next_in_.expires_after(stagger);
    next_in_.async_wait([weak = weak_from_this()](error_code stopped) {
      if (auto self = weak.lock(); self && !stopped && self->done_)
        self->try_next();
    });
  }

  void on_connected(const std::shared_ptr<tcp::socket>& socket,
                    const tcp::endpoint& where, error_code failed) {
    under_way_.remove(socket);
    if (!done_)
      return;
    error_code unknown;
    if (!failed && socket->remote_endpoint(unknown) == where) {
      error_code ignored;
      socket->set_option(tcp::no_delay{true}, ignored);
      ends_->server = std::move(*socket);
      ends_->server_name = name_;
      return finish({});
    }
    if (tried_ < found_.size())
      return try_next();
    if (under_way_.empty())
      finish(fail(errc::unavailable,
                  name_ + " cannot be connected to: "
                      + (failed ? failed : unknown).message(),
                  true));
  }

  void finish(result<void> how) {
    if (!done_)
      return;
    auto done = std::exchange(done_, nullptr);
    stop();
    done(std::move(how));
  }

  /// Every address but the one that answered is let go at once.
  void stop() {
    done_ = nullptr;
    next_in_.cancel();
    deadline_.cancel();
    error_code ignored;
    for (auto& one : under_way_)
      one->close(ignored);
  }

  two_ends_ptr ends_;
  std::string name_;
  std::function<void(result<void>)> done_;
  asio::steady_timer next_in_;
  asio::steady_timer deadline_;
  kit::endpoints found_;
  std::size_t tried_ = 0;
  std::list<std::shared_ptr<tcp::socket>> under_way_;
  std::shared_ptr<two_ends::then> stop_;
};

} // namespace

void connect_server(two_ends_ptr ends, const kit::url& where,
                    std::function<void(result<void>)> done) {
  std::make_shared<attempt>(std::move(ends), where, std::move(done))
      ->start(where);
}

} // namespace shannon::browser
