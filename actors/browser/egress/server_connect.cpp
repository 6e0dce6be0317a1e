#include "actors/browser/egress/server_connect.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using tcp = asio::ip::tcp;

namespace {

/// Less is not given to an address while others wait.
constexpr milliseconds attempt_min{1'000};

class attempt : public std::enable_shared_from_this<attempt> {
public:
  attempt(two_ends_ptr ends, const kit::url& where,
          std::function<void(result<void>)> done)
      : ends_(std::move(ends)), name_(where.authority()),
        done_(std::move(done)), timer_(ends_->session->loop) {}

  void start(const kit::url& where) {
    due_ = steady_clock::now() + ends_->session->rules.limits.connect_timeout;
    ends_->session->lookup(
        where, [self = shared_from_this()](result<kit::endpoints> found) {
          if (self->ends_->is_closed())
            return;
          if (!found)
            return self->finish(tl::unexpected(std::move(found.error())));
          self->found_ = std::move(*found);
          self->connect();
        });
  }

private:
  void connect() {
    auto left
        = std::chrono::duration_cast<milliseconds>(due_ - steady_clock::now());
    if (left <= milliseconds::zero())
      return too_late();
    auto share = left / static_cast<int>(found_.size() - tried_);
    timer_.expires_after(std::min(left, std::max(share, attempt_min)));
    timer_.async_wait(
        [self = shared_from_this(), number = tried_](error_code stopped) {
          error_code ignored;
          if (!stopped && self->done_ && number == self->tried_)
            self->ends_->server.close(ignored);
        });
    ends_->server = tcp::socket{ends_->session->loop};
    ends_->server.async_connect(found_[tried_],
                                [self = shared_from_this()](error_code failed) {
                                  self->on_connected(failed);
                                });
  }

  void on_connected(error_code failed) {
    timer_.cancel();
    if (ends_->is_closed())
      return;
    error_code unknown;
    if (!failed && ends_->server.is_open()
        && ends_->server.remote_endpoint(unknown) == found_[tried_]) {
      error_code ignored;
      ends_->server.set_option(tcp::no_delay{true}, ignored);
      ends_->server_name = name_;
      return finish({});
    }
    if (++tried_ < found_.size())
      return connect();
    if (failed == asio::error::operation_aborted)
      return too_late();
    finish(fail(errc::unavailable,
                name_ + " cannot be connected to: "
                    + (failed ? failed : unknown).message(),
                true));
  }

  void too_late() {
    finish(
        fail(errc::timeout, name_ + " cannot be connected to in time", true));
  }

  void finish(result<void> how) {
    std::exchange(done_, nullptr)(std::move(how));
  }

  two_ends_ptr ends_;
  std::string name_;
  std::function<void(result<void>)> done_;
  asio::steady_timer timer_;
  steady_clock::time_point due_;
  kit::endpoints found_;
  std::size_t tried_ = 0;
};

} // namespace

void connect_server(two_ends_ptr ends, const kit::url& where,
                    std::function<void(result<void>)> done) {
  std::make_shared<attempt>(std::move(ends), where, std::move(done))
      ->start(where);
}

} // namespace shannon::browser
