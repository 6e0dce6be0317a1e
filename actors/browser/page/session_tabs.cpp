#include "actors/browser/page/session.hpp"

#include <algorithm>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;

namespace {

/// So many tabs are closed at once; then the page that opens them is ended,
/// with those that share its renderer. To end its script is not enough: that
/// ends what runs in the new tab.
constexpr std::uint32_t tabs_refused_max = 50;

} // namespace

void session::attached(const target& what) {
  if (closed_ || what.type != "page")
    return;
  bool flood = !what.opener.empty() && what.opener == flooding_;
  if (flood || tabs_.size() >= options_.tabs_max) {
    ++tabs_refused_;
    // It has to run to be closed: who opened it waits for that.
    in_->connection().send(what.session, "Runtime.runIfWaitingForDebugger");
    in_->connection().send("", "Target.closeTarget", {{"targetId", what.id}});
    if (tabs_refused_ == tabs_refused_max && !what.opener.empty())
      end_flood(what.opener);
    return;
  }
  std::weak_ptr<session> weak = self();
  tab::hooks tell;
  tell.download = [weak](tab& from, const download_event& event) {
    if (auto here = weak.lock())
      here->downloading(from, event);
  };
  tell.navigated = [weak](tab& of) {
    if (auto here = weak.lock())
      here->navigated(of);
  };
  tell.paused = [weak](tab& of, json& request) {
    if (auto here = weak.lock(); here && here->paused)
      here->paused(of, request);
  };
  auto made = std::make_shared<tab>(in_, what, numbers_, std::move(tell));
  tabs_.push_back(made);
  made->begin(options_);
  if (!current_)
    current_ = made;
  else if (!what.opener.empty())
    ++tabs_opened_;
  current_->changed.tell();
}

void session::end_flood(const std::string& opener) {
  flooding_ = opener;
  auto open = tabs_;
  for (auto& one : open) {
    if (one->opener() != opener)
      continue;
    one->close();
    detached(one->id(), false);
  }
  for (auto& one : open)
    if (one->id() == opener)
      one->crash("the page opened more than " + std::to_string(tabs_refused_max)
                 + " tabs beyond what may be and was ended");
}

void session::detached(const std::string& id, bool crashed) {
  auto at = std::find_if(tabs_.begin(), tabs_.end(),
                         [&](auto& one) { return one->id() == id; });
  if (at == tabs_.end())
    return;
  auto gone = *at;
  tabs_.erase(at);
  gone->end(crashed);
  if (crashed)
    in_->connection().send("", "Target.closeTarget", {{"targetId", id}});
  if (current_ != gone)
    return;
  lost_ = !gone->ended_because.empty() ? gone->ended_because
          : crashed                    ? "the page crashed and was closed"
                                       : "the page was closed";
  auto opener = std::find_if(tabs_.begin(), tabs_.end(), [&](auto& one) {
    return one->id() == gone->opener();
  });
  current_ = opener != tabs_.end() ? *opener
             : tabs_.empty()       ? nullptr
                                   : tabs_.back();
  lost_ += current_ ? "; the current tab is now " + current_->url()
                    : "; there is an empty one in its place";
}

void session::switch_to(std::shared_ptr<tab> what) {
  current_ = std::move(what);
  current_->send("Page.bringToFront");
}

asio::awaitable<void> session::open_tab(time_point until) {
  auto me = self();
  if (tabs_.size() >= options_.tabs_max)
    throw action_failed{"there are " + std::to_string(tabs_.size())
                        + " tabs, as many as may be; close one first"};
  auto made = co_await in_->open_page(lease_.id);
  auto at = std::find_if(tabs_.begin(), tabs_.end(),
                         [&](auto& one) { return one->id() == made.id; });
  if (at == tabs_.end())
    throw action_failed{"the new tab was closed at once; try again"};
  auto opened = *at;
  current_ = opened;
  co_await opened->ready(until);
}

asio::awaitable<void> session::renew_tab(time_point until) {
  auto me = self();
  auto old = current_;
  // Its renderer first: what it does slows all others.
  old->crash("");
  old->close();
  detached(old->id(), false);
  lost_.clear();
  co_await open_tab(until);
}

asio::awaitable<void> session::have_tab(time_point until) {
  if (!current_)
    co_await open_tab(until);
}

/// Only what an action waits for may come; all else ends at once.
void session::downloading(tab& from, const download_event& what) {
  auto cancel = [&] {
    in_->connection().send(
        "", "Browser.cancelDownload",
        {{"guid", what.guid}, {"browserContextId", lease_.id}});
  };
  if (what.state.empty()) {
    from.navigating = from.navigation_asked = false;
    if (download_.wanted && download_.guid.empty()) {
      download_.guid = what.guid;
      download_.name = what.name;
    } else {
      ++downloads_refused_;
      cancel();
    }
  } else if (what.guid == download_.guid) {
    download_.state = what.state;
    if (what.received > 0)
      download_.received = what.received;
    if (std::max(what.received, what.total) > options_.download_bytes_max)
      cancel();
  }
  downloads_changed_.tell();
}

} // namespace shannon::browser
