#pragma once

#include "actors/browser/egress/egress_proxy.hpp"
#include "actors/browser/page/page_session.hpp"
#include "tests/browser/site.hpp"
#include "tests/kit/temp_folder.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace shannon::test {

/// One Chromium for all tests of a program, the site, and the loop that all
/// happens on: it runs only while a test waits.
class browser_house {
public:
  static browser_house& only();

  boost::asio::io_context& loop() noexcept {
    return loop_;
  }
  std::shared_ptr<browser::chromium> chromium();
  /// Ends it: the next one has all its listeners again.
  void renew();
  site& web() noexcept {
    return site_;
  }
  /// `site.test` and `other.test` lead to the site, all other names nowhere.
  std::shared_ptr<kit::resolver> names();

  /// Runs a coroutine to its end and gives its value.
  template <class T>
  T run(boost::asio::awaitable<T> what,
        std::chrono::seconds patience = std::chrono::seconds{60}) {
    auto end = std::make_shared<ending<T>>();
    boost::asio::co_spawn(loop_, std::move(what),
                          [end](std::exception_ptr how, T value) {
                            end->failed = how;
                            end->got = std::move(value);
                            end->done = true;
                          });
    run_until([&] { return end->done; }, patience);
    end->check();
    return std::move(*end->got);
  }
  void run(boost::asio::awaitable<void> what,
           std::chrono::seconds patience = std::chrono::seconds{60});
  template <class F>
  bool run_until(F is_so, std::chrono::seconds patience) {
    auto due = std::chrono::steady_clock::now() + patience;
    loop_.restart();
    while (!is_so() && std::chrono::steady_clock::now() < due)
      loop_.run_one_for(std::chrono::milliseconds{50});
    return is_so();
  }

private:
  browser_house();

  /// Outlives a test that gave up.
  template <class T>
  struct ending {
    std::exception_ptr failed;
    std::optional<T> got;
    bool done = false;

    void check() const {
      if (failed)
        std::rethrow_exception(failed);
      if (!done)
        throw std::runtime_error("it does not end");
    }
  };

  temp_folder folder_;
  boost::asio::io_context loop_{1};
  site site_;
  std::shared_ptr<kit::resolver> names_;
  std::shared_ptr<browser::chromium> chromium_;
};

/// A session with its way out.
class browsing {
public:
  explicit browsing(browser::session_options options = {});
  ~browsing();

  browser::action_result act(const std::string& action,
                             nlohmann::json arguments
                             = nlohmann::json::object());
  /// The output; `failed: ` and the error of an action without success.
  std::string say(const std::string& action,
                  nlohmann::json arguments = nlohmann::json::object());
  /// The error; `carried out: ` and the output of one with.
  std::string refusal(const std::string& action,
                      nlohmann::json arguments = nlohmann::json::object());
  void open(const std::string& path, const std::string& host = "site.test");
  std::string text_of(const std::string& selector);

  browser_house& house = browser_house::only();
  site& web = house.web();
  std::shared_ptr<browser::page_session> session;
  std::shared_ptr<browser::egress_proxy> way_out;
};

} // namespace shannon::test
