#pragma once

#include "actors/browser/cdp/cdp_connection.hpp"
#include "actors/browser/cdp/launch.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace shannon::browser {

/// A page, popup or frame of another process that Chromium has attached us to.
struct target {
  std::string id;
  std::string session; ///< For calls and events.
  std::string type;    ///< `page`, `iframe`, `worker`, …
  std::string opener;  ///< Id of the target that opened it; empty for none.
  std::string url;
};

/// A browser context: cookies, storage and cache of its own, in memory, and a
/// way out of its own. Cheap: no process starts until a page does.
struct context_lease {
  std::string id;
  /// Whom its pages reach: a listening socket within Chromium's network
  /// namespace, for an egress_proxy. Without one they reach nobody.
  kit::owned_fd listener;
  std::uint16_t port = 0;
};

/// One Chromium process with all its children, in namespaces of its own.
/// Everything happens on the loop's thread, and nothing of it outlives that
/// thread.
class chromium : public std::enable_shared_from_this<chromium> {
public:
  /// Called when a target of the context appears or goes.
  struct context_events {
    std::function<void(const target&)> attached;
    std::function<void(const std::string& target_id)> detached;
    /// A renderer died: the page is lost, the process is not.
    std::function<void(const std::string& target_id)> crashed;
  };

  /// Starts one. `gone` is called once, when it has ended, however.
  static result<std::shared_ptr<chromium>>
  start(boost::asio::io_context& loop, launch_options options,
        std::function<void(error)> gone);
  ~chromium();

  /// Until the browser answers. Throws cdp_failed.
  boost::asio::awaitable<void> ready();

  /// Makes a context. Throws cdp_failed: `overloaded` when no listener is left.
  boost::asio::awaitable<context_lease> open_context(context_events events);
  /// Opens a page in it and waits until it is attached. Its target is
  /// `attached` as well.
  boost::asio::awaitable<target> open_page(std::string context);
  /// Closes its pages, whatever they do. Its listener is not used again: what
  /// waits there unaccepted must not reach another's way out.
  void close_context(const std::string& context);

  cdp_connection& connection() noexcept {
    return *connection_;
  }
  const launch_options& options() const noexcept {
    return options_;
  }
  /// A thread for images, so that the loop is not held up by them.
  boost::asio::thread_pool::executor_type drawing() noexcept {
    return drawing_.get_executor();
  }
  bool is_open() const noexcept {
    return connection_->is_open();
  }
  std::size_t contexts() const noexcept {
    return contexts_.size();
  }
  /// Contexts opened since its start, and documents loaded in their pages.
  std::uint64_t opened() const noexcept {
    return opened_;
  }
  std::uint64_t pages() const noexcept {
    return pages_;
  }
  void page_loaded() noexcept {
    ++pages_;
  }
  std::chrono::steady_clock::time_point born() const noexcept {
    return born_;
  }
  pid_t pid() const noexcept;
  /// The last that it said to stderr: why it did not start.
  std::string last_words() const;
  /// Kills it with all its children; `gone` follows.
  void stop(error why);

private:
  chromium(boost::asio::io_context& loop, launch_options options);
  struct context;

  void heard(std::string_view method, nlohmann::json& params);
  context* find(const std::string& id);

  boost::asio::io_context& loop_;
  boost::asio::thread_pool drawing_{1};
  launch_options options_;
  std::shared_ptr<child> child_;
  std::shared_ptr<cdp_connection> connection_;
  std::function<void(error)> gone_;
  std::vector<std::pair<kit::owned_fd, std::uint16_t>> free_;
  std::map<std::string, context> contexts_;
  std::map<std::string, std::string> context_of_; ///< Of a target.
  std::uint64_t opened_ = 0;
  std::uint64_t pages_ = 0;
  std::chrono::steady_clock::time_point born_;
};

} // namespace shannon::browser
