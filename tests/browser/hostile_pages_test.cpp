#include "tests/browser/browsing.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
namespace asio = boost::asio;

namespace {

/// A session of somebody else, who goes on working meanwhile.
class neighbour {
public:
  neighbour() {
    b_.open("/");
    asio::co_spawn(b_.house.loop(), work(), [this](std::exception_ptr how) {
      failed_ = how;
      done_ = true;
    });
  }
  ~neighbour() {
    stop_ = true;
    b_.house.run_until([this] { return done_; }, 20s);
  }
  /// The longest of its actions since it began; all of them succeeded.
  milliseconds slowest() {
    stop_ = true;
    b_.house.run_until([this] { return done_; }, 20s);
    REQUIRE(done_);
    REQUIRE_FALSE(failed_);
    CHECK(wrong_ == 0);
    CHECK(actions_ > 0);
    return slowest_;
  }

private:
  asio::awaitable<void> work() {
    auto session = b_.session;
    asio::steady_timer pause{b_.house.loop()};
    while (!stop_) {
      auto begun = steady_clock::now();
      json arguments{{"selector", "h1"}, {"timeout_ms", 20'000}};
      auto got = co_await session->act("browser_extract", std::move(arguments));
      ++actions_;
      wrong_ += got.output != "Welcome" ? 1 : 0;
      slowest_ = std::max(slowest_, std::chrono::duration_cast<milliseconds>(
                                        steady_clock::now() - begun));
      pause.expires_after(20ms);
      co_await pause.async_wait(asio::use_awaitable);
    }
  }

  browsing b_;
  bool stop_ = false;
  bool done_ = false;
  std::exception_ptr failed_;
  int actions_ = 0;
  int wrong_ = 0;
  milliseconds slowest_{0};
};

/// Runs an action and cancels it after a while.
void cancelled_after(browsing& b, const char* action, json arguments,
                     milliseconds when) {
  asio::cancellation_signal stop;
  std::exception_ptr how;
  bool done = false;
  asio::co_spawn(b.house.loop(), b.session->act(action, std::move(arguments)),
                 asio::bind_cancellation_slot(
                     stop.slot(), [&](std::exception_ptr failed,
                                      const browser::action_result&) {
                       how = failed;
                       done = true;
                     }));
  auto due = steady_clock::now() + when;
  b.house.run_until([&] { return steady_clock::now() >= due || done; }, 20s);
  REQUIRE_FALSE(done);
  auto begun = steady_clock::now();
  stop.emit(asio::cancellation_type::terminal);
  b.house.run_until([&] { return done; }, 20s);
  CHECK(steady_clock::now() - begun < 1s);
  REQUIRE(how);
  try {
    std::rethrow_exception(how);
  } catch (const browser::cdp_failed& why) {
    CHECK(why.why().code == errc::cancelled);
  }
}

browser::session_options quick() {
  browser::session_options out;
  out.action_timeout = 4s;
  out.may_evaluate = true;
  return out;
}

} // namespace

TEST_CASE("dialogs are answered at once and told") {
  browsing b;
  b.open("/dialogs");
  CHECK_THAT(b.say("browser_click", {{"selector", "#a"}}),
             Contains("note: 1 dialog(s) were answered: alert \"hello\""));
  CHECK(b.text_of("#out") == "told");
  auto got = b.act("browser_click", {{"selector", "#c"}});
  CHECK_THAT(got.output, Contains("confirm \"sure?\" (dismissed)"));
  CHECK(got.metadata["dialogs"][0]["kind"] == "confirm");
  CHECK(b.text_of("#out") == "false");
  b.say("browser_click", {{"selector", "#c"}, {"dialog", "accept"}});
  CHECK(b.text_of("#out") == "true");
  b.say("browser_click",
        {{"selector", "#p"}, {"dialog", "accept"}, {"dialog_text", "Bo"}});
  CHECK(b.text_of("#out") == "Bo");
  // A page that does not want to be left is left.
  b.open("/leave");
  b.say("browser_click", {{"selector", "button"}});
  b.open("/two");
}

TEST_CASE("a page that opens dialogs for ever is closed") {
  browsing b{quick()};
  neighbour other;
  b.open("/alerts");
  auto got = b.act("browser_wait", {{"ms", 3000}});
  auto said = got.output + got.error;
  if (said.find("dialogs and was closed") == said.npos)
    said += b.act("browser_observe").output;
  CHECK_THAT(said, Contains("opened more than 20 dialogs and was closed"));
  b.open("/two");
  CHECK(other.slowest() < 5s);
}

TEST_CASE("a page that opens tabs for ever is ended") {
  browsing b;
  neighbour other;
  b.open("/popups");
  auto begun = steady_clock::now();
  auto got = b.act("browser_click", {{"selector", "button"}});
  CHECK(steady_clock::now() - begun < 10s);
  CHECK_THAT(got.output + got.error,
             Contains("opened more than 50 tabs beyond what may be"));
  CHECK(b.session->view().tabs <= 10);
  b.open("/two");
  CHECK(other.slowest() < 5s);
}

TEST_CASE("of the tabs that a page opens as many live as there may be") {
  browsing b;
  b.open("/popups?30");
  auto got = b.act("browser_click", {{"selector", "button"}});
  REQUIRE(got.success);
  CHECK_THAT(got.output, Contains("21 more tab(s) were closed at once"));
  CHECK(b.act("browser_tabs").metadata["open"].size() == 10);
}

TEST_CASE("a page whose scripts never end is interrupted") {
  browsing b{quick()};
  neighbour other;
  b.open("/busy");
  b.house.run_until([] { return false; }, 1s);
  auto begun = steady_clock::now();
  CHECK_THAT(b.refusal("browser_extract", {{"timeout_ms", 500}}),
             StartsWith("the page did not answer in time"));
  CHECK(steady_clock::now() - begun < 3s);
  // It was ended: now it can be read.
  CHECK(b.say("browser_extract") == "here");
  b.open("/two");
  CHECK(other.slowest() < 5s);
}

TEST_CASE("cancelling ends what runs within a second, and no more") {
  browsing b{quick()};
  b.open("/");
  cancelled_after(b, "browser_evaluate", {{"script", "for (;;);"}}, 300ms);
  CHECK(b.text_of("h1") == "Welcome");
  cancelled_after(b, "browser_navigate", {{"url", b.web.url("/never")}}, 300ms);
  cancelled_after(b, "browser_wait", {{"selector", "#never"}}, 300ms);
  cancelled_after(b, "browser_wait", {{"ms", 60'000}}, 100ms);
  b.open("/two");
  CHECK(b.text_of("h1") == "Second");
}

TEST_CASE("a page of a gigabyte is read within bounds") {
  browsing b{quick()};
  neighbour other;
  auto begun = steady_clock::now();
  b.act("browser_navigate", {{"url", b.web.url("/huge")}});
  auto outline = b.act("browser_observe");
  CHECK(outline.output.size() <= 20'000);
  auto text = b.act("browser_extract", {{"timeout_ms", 2000}});
  CHECK(text.output.size() < 70'000);
  CHECK(steady_clock::now() - begun < 15s);
  // Whatever became of it, the session goes on.
  b.open("/two");
  CHECK(b.text_of("h1") == "Second");
  CHECK(other.slowest() < 5s);
}

TEST_CASE("a page that says much is not listened to for ever") {
  browsing b;
  neighbour other;
  b.open("/noise");
  b.house.run_until([] { return false; }, 1s);
  CHECK(b.say("browser_extract", {{"selector", "p"}, {"timeout_ms", 15'000}})
        == "quiet");
  // It is not told what the page loads any more, and says so.
  CHECK_THAT(
      b.refusal("browser_wait", {{"network_idle", true}, {"timeout_ms", 700}}),
      StartsWith("the page was still loading"));
  b.open("/two");
  CHECK(b.say("browser_wait", {{"network_idle", true}})
        == "the page loads nothing any more");
  // Chromium itself has work with it.
  CHECK(other.slowest() < 15s);
}

TEST_CASE("one word of a page may be too long, and ends nobody else") {
  browsing b{quick()};
  neighbour other;
  b.open("/");
  // Chromium tells each request with all of its address.
  b.act("browser_evaluate",
        {{"script", "fetch('data:,' + 'z'.repeat(80e6)).then(r => r.status)"}});
  b.house.run_until([] { return false; }, 1s);
  // Chromium itself has work with it.
  CHECK(other.slowest() < 15s);
  CHECK(b.text_of("h1") == "Welcome");
}

TEST_CASE("trees and frames without end are walked as far as they may be") {
  browsing b{quick()};
  b.open("/deep");
  CHECK_THAT(b.say("browser_observe"), Contains("page \"Deep\""));
  b.open("/self-frame");
  CHECK_THAT(b.say("browser_observe"), Contains("button \"Here\""));
  b.open("/frames");
  auto begun = steady_clock::now();
  auto got = b.act("browser_observe");
  CHECK(got.output.size() <= 20'000);
  CHECK(steady_clock::now() - begun < 8s);
}

TEST_CASE("a renderer that dies takes its page only") {
  browsing b{quick()};
  neighbour other;
  b.open("/");
  auto got = b.act("browser_evaluate",
                   {{"script", "let at = document.body; for (let i = 0; i < "
                               "50000; ++i) at = at.appendChild(document."
                               "createElement('div')); at.offsetTop"}});
  CHECK_FALSE(got.success);
  CHECK_THAT(got.error, Contains("crashed"));
  CHECK_THAT(b.say("browser_observe"), Contains("about:blank"));
  b.open("/two");
  CHECK(b.text_of("h1") == "Second");
  CHECK(other.slowest() < 5s);
}

TEST_CASE("files come when asked for, and within the limit") {
  auto options = quick();
  options.download_bytes_max = 4 << 20;
  browsing b{options};
  b.open("/files");
  auto got = b.act("browser_download", {{"selector", "#plain"}});
  CAPTURE(got.error);
  REQUIRE(got.success);
  CHECK(got.attachments.at(0).name == "data.bin");
  CHECK(got.attachments.at(0).bytes == std::string("\0\1\2binary", 9));
  got = b.act("browser_download", {{"selector", "#blob"}});
  CHECK(got.success);
  CHECK(got.attachments.at(0).bytes == "from a blob");
  CHECK(got.attachments.at(0).name.find('/') == std::string::npos);
  got = b.act("browser_download", {{"url", b.web.url("/two")}});
  REQUIRE(got.success);
  CHECK_THAT(got.attachments.at(0).bytes, StartsWith("<title>Two"));
  got = b.act("browser_download", {{"url", b.web.url("/redirect")}});
  CHECK(got.success);
  CHECK_THAT(b.refusal("browser_download", {{"url", b.web.url("/gone")}}),
             Contains("the server answered 404"));
  CHECK_THAT(b.refusal("browser_download", {{"url", b.web.url("/large.bin")}}),
             Contains("larger than 4194304 bytes")
                 || Contains("more than 4194304 bytes"));
  CHECK_THAT(b.refusal("browser_download", {{"selector", "#endless"}}),
             Contains("more than 4194304 bytes"));
  CHECK_THAT(b.refusal("browser_download",
                       {{"selector", "body"}, {"timeout_ms", 300}}),
             Contains("no file came within 300 ms"));
  // What was not asked for does not come.
  CHECK_THAT(b.say("browser_click", {{"selector", "#plain"}}),
             Contains("1 download(s) were refused"));
  CHECK(b.session->view().url == b.web.url("/files"));
  CHECK(std::filesystem::is_empty(b.house.chromium()->options().downloads));
}

TEST_CASE("a document without end can be left") {
  browsing b{quick()};
  auto got = b.act("browser_navigate",
                   {{"url", b.web.url("/endless")}, {"timeout_ms", 1000}});
  CHECK(got.metadata.value("loaded", false) == false);
  b.open("/two");
}

TEST_CASE("tabs are listed, opened, switched and closed") {
  auto options = quick();
  options.tabs_max = 3;
  browsing b{options};
  b.open("/popup");
  CHECK_THAT(b.say("browser_click", {{"selector", "text=Open"}}),
             Contains("(in a new tab)") && Contains("\"Two\""));
  CHECK(b.session->view().tabs == 2);
  CHECK_THAT(
      b.say("browser_tabs", {{"tab_action", "new"}, {"url", b.web.url("/")}}),
      Contains("3 (current) " + b.web.url("/")));
  CHECK_THAT(b.refusal("browser_tabs", {{"tab_action", "new"}}),
             Contains("there are 3 tabs, as many as may be"));
  CHECK_THAT(b.say("browser_tabs", {{"tab_action", "switch"}, {"tab", 1}}),
             StartsWith("1 (current) "));
  b.say("browser_click", {{"selector", "text=Window"}});
  CHECK(b.session->view().tabs == 3);
  b.say("browser_tabs", {{"tab_action", "close"}, {"tab", 3}});
  b.say("browser_tabs", {{"tab_action", "close"}, {"tab", 2}});
  CHECK_THAT(b.refusal("browser_tabs", {{"tab_action", "close"}, {"tab", 1}}),
             StartsWith("it is the only tab"));
  CHECK_THAT(b.refusal("browser_tabs", {{"tab_action", "switch"}, {"tab", 9}}),
             StartsWith("there is no tab 9"));
  CHECK(b.say("browser_close") == "the browser session is closed");
  CHECK_THROWS_AS(b.act("browser_observe"), browser::cdp_failed);
}
