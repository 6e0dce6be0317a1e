#pragma once

#include "actors/browser/cdp/chromium.hpp"
#include "protocols/errc.hpp"

#include <boost/asio/awaitable.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace shannon::browser {

/// What a session is opened with, and its limits. 0 and empty: as Chromium has
/// it.
struct session_options {
  std::uint32_t width = 1280;
  std::uint32_t height = 720;
  /// As a device that is touched: its pages are laid out for it.
  bool mobile = false;
  std::string user_agent;
  std::string locale;
  bool may_evaluate = false;

  std::chrono::milliseconds action_timeout{30'000};
  std::uint32_t tabs_max = 10;
  /// Dialogs that one action may meet; then the page is closed.
  std::uint32_t dialogs_max = 20;
  std::size_t outline_bytes_max = 20'000;
  std::size_t text_bytes_max = 64 * 1024;
  std::size_t screenshot_bytes_max = 8 * 1024 * 1024;
  std::size_t download_bytes_max = 100 * 1024 * 1024;
  std::size_t state_bytes_max = 128 * 1024;
};

/// A body that an action gave beside its text: a screenshot, a PDF, a file.
struct attachment {
  std::string name; ///< A file name such as `screenshot-3.png`.
  std::string type; ///< MIME.
  std::string bytes;
};

struct action_result {
  bool success = false;
  std::string output; ///< For the model.
  std::string error;  ///< One sentence for the model; empty on success.
  /// For clients: url, title, and what the action is about.
  nlohmann::json metadata = nlohmann::json::object();
  std::vector<attachment> attachments;
};

struct session_view {
  std::string url;
  std::string title;
  std::uint32_t tabs = 0;
};

/// The pages of one browser session, and what can be done with them. One
/// action at a time. Everything happens on the loop's thread of its Chromium.
class page_session : public std::enable_shared_from_this<page_session> {
public:
  /// Throws cdp_failed.
  static boost::asio::awaitable<std::shared_ptr<page_session>>
  open(std::shared_ptr<chromium> in, session_options options);
  virtual ~page_session() = default;

  /// For one opened ahead of need. Throws cdp_failed.
  virtual boost::asio::awaitable<void> adopt(session_options options) = 0;

  /// Carries out one action by its name and arguments, which satisfy the
  /// action's schema (`page_actions()`). What is wrong with the page or the
  /// arguments is a result without success; throws cdp_failed when the session
  /// cannot be used any more, and with `cancelled` when it was cancelled
  /// (terminal): then what runs in the page is ended, and the session goes on.
  virtual boost::asio::awaitable<action_result> act(std::string action,
                                                    nlohmann::json arguments)
      = 0;

  /// URL, cookies and storage as a compact JSON text; without storage, then
  /// without cookies, if it exceeds `state_bytes_max`.
  virtual boost::asio::awaitable<std::string> save_state() = 0;
  /// Cookies and storage first, then the URL is loaded.
  virtual boost::asio::awaitable<void> restore(std::string state) = 0;

  /// Nobody wants anything of it for a while: its pages give back the memory
  /// that they have no use for any more.
  virtual void rest() = 0;

  virtual session_view view() const = 0;
  /// Of the context's way out; taken once, for the egress_proxy.
  virtual context_lease& lease() = 0;
  /// Closes all its pages at once, whatever they do.
  virtual void close() = 0;
};

/// One action, as a tool is described to a model.
struct page_action {
  std::string name; ///< `browser_navigate`
  std::string description;
  std::string parameters; ///< JSON Schema of an object.
  /// It may submit something: never carried out twice unknowingly.
  bool acts = false;
  /// Told to models; else only the browser service's clients have it.
  bool offered = true;
};

const std::vector<page_action>& page_actions();

} // namespace shannon::browser
