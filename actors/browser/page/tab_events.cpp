#include "actors/browser/page/tab.hpp"
#include "actors/kit/text.hpp"

#include <utility>

namespace shannon::browser {

using nlohmann::json;
using std::chrono::steady_clock;

namespace {

/// A page may name megabytes.
constexpr std::size_t url_bytes_max = 4000;
constexpr std::size_t dialog_bytes_max = 300;
constexpr std::size_t dialogs_kept = 3;
constexpr std::size_t noise_bytes_max = 16 * 1024 * 1024;

std::string text_of(const json& from, const char* key) {
  auto at = from.find(key);
  return at != from.end() && at->is_string() ? at->get<std::string>() : "";
}

std::string url_of(const json& from) {
  auto out = text_of(from, "url");
  return std::string{kit::utf8_prefix(out, url_bytes_max)};
}

/// What the egress proxy says of a request that it did not carry out.
std::string refusal_in(const json& headers) {
  if (headers.is_object())
    for (auto& [name, value] : headers.items())
      if (name == "X-Shannon-Egress" && value.is_string()) {
        auto text = value.get<std::string>();
        return text.starts_with("refused; ") ? text.substr(9) : text;
      }
  return "";
}

} // namespace

void tab::heard(const std::string& session, std::string_view method,
                json& params) {
  if (!open_)
    return;
  auto self = shared_from_this();
  if (method.starts_with("Page."))
    return heard_page(session, method.substr(5), params);
  if (method.starts_with("Network."))
    return heard_network(method.substr(8), params);
  if (method == "Target.attachedToTarget")
    return frame_attached(params);
  if (method == "Target.detachedFromTarget") {
    auto of = text_of(params, "sessionId");
    in_->connection().hear(of, nullptr);
    if (auto at = frame_of_.find(of); at != frame_of_.end()) {
      // Back in the process of its parent, if it still is.
      if (auto* where = frames.find(at->second)) {
        auto* parent = frames.find(where->parent);
        frames.spoken_by(at->second,
                         parent != nullptr ? parent->session : what_.session);
      }
      frame_of_.erase(at);
    }
    changed.tell();
  } else if (method == "Fetch.requestPaused") {
    if (tell_.paused)
      tell_.paused(*this, params);
  }
}

void tab::frame_attached(json& params) {
  auto session = text_of(params, "sessionId");
  auto id = text_of(params["targetInfo"], "targetId");
  if (frames.find(id) == nullptr && frames.all().size() >= frames.frames_max) {
    in_->connection().send(session, "Runtime.runIfWaitingForDebugger");
    return;
  }
  frame_of_[session] = id;
  frames.attached(id, text_of(params["targetInfo"], "parentFrameId"), session);
  frames.spoken_by(id, session);
  enable(session);
  in_->connection().send(session, "Runtime.runIfWaitingForDebugger");
  changed.tell();
}

void tab::heard_page(const std::string& session, std::string_view what,
                     json& params) {
  auto id = text_of(params, "frameId");
  bool main = id == frames.main().id;
  if (what == "lifecycleEvent") {
    if (!frames.lifecycle(id, text_of(params, "loaderId"),
                          text_of(params, "name")))
      return;
  } else if (what == "frameNavigated") {
    auto& about = params["frame"];
    about["url"] = url_of(about);
    auto* where = frames.navigated(about, session);
    if (where == nullptr)
      return;
    if (where->id == frames.main().id) {
      in_->page_loaded();
      navigating = navigation_asked = stopped = broken = false;
      gesture_until = {};
      title.clear();
      network.reset(steady_clock::now());
      noise_bytes_ = 0;
      if (deaf_)
        expect_answer();
      make_world(*where);
      if (tell_.navigated)
        tell_.navigated(*this);
    }
  } else if (what == "navigatedWithinDocument") {
    frames.moved(id, url_of(params));
    if (main)
      navigating = navigation_asked = false;
  } else if (what == "frameAttached") {
    frames.attached(id, text_of(params, "parentFrameId"), session);
  } else if (what == "frameDetached") {
    if (text_of(params, "reason") != "swap")
      frames.detached(id);
  } else if (what == "frameRequestedNavigation") {
    if (main && text_of(params, "disposition") == "currentTab")
      navigation_asked = true;
  } else if (what == "frameStartedNavigating") {
    if (main && text_of(params, "navigationType") != "sameDocument")
      navigating = true;
  } else if (what == "frameStartedLoading") {
    if (main)
      stopped = false;
  } else if (what == "frameStoppedLoading") {
    if (main) {
      navigating = navigation_asked = false;
      stopped = true;
    }
  } else if (what == "javascriptDialogOpening") {
    heard_dialog(session, params);
  } else if (what == "downloadWillBegin") {
    if (tell_.download)
      tell_.download(*this, {text_of(params, "guid"),
                             text_of(params, "suggestedFilename"), "", 0, 0});
  } else if (what == "downloadProgress") {
    auto number = [&](const char* key) {
      auto at = params.find(key);
      bool is = at != params.end() && at->is_number();
      return is && at->get<double>() > 0
                 ? static_cast<std::uint64_t>(at->get<double>())
                 : std::uint64_t{0};
    };
    if (tell_.download)
      tell_.download(*this,
                     {text_of(params, "guid"), "", text_of(params, "state"),
                      number("receivedBytes"), number("totalBytes")});
  } else {
    return;
  }
  changed.tell();
}

/// A page can say more than the browser's pipe carries for all its sessions.
/// Until the next document nobody listens to what it loads.
void tab::overheard(std::size_t bytes) {
  noise_bytes_ += bytes;
  if (noise_bytes_ < noise_bytes_max || deaf_)
    return;
  deaf_ = true;
  network.began("more than is listened to", "", "");
  send("Network.disable");
  for (auto& [session, frame] : frame_of_)
    in_->connection().send(session, "Network.disable");
}

void tab::heard_network(std::string_view what, json& params) {
  if (auto dropped = params.find("droppedBytes"); dropped != params.end())
    return overheard(dropped->get<std::size_t>());
  if (what == "requestWillBeSent") {
    auto& request = params["request"];
    network.began(text_of(params, "requestId"), text_of(params, "type"),
                  text_of(request, "url").substr(0, 8));
  } else if (what == "loadingFinished" || what == "loadingFailed") {
    auto request = text_of(params, "requestId");
    network.ended(request, steady_clock::now());
    if (what == "loadingFailed" && request == frames.main().loader
        && !params.value("canceled", false))
      broken = true;
  } else if (what == "responseReceived") {
    if (text_of(params, "type") != "Document"
        || text_of(params, "frameId") != frames.main().id)
      return;
    status = params["response"].value("status", 0);
    refused = kit::utf8_prefix(refusal_in(params["response"]["headers"]),
                               dialog_bytes_max);
  } else {
    return;
  }
  changed.tell();
}

/// Answers at once: until then the page stands still, and all that is asked of
/// it waits.
void tab::heard_dialog(const std::string& session, json& params) {
  auto kind = text_of(params, "type");
  dialog what{kind, text_of(params, "message"),
              kind == "alert" || kind == "beforeunload" || accept_dialogs};
  json answer{{"accept", what.accepted}};
  if (kind == "prompt" && what.accepted)
    answer["promptText"] = dialog_answer;
  in_->connection().send(session, "Page.handleJavaScriptDialog",
                         std::move(answer));
  ++dialogs_seen;
  if (dialogs.size() < dialogs_kept) {
    what.text = kit::utf8_prefix(what.text, dialog_bytes_max);
    dialogs.push_back(std::move(what));
  }
  if (dialogs_seen == dialogs_max + 1) {
    ended_because = "the page opened more than " + std::to_string(dialogs_max)
                    + " dialogs and was closed";
    close();
  }
}

} // namespace shannon::browser
