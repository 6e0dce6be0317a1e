#include "tests/browser/driven_browser.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <stdexcept>
#include <thread>
#include <utility>

namespace shannon::test {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using nlohmann::json;

driven_browser::driven_browser(std::vector<std::string> exceptions,
                               kit::name_lookup lookup,
                               std::vector<std::string> more_arguments) {
  char name[] = "/tmp/shannon-browser-XXXXXX";
  if (::mkdtemp(name) == nullptr)
    throw std::runtime_error("no folder for downloads");
  folder_ = name;
  auto names = std::make_shared<kit::resolver>(
      loop_.context(), kit::egress_policy{std::move(exceptions)}, 5s,
      std::move(lookup));
  auto open = [&]() -> asio::awaitable<void> {
    browser::launch_options options;
    options.downloads = folder_;
    options.more_arguments = std::move(more_arguments);
    auto started = browser::chromium::start(loop_.context(), options,
                                            [](const error&) {});
    if (!started)
      throw std::runtime_error(started.error().text);
    chromium_ = std::move(*started);
    co_await chromium_->ready();
    browser::chromium::context_events events;
    // Popups, too, begin only when somebody lets them.
    events.attached = [raw = chromium_.get()](const browser::target& one) {
      raw->connection().send(one.session, "Runtime.runIfWaitingForDebugger");
    };
    lease_ = co_await chromium_->open_context(std::move(events));
    browser::proxy_rules rules;
    auto proxy = browser::egress_proxy::start(loop_.context(), names, rules,
                                              lease_.listener.release());
    if (!proxy)
      throw std::runtime_error(proxy.error().text);
    proxy_ = std::move(*proxy);
    auto page = co_await chromium_->open_page(lease_.id);
    session_ = page.session;
    co_await chromium_->connection().ask(session_, "Page.enable");
  };
  asio::co_spawn(loop_.context(), open(), asio::use_future).get();
}

driven_browser::~driven_browser() {
  auto end = [&]() -> asio::awaitable<void> {
    proxy_.reset();
    chromium_->stop({errc::cancelled, "the test is over", false, {}});
    chromium_.reset();
    co_return;
  };
  asio::co_spawn(loop_.context(), end(), asio::use_future).get();
  loop_.stop();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

json driven_browser::ask(const std::string& method, json params,
                         std::chrono::milliseconds limit) {
  // Shared, since an answer may come after nobody waits any more.
  auto promise = std::make_shared<std::promise<json>>();
  auto future = promise->get_future();
  asio::post(loop_.context(), [this, promise, method,
                               params = std::move(params)]() mutable {
    chromium_->connection().call(
        session_, method, std::move(params), [promise](result<json> got) {
          promise->set_value(got ? std::move(*got) : json{});
        });
  });
  return future.wait_for(limit) == std::future_status::ready ? future.get()
                                                             : json{};
}

std::string driven_browser::navigate(const std::string& url) {
  auto got = ask("Page.navigate", {{"url", url}}, 10s);
  if (!got.is_object())
    return "no answer";
  // It is answered when the page is chosen, not when it is there.
  evaluate("new Promise(done => document.readyState === 'complete' ? done() "
           ": addEventListener('load', done))",
           5s);
  return got.value("errorText", "");
}

json driven_browser::evaluate(const std::string& expression,
                              std::chrono::milliseconds limit) {
  auto got = ask("Runtime.evaluate",
                 {{"expression", expression},
                  {"awaitPromise", true},
                  {"returnByValue", true},
                  {"userGesture", true}},
                 limit);
  if (!got.is_object() || !got.contains("result")
      || got.contains("exceptionDetails"))
    return {};
  return got["result"].value("value", json{});
}

void driven_browser::settle() const {
  auto due = std::chrono::steady_clock::now() + 5s;
  for (auto before = refused(); std::chrono::steady_clock::now() < due;) {
    std::this_thread::sleep_for(60ms);
    auto now = refused();
    if (std::exchange(before, now) == now)
      return;
  }
}

} // namespace shannon::test
