#include "actors/browser/browser_check.hpp"

#include "actors/browser/cdp/chromium.hpp"
#include "actors/browser/scratch_folder.hpp"

#include <boost/asio/co_spawn.hpp>

#include <chrono>
#include <memory>

namespace shannon::browser {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::seconds patience{15};

asio::awaitable<std::string> look(std::shared_ptr<chromium> browser) {
  nlohmann::json nothing = nlohmann::json::object();
  auto about
      = co_await browser->connection().ask("", "Browser.getVersion", nothing);
  auto name = about.value("product", std::string{"the browser"});
  chromium::context_events deaf;
  auto context = co_await browser->open_context(deaf);
  co_await browser->open_page(context.id);
  co_return name;
}

result<std::string> start(const config::browser_settings& settings,
                          bool own_sandbox) {
  auto folder = scratch_folder::make();
  if (!folder)
    return tl::unexpected(folder.error());
  asio::io_context loop{1};
  launch_options how;
  how.program = settings.program;
  how.listeners = 1;
  how.downloads = folder->path();
  how.own_sandbox = own_sandbox;
  result<std::string> out
      = fail(errc::timeout, "the browser does not start within 15 s");
  std::shared_ptr<chromium> browser;
  auto ended = [&](const error&) {
    out = fail(errc::unavailable,
               "the browser does not start: " + browser->last_words());
    loop.stop();
  };
  auto started = chromium::start(loop, how, ended);
  if (!started)
    return tl::unexpected(started.error());
  browser = *started;
  asio::co_spawn(
      loop, look(browser), [&](std::exception_ptr failed, std::string name) {
        // What it said last is whole when it has ended.
        if (failed)
          return browser->stop({errc::failed, "it opens no page", false, {}});
        out = std::move(name);
        loop.stop();
      });
  loop.run_for(patience);
  browser->stop({errc::cancelled, "over", false, {}});
  return out;
}

} // namespace

result<checked_browser>
browser_check(const config::browser_settings& settings) {
  bool own_sandbox = true;
  auto version = start(settings, own_sandbox);
  if (!version && refused_sandbox(version.error().text)) {
    own_sandbox = false;
    version = start(settings, own_sandbox);
  }
  if (!version)
    return tl::unexpected(version.error());
  return checked_browser{std::move(*version), own_sandbox};
}

} // namespace shannon::browser
