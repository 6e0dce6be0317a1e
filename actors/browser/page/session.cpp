#include "actors/browser/page/session.hpp"

#include "actors/browser/page/actions.hpp"
#include "actors/kit/text.hpp"

#include <algorithm>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

/// For elements, unless the call says otherwise.
constexpr milliseconds patience_default{5'000};
/// What opening a page may take.
constexpr milliseconds open_timeout{15'000};

milliseconds patience_of(action_function what, const json& arguments,
                         const session_options& options) {
  auto wanted
      = waits_for_page(what) ? options.action_timeout : patience_default;
  if (auto at = arguments.find("timeout_ms");
      at != arguments.end() && at->is_number())
    wanted = milliseconds{static_cast<std::int64_t>(
        std::clamp(at->get<double>(), 1.0, 600'000.0))};
  return std::min(wanted, options.action_timeout);
}

/// To its pages.
bool looks_the_same(const session_options& a, const session_options& b) {
  return a.width == b.width && a.height == b.height && a.mobile == b.mobile
         && a.user_agent == b.user_agent && a.locale == b.locale;
}

} // namespace

asio::awaitable<std::shared_ptr<page_session>>
page_session::open(std::shared_ptr<chromium> in, session_options options) {
  auto made = std::make_shared<session>(std::move(in), std::move(options));
  co_await made->begin();
  co_return made;
}

session::session(std::shared_ptr<chromium> in, session_options options)
    : in_(std::move(in)), options_(std::move(options)) {}

asio::awaitable<void> session::begin() {
  auto me = self();
  std::weak_ptr<session> weak = me;
  chromium::context_events events;
  events.attached = [weak](const target& what) {
    if (auto here = weak.lock())
      here->attached(what);
  };
  events.detached = [weak](const std::string& id) {
    if (auto here = weak.lock())
      here->detached(id, false);
  };
  events.crashed = [weak](const std::string& id) {
    if (auto here = weak.lock())
      here->detached(id, true);
  };
  lease_ = co_await in_->open_context(std::move(events));
  try {
    co_await in_->open_page(lease_.id);
  } catch (...) {
    close();
    throw;
  }
  if (!current_)
    throw cdp_failed{{errc::unavailable, "the browser gave no page", true, {}}};
  auto first = current_;
  co_await first->ready(steady_clock::now() + open_timeout);
}

asio::awaitable<void> session::adopt(session_options options) {
  auto me = self();
  bool differs = !looks_the_same(options_, options);
  options_ = std::move(options);
  for (auto& one : tabs_) {
    one->dialogs_max = options_.dialogs_max;
    one->show_as(options_);
  }
  if (!differs)
    co_return;
  auto shown = tabs_;
  for (auto& one : shown)
    co_await one->shown(steady_clock::now() + open_timeout);
}

asio::awaitable<action_result> session::act(std::string action,
                                            json arguments) {
  auto me = self();
  if (closed_ || !in_->is_open())
    throw cdp_failed{
        {errc::unavailable, "the browser session has ended", true, {}}};
  action_result out;
  auto what = find_action(action, arguments);
  if (what == nullptr) {
    out.error = "there is no browser action '"
                + std::string{kit::utf8_prefix(action, 60)} + "'";
    co_return out;
  }
  auto begun = steady_clock::now();
  auto patience = patience_of(what, arguments, options_);
  action_call call{
      *this,    arguments, begun + options_.action_timeout, begun + patience,
      patience, out};
  tabs_refused_ = tabs_opened_ = downloads_refused_ = 0;
  for (auto& one : tabs_) {
    one->dialogs.clear();
    one->dialogs_seen = 0;
    one->dialogs_max = options_.dialogs_max;
  }
  bool silent = false;
  bool cancelled = false;
  try {
    co_await have_tab(call.deadline);
    current_->accept_dialogs = call.text("dialog") == "accept";
    current_->dialog_answer = call.text("dialog_text");
    co_await what(call);
    out.success = true;
    if (current_)
      current_->silent = false;
  } catch (const page_silent& why) {
    out.error = why.what();
    silent = true;
  } catch (const action_failed& why) {
    out.error = why.what();
  } catch (const cdp_failed& why) {
    if (closed_ || !in_->is_open() || why.why().code == errc::unavailable)
      throw;
    out.error = why.what();
  } catch (const boost::system::system_error& why) {
    if (why.code() != asio::error::operation_aborted)
      throw;
    cancelled = true;
  }
  if ((silent || cancelled) && current_) {
    current_->interrupt();
    current_->silent = current_->silent || silent;
  }
  if (cancelled)
    throw cdp_failed{{errc::cancelled,
                      "the action was cancelled; the session goes on",
                      false,
                      {}}};
  finish(out);
  co_return out;
}

/// What happened beside what was asked for.
void session::finish(action_result& out) {
  auto& about = out.metadata;
  std::string notes;
  auto note = [&](const std::string& text) { notes += "\nnote: " + text; };
  if (!lost_.empty())
    note(lost_);
  if (current_) {
    about["url"] = current_->url();
    about["title"] = current_->title;
    std::uint32_t seen = 0;
    json said = json::array();
    for (auto& one : tabs_) {
      seen += one->dialogs_seen;
      for (auto& each : one->dialogs)
        said.push_back({{"kind", each.kind},
                        {"text", each.text},
                        {"accepted", each.accepted}});
    }
    if (seen > 0) {
      std::string text = std::to_string(seen) + " dialog(s) were answered:";
      for (auto& each : said)
        text += " " + each["kind"].get<std::string>() + " \""
                + each["text"].get<std::string>() + "\" ("
                + (each["accepted"] ? "accepted)" : "dismissed)");
      note(text);
      about["dialogs"] = std::move(said);
      about["dialogs_seen"] = seen;
    }
  }
  about["tabs"] = tabs_.size();
  if (tabs_opened_ > 0 && current_)
    note("the page opened " + std::to_string(tabs_opened_)
         + " tab(s); see browser_tabs");
  if (tabs_refused_ > 0) {
    note(std::to_string(tabs_refused_) + " more tab(s) were closed at once: "
         + std::to_string(options_.tabs_max) + " may be open");
    about["tabs_refused"] = tabs_refused_;
  }
  if (downloads_refused_ > 0) {
    note(std::to_string(downloads_refused_)
         + " download(s) were refused; browser_download gets a file");
    about["downloads_refused"] = downloads_refused_;
  }
  if (!notes.empty())
    (out.success ? out.output : out.error) += notes;
  lost_.clear();
  out.output = kit::valid_utf8(out.output);
  out.error = kit::valid_utf8(out.error);
}

/// A renderer that is asked for nothing collects when it runs short, which the
/// machine may do long before it: half of a page's heap is what its loading has
/// left.
void session::rest() {
  for (auto& one : tabs_)
    if (!one->silent && one->open())
      one->send("HeapProfiler.collectGarbage");
}

session_view session::view() const {
  session_view out;
  if (current_) {
    out.url = current_->url();
    out.title = current_->title;
  }
  out.tabs = static_cast<std::uint32_t>(tabs_.size());
  return out;
}

void session::close() {
  if (closed_)
    return;
  closed_ = true;
  for (auto& one : std::exchange(tabs_, {}))
    one->end(false);
  current_ = nullptr;
  if (in_->is_open())
    in_->close_context(lease_.id);
}

std::string session::file_name(std::string_view what, std::string_view ending) {
  return std::string{what} + "-" + std::to_string(++files_) + "."
         + std::string{ending};
}

} // namespace shannon::browser
