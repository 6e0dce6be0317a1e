#pragma once

#include "actors/browser/cdp/chromium.hpp"
#include "actors/browser/page/frame_tree.hpp"
#include "actors/browser/page/network_count.hpp"
#include "actors/browser/page/page_session.hpp"
#include "actors/browser/page/waiting.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace shannon::browser {

/// Numbers of elements, such as `@12`: each is given once in a session, so a
/// number of a page that is gone means nothing and never something else.
class element_numbers {
public:
  struct place {
    std::string tab;
    std::string frame;
  };
  std::uint64_t next() const noexcept {
    return next_;
  }
  /// The frame has given all numbers from `next()` to `until`.
  void given(std::uint64_t until, const place& by);
  const place* find(std::uint64_t number) const;

private:
  std::uint64_t next_ = 1;
  std::map<std::uint64_t, place> first_; ///< By the first number of a range.
};

/// What a page said by `alert` and the like, and what was answered.
struct dialog {
  std::string kind;
  std::string text;
  bool accepted = false;
};

/// A file that a page gives.
struct download_event {
  std::string guid;
  std::string name;  ///< As the page proposes; only where it begins.
  std::string state; ///< Empty where it begins.
  std::uint64_t received = 0;
  std::uint64_t total = 0; ///< 0: the page did not say.
};

/// One page with all its frames, as Chromium's events tell of it. Everything
/// happens on the loop's thread.
class tab : public std::enable_shared_from_this<tab> {
public:
  struct hooks {
    std::function<void(tab&, const download_event&)> download;
    /// The main frame has another document.
    std::function<void(tab&)> navigated;
    /// An answer to `Fetch.enable`.
    std::function<void(tab&, nlohmann::json&)> paused;
  };

  tab(std::shared_ptr<chromium> in, target what, element_numbers& numbers,
      hooks tell);
  /// Says everything that has to be said first, in one write, and lets the
  /// page begin.
  void begin(const session_options& options);
  /// Viewport, user agent and locale.
  void show_as(const session_options& options);
  /// Until its renderer has done that. Chromium begins a navigation at once and
  /// hands a new renderer what the old one has answered by then: what it was
  /// told and had not done is lost. Throws as `ask` does.
  boost::asio::awaitable<void> shown(time_point until);
  /// Until the frames are known.
  boost::asio::awaitable<void> ready(time_point until);

  /// A command for the page; for a frame's process if one is named. Throws as
  /// `open_calls::ask` does, and action_failed if the page ends meanwhile.
  boost::asio::awaitable<nlohmann::json> ask(std::string method,
                                             nlohmann::json params,
                                             time_point until,
                                             std::string session = {});
  void send(std::string method,
            nlohmann::json params = nlohmann::json::object());
  /// Asks our script in a frame. Throws action_failed with what is wrong, and
  /// document_gone.
  boost::asio::awaitable<nlohmann::json> in_page(std::string frame_id,
                                                 std::string verb,
                                                 nlohmann::json given,
                                                 time_point until);
  /// What comes next is the answer to another navigation.
  void expect_answer();
  /// Ends what runs or loads in it.
  void interrupt();
  /// Ends its renderer, also one that answers nothing.
  void crash(std::string why);
  /// Closes it, whatever it does.
  void close();
  /// It is no more: `crashed` or closed.
  void end(bool crashed);

  const std::string& id() const noexcept {
    return what_.id;
  }
  const std::string& session() const noexcept {
    return what_.session;
  }
  const std::string& opener() const noexcept {
    return what_.opener;
  }
  bool open() const noexcept {
    return open_;
  }
  bool has_crashed() const noexcept {
    return crashed_;
  }
  /// Of the main frame; what a page puts there is bounded.
  const std::string& url() const noexcept {
    return frames.main().url;
  }

  frame_tree frames;
  network_count network;
  notice changed;
  std::string title;
  int status = 0; ///< HTTP, of the main document; 0 when there is none.
  /// Why the way out did not let the document through; empty if it did.
  std::string refused;
  bool navigation_asked = false; ///< The main frame wants another document.
  bool navigating = false;       ///< It is on its way.
  bool stopped = false; ///< Its document loads no more, however far it came.
  bool broken = false;  ///< The document broke off.
  std::string ended_because; ///< For a sentence, when it was ended by us.
  bool silent = false;       ///< It did not answer when it was asked last.

  /// A script has been run as if a user had clicked, which its document has not
  /// used up, and counts until then.
  time_point gesture_until{};

  /// Since the action began.
  std::vector<dialog> dialogs;
  std::uint32_t dialogs_seen = 0;
  std::uint32_t dialogs_max = 20;
  bool accept_dialogs = false;
  std::string dialog_answer;

private:
  void heard(const std::string& session, std::string_view method,
             nlohmann::json& params);
  void heard_page(const std::string& session, std::string_view what,
                  nlohmann::json& params);
  void heard_network(std::string_view what, nlohmann::json& params);
  void heard_dialog(const std::string& session, nlohmann::json& params);
  void frame_attached(nlohmann::json& params);
  void enable(const std::string& session);
  void listen(const std::string& session);
  void overheard(std::size_t bytes);
  void make_world(frame& of);
  boost::asio::awaitable<int> world_of(std::string frame_id, time_point until);

  std::shared_ptr<chromium> in_;
  target what_;
  element_numbers& numbers_;
  hooks tell_;
  open_calls calls_;
  bool open_ = true;
  bool crashed_ = false;
  bool known_ = false;
  /// Of events of this document that were too long to be read.
  std::size_t noise_bytes_ = 0;
  bool deaf_ = false; ///< The page says too much of what it loads.
  std::map<std::string, std::string> frame_of_; ///< By session of a frame.
};

} // namespace shannon::browser
