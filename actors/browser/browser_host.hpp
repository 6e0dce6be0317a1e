#pragma once

#include "actors/browser/live_session.hpp"
#include "actors/browser/pool_plan.hpp"
#include "config/settings.hpp"
#include "protocols/browser.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace shannon::browser {

/// The Chromium processes of a node and the sessions opened ahead of need:
/// what a BROWSER POOL has on the loop's side. `pool_plan` decides, this
/// carries out. Its members may be called by any thread.
///
/// A process that ends, or answers nothing for `frozen_after`, takes its
/// sessions with it and no others; the next one is started at once, and after
/// failures in a row with growing pauses. Where the machine does not allow
/// Chromium its own sandbox, the first that says so is followed at once by one
/// that is in ours alone, and so are all after it.
class browser_host : public std::enable_shared_from_this<browser_host> {
public:
  struct news {
    std::uint64_t started = 0;
    std::uint64_t crashed = 0;
    std::uint64_t running = 0;
    std::uint64_t warm = 0;
    std::vector<seen_process> processes;
  };

  struct wish {
    session_options options;
    std::string tenant;
  };
  using opened_handler
      = std::function<void(result<std::shared_ptr<live_session>>)>;

  /// `changed` is called on the loop's thread.
  browser_host(boost::asio::io_context& loop, config::browser_settings settings,
               std::function<void(news)> changed);
  ~browser_host();

  /// Removes what a host of a process that was killed has left; watches.
  void start();
  /// `done` is called once, on the loop's thread. Fails with `overloaded` when
  /// all processes are full, `unavailable` when none can be started.
  void open(wish what, opened_handler done);
  /// The session has been closed: its process has room.
  void closed(process_number process);
  /// Ends all processes; what is being opened fails.
  void stop();

private:
  struct process;
  using process_ptr = std::shared_ptr<process>;

  boost::asio::awaitable<std::shared_ptr<live_session>> open_one(wish what);
  boost::asio::awaitable<process_ptr> with_room();
  boost::asio::awaitable<process_ptr> start_process();
  boost::asio::awaitable<void> started(process_ptr one);
  boost::asio::awaitable<std::shared_ptr<page_session>>
  open_pages(process_ptr in, session_options options);
  boost::asio::awaitable<void> warm_up();
  boost::asio::awaitable<void> watch();
  boost::asio::awaitable<void> look_after(process_ptr one);

  result<std::shared_ptr<egress_proxy>> way_out(const std::string& tenant,
                                                context_lease& lease);
  pool_limits limits() const;
  std::vector<process_state> states() const;
  void gone(process_number which, const error& why);
  void want_warm();
  void end_spare();
  void tell();

  boost::asio::io_context& loop_;
  config::browser_settings settings_;
  std::function<void(news)> changed_;
  std::shared_ptr<kit::resolver> names_;
  boost::asio::steady_timer tick_;
  std::map<process_number, process_ptr> processes_;
  process_number last_ = 0;
  std::uint64_t started_ = 0;
  std::uint64_t crashed_ = 0;
  std::uint32_t failures_ = 0; ///< Starts in a row.
  bool own_sandbox_ = true;
  bool wanted_ = false; ///< Somebody has asked for a session.
  bool warming_ = false;
  bool starting_ = false;
  bool stopped_ = false;
};

} // namespace shannon::browser
