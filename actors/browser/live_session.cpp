#include "actors/browser/live_session.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

/// An action that was stopped and has not ended by then has left its session
/// in a state nobody knows.
constexpr milliseconds stop_patience{2'000};

/// A session that nobody has asked for anything for so long is let rest: longer
/// than most pauses within one errand, shorter than most models think.
constexpr milliseconds rest_after{1'500};

/// May it have changed what `save_state` keeps?
bool changes(const std::string& action) {
  const auto& all = page_actions();
  auto at = std::find_if(all.begin(), all.end(),
                         [&](const auto& one) { return one.name == action; });
  return at == all.end() || at->acts;
}

error cancelled() {
  return {errc::cancelled, "the browser action was cancelled", false, {}};
}

} // namespace

/// One action under way, its deadline, and its one answer.
class live_session::running
    : public std::enable_shared_from_this<live_session::running> {
public:
  running(asio::io_context& loop, work what, acted_handler done)
      : what_(std::move(what)), timer_(loop), done_(std::move(done)) {}

  void begin(asio::io_context& loop, milliseconds timeout) {
    if (stopped_)
      return finish(tl::unexpected(cancelled()));
    arm(timeout, [this] {
      stop({errc::timeout,
            "the action did not end within its deadline",
            false,
            {}});
    });
    auto ended
        = [self = shared_from_this()](std::exception_ptr failed, acted got) {
            self->ended(failed, std::move(got));
          };
    asio::co_spawn(loop, what_(),
                   asio::bind_cancellation_slot(signal_.slot(), ended));
  }

  void stop(error why) {
    if (stopped_ || !done_)
      return;
    stopped_ = std::move(why);
    arm(stop_patience, [this] {
      finish(tl::unexpected(error{
          errc::unavailable, "the browser session does not react", false, {}}));
    });
    signal_.emit(asio::cancellation_type::terminal);
  }

private:
  void arm(milliseconds delay, std::function<void()> then) {
    timer_.expires_after(delay);
    timer_.async_wait(
        [self = shared_from_this(), then = std::move(then)](auto failed) {
          if (!failed && self->done_)
            then();
        });
  }

  void ended(const std::exception_ptr& failed, acted got) {
    if (!failed)
      return finish(std::move(got));
    if (stopped_) {
      auto why = *stopped_;
      if (why.code != errc::timeout)
        return finish(tl::unexpected(std::move(why)));
      // The model is told; the session goes on.
      acted late;
      late.what.error = why.text;
      return finish(std::move(late));
    }
    try {
      std::rethrow_exception(failed);
    } catch (const cdp_failed& why) {
      finish(tl::unexpected(why.why()));
    } catch (const std::exception& why) {
      finish(tl::unexpected(error{errc::failed, why.what(), false, {}}));
    }
  }

  void finish(result<acted> got) {
    if (!done_)
      return;
    timer_.cancel();
    std::exchange(done_, nullptr)(std::move(got));
  }

  /// Kept until the end: it holds the session.
  work what_;
  asio::cancellation_signal signal_;
  asio::steady_timer timer_;
  acted_handler done_;
  std::optional<error> stopped_;
};

live_session::live_session(asio::io_context& loop, process_number process,
                           std::int64_t pid,
                           std::shared_ptr<page_session> pages,
                           std::shared_ptr<egress_proxy> way_out)
    : loop_(loop), process_(process), pid_(pid), pages_(std::move(pages)),
      way_out_(std::move(way_out)), rest_(loop) {}

live_session::~live_session() = default;

live_session::stop_action live_session::act(std::string action,
                                            nlohmann::json arguments,
                                            milliseconds timeout,
                                            acted_handler done) {
  auto what = [self = shared_from_this(), action = std::move(action),
               arguments = std::move(arguments)]() mutable {
    return self->carry_out(std::move(action), std::move(arguments));
  };
  return run(std::move(what), timeout, std::move(done));
}

live_session::stop_action live_session::restore(std::string state,
                                                milliseconds timeout,
                                                acted_handler done) {
  auto what = [self = shared_from_this(), state = std::move(state)]() mutable {
    return self->bring_back(std::move(state));
  };
  return run(std::move(what), timeout, std::move(done));
}

live_session::stop_action live_session::run(work what, milliseconds timeout,
                                            acted_handler done) {
  auto one = std::make_shared<running>(loop_, std::move(what), std::move(done));
  asio::post(loop_, [self = shared_from_this(), one, timeout] {
    one->begin(self->loop_, timeout);
  });
  return [self = shared_from_this(), one] {
    asio::post(self->loop_, [one] { one->stop(cancelled()); });
  };
}

asio::awaitable<acted> live_session::carry_out(std::string action,
                                               nlohmann::json arguments) {
  auto self = shared_from_this();
  rest_.cancel();
  acted out;
  out.what = co_await pages_->act(action, std::move(arguments));
  out.view = pages_->view();
  bool may_differ = changes(action) || out.view.url != last_url_;
  if (may_differ && action != "browser_close")
    out.state = co_await pages_->save_state();
  last_url_ = out.view.url;
  rest_soon();
  co_return out;
}

asio::awaitable<acted> live_session::bring_back(std::string state) {
  auto self = shared_from_this();
  acted out;
  co_await pages_->restore(std::move(state));
  out.what.success = true;
  out.view = pages_->view();
  out.state = co_await pages_->save_state();
  last_url_ = out.view.url;
  rest_soon();
  co_return out;
}

void live_session::rest_soon() {
  rest_.expires_after(rest_after);
  rest_.async_wait([weak = weak_from_this()](auto failed) {
    auto self = weak.lock();
    if (self && !failed && !self->closed_)
      self->pages_->rest();
  });
}

void live_session::when_lost(std::function<void(error)> told) {
  asio::post(loop_, [self = shared_from_this(), told = std::move(told)] {
    if (self->lost_)
      return told(*self->lost_);
    self->told_ = told;
  });
}

void live_session::close() {
  asio::post(loop_, [self = shared_from_this()] {
    if (std::exchange(self->closed_, true))
      return;
    self->told_ = nullptr;
    self->rest_.cancel();
    self->way_out_->close();
    self->pages_->close();
  });
}

void live_session::lost(error why) {
  if (lost_)
    return;
  lost_ = why;
  closed_ = true;
  way_out_->close();
  if (told_)
    std::exchange(told_, nullptr)(why);
}

} // namespace shannon::browser
