#include "actors/kit/actor_base.hpp"

#include "actors/kit/failpoint.hpp"
#include "actors/kit/log.hpp"
#include "actors/kit/mail_context.hpp"
#include "actors/kit/undelivered.hpp"
#include "metrics/actor_metrics.hpp"
#include "protocols/control.hpp"

#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>
#include <caf/intrusive/task_result.hpp>
#include <caf/sec.hpp>
#include <caf/send.hpp>
#include <caf/system_messages.hpp>

#include <algorithm>
#include <ctime>
#include <exception>
#include <map>
#include <unordered_map>

namespace shannon::kit {

namespace {

/// How far ahead due asks are looked for. Most are answered before, so an actor
/// that asks often is woken seldom, and one whose asks stay open, of which
/// there may be many, more and more seldom.
constexpr std::chrono::milliseconds sweep_ahead_min{100};
constexpr std::chrono::milliseconds sweep_ahead_max{2'000};

/// Beyond a mailbox's limit, for mail that ends or holds back work.
constexpr std::size_t control_reserve = 1'000;

/// Asks of a restarted actor are numbered apart from those of its former life,
/// or a late answer to the one would be taken for the other's.
std::uint64_t first_correlation() {
  static std::atomic<std::uint64_t> lives{0};
  return lives.fetch_add(1, std::memory_order_relaxed) << 32;
}

/// System messages are never refused and not counted against the limit.
bool is_system(const caf::mailbox_element& what) {
  const auto& content = what.content();
  if (content.match_elements<envelope_ptr>())
    return false;
  return what.mid.is_response()
         || what.mid.category() == caf::message_id::urgent_message_category
         || content.match_elements<caf::exit_msg>()
         || content.match_elements<caf::down_msg>()
         || content.match_elements<caf::timeout_msg>()
         || content.match_elements<sweep_atom>()
         || content.match_elements<job_ptr>();
}

/// Null if it is something else.
const envelope_ptr* mail_in(const caf::mailbox_element& what) {
  const auto& content = what.content();
  return content.match_elements<envelope_ptr>()
             ? &content.get_as<envelope_ptr>(0)
             : nullptr;
}

/// Mail that does not say when it was sent counts from now.
std::chrono::steady_clock::time_point sent_at(const envelope_ptr* mail) {
  return mail && (*mail)->sent.time_since_epoch().count() != 0 ? (*mail)->sent
                                                               : coarse_now();
}

/// A mail of this actor, on behalf of whom it works for now.
std::shared_ptr<envelope> mail_to(const shannon::address& to,
                                  const shannon::address& from,
                                  message_body body) {
  auto mail = std::make_shared<envelope>();
  mail->to = to;
  mail->from = from;
  mail->sent = coarse_now();
  mail->urgency = urgency_of(body);
  mail->body = std::move(body);
  if (const auto& now = current_context(); !now.empty()) {
    mail->tenant = now.tenant;
    mail->traceparent = now.traceparent;
  }
  return mail;
}

/// Who works on this thread: the parent of whom it starts.
thread_local const actor_base* at_work = nullptr;

std::int64_t count_of(std::chrono::steady_clock::time_point at) noexcept {
  return at.time_since_epoch().count();
}

/// Gives each envelope of a mailbox to `take`, whatever queue it stands in.
struct mail_drain {
  std::function<void(const envelope&)> take;

  void operator()(const caf::mailbox_element& what) const {
    const auto& content = what.content();
    if (content.match_elements<envelope_ptr>())
      take(*content.get_as<envelope_ptr>(0));
  }
  template <class Key, class Queue, class... Ts>
  caf::intrusive::task_result operator()(const Key&, const Queue&,
                                         const Ts&... xs) const {
    (*this)(xs...);
    return caf::intrusive::task_result::resume;
  }
};

} // namespace

std::chrono::steady_clock::time_point coarse_now() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return std::chrono::steady_clock::time_point{
      std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec}};
}

std::optional<std::chrono::nanoseconds>
actor_stats::oldest_age() const noexcept {
  auto sent = head_sent.load(std::memory_order_relaxed);
  if (mailbox_depth() == 0 || sent == 0)
    return std::nullopt;
  return std::max(std::chrono::nanoseconds{count_of(coarse_now()) - sent},
                  std::chrono::nanoseconds{0});
}

struct actor_base::pending_asks {
  using due_map
      = std::multimap<std::chrono::steady_clock::time_point, std::uint64_t>;
  struct one {
    reply_handler then;
    due_map::iterator due;
    mail_context asked_for;
  };

  /// Who waits for this answer, and waits no more; nothing if it is not known.
  std::optional<one> take(std::uint64_t correlation) {
    auto at = pending.find(correlation);
    if (at == pending.end())
      return std::nullopt;
    auto out = std::move(at->second);
    due.erase(out.due);
    pending.erase(at);
    return out;
  }
  bool is_armed() const noexcept {
    return sweep_at != std::chrono::steady_clock::time_point{};
  }

  std::unordered_map<std::uint64_t, one> pending;
  due_map due;
  /// The earliest sweep under way; zero for none.
  std::chrono::steady_clock::time_point sweep_at{};
  duration sweep_ahead{0};
};

actor_base::~actor_base() = default;

actor_base::actor_base(caf::actor_config& cfg, actor_env& env,
                       shannon::address self, std::size_t mailbox_max)
    : caf::event_based_actor(cfg), env_(env), self_(std::move(self)),
      mailbox_max_(mailbox_max == 0 ? env.mailbox_max : mailbox_max),
      parent_(at_work ? at_work->listed_as() : 0), born_(coarse_now()),
      correlation_(first_correlation()) {
  // CAF's default would end this actor for any error it receives.
  set_error_handler([](caf::scheduled_actor*, caf::error&) {});
  set_default_handler([](caf::scheduled_actor*,
                         caf::message_view&) -> caf::result<caf::message> {
    return caf::message{};
  });
  // CAF's default would print the text to stderr and lose it.
  set_exception_handler(
      [](caf::scheduled_actor* ptr, std::exception_ptr& thrown) -> caf::error {
        std::string text = "unknown exception";
        try {
          std::rethrow_exception(thrown);
        } catch (const std::exception& e) {
          text = e.what();
        } catch (...) {
          // The text above says all that is known.
        }
        log::error("actor-threw", "actor ends by an exception",
                   {{"actor", ptr->name()}, {"reason", text}});
        return caf::make_error(caf::sec::runtime_error, text);
      });
}

caf::behavior actor_base::make_behavior() {
  table_ = make_handlers();
  started();
  stats_.running.store(true, std::memory_order_relaxed);
  return {
      [this](const envelope_ptr& mail) { handle(mail); },
      [](const job_ptr& what) { (*what)(); },
      [this](sweep_atom) { sweep(); },
  };
}

void actor_base::launch(caf::execution_unit* host, bool lazy, bool hide) {
  if (env_.actors)
    env_.actors->add(*this);
  env_.addresses.bind(self_, caf::actor_cast<caf::actor>(this));
  caf::event_based_actor::launch(host, lazy, hide);
}

void actor_base::on_exit() {
  env_.addresses.unbind(self_, address());
  stopping();
  // Whoever still waits here is this actor itself: nobody to tell.
  asks_.reset();
  table_.clear();
}

bool actor_base::cleanup(caf::error&& why, caf::execution_unit* host) {
  // From here on it may be destroyed at any time.
  if (env_.actors)
    env_.actors->remove(*this);
  // CAF would drop what is left; an asker would wait until its timeout.
  if (!mailbox().closed()) {
    mailbox().close();
    mail_drain drain{[this](const envelope& mail) { hand_back(mail); }};
    while (mailbox().queue().new_round(1'000, drain).consumed_items > 0) {
    }
  }
  // CAF's own would also tell the thread of its clock to cancel this actor's
  // timeouts, which wakes that thread for each actor that ends: a tenth of what
  // a call to a model costs. An actor of the kit has none: it asks by mail, and
  // what it sends itself later is no timeout. It has no thread of its own
  // either, and its mailbox is closed.
  unregister_from_system();
  return caf::monitorable_actor::cleanup(std::move(why), host);
}

void actor_base::handle(const envelope_ptr& mail) {
  if (mail->is_reply) {
    // An answer for a child that is gone falls back to its kind: not ours.
    if (mail->to != self_)
      return;
    if (mail->status.code == errc::ok)
      complete(mail->correlation, mail->body);
    else
      complete(mail->correlation, tl::unexpected<error>(mail->status));
    return;
  }
  if (mail->deadline.time_since_epoch().count() != 0
      && mail->deadline < clock_now())
    return expired(*mail);
  in_context now{*mail};
  take(*mail);
}

void actor_base::take(const envelope& mail) {
  SHANNON_FAILPOINT("actor.handles");
  auto type = mail.body.type();
  for (const auto& line : table_)
    if (line.type == type)
      return receive(line, mail);
  unexpected(mail);
}

void actor_base::unexpected(const envelope& mail) {
  log::warning("message-unexpected", "actor has no handler for a message",
               {{"actor", name()}, {"message", to_string(mail)}});
  refuse(mail, {errc::invalid_argument,
                std::string{name()} + " does not take this message", false,
                std::nullopt});
}

// -- talking ------------------------------------------------------------------

std::chrono::steady_clock::time_point actor_base::clock_now() {
  return home_system().clock().now();
}

bool actor_base::tell(const shannon::address& to, message_body body) {
  return env_.addresses.deliver(mail_to(to, self_, std::move(body)));
}

std::uint64_t actor_base::ask(const shannon::address& to, message_body body,
                              duration timeout, reply_handler then) {
  auto id = ++correlation_;
  auto now = clock_now();
  auto due = now + timeout;
  if (!asks_)
    asks_ = std::make_unique<pending_asks>();
  asks_->pending.emplace(id, pending_asks::one{std::move(then),
                                               asks_->due.emplace(due, id),
                                               current_context()});
  auto mail = mail_to(to, self_, std::move(body));
  mail->correlation = id;
  mail->deadline = due;
  switch (env_.addresses.send(mail)) {
  case directory::way::none:
    after(duration{0}, [this, id, to] {
      complete(id, tl::unexpected<error>(undelivered(to)));
    });
    break;
  case directory::way::mailbox:
  case directory::way::carried:
    arm_sweep(now);
    break;
  case directory::way::direct: // It keeps the time itself.
    break;
  }
  return id;
}

std::size_t actor_base::open_asks() const noexcept {
  return asks_ ? asks_->pending.size() : 0;
}

void actor_base::forget(std::uint64_t correlation) {
  if (asks_)
    asks_->take(correlation);
}

void actor_base::reply(const envelope& request, message_body body) {
  if (request.correlation == 0)
    return;
  auto mail = std::make_shared<envelope>();
  mail->to = request.from;
  mail->from = self_;
  mail->correlation = request.correlation;
  mail->is_reply = true;
  mail->sent = coarse_now();
  mail->traceparent = request.traceparent;
  mail->body = std::move(body);
  env_.addresses.deliver(mail);
}

void actor_base::refuse(const envelope& request, error why) {
  if (request.correlation == 0)
    return;
  auto mail = std::make_shared<envelope>();
  mail->to = request.from;
  mail->from = self_;
  mail->correlation = request.correlation;
  mail->is_reply = true;
  mail->sent = coarse_now();
  mail->status = std::move(why);
  env_.addresses.deliver(mail);
}

void actor_base::hand_back(const envelope& mail) {
  if (mail.is_reply)
    return;
  if (!env_.addresses.deliver(std::make_shared<const envelope>(mail)))
    refuse(mail,
           {errc::unavailable, self_.value + " has ended", true, std::nullopt});
}

void actor_base::complete(std::uint64_t correlation, body_result got) {
  if (!asks_)
    return;
  // Nothing: answered too late, or forgotten.
  if (auto one = asks_->take(correlation)) {
    in_context now{std::move(one->asked_for)};
    one->then(std::move(got));
  }
}

void actor_base::arm_sweep(std::chrono::steady_clock::time_point now) {
  auto& all = *asks_;
  if (!all.is_armed())
    all.sweep_ahead = sweep_ahead_min;
  auto at = std::min(all.due.begin()->first, now + all.sweep_ahead);
  if (all.is_armed() && all.sweep_at <= at)
    return;
  all.sweep_at = at;
  env_.addresses.waking().wake(*this, at);
}

void actor_base::sweep() {
  auto now = clock_now();
  if (!asks_ || asks_->sweep_at > now)
    return; // Of an earlier time; another one is under way.
  asks_->sweep_at = {};
  while (asks_ && !asks_->due.empty() && asks_->due.begin()->first <= now)
    complete(asks_->due.begin()->second,
             fail(errc::timeout, "no answer within the deadline", true));
  if (!asks_ || asks_->pending.empty() || asks_->is_armed())
    return;
  auto& all = *asks_;
  auto ahead = std::min(2 * all.sweep_ahead, sweep_ahead_max);
  all.sweep_at = std::min(all.due.begin()->first, now + ahead);
  all.sweep_ahead = ahead;
  env_.addresses.waking().wake(*this, all.sweep_at);
}

void actor_base::after(duration delay, job what) {
  if (const auto& now = current_context(); !now.empty())
    what = [now, what = std::move(what)] {
      in_context again{now};
      what();
    };
  auto self = caf::actor_cast<caf::actor>(this);
  auto ptr = std::make_shared<job>(std::move(what));
  if (delay.count() == 0)
    caf::anon_send(self, std::move(ptr));
  else
    caf::delayed_anon_send(self, delay, std::move(ptr));
}

std::function<void(job)> actor_base::poster() {
  caf::actor_addr weak = address();
  return [weak](job what) {
    if (auto self = caf::actor_cast<caf::actor>(weak))
      caf::anon_send(self, std::make_shared<job>(std::move(what)));
  };
}

// -- CAF hooks ----------------------------------------------------------------

void actor_base::enqueue(caf::mailbox_element_ptr what,
                         caf::execution_unit* host) {
  envelope_ptr sent;
  if (!is_system(*what)) {
    // Runs on the sender's thread.
    auto depth = stats_.depth.fetch_add(1, std::memory_order_relaxed) + 1;
    const auto* mail = mail_in(*what);
    if (mail)
      sent = *mail;
    if (depth == 1)
      stats_.head_sent.store(count_of(sent_at(mail)),
                             std::memory_order_relaxed);
    bool is_reply = mail && (*mail)->is_reply;
    bool is_control = mail && (*mail)->urgency == priority::control;
    auto most = mailbox_max_ + (is_control ? control_reserve : 0);
    if (depth > static_cast<std::int64_t>(most) && !is_reply) {
      stats_.depth.fetch_sub(1, std::memory_order_relaxed);
      stats_.rejected.fetch_add(1, std::memory_order_relaxed);
      if (env_.metrics)
        env_.metrics->mailbox_rejected(std::string{self_.kind()});
      if (mail)
        refuse(**mail,
               {errc::overloaded,
                self_.value + ": mailbox holds " + std::to_string(mailbox_max_)
                    + " messages, its limit",
                true, std::nullopt});
      return;
    }
  }
  caf::event_based_actor::enqueue(std::move(what), host);
  // It came after the end, or just before: `cleanup` may have refused it too,
  // which an asker does not notice. Delivered again it could come twice.
  if (sent && mailbox().closed() && !sent->is_reply)
    refuse(*sent,
           {errc::unavailable, self_.value + " has ended", true, std::nullopt});
}

caf::invoke_message_result actor_base::consume(caf::mailbox_element& what) {
  bool counted = !is_system(what);
  if (counted)
    stats_.head_sent.store(count_of(sent_at(mail_in(what))),
                           std::memory_order_relaxed);
  auto outcome = caf::event_based_actor::consume(what);
  if (counted && outcome != caf::invoke_message_result::skipped) {
    stats_.depth.fetch_sub(1, std::memory_order_relaxed);
    stats_.processed.fetch_add(1, std::memory_order_relaxed);
  }
  return outcome;
}

actor_base::resume_result actor_base::resume(caf::execution_unit* host,
                                             std::size_t messages_max) {
  const auto* outer = std::exchange(at_work, this);
  auto outcome = caf::event_based_actor::resume(host, messages_max);
  at_work = outer;
  return outcome;
}

} // namespace shannon::kit
