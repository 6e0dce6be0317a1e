#include "actors/browser/cdp/chromium.hpp"
#include "tests/kit/temp_folder.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

using namespace shannon;
using namespace shannon::browser;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using nlohmann::json;

namespace {

/// A Chromium, and a loop that runs until a coroutine has ended.
struct bench {
  test::temp_folder folder;
  asio::io_context loop{1};
  std::vector<error> ends;

  launch_options options() {
    launch_options out;
    out.downloads = folder.path();
    out.listeners = 4;
    return out;
  }

  std::shared_ptr<chromium> start(launch_options how) {
    auto got = chromium::start(loop, std::move(how),
                               [this](error why) { ends.push_back(why); });
    if (!got)
      throw std::runtime_error(got.error().text);
    return *got;
  }

  template <class F>
  void run(F what, std::chrono::seconds patience = 20s) {
    std::exception_ptr failed;
    bool done = false;
    asio::co_spawn(loop, std::move(what), [&](std::exception_ptr how) {
      failed = how;
      done = true;
    });
    auto due = std::chrono::steady_clock::now() + patience;
    loop.restart();
    while (!done && std::chrono::steady_clock::now() < due)
      loop.run_one_for(100ms);
    if (failed)
      std::rethrow_exception(failed);
    if (!done)
      throw std::runtime_error("no end");
  }

  template <class F>
  bool until(F is_so, std::chrono::seconds patience = 10s) {
    auto due = std::chrono::steady_clock::now() + patience;
    loop.restart();
    while (!is_so() && std::chrono::steady_clock::now() < due)
      loop.run_one_for(50ms);
    return is_so();
  }
};

asio::awaitable<json> evaluate(std::shared_ptr<chromium> in, target where,
                               std::string what) {
  in->connection().send(where.session, "Runtime.runIfWaitingForDebugger");
  json params{
      {"expression", what}, {"returnByValue", true}, {"awaitPromise", true}};
  auto got = co_await in->connection().ask(where.session, "Runtime.evaluate",
                                           std::move(params));
  co_return got["result"];
}

/// Of the leader's group, those that Chromium started for this.
std::vector<std::string> of_type(pid_t leader, const std::string& type) {
  std::vector<std::string> out;
  for (const auto& one : std::filesystem::directory_iterator("/proc")) {
    std::ifstream stat{one.path() / "stat"};
    std::ifstream words{one.path() / "cmdline"};
    std::string line;
    if (!std::getline(stat, line))
      continue;
    std::istringstream rest{line.substr(line.rfind(')') + 1)};
    std::string state;
    long parent = 0;
    long group = 0;
    rest >> state >> parent >> group;
    std::string command{std::istreambuf_iterator<char>{words}, {}};
    if (group == leader && state != "Z"
        && command.find("--type=" + type) != std::string::npos)
      out.push_back(one.path().filename().string());
  }
  return out;
}

/// A line of /proc/PID/status.
std::string status_of(const std::string& process, const std::string& name) {
  std::ifstream status{"/proc/" + process + "/status"};
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name + ":"))
      return line.substr(line.find_first_not_of("\t ", name.size() + 1));
  return {};
}

std::string space_of(const std::string& process, const std::string& kind) {
  return std::filesystem::read_symlink("/proc/" + process + "/ns/" + kind)
      .string();
}

/// Processes that run the browser's program as children of ours, by what
/// /proc says.
std::size_t browsers_of(pid_t leader) {
  std::size_t count = 0;
  for (const auto& one : std::filesystem::directory_iterator("/proc")) {
    std::ifstream stat{one.path() / "stat"};
    std::string line;
    if (!std::getline(stat, line))
      continue;
    std::istringstream rest{line.substr(line.rfind(')') + 1)};
    std::string state;
    long parent = 0;
    long group = 0;
    rest >> state >> parent >> group;
    if (group == leader && state != "Z")
      ++count;
  }
  return count;
}

} // namespace

TEST_CASE("a page runs its program in a context of its own") {
  bench b;
  auto browser = b.start(b.options());
  b.run([&]() -> asio::awaitable<void> {
    co_await browser->ready();
    auto one = co_await browser->open_context({});
    auto two = co_await browser->open_context({});
    CHECK(one.id != two.id);
    CHECK(one.port != two.port);
    auto page = co_await browser->open_page(one.id);
    auto sum = co_await evaluate(browser, page, "6 * 7");
    CHECK(sum["value"] == 42);
    CHECK(browser->contexts() == 2);
  });
  browser->stop({errc::cancelled, "over", false, {}});
  CHECK(b.until([&] { return !b.ends.empty(); }));
}

TEST_CASE("Chromium has loopback and nothing else, and is nobody") {
  bench b;
  auto browser = b.start(b.options());
  b.run([&]() -> asio::awaitable<void> { co_await browser->ready(); });
  auto leader = browser->pid();
  CHECK(browsers_of(leader) > 0);
  // Seen from outside: the leader's network is not ours.
  auto net = [](const std::string& of) {
    return std::filesystem::read_symlink("/proc/" + of + "/ns/net").string();
  };
  CHECK(net(std::to_string(leader)) != net("self"));
  std::ifstream links{"/proc/" + std::to_string(leader) + "/net/dev"};
  std::string line;
  std::vector<std::string> names;
  while (std::getline(links, line))
    if (auto at = line.find(':'); at != line.npos)
      names.push_back(line.substr(line.find_first_not_of(' '),
                                  at - line.find_first_not_of(' ')));
  CHECK(names == std::vector<std::string>{"lo"});
  browser->stop({errc::cancelled, "over", false, {}});
  CHECK(b.until([&] { return !b.ends.empty(); }));
  CHECK(b.until([&] { return browsers_of(leader) == 0; }, 2s));
}

TEST_CASE(
    "what runs in a page is nobody, has no rights, and may ask the kernel "
    "for little") {
  bench b;
  auto browser = b.start(b.options());
  b.run([&]() -> asio::awaitable<void> {
    auto context = co_await browser->open_context({});
    auto page = co_await browser->open_page(context.id);
    co_await evaluate(browser, page, "1");
  });
  auto renderers = of_type(browser->pid(), "renderer");
  REQUIRE_FALSE(renderers.empty());
  for (const auto& one : renderers) {
    INFO(one);
    std::istringstream uids{status_of(one, "Uid")};
    for (std::string uid; uids >> uid;)
      CHECK(uid != "0");
    CHECK(status_of(one, "CapEff") == "0000000000000000");
    CHECK(status_of(one, "CapPrm") == "0000000000000000");
    CHECK(status_of(one, "NoNewPrivs") == "1");
    CHECK(status_of(one, "Seccomp") == "2"); // Filtered.
    for (const char* kind : {"user", "pid", "net", "mnt", "ipc"}) {
      INFO(kind);
      CHECK(space_of(one, kind) != space_of("self", kind));
    }
  }
  browser->stop({errc::cancelled, "over", false, {}});
  CHECK(b.until([&] { return !b.ends.empty(); }));
}

TEST_CASE("what is asked is refused when Chromium is killed") {
  bench b;
  auto browser = b.start(b.options());
  errc code{};
  b.run([&]() -> asio::awaitable<void> {
    auto context = co_await browser->open_context({});
    auto page = co_await browser->open_page(context.id);
    ::kill(-browser->pid(), SIGKILL);
    try {
      co_await evaluate(browser, page, "new Promise(() => {})");
    } catch (const cdp_failed& why) {
      code = why.why().code;
    }
  });
  CHECK(code == errc::unavailable);
  CHECK(b.until([&] { return !b.ends.empty(); }));
  CHECK_FALSE(browser->is_open());
}

TEST_CASE("who waits may be cancelled, and the page goes on") {
  bench b;
  auto browser = b.start(b.options());
  b.run([&]() -> asio::awaitable<void> {
    auto context = co_await browser->open_context({});
    auto page = co_await browser->open_page(context.id);
    asio::cancellation_signal stop;
    bool over = false;
    asio::co_spawn(
        b.loop, evaluate(browser, page, "new Promise(() => {})"),
        asio::bind_cancellation_slot(
            stop.slot(), [&](std::exception_ptr, json) { over = true; }));
    asio::steady_timer soon{b.loop, 50ms};
    co_await soon.async_wait(asio::use_awaitable);
    CHECK_FALSE(over);
    stop.emit(asio::cancellation_type::terminal);
    soon.expires_after(50ms);
    co_await soon.async_wait(asio::use_awaitable);
    CHECK(over);
    auto sum = co_await evaluate(browser, page, "1 + 1");
    CHECK(sum["value"] == 2);
  });
  browser->stop({errc::cancelled, "over", false, {}});
  CHECK(b.until([&] { return !b.ends.empty(); }));
}

TEST_CASE("as many contexts as there are listeners, and none is used again") {
  bench b;
  auto options = b.options();
  options.listeners = 1;
  auto browser = b.start(options);
  errc code{};
  b.run([&]() -> asio::awaitable<void> {
    auto first = co_await browser->open_context({});
    try {
      co_await browser->open_context({});
    } catch (const cdp_failed& why) {
      code = why.why().code;
    }
    auto id = first.id;
    browser->close_context(id);
    CHECK(browser->contexts() == 0);
    bool refused = false;
    try {
      co_await browser->open_context({});
    } catch (const cdp_failed&) {
      refused = true;
    }
    CHECK(refused);
  });
  CHECK(code == errc::overloaded);
  browser->stop({errc::cancelled, "over", false, {}});
  CHECK(b.until([&] { return !b.ends.empty(); }));
}

TEST_CASE("a popup is told to its context, and so is its end") {
  bench b;
  auto browser = b.start(b.options());
  std::vector<target> seen;
  std::vector<std::string> gone;
  b.run([&]() -> asio::awaitable<void> {
    chromium::context_events events;
    events.attached = [&](const target& what) {
      seen.push_back(what);
      // Until then whoever opened it waits, too.
      browser->connection().send(what.session,
                                 "Runtime.runIfWaitingForDebugger");
    };
    events.detached = [&](const std::string& id) { gone.push_back(id); };
    auto context = co_await browser->open_context(std::move(events));
    auto page = co_await browser->open_page(context.id);
    co_await evaluate(browser, page, "void window.open('about:blank')");
    for (int i = 0; i < 100 && seen.size() < 2; ++i) {
      asio::steady_timer soon{b.loop, 20ms};
      co_await soon.async_wait(asio::use_awaitable);
    }
    CHECK(seen.size() == 2);
    if (seen.size() == 2)
      browser->connection().send("", "Target.closeTarget",
                                 {{"targetId", seen[1].id}});
    for (int i = 0; i < 100 && gone.empty(); ++i) {
      asio::steady_timer soon{b.loop, 20ms};
      co_await soon.async_wait(asio::use_awaitable);
    }
    CHECK(gone.size() == 1);
    if (seen.size() == 2)
      CHECK(seen[1].opener == page.id);
  });
  browser->stop({errc::cancelled, "over", false, {}});
  CHECK(b.until([&] { return !b.ends.empty(); }));
}
