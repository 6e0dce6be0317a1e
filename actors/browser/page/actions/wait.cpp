#include "actors/browser/page/locate.hpp"
#include "actors/kit/text.hpp"

#include <algorithm>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds every{100};
constexpr milliseconds quiet{500};

asio::awaitable<void> wait_idle(action_call& call) {
  for (;;) {
    auto page = call.in.current_tab();
    auto now = steady_clock::now();
    if (!page)
      throw action_failed{"the page was closed"};
    if (!page->navigating && page->network.idle_for(quiet, now))
      break;
    if (now >= call.patience)
      throw action_failed{
          "the page was still loading " + std::to_string(page->network.open())
          + " thing(s) after " + std::to_string(call.patience_is.count())
          + " ms; it can be used as it is"};
    auto next = call.patience;
    if (page->network.idle())
      next = std::min(next, page->network.idle_at(quiet));
    co_await page->changed.wait(next);
  }
  call.out.output = "the page loads nothing any more";
}

asio::awaitable<bool> holds(action_call& call, json what) {
  auto page = call.in.current_tab();
  if (!page)
    throw action_failed{"the page was closed"};
  bool gone = what["state"] == "hidden" || what["state"] == "detached";
  auto frames = frames_for(call, call.text("selector"));
  for (auto& frame : frames) {
    json given = what;
    json got;
    try {
      got = co_await page->in_page(frame, "holds", std::move(given),
                                   call.deadline);
    } catch (const document_gone&) {
      continue;
    }
    // In any of them; nowhere, if it shall be gone.
    if (got.is_boolean() && got.get<bool>() != gone)
      co_return !gone;
  }
  co_return gone;
}

} // namespace

asio::awaitable<void> do_wait(action_call& call) {
  if (call.has("ms")) {
    auto wanted = milliseconds{call.given["ms"].get<std::int64_t>()};
    auto until = std::min(steady_clock::now() + wanted, call.deadline);
    co_await pause_until(until);
    call.out.output = "waited " + std::to_string(wanted.count()) + " ms";
    co_return;
  }
  if (call.given.value("network_idle", false))
    co_return co_await wait_idle(call);
  auto state = call.text("state", "visible");
  json what{{"state", state}};
  std::string said;
  if (call.has("selector")) {
    said = "'" + call.text("selector") + "'";
    what["selector"] = call.given["selector"];
  } else if (call.has("text")) {
    said = "the text \"" + call.text("text") + "\"";
    what["text"] = call.given["text"];
  } else {
    throw action_failed{"wait needs a selector, text, network_idle or ms"};
  }
  said = kit::utf8_prefix(said, 200);
  for (;;) {
    bool done = co_await holds(call, what);
    if (done)
      break;
    auto now = steady_clock::now();
    if (now >= call.patience)
      throw action_failed{said + " was not " + state + " within "
                          + std::to_string(call.patience_is.count())
                          + " ms; call browser_observe for what is there"};
    auto next = std::min(now + every, call.patience);
    co_await pause_until(next);
  }
  call.out.output = said + " is " + state;
}

} // namespace shannon::browser
