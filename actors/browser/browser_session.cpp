#include "actors/browser/browser_session.hpp"

#include "actors/browser/action_ledger.hpp"
#include "actors/kit/log.hpp"
#include "actors/kit/text.hpp"
#include "protocols/cluster.hpp"
#include "protocols/remote/llm.pb.h"

#include <nlohmann/json.hpp>

#include <deque>
#include <optional>
#include <utility>
#include <vector>

namespace shannon::browser {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using std::chrono::milliseconds;
using steady = std::chrono::steady_clock;

/// Actions that wait for the one under way.
constexpr std::size_t waiting_max = 16;
/// Beside what an action says of itself: for its state and its files.
constexpr milliseconds slack = 5s;
constexpr std::size_t output_bytes_max = 64 * 1024;
constexpr std::size_t error_bytes_max = 1000;
constexpr std::size_t metadata_bytes_max = 64 * 1024;

remote::ToolResult failed(std::string why) {
  remote::ToolResult out;
  out.set_error(std::move(why));
  return out;
}

remote::ToolResult told(const action_result& what) {
  remote::ToolResult out;
  out.set_success(what.success);
  auto output = kit::valid_utf8(what.output);
  if (output.size() > output_bytes_max) {
    auto all = output.size();
    output.resize(kit::utf8_prefix(output, output_bytes_max).size());
    output += "\n[cut: " + std::to_string(output.size()) + " of "
              + std::to_string(all) + " bytes shown]";
    out.set_truncated(true);
  }
  out.set_output(std::move(output));
  auto why = kit::valid_utf8(what.error);
  out.set_error(std::string{kit::utf8_prefix(why, error_bytes_max)});
  auto about
      = what.metadata.dump(-1, ' ', false, json::error_handler_t::replace);
  if (about.size() <= metadata_bytes_max)
    out.set_metadata_json(std::move(about));
  return out;
}

class browser_session final : public kit::actor_base {
public:
  browser_session(caf::actor_config& cfg, browser_session_args args)
      : actor_base(cfg, args.env, {"browser_session/" + args.id}, 64),
        args_(std::move(args)) {}

  const char* name() const override {
    return "browser_session";
  }

  std::string about() const override {
    auto seen = args_.card->see();
    auto out = seen.url + "  \"" + seen.title + "\"";
    if (seen.memory_bytes > 0)
      out += "  " + std::to_string(seen.memory_bytes / (1024 * 1024)) + " MiB";
    return out;
  }

protected:
  kit::handlers make_handlers() override {
    using namespace remote;
    return {
        kit::on<BrowserRun>([this](auto& mail, auto& m) { run(mail, m); }),
        kit::on<CancelEffect>([this](auto&, auto& m) { cancel(m); }),
        kit::on<BrowserClose>([this](auto& mail, auto& m) {
          close();
          reply(mail, m);
        }),
        kit::on<cluster::wind_down>([this](auto&, auto&) { wind_down(); }),
    };
  }

  void started() override {
    born_ = used_ = clock_now();
    open();
    look();
  }

  void stopping() override {
    if (stop_)
      std::exchange(stop_, nullptr)();
    if (live_) {
      live_->close();
      args_.host->closed(live_->process());
      args_.metrics.session_ended(reason_);
    }
    error gone{errc::not_found,
               "the browser session has ended: " + reason_,
               false,
               {}};
    if (current_)
      refuse_all(*current_, gone);
    // What was not begun may be begun elsewhere.
    for (const auto& one : waiting_)
      for (const auto& asker : one.askers)
        hand_back(asker);
  }

private:
  /// An action, and everybody who wants its answer.
  struct job {
    std::string step;
    remote::BrowserRun what;
    std::vector<envelope> askers;
    steady::time_point begun{};
  };

  // -- handlers ---------------------------------------------------------------

  void run(const envelope& mail, const remote::BrowserRun& what) {
    std::string step{step_of(what.context().attempt_key())};
    if (const auto* answer = ledger_.find(step))
      return reply(mail, *answer);
    if (current_ && current_->step == step)
      return current_->askers.push_back(mail);
    for (auto& one : waiting_)
      if (one.step == step)
        return one.askers.push_back(mail);
    if (waiting_.size() >= waiting_max)
      return refuse(mail, {errc::overloaded,
                           "too many actions wait for this browser session",
                           true, 1'000ms});
    waiting_.push_back({std::move(step), what, {mail}});
    next();
  }

  void cancel(const remote::CancelEffect& what) {
    auto step = step_of(what.attempt_key());
    error why{errc::cancelled, "the browser action was cancelled", false, {}};
    if (current_ && current_->step == step && stop_)
      return stop_(); // Its end is the answer.
    for (auto at = waiting_.begin(); at != waiting_.end(); ++at)
      if (at->step == step) {
        refuse_all(*at, why);
        waiting_.erase(at);
        // Whoever wanted it has not heard of it, and cannot close it.
        if (waiting_.empty() && !ready_)
          end("cancelled before it was opened");
        return;
      }
  }

  /// What waits is not begun elsewhere: who closes it wants no more of it.
  void close() {
    for (const auto& one : std::exchange(waiting_, {}))
      refuse_all(
          one, {errc::not_found, "the browser session was closed", false, {}});
    end("closed");
  }

  void wind_down() {
    winds_down_ = true;
    if (!ready_) // Nothing was done: it may be opened elsewhere.
      for (const auto& one : std::exchange(waiting_, {}))
        refuse_all(one, {errc::unavailable, "the node drains", true, {}});
    next();
  }

  // -- opening ----------------------------------------------------------------

  void open() {
    auto done = [post = poster(), this,
                 host = args_.host](result<std::shared_ptr<live_session>> got) {
      // If this actor is gone by then, the session must not stay.
      auto keep = std::make_shared<unclaimed>(host);
      if (got)
        keep->live = *got;
      post([this, keep, got = std::move(got)]() mutable {
        keep->live = nullptr;
        opened(std::move(got));
      });
    };
    args_.host->open({args_.options, args_.tenant}, std::move(done));
  }

  struct unclaimed {
    explicit unclaimed(std::shared_ptr<browser_host> of)
        : host(std::move(of)) {}
    ~unclaimed() {
      if (!live)
        return;
      live->close();
      host->closed(live->process());
    }
    std::shared_ptr<browser_host> host;
    std::shared_ptr<live_session> live;
  };

  void opened(result<std::shared_ptr<live_session>> got) {
    args_.metrics.session_opened(got.has_value(), clock_now() - born_);
    if (!got) {
      // Nothing was done: whoever asked may ask again.
      for (const auto& one : std::exchange(waiting_, {}))
        refuse_all(one, got.error());
      return end("could not be opened");
    }
    live_ = std::move(*got);
    args_.card->change([&](auto& seen) { seen.process = live_->pid(); });
    live_->when_lost([post = poster(), this](error why) {
      post([this, why] { lost(why); });
    });
    if (args_.state.empty()) {
      ready_ = true;
      return next();
    }
    stop_ = live_->restore(args_.state, args_.settings.action_timeout,
                           answers([this](result<acted> how) {
                             stop_ = nullptr;
                             if (!how)
                               return lost(how.error());
                             take_in(*how);
                             ready_ = true;
                             next();
                           }));
  }

  live_session::acted_handler answers(std::function<void(result<acted>)> then) {
    return [post = poster(), then = std::move(then)](result<acted> got) {
      post([then, got = std::move(got)]() mutable { then(std::move(got)); });
    };
  }

  // -- actions ----------------------------------------------------------------

  void next() {
    if (winds_down_ && !current_ && waiting_.empty())
      return end("its node drains");
    if (!ready_ || current_ || waiting_.empty())
      return;
    current_ = std::move(waiting_.front());
    waiting_.pop_front();
    current_->begun = clock_now();
    begin(current_->what.request());
  }

  void begin(const remote::BrowserRequest& request) {
    const auto& action = request.action();
    if (action.empty()) { // Only opened.
      remote::ToolResult there;
      there.set_success(true);
      return answer(std::move(there), {}, std::exchange(first_state_, {}));
    }
    auto arguments = kit::parse_arguments(request.arguments_json());
    if (!arguments)
      return answer(failed(arguments.error().text), {}, {});
    auto schema = args_.actions->of.find(action);
    if (schema == args_.actions->of.end())
      return answer(failed(unknown(action)), {}, {});
    if (auto fits = schema->second.check(*arguments); !fits)
      return answer(failed(fits.error().text), {}, {});
    if (action == "browser_close" || is_close(action, *arguments)) {
      remote::ToolResult closed;
      closed.set_success(true);
      closed.set_output("The browser session is closed.");
      answer(std::move(closed), {}, {});
      return end("closed");
    }
    args_.card->change([](auto& seen) { seen.busy = true; });
    refused_before_ = live_->traffic().refused;
    stop_ = live_->act(action, std::move(*arguments),
                       args_.settings.action_timeout + slack,
                       answers([this](result<acted> got) {
                         stop_ = nullptr;
                         ended(std::move(got));
                       }));
  }

  /// The one tool with everything in it has closing among its actions.
  static bool is_close(const std::string& action, const json& arguments) {
    return action == "browser" && arguments.value("action", "") == "close";
  }

  std::string unknown(const std::string& action) const {
    std::string names;
    for (const auto& [name, schema] : args_.actions->of)
      names += (names.empty() ? "" : ", ") + name;
    return "unknown tool '" + kit::valid_utf8(kit::utf8_prefix(action, 60))
           + "', expected one of " + names;
  }

  void ended(result<acted> got) {
    if (!got && got.error().code == errc::cancelled) {
      count(*current_, "cancelled");
      refuse_all(*current_, got.error());
      current_.reset();
      used_ = clock_now();
      args_.card->change([](auto& seen) { seen.busy = false; });
      return next();
    }
    if (!got)
      return lost(got.error());
    take_in(*got);
    explain(*got);
    auto result = told(got->what);
    if (got->what.attachments.empty())
      return answer(std::move(result), {}, std::move(got->state));
    auto saved =
        [post = poster(), this, result = std::move(result),
         state = std::move(got->state)](std::vector<remote::BrowserFile> files,
                                        const std::string& why) {
          post([this, result, state, why, files = std::move(files)]() mutable {
            if (!why.empty())
              result.set_output(result.output() + "\n[not kept: " + why + "]");
            for (const auto& file : files)
              result.set_output(result.output() + "\n[saved as " + file.name()
                                + "]");
            answer(std::move(result), std::move(files), std::move(state));
          });
        };
    save_files(args_.files, current_->what.context(),
               std::move(got->what.attachments), std::move(saved));
  }

  void take_in(const acted& what) {
    args_.card->change([&](auto& seen) {
      seen.url = what.view.url;
      seen.title = what.view.title;
      seen.tabs = what.view.tabs;
      auto sums = live_->traffic();
      seen.bytes_in = sums.bytes_down;
      seen.bytes_out = sums.bytes_up;
      seen.refused = sums.refused;
      seen.busy = false;
    });
    if (!ready_)
      first_state_ = what.state;
  }

  /// Browsers do not show why a proxy has refused.
  void explain(acted& what) const {
    auto sums = live_->traffic();
    if (what.what.success || sums.refused == refused_before_
        || sums.refusals.empty())
      return;
    const auto& last = sums.refusals.back();
    what.what.error
        += " (refused by policy: " + last.host + ": " + last.why + ")";
  }

  void answer(remote::ToolResult result, std::vector<remote::BrowserFile> files,
              std::string state) {
    auto one = std::move(*current_);
    current_.reset();
    used_ = clock_now();
    auto took = used_ - one.begun;
    count(one, result.success() ? "ok" : "failed");
    result.set_duration_us(
        std::chrono::duration_cast<std::chrono::microseconds>(took).count());
    remote::BrowserResult out;
    *out.mutable_result() = std::move(result);
    out.set_holder(args_.holder);
    if (state != last_state_ && !state.empty()) {
      last_state_ = state;
      out.set_state(std::move(state));
    }
    for (auto& file : files)
      *out.add_files() = std::move(file);
    for (const auto& asker : one.askers)
      reply(asker, out);
    ledger_.add(std::move(one.step), std::move(out));
    next();
  }

  void count(const job& one, const char* outcome) {
    const auto& action = one.what.request().action();
    auto known = args_.actions->of.count(action) != 0;
    args_.metrics.action_ended(known ? action : "none", outcome,
                               clock_now() - one.begun);
  }

  void refuse_all(const job& one, const error& why) {
    for (const auto& asker : one.askers)
      refuse(asker, why);
  }

  // -- its end ----------------------------------------------------------------

  void lost(const error& why) {
    kit::log::warning("browser-session-lost", "BROWSER SESSION is lost",
                      {{"session", args_.id}, {"reason", why.text}});
    if (current_)
      count(*current_, "lost");
    end(why.text);
  }

  void end(std::string why) {
    reason_ = std::move(why);
    quit();
  }

  void look() {
    auto now = clock_now();
    if (ready_ && !current_ && waiting_.empty()) {
      if (now - used_ >= args_.settings.idle_timeout)
        return end("idle for too long");
      if (now - born_ >= args_.settings.lifetime)
        return end("older than browser.lifetime");
    }
    after(std::clamp(args_.settings.idle_timeout / 4, 25ms, 5'000ms),
          [this] { look(); });
  }

  browser_session_args args_;
  std::shared_ptr<live_session> live_;
  live_session::stop_action stop_;
  action_ledger ledger_;
  std::optional<job> current_;
  std::deque<job> waiting_;
  std::string first_state_; ///< After the one before was brought back.
  std::string last_state_;
  std::string reason_ = "its node ends";
  std::uint64_t refused_before_ = 0;
  bool ready_ = false;
  bool winds_down_ = false;
  steady::time_point born_;
  steady::time_point used_;
};

} // namespace

caf::actor spawn_browser_session(caf::local_actor& parent,
                                 browser_session_args args) {
  return parent.spawn<browser_session, caf::monitored>(std::move(args));
}

} // namespace shannon::browser
