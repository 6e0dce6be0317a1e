#pragma once

#include "actors/browser/cdp/chromium.hpp"
#include "actors/browser/egress/egress_proxy.hpp"
#include "actors/browser/page/page_session.hpp"
#include "actors/browser/pool_plan.hpp"
#include "protocols/errc.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <nlohmann/json.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace shannon::browser {

/// What an action came to, with the session's state afterwards if it may have
/// changed.
struct acted {
  action_result what;
  std::string state;
  session_view view;
};

/// An open session: its pages and its way out. Its members may be called by
/// any thread; what they give comes on the loop's thread, exactly once.
class live_session : public std::enable_shared_from_this<live_session> {
public:
  using acted_handler = std::function<void(result<acted>)>;
  /// Ends the action; its handler is told `cancelled`. Any thread.
  using stop_action = std::function<void()>;

  live_session(boost::asio::io_context& loop, process_number process,
               std::int64_t pid, std::shared_ptr<page_session> pages,
               std::shared_ptr<egress_proxy> way_out);
  ~live_session();

  /// One at a time. An error of another kind than `cancelled` says that the
  /// session is of no use any more.
  stop_action act(std::string action, nlohmann::json arguments,
                  std::chrono::milliseconds timeout, acted_handler done);
  /// Cookies and storage of a session that was lost, then its URL.
  stop_action restore(std::string state, std::chrono::milliseconds timeout,
                      acted_handler done);

  /// Called at most once, on the loop's thread, when its process is gone;
  /// at once if it is gone already.
  void when_lost(std::function<void(error)> told);

  /// Ends it, whatever its pages do.
  void close();

  /// Why the last requests of its pages were refused; any thread.
  proxy_counters traffic() const {
    return way_out_->counters();
  }
  process_number process() const noexcept {
    return process_;
  }
  /// Of that process.
  std::int64_t pid() const noexcept {
    return pid_;
  }

  // -- the loop's thread ------------------------------------------------------

  void lost(error why);
  bool is_closed() const noexcept {
    return closed_;
  }

private:
  class running;
  using work = std::function<boost::asio::awaitable<acted>()>;

  stop_action run(work what, std::chrono::milliseconds timeout,
                  acted_handler done);
  boost::asio::awaitable<acted> carry_out(std::string action,
                                          nlohmann::json arguments);
  boost::asio::awaitable<acted> bring_back(std::string state);
  void rest_soon();

  boost::asio::io_context& loop_;
  process_number process_;
  std::int64_t pid_;
  std::shared_ptr<page_session> pages_;
  std::shared_ptr<egress_proxy> way_out_;
  std::function<void(error)> told_;
  std::optional<error> lost_;
  bool closed_ = false;
  std::string last_url_;
  boost::asio::steady_timer rest_;
};

} // namespace shannon::browser
