#pragma once

#include "actors/browser/page/page_session.hpp"
#include "actors/browser/page/tab.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace shannon::browser {

/// A file that is on its way to us.
struct download {
  bool wanted = false; ///< An action waits for it; others are refused.
  std::string guid;
  std::string name;
  std::string state;
  std::uint64_t received = 0;
};

/// See page_session. Actions (`actions.hpp`) work on its members.
class session final : public page_session {
public:
  session(std::shared_ptr<chromium> in, session_options options);
  boost::asio::awaitable<void> begin();

  boost::asio::awaitable<void> adopt(session_options options) override;
  boost::asio::awaitable<action_result> act(std::string action,
                                            nlohmann::json arguments) override;
  boost::asio::awaitable<std::string> save_state() override;
  boost::asio::awaitable<void> restore(std::string state) override;
  void rest() override;
  session_view view() const override;
  context_lease& lease() override {
    return lease_;
  }
  void close() override;

  // -- for actions ------------------------------------------------------------

  chromium& browser() noexcept {
    return *in_;
  }
  const session_options& options() const noexcept {
    return options_;
  }
  const element_numbers& numbers() const noexcept {
    return numbers_;
  }
  const std::string& context() const noexcept {
    return lease_.id;
  }
  /// The tab that actions are about. There is one while an action runs.
  tab& current() noexcept {
    return *current_;
  }
  std::shared_ptr<tab> current_tab() const noexcept {
    return current_;
  }
  const std::vector<std::shared_ptr<tab>>& tabs() const noexcept {
    return tabs_;
  }
  void switch_to(std::shared_ptr<tab> what);
  /// Opens an empty tab and switches to it. Throws action_failed when there
  /// are `tabs_max`.
  boost::asio::awaitable<void> open_tab(time_point until);
  /// An empty tab in place of the current one, whose renderer does not answer.
  boost::asio::awaitable<void> renew_tab(time_point until);
  /// A file name such as `screenshot-3.png`.
  std::string file_name(std::string_view what, std::string_view ending);

  download& current_download() noexcept {
    return download_;
  }
  notice& downloads_changed() noexcept {
    return downloads_changed_;
  }
  /// Hears of paused requests while a download asks for it.
  std::function<void(tab&, nlohmann::json&)> paused;

private:
  std::shared_ptr<session> self() {
    return std::static_pointer_cast<session>(shared_from_this());
  }
  void attached(const target& what);
  void detached(const std::string& id, bool crashed);
  void end_flood(const std::string& opener);
  void downloading(tab& from, const download_event& what);
  void navigated(tab& what);
  void install_storage(tab& in);
  boost::asio::awaitable<void> have_tab(time_point until);
  void finish(action_result& out);

  std::shared_ptr<chromium> in_;
  session_options options_;
  context_lease lease_;
  bool closed_ = false;
  element_numbers numbers_;
  std::vector<std::shared_ptr<tab>> tabs_;
  std::shared_ptr<tab> current_;
  std::uint64_t files_ = 0;

  /// Since the action began.
  std::uint32_t tabs_refused_ = 0;
  std::uint32_t tabs_opened_ = 0;
  std::string flooding_; ///< A page that was ended for what it opened.
  std::uint32_t downloads_refused_ = 0;
  std::string lost_; ///< Why the current tab is no more; empty if it is.

  download download_;
  notice downloads_changed_;

  /// localStorage by origin, as it was last seen.
  std::map<std::string, nlohmann::json> storage_;
  /// Set when pages of these origins first load.
  std::map<std::string, nlohmann::json> storage_due_;
  std::string storage_script_; ///< Its name, once Chromium has told it.
  bool installing_ = false;
  bool install_again_ = false;
};

} // namespace shannon::browser
