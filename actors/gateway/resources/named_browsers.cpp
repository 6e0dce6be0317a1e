#include "actors/gateway/resources/named_browsers.hpp"

#include "protocols/browser_places.hpp"

#include <memory>
#include <utility>

namespace shannon::gateway {

namespace {

namespace places = browser_places;
using std::chrono::milliseconds;

/// Sessions end by themselves: so often one action meets that.
constexpr unsigned lookups_max = 4;

/// One action on its way.
class errand : public std::enable_shared_from_this<errand> {
public:
  errand(desk& gateway, remote::BrowserRun what, browser_then then)
      : gateway_(gateway), what_(std::move(what)), then_(std::move(then)),
        until_(gateway.clock_now() + browser_patience) {}

  void look() {
    ask_records(places::find{session()},
                [me = self()](result<places::place> got) {
                  if (!got)
                    me->end(tl::unexpected<error>(std::move(got.error())));
                  else if (!got->holder.empty())
                    me->act(got->holder);
                  else if (me->closes())
                    me->end(closed());
                  else
                    me->open();
                });
  }

private:
  std::shared_ptr<errand> self() {
    return shared_from_this();
  }

  const std::string& session() const {
    return what_.request().session();
  }

  bool closes() const {
    return what_.request().action() == "browser_close";
  }

  static remote::BrowserResult closed() {
    remote::BrowserResult out;
    out.mutable_result()->set_success(true);
    return out;
  }

  template <class Message, class F>
  void ask_records(Message what, F then) {
    gateway_.ask<places::place>({"records"}, std::move(what),
                                gateway_.settings().ask_timeout,
                                std::move(then));
  }

  template <class F>
  void ask_browsers(remote::BrowserRun what, F then) {
    auto left = std::chrono::ceil<milliseconds>(until_ - gateway_.clock_now());
    gateway_.ask<remote::BrowserResult>(browser_dispatcher(), std::move(what),
                                        std::max(left, milliseconds{1}),
                                        std::move(then));
  }

  /// Opens it and no more: if it is another node's after all, nothing has
  /// happened in this one.
  void open() {
    auto opening = what_;
    opening.mutable_context()->set_attempt_key("open/"
                                               + what_.context().attempt_key());
    opening.mutable_request()->clear_action();
    opening.mutable_request()->clear_arguments_json();
    ask_browsers(std::move(opening),
                 [me = self()](result<remote::BrowserResult> got) {
                   got ? me->claim(got->holder()) : me->end(std::move(got));
                 });
  }

  void claim(const std::string& holder) {
    ask_records(places::claim{session(), holder},
                [me = self(), holder](result<places::place> got) {
                  if (!got || got->holder != holder)
                    me->drop(holder);
                  if (!got)
                    me->end(tl::unexpected<error>(std::move(got.error())));
                  else if (got->holder.empty())
                    me->look_again();
                  else
                    me->act(got->holder);
                });
  }

  void drop(const std::string& holder) {
    remote::BrowserClose stray;
    stray.set_session(session());
    stray.set_holder(holder);
    gateway_.tell(browser_dispatcher(), std::move(stray));
  }

  void act(const std::string& holder) {
    auto there = what_;
    there.mutable_request()->set_holder(holder);
    ask_browsers(std::move(there),
                 [me = self(), holder](result<remote::BrowserResult> got) {
                   me->acted(holder, std::move(got));
                 });
  }

  void acted(const std::string& holder, result<remote::BrowserResult> got) {
    // With a time to wait it says that nothing was begun.
    if (!got && got.error().code == errc::unavailable
        && got.error().retry_after)
      return wait(*got.error().retry_after, std::move(got));
    bool gone = !got && got.error().code == errc::not_found;
    if (!gone && !(got && closes()))
      return end(std::move(got));
    ask_records(places::leave{session(), holder},
                [me = self(), gone, got = std::move(got)](
                    const result<places::place>& left) mutable {
                  gone&& left ? me->look_again() : me->end(std::move(got));
                });
  }

  void wait(milliseconds pause, result<remote::BrowserResult> so_far) {
    if (gateway_.clock_now() + pause >= until_)
      return end(std::move(so_far));
    gateway_.after(pause, [me = self()] { me->look(); });
  }

  void look_again() {
    if (++lookups_ >= lookups_max)
      return end(tl::unexpected<error>(
          {errc::unavailable,
           "the browser session ended again and again before it was used", true,
           std::nullopt}));
    look();
  }

  void end(result<remote::BrowserResult> how) {
    std::exchange(then_, nullptr)(std::move(how));
  }

  desk& gateway_;
  remote::BrowserRun what_;
  browser_then then_;
  std::chrono::steady_clock::time_point until_;
  unsigned lookups_ = 0;
};

} // namespace

void act_in_named(desk& gateway, remote::BrowserRun what, browser_then then) {
  std::make_shared<errand>(gateway, std::move(what), std::move(then))->look();
}

void close_named(desk& gateway, const std::string& session,
                 std::function<void(result<void>)> then) {
  gateway.ask<places::place>(
      {"records"}, places::find{session}, gateway.settings().ask_timeout,
      [&gateway, session,
       then = std::move(then)](result<places::place> got) mutable {
        if (!got)
          return then(tl::unexpected<error>(std::move(got.error())));
        if (got->holder.empty())
          return then({});
        remote::BrowserClose what;
        what.set_session(session);
        what.set_holder(got->holder);
        gateway.tell(browser_dispatcher(), std::move(what));
        gateway.ask<places::place>(
            {"records"}, places::leave{session, got->holder},
            gateway.settings().ask_timeout,
            [then = std::move(then)](const result<places::place>& left) {
              left ? then({}) : then(tl::unexpected<error>(left.error()));
            });
      });
}

} // namespace shannon::gateway
