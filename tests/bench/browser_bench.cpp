// Browser sessions beside playwright-core on the same browser, in one run:
// opening (cold, and from sessions that wait), whole sessions, pages loaded
// and read, scripts, memory. Ours go by the egress proxy out of a network
// namespace, Playwright's straight to the site. And what a session suffers from
// a neighbour on hostile pages.

#include "tests/bench/quantile.hpp"
#include "tests/bench/report.hpp"
#include "tests/browser/browsing.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <unistd.h>
#include <utility>

namespace {

using namespace shannon;
using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace fs = std::filesystem;
using bench::json;
using std::chrono::steady_clock;

using milliseconds_f = std::chrono::duration<double, std::milli>;

double since(steady_clock::time_point begun) {
  return milliseconds_f{steady_clock::now() - begun}.count();
}

/// Memory of all processes below this one, shared pages divided.
double pss_mb() {
  std::map<int, int> parents;
  for (const auto& one : fs::directory_iterator("/proc")) {
    auto name = one.path().filename().string();
    if (name.find_first_not_of("0123456789") != name.npos)
      continue;
    std::ifstream file{one.path() / "stat"};
    std::string line;
    if (!std::getline(file, line))
      continue;
    std::istringstream rest{line.substr(line.rfind(')') + 2)};
    std::string state;
    int parent = 0;
    rest >> state >> parent;
    parents[std::stoi(name)] = parent;
  }
  double kb = 0;
  for (auto& [pid, parent] : parents) {
    int at = parent;
    while (at > 1 && at != getpid())
      at = parents[at];
    if (at != getpid())
      continue;
    std::ifstream file{"/proc/" + std::to_string(pid) + "/smaps_rollup"};
    for (std::string line; std::getline(file, line);)
      if (line.starts_with("Pss:"))
        kb += std::stod(line.substr(4));
  }
  return kb / 1024;
}

/// One session and its way out, as a node makes them.
struct opened {
  std::shared_ptr<browser::page_session> session;
  std::shared_ptr<browser::egress_proxy> way_out;

  void close() {
    session->close();
    way_out->close();
  }
};

class world {
public:
  explicit world(std::chrono::milliseconds phase) : phase_(phase) {
    std::string body = "<title>Bench</title><style>td { padding: 2px }</style>"
                       "<h1>Rows</h1><table>";
    for (int i = 0; i < 200; ++i)
      body += "<tr><td>" + std::to_string(i)
              + "<td><a href=/two>Link</a><td>Some words about this row";
    house_.web().page("/bench", body
                                    + "</table><script>document.title += "
                                      "document.links.length</script>");
  }

  std::string url() {
    return house_.web().url("/bench");
  }
  std::uint16_t port() {
    return house_.web().port();
  }

  json measure() {
    json out;
    house_.renew(); // Not within the loop, which it runs.
    run(close_after(open()));
    std::vector<double> cold;
    for (int i = 0; i < 20; ++i)
      cold.push_back(run(timed_open()));
    out["open_ms"] = bench::median(cold);
    std::vector<double> warm;
    for (int i = 0; i < 8; ++i)
      warm.push_back(run(timed_adopt()));
    out["open_warm_ms"] = bench::median(warm);
    out["session_mb"] = memory_of_one();
    for (int lanes : {1, 4}) {
      house_.renew();
      out["full_" + std::to_string(lanes)] = rate(lanes, false);
    }
    house_.renew();
    for (int lanes : {1, 4, 8})
      out["load_" + std::to_string(lanes)] = rate(lanes, true);
    auto all = run(evaluations());
    out["evaluate_ms"] = bench::median(all);
    return out;
  }

  /// The p99 of a page loaded and read, in ms, and by how much it grows while
  /// another session of the same browser is on hostile pages.
  json beside_hostile() {
    house_.renew();
    auto quiet = loads(phase_ * 2);
    json out{{"quiet_p99_ms", bench::quantile(quiet, 0.99)}};
    bool stop = false;
    bool left = false;
    asio::co_spawn(house_.loop(), be_hostile(stop),
                   [&](std::exception_ptr how, bool) {
                     left = true;
                     if (how)
                       std::rethrow_exception(how);
                   });
    auto beside = loads(phase_ * 4);
    stop = true;
    house_.run_until([&] { return left; }, 120s);
    out["beside_p50_ms"] = bench::quantile(beside, 0.5);
    out["beside_p99_ms"] = bench::quantile(beside, 0.99);
    out["quiet_p50_ms"] = bench::quantile(quiet, 0.5);
    return out;
  }

private:
  template <class T>
  T run(asio::awaitable<T> what) {
    return house_.run(std::move(what));
  }

  asio::awaitable<opened> open() {
    browser::session_options options;
    options.may_evaluate = true;
    opened out;
    auto in = house_.chromium();
    out.session = co_await browser::page_session::open(in, options);
    auto started
        = browser::egress_proxy::start(house_.loop(), house_.names(), {},
                                       out.session->lease().listener.release());
    if (!started)
      throw std::runtime_error(started.error().text);
    out.way_out = *started;
    co_return out;
  }

  asio::awaitable<bool> close_after(asio::awaitable<opened> what) {
    auto one = co_await std::move(what);
    one.close();
    co_return true;
  }

  asio::awaitable<double> timed_open() {
    auto begun = steady_clock::now();
    auto one = co_await open();
    auto took = since(begun);
    one.close();
    co_return took;
  }

  /// What remains to be done when a session is waiting.
  asio::awaitable<double> timed_adopt() {
    auto one = co_await open();
    browser::session_options options;
    options.may_evaluate = true;
    options.width = 1024;
    auto begun = steady_clock::now();
    co_await one.session->adopt(options);
    json script{{"script", "innerWidth"}};
    auto got = co_await one.session->act("browser_evaluate", std::move(script));
    auto took = since(begun);
    if (got.output != "1024")
      throw std::runtime_error("adopted as " + got.output);
    one.close();
    co_return took;
  }

  asio::awaitable<bool> load(opened one) {
    json where{{"url", url()}};
    auto got = co_await one.session->act("browser_navigate", std::move(where));
    json nothing = json::object();
    auto text
        = co_await one.session->act("browser_extract", std::move(nothing));
    if (!got.success || text.output.size() < 4000)
      throw std::runtime_error("not loaded: " + got.error + text.error);
    co_return true;
  }

  /// As the pool does: the one that waits, and the next is opened meanwhile.
  asio::awaitable<opened> take() {
    opened out;
    if (spare_)
      out = *std::exchange(spare_, std::nullopt);
    else
      out = co_await open();
    browser::session_options options;
    options.may_evaluate = true;
    co_await out.session->adopt(std::move(options));
    if (!std::exchange(warming_, true))
      asio::co_spawn(house_.loop(), warm_up(), asio::detached);
    co_return out;
  }

  asio::awaitable<void> warm_up() {
    spare_ = co_await open();
    warming_ = false;
  }

  asio::awaitable<bool> whole_session() {
    auto one = co_await take();
    co_await load(one);
    json nothing = json::object();
    auto got
        = co_await one.session->act("browser_screenshot", std::move(nothing));
    if (!got.success)
      throw std::runtime_error("no image: " + got.error);
    one.close();
    co_return true;
  }

  /// What each session after the first adds, a page loaded: the first has
  /// Chromium begin parts that all share.
  double memory_of_one() {
    std::vector<opened> many;
    auto add = [&] {
      many.push_back(run(open()));
      run(load(many.back()));
    };
    auto settled = [&] {
      for (auto& one : many) // As live_session lets those rest that have paused.
        one.session->rest();
      house_.run_until([] { return false; }, 2s);
      return pss_mb();
    };
    add();
    auto before = settled();
    for (int i = 0; i < 8; ++i)
      add();
    auto grown = (settled() - before) / 8;
    for (auto& one : many)
      one.close();
    return grown;
  }

  std::vector<double> loads(std::chrono::milliseconds phase) {
    auto one = run(open());
    std::vector<double> all;
    for (auto due = steady_clock::now() + phase; steady_clock::now() < due;) {
      auto begun = steady_clock::now();
      run(load(one));
      all.push_back(since(begun));
    }
    one.close();
    return all;
  }

  /// Scripts without end, a gigabyte of elements, dialogs, tabs, a document
  /// without end: one after another, until it is told to stop.
  asio::awaitable<bool> be_hostile(const bool& stop) {
    auto one = co_await open();
    for (int i = 0; !stop; ++i) {
      constexpr std::array pages{"/busy", "/alerts", "/huge", "/popups",
                                 "/endless"};
      json where{{"url", house_.web().url(pages[i % pages.size()])},
                 {"timeout_ms", 3000}};
      co_await one.session->act("browser_navigate", std::move(where));
      json click{{"selector", "button"}, {"timeout_ms", 1000}};
      co_await one.session->act("browser_click", std::move(click));
    }
    one.close();
    co_return true;
  }

  asio::awaitable<bool> lane(bool pages, int& done,
                             steady_clock::time_point due) {
    opened one;
    if (pages)
      one = co_await open();
    while (steady_clock::now() < due) {
      if (pages)
        co_await load(one);
      else
        co_await whole_session();
      ++done;
    }
    if (pages)
      one.close();
    co_return true;
  }

  /// As many as fit into a phase, by `lanes` at once; per second.
  double rate(int lanes, bool pages) {
    int done = 0;
    int ended = 0;
    auto begun = steady_clock::now();
    auto due = begun + phase_;
    for (int i = 0; i < lanes; ++i)
      asio::co_spawn(house_.loop(), lane(pages, done, due),
                     [&](std::exception_ptr how, bool) {
                       ++ended;
                       if (how)
                         std::rethrow_exception(how);
                     });
    house_.run_until([&] { return ended == lanes; }, 120s);
    auto took = since(begun) / 1000;
    house_.run_until([&] { return !warming_; }, 10s);
    if (auto left = std::exchange(spare_, std::nullopt))
      left->close();
    return done / took;
  }

  asio::awaitable<std::vector<double>> evaluations() {
    auto one = co_await open();
    co_await load(one);
    std::vector<double> all;
    for (int i = 0; i < 500; ++i) {
      auto begun = steady_clock::now();
      json script{{"script", "1 + 1"}};
      auto got
          = co_await one.session->act("browser_evaluate", std::move(script));
      all.push_back(since(begun));
      if (got.output != "2")
        throw std::runtime_error("no value: " + got.error);
    }
    one.close();
    co_return all;
  }

  test::browser_house& house_ = test::browser_house::only();
  std::chrono::milliseconds phase_;
  std::optional<opened> spare_;
  bool warming_ = false;
};

/// The same by Playwright; its script stands beside this file.
json playwright(const std::string& folder, const std::string& program,
                const std::string& url, const std::string& seconds) {
  auto command = "cd '" + folder + "' && node playwright.mjs '" + program
                 + "' '" + url + "' " + seconds;
  std::FILE* from = popen(command.c_str(), "r");
  std::string text;
  char piece[4096];
  while (from != nullptr && std::fgets(piece, sizeof piece, from) != nullptr)
    text += piece;
  if (from == nullptr || pclose(from) != 0)
    throw std::runtime_error("playwright.mjs failed: npm ci in " + folder);
  return json::parse(text);
}

} // namespace

/// browser_bench FOLDER [SECONDS]: where playwright.mjs is, and how long a
/// phase takes. Ours and theirs in turns, since machines grow faster and slower
/// meanwhile; what is compared is the median of the turns.
int main(int argc, char** argv) try {
  if (argc < 2) {
    std::cerr << "usage: browser_bench FOLDER-OF-PLAYWRIGHT [SECONDS]\n";
    return 2;
  }
  constexpr int turns = 3;
  std::string seconds = argc > 2 ? argv[2] : "2";
  world here{std::chrono::milliseconds{std::stoi(seconds) * 1000}};
  json ours = json::array();
  json theirs = json::array();
  for (int i = 0; i < turns; ++i) {
    ours.push_back(here.measure());
    theirs.push_back(playwright(
        argv[1], "/usr/lib/chromium/chromium-headless-shell",
        "http://127.0.0.1:" + std::to_string(here.port()) + "/bench", seconds));
  }
  auto hostile = here.beside_hostile();
  bench::report out;
  out.figures = {{"ours", ours}, {"playwright", theirs}, {"hostile", hostile}};
  auto figure = [&](const char* name) {
    std::vector<double> all;
    for (const auto& one : ours)
      all.push_back(one[name].get<double>());
    return bench::median(all);
  };
  auto times = [&](const std::string& name) {
    std::vector<double> all;
    for (int i = 0; i < turns; ++i)
      all.push_back(ours[i][name].get<double>()
                    / theirs[i][name].get<double>());
    return bench::median(all);
  };
  out.at_most("open from the warm pool, ms", figure("open_warm_ms"), 10);
  out.at_most("open cold, ms", figure("open_ms"), 60);
  for (auto* lanes : {"full_1", "full_4"})
    out.at_least(std::string{"whole sessions/s, "} + (lanes + 5)
                     + " at once, x Playwright",
                 times(lanes), 1.2);
  for (auto* lanes : {"load_1", "load_4", "load_8"})
    out.at_least(std::string{"load + extract/s, "} + (lanes + 5)
                     + " at once, x Playwright",
                 times(lanes), 1.3);
  out.at_most("evaluate p50, ms", figure("evaluate_ms"), 0.5);
  out.at_most("memory of a session, MB", figure("session_mb"), 18);
  out.at_most("p99 beside a hostile session, x alone",
              hostile["beside_p99_ms"].get<double>()
                  / hostile["quiet_p99_ms"].get<double>(),
              1.2);
  std::cout << out.to_json().dump(2) << "\n";
  std::cerr << out.table();
  return 0;
} catch (const std::exception& why) {
  std::cerr << "browser_bench: " << why.what() << "\n";
  return 1;
}
