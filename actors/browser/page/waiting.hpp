#pragma once

#include "actors/browser/cdp/cdp_connection.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace shannon::browser {

using time_point = std::chrono::steady_clock::time_point;

/// Ends an action without success. Its text is one sentence that tells a model
/// what was found and what to do.
class action_failed : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// The page did not answer: what runs in it has to be ended.
class page_silent : public action_failed {
public:
  using action_failed::action_failed;
};

/// The document that was asked is gone. Asking the next one may help.
class document_gone : public action_failed {
public:
  using action_failed::action_failed;
};

/// Something has changed: wakes whoever waits for it. Who waits looks again at
/// what it waits for, since there is one notice for everything of a page.
class notice {
public:
  void tell();
  /// Until told or late, whichever is first. Throws system_error with
  /// operation_aborted when cancelled.
  boost::asio::awaitable<void> wait(time_point until);

private:
  std::list<boost::asio::steady_timer*> waiting_;
};

/// Throws system_error with operation_aborted when cancelled.
boost::asio::awaitable<void> pause_until(time_point until);

/// Commands that wait for an answer, of one page.
class open_calls {
public:
  /// Throws cdp_failed as `cdp_connection::ask` does, page_silent when there
  /// is no answer in time, and system_error with operation_aborted when
  /// cancelled.
  boost::asio::awaitable<nlohmann::json>
  ask(cdp_connection& connection, std::string session, std::string method,
      nlohmann::json params, time_point until);
  /// Answers all of them: the page is no more.
  void end(const error& why);

private:
  struct call {
    std::optional<cdp_connection::answer> got;
    boost::asio::steady_timer* timer = nullptr;
  };
  std::list<std::shared_ptr<call>> calls_;
};

} // namespace shannon::browser
