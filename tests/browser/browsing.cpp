#include "tests/browser/browsing.hpp"

#include "actors/kit/workspace/sandbox_user.hpp"

#include <csignal>
#include <unistd.h>
#include <utility>

namespace shannon::test {

namespace asio = boost::asio;
using nlohmann::json;
using namespace std::chrono_literals;

browser_house::browser_house() {
  // As a node does: a browser may end while it is written to.
  std::signal(SIGPIPE, SIG_IGN);
}

browser_house& browser_house::only() {
  static browser_house house;
  return house;
}

std::shared_ptr<browser::chromium> browser_house::chromium() {
  if (chromium_ && chromium_->is_open())
    return chromium_;
  browser::launch_options options;
  options.downloads = folder_.path();
  if (kit::sandbox_drops_user()
      && chown(folder_.path().c_str(), kit::sandbox_user, kit::sandbox_user)
             != 0)
    throw std::runtime_error("the browser's user gets no folder");
  options.listeners = 128; // One for each session of each test.
  auto started = browser::chromium::start(loop_, options, [](const error&) {});
  if (!started)
    throw std::runtime_error(started.error().text);
  chromium_ = *started;
  run(chromium_->ready());
  return chromium_;
}

void browser_house::renew() {
  if (chromium_)
    chromium_->stop({errc::unavailable, "another is wanted", true, {}});
  chromium_ = nullptr;
  chromium();
}

std::shared_ptr<kit::resolver> browser_house::names() {
  if (!names_) {
    auto at = ":" + std::to_string(site_.port());
    kit::egress_policy policy{{"site.test" + at, "other.test" + at}};
    auto lookup = [](const std::string& host,
                     std::uint16_t port) -> result<kit::endpoints> {
      kit::endpoints out;
      if (host == "site.test" || host == "other.test")
        out.emplace_back(asio::ip::make_address("127.0.0.1"), port);
      return out;
    };
    names_ = std::make_shared<kit::resolver>(loop_, policy, 5s, lookup);
  }
  return names_;
}

void browser_house::run(asio::awaitable<void> what,
                        std::chrono::seconds patience) {
  auto end = std::make_shared<ending<bool>>();
  asio::co_spawn(loop_, std::move(what), [end](std::exception_ptr how) {
    end->failed = how;
    end->done = true;
  });
  run_until([&] { return end->done; }, patience);
  end->check();
}

browsing::browsing(browser::session_options options) {
  session = house.run(
      browser::page_session::open(house.chromium(), std::move(options)));
  auto started = browser::egress_proxy::start(
      house.loop(), house.names(), {}, session->lease().listener.release());
  if (!started)
    throw std::runtime_error(started.error().text);
  way_out = *started;
}

browsing::~browsing() {
  session->close();
  way_out->close();
}

browser::action_result browsing::act(const std::string& action,
                                     json arguments) {
  return house.run(session->act(action, std::move(arguments)));
}

std::string browsing::say(const std::string& action, json arguments) {
  auto got = act(action, std::move(arguments));
  return got.success ? got.output : "failed: " + got.error;
}

std::string browsing::refusal(const std::string& action, json arguments) {
  auto got = act(action, std::move(arguments));
  return got.success ? "carried out: " + got.output : got.error;
}

void browsing::open(const std::string& path, const std::string& host) {
  auto got = act("browser_navigate", {{"url", web.url(path, host)}});
  if (!got.success)
    throw std::runtime_error(path + ": " + got.error);
}

std::string browsing::text_of(const std::string& selector) {
  return say("browser_extract", {{"selector", selector}});
}

} // namespace shannon::test
