#pragma once

#include "actors/kit/workspace/owned_fd.hpp"
#include "protocols/errc.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace shannon::browser {

struct cdp_limits {
  /// One message: a screenshot of a long page. A longer one is skipped, and a
  /// call that it answers has `failed`: a page alone may not end the browser.
  std::size_t message_bytes_max = 64 * 1024 * 1024;
  /// An event of `Network.*` says all of an address or a body, which a page
  /// chooses. Of a longer one only the method is told, with `droppedBytes`.
  std::size_t event_bytes_max = 256 * 1024;
  /// Said and not yet taken by Chromium. More ends the connection.
  std::size_t unsent_bytes_max = 64 * 1024 * 1024;
  std::size_t calls_max = 4096;
};

/// What a call of the protocol came to when it failed. Only coroutines of this
/// folder throw and catch it.
class cdp_failed : public std::runtime_error {
public:
  explicit cdp_failed(error why)
      : std::runtime_error(why.text), why_(std::move(why)) {}
  const error& why() const noexcept {
    return why_;
  }

private:
  error why_;
};

/// One connection to a Chromium by its debugging pipe: messages are JSON, each
/// ended by a NUL byte (the Chrome DevTools Protocol in flat mode). Everything
/// happens on the loop's thread.
///
/// Each call is answered exactly once: by Chromium, or `unavailable` when the
/// connection ends. Who awaits may be cancelled (terminal); the answer is then
/// dropped.
class cdp_connection : public std::enable_shared_from_this<cdp_connection> {
public:
  using answer = result<nlohmann::json>;
  using on_answer = std::function<void(answer)>;
  /// A method such as `Page.loadEventFired`, with its parameters.
  using on_event
      = std::function<void(std::string_view method, nlohmann::json& params)>;

  cdp_connection(boost::asio::io_context& loop, kit::owned_fd to,
                 kit::owned_fd from, cdp_limits limits = {});
  ~cdp_connection();

  /// `browser_event` hears what belongs to no session; `gone` is called once,
  /// also after `close`.
  void start(on_event browser_event, std::function<void(error)> gone);
  void close(error why);
  bool is_open() const noexcept {
    return open_;
  }

  /// Session: as `Target.attachedToTarget` named it; empty for the browser.
  /// Returns a number that `forget` takes.
  std::uint64_t call(std::string_view session, std::string_view method,
                     nlohmann::json params, on_answer done);
  /// The same without an interest in the answer.
  void send(std::string_view session, std::string_view method,
            nlohmann::json params = nlohmann::json::object());
  void forget(std::uint64_t number);

  /// The same for coroutines. Throws cdp_failed: `failed` with what Chromium
  /// says, `unavailable` when it is gone.
  boost::asio::awaitable<nlohmann::json>
  ask(std::string session, std::string method,
      nlohmann::json params = nlohmann::json::object());

  /// Who hears the events of a session; an empty function ends it. An event of
  /// a session that nobody hears is dropped.
  void hear(const std::string& session, on_event what);

private:
  void read();
  void take(std::size_t bytes);
  void handle(std::string_view text);
  void drop(std::string_view text);
  void refuse_oversized();
  void write();

  boost::asio::io_context& loop_;
  boost::asio::posix::stream_descriptor to_;
  boost::asio::posix::stream_descriptor from_;
  cdp_limits limits_;
  bool open_ = true;
  bool reading_ = false;
  std::uint64_t next_ = 1;
  std::unordered_map<std::uint64_t, on_answer> calls_;
  std::unordered_map<std::string, std::shared_ptr<on_event>> hearers_;
  on_event browser_event_;
  std::function<void(error)> gone_;
  std::string in_;
  std::size_t scanned_ = 0; ///< No NUL before it in `in_`.
  bool skipping_ = false;   ///< What comes belongs to an oversized message.
  std::string out_;         ///< Waits for `sending_` to be gone.
  std::string sending_;
};

} // namespace shannon::browser
