#include "actors/dispatch/dispatcher.hpp"

#include "actors/dispatch/passing_line.hpp"
#include "actors/kit/log.hpp"
#include "actors/kit/mail_context.hpp"
#include "protocols/cluster.hpp"
#include "protocols/remote/browser.pb.h"
#include "protocols/remote/llm.pb.h"
#include "protocols/remote/tool.pb.h"
#include "protocols/remote/work.pb.h"
#include "protocols/straight_call.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace shannon::dispatch {

namespace {

using namespace std::chrono_literals;
namespace log = kit::log;
using steady = std::chrono::steady_clock;

constexpr auto look_every = 250ms;
constexpr auto idle_look_every = 1s;
constexpr auto demand_every = 1s;
/// More is wanted than before: said at most this often.
constexpr auto demand_pause = 20ms;
/// An ask without a deadline has this one.
constexpr auto longest = 10min;
constexpr auto list_timeout = 10s;
/// So long a cancel is told to workers that were away, and so many of them: of
/// more the oldest is forgotten.
constexpr auto cancels_last = 60s;
constexpr std::size_t cancels_max = 1'000;
/// Questions that wait for a worker; above it they are refused `overloaded`.
constexpr std::size_t inquiries_max = 1'000;
/// What a worker said of a tenant that it has no room for counts for so long,
/// unless its window grows before.
constexpr auto full_lasts = 2s;

/// On the sender's thread: there is room here and nobody waits, so it goes on
/// to this node's worker at once.
void pass(passing_line& line, const std::string& role,
          const kit::directory& addresses, metrics::dispatch_metrics& metrics,
          const envelope& mail) {
  const auto& what = *mail.body.get_if<straight::offer>();
  // It was here, and its worker has just gone.
  if (what.place)
    return;
  auto place = line.take();
  if (!place)
    return;
  auto on = std::make_shared<envelope>(mail);
  auto offer = what;
  offer.place = std::move(place);
  on->to = {role + "/worker"};
  on->body = std::move(offer);
  addresses.deliver(on);
  if (what.to->has_begun())
    metrics.placed(role, true, {});
}

class dispatcher final : public kit::actor_base {
public:
  dispatcher(caf::actor_config& cfg, dispatcher_args args)
      : actor_base(cfg, args.env, {args.role}, 20'000), args_(std::move(args)),
        name_(args_.role + "-dispatcher"), queue_({}, args_.limits) {}

  const char* name() const override {
    return name_.c_str();
  }

protected:
  kit::handlers make_handlers() override {
    using namespace remote;
    return {
        kit::on<LlmCall>([this](auto& mail, auto& m) { take(mail, m); }),
        kit::on<ToolRun>([this](auto& mail, auto& m) { take(mail, m); }),
        kit::on<BrowserRun>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<BrowserClose>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<CancelEffect>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<ListModels>([this](auto& mail, auto&) { pass_on(mail); }),
        kit::on<ListTools>([this](auto& mail, auto&) { pass_on(mail); }),
        kit::on<WorkWindow>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<cluster::members_changed>([this](auto&, auto& m) { on(m); }),
        kit::on<cluster::drain>([this](auto& mail, auto&) { drain(mail); }),
        // Before this could be passed by; who sent it asks as others do.
        kit::on<straight::offer>([](auto&, auto&) {}),
    };
  }

  void started() override {
    env().addresses.bind_direct(
        self_address(), address(), typeid(straight::offer),
        [line = line_, role = args_.role, &addresses = env().addresses,
         &metrics = args_.metrics](const envelope_ptr& mail) {
          pass(*line, role, addresses, metrics, *mail);
        });
    look();
  }

  void stopping() override {
    line_->shut();
    for (const auto& [id, one] : asked_)
      refuse(one.mail,
             {errc::unavailable, name_ + " has ended", true, std::nullopt});
    asked_.clear();
    refuse_inquiries();
  }

private:
  struct window {
    steady::time_point at{};
    std::uint64_t open = 0;
    std::uint64_t serial = 0;
    steady::time_point full_since{}; ///< For some tenant; the first of them.
  };
  struct asked {
    envelope mail;
    steady::time_point since;
  };

  // -- effects ----------------------------------------------------------------

  template <class Effect>
  void take(const envelope& mail, const Effect& what) {
    const auto& context = what.context();
    auto id = ++ids_;
    if (!queue_.add({id, context.attempt_key(), context.tenant(),
                     context.priority() == "batch"})) {
      args_.metrics.refused(args_.role, "full");
      return refuse(mail, too_many(context.tenant()));
    }
    asked_.emplace(id, asked{mail, clock_now()});
    cancels_.erase(context.attempt_key()); // Wanted after all, as by a person.
    pump();
  }

  error too_many(const std::string& tenant) const {
    auto whose = queue_.waiting_of(tenant) >= args_.limits.tenant_waiting_max
                     ? "this tenant's effects"
                     : "effects";
    return {errc::overloaded,
            "too many of " + std::string{whose}
                + " wait for a node with the role " + args_.role,
            true, 1'000ms};
  }

  /// A session is where it is; only a new one is placed.
  void on(const envelope& mail, const remote::BrowserRun& what) {
    const auto& holder = what.request().holder();
    bool closes = what.request().action() == "browser_close";
    if (closes)
      close_all_but(holder, what);
    if (holder.empty() && closes) {
      remote::BrowserResult closed;
      closed.mutable_result()->set_success(true);
      return reply(mail, std::move(closed));
    }
    if (holder.empty())
      return take(mail, what);
    node_id where{holder};
    if (!is_worker(where))
      return refuse(mail, not_a_worker(what));
    pin(mail, what, where);
  }

  void pin(const envelope& mail, const remote::BrowserRun& what,
           const node_id& where) {
    const auto& context = what.context();
    auto id = ++ids_;
    queue_.add_pinned({id, context.attempt_key(), context.tenant(), false},
                      where);
    asked_.emplace(id, asked{mail, clock_now()});
    cancels_.erase(context.attempt_key()); // Wanted after all, as by a person.
    begin({id, where});
  }

  /// A run opens another session, from its log. A client's is known to live
  /// where the database says so: this node has yet to hear of that one.
  static error not_a_worker(const remote::BrowserRun& what) {
    if (what.request().session().empty())
      return {errc::not_found, "the node that held the browser session is gone",
              false, std::nullopt};
    return {errc::unavailable,
            "the node that holds the browser session is not known here yet",
            true, look_every};
  }

  void on(const envelope& mail, const remote::BrowserClose& what) {
    for (const auto& one : workers_)
      if (what.holder().empty() || what.holder() == one.value)
        tell(worker(one), mail.body);
    reply(mail, what);
  }

  /// An attempt to open it whose answer was lost may have left one anywhere.
  void close_all_but(const std::string& holder,
                     const remote::BrowserRun& what) {
    remote::BrowserClose stray;
    stray.set_session(what.request().session().empty()
                          ? what.context().log()
                          : what.request().session());
    for (const auto& one : workers_)
      if (one.value != holder)
        tell(worker(one), stray);
  }

  bool is_worker(const node_id& process) const {
    return std::find(workers_.begin(), workers_.end(), process)
           != workers_.end();
  }

  /// Nobody passes by while this decides who goes next.
  void pump() {
    queue_.pass_by(line_->shut());
    while (auto next = queue_.next())
      begin(*next);
    if (queue_.waiting() > 0) {
      if (drains_)
        send_back();
      else if (could_use_more())
        want_soon();
    }
    line_->open(drains_ ? 0 : queue_.room_to_pass());
  }

  /// One that passed by has ended while none could: those who wait, or a node
  /// that drains, may have waited for it.
  void place_is_free() {
    pump();
    want_if_closed(self_);
  }

  /// A node that drains waits until nothing of ours is under way there.
  void want_if_closed(const node_id& where) {
    if (auto known = opened_.find(where);
        known != opened_.end() && known->second.open == 0)
      want_soon();
  }

  /// Not of workers that are full for all who wait.
  bool could_use_more() const {
    return std::any_of(workers_.begin(), workers_.end(), [&](const auto& one) {
      return queue_.demand(one) > queue_.under_way(one);
    });
  }

  /// From now on nothing waits here: where the run goes next there may be room.
  void drain(const envelope& mail) {
    drains_ = true;
    refuse_inquiries();
    pump();
    reply(mail, cluster::drained{});
  }

  void send_back() {
    for (auto id : queue_.that_wait()) {
      refuse(asked_.at(id).mail,
             {errc::unavailable, "the node drains, and no worker has begun it",
              true, std::nullopt});
      drop(id);
    }
  }

  void refuse_inquiries() {
    for (const auto& one : std::exchange(inquiries_, {}))
      refuse(one.mail, no_worker());
  }

  void begin(const effect_queue::placed& what) {
    const auto& [mail, since] = asked_.at(what.id);
    auto left = time_left(mail);
    if (left <= 0ms)
      return drop(what.id); // Who asked was told so.
    args_.metrics.placed(args_.role, what.worker == self_, clock_now() - since);
    kit::in_context of_asker{mail}; // Somebody else's mail made room for it.
    ask(worker(what.worker), mail.body, left,
        [this, id = what.id, at = what.worker](body_result got) {
          ended(id, at, std::move(got));
        });
  }

  std::chrono::milliseconds time_left(const envelope& mail) {
    return mail.deadline == steady::time_point{}
               ? std::chrono::milliseconds{longest}
               : std::chrono::floor<std::chrono::milliseconds>(mail.deadline
                                                               - clock_now());
  }

  void ended(std::uint64_t id, const node_id& where, body_result got) {
    auto at = asked_.find(id);
    if (at == asked_.end())
      return;
    if (!got && found_no_room(at->second.mail, got.error())) {
      if (!was_cancelled(at->second.mail))
        return put_back(id, where);
      got = tl::unexpected(cancelled_early());
    }
    auto mail = std::move(at->second.mail);
    drop(id);
    want_if_closed(where);
    if (got) {
      reply(mail, std::move(*got));
    } else {
      auto why = std::move(got.error());
      if (why.code == errc::unavailable && where != self_) {
        args_.metrics.lost(args_.role);
        log::warning("effect-lost", "a worker went away with an effect",
                     {{"role", args_.role},
                      {"worker", where.value},
                      {"reason", why.text}});
        queue_.close(where);
        opened_.erase(where);
      }
      refuse(mail, std::move(why));
    }
    pump();
  }

  /// A session that no room was found for: each worker has so much for a
  /// tenant, of which no window says anything.
  static bool found_no_room(const envelope& mail, const error& why) {
    const auto* what = mail.body.get_if<remote::BrowserRun>();
    return what && what->request().holder().empty()
           && why.code == errc::overloaded;
  }

  /// The worker did not have it when it was told.
  bool was_cancelled(const envelope& mail) const {
    const auto& what = *mail.body.get_if<remote::BrowserRun>();
    return cancels_.count(what.context().attempt_key()) != 0;
  }

  static error cancelled_early() {
    return {errc::cancelled, "cancelled before it began", false, std::nullopt};
  }

  void put_back(std::uint64_t id, const node_id& where) {
    queue_.put_back(id);
    if (auto known = opened_.find(where);
        known != opened_.end()
        && known->second.full_since == steady::time_point{})
      known->second.full_since = clock_now();
    pump();
  }

  void reopen(const node_id& worker, window& known) {
    known.full_since = {};
    if (queue_.reopen(worker))
      pump();
  }

  void drop(std::uint64_t id) {
    asked_.erase(id);
    queue_.done(id);
  }

  /// Wherever it was begun: an owner of the run before this one may have had it
  /// begun at any worker, also one that does not hear of this now. To all
  /// others the key says nothing.
  void on(const envelope& mail, const remote::CancelEffect& msg) {
    auto found = queue_.find(msg.attempt_key());
    bool anywhere = !found || !is_nobodys_run(asked_.at(found->id).mail.body);
    if (anywhere) {
      keep_cancel(msg.attempt_key());
      for (const auto& one : workers_)
        tell(worker(one), mail.body);
    }
    if (!found)
      return;
    if (found->worker) {
      if (!anywhere || !is_worker(*found->worker))
        tell(worker(*found->worker), mail.body);
      return;
    }
    refuse(asked_.at(found->id).mail, cancelled_early());
    drop(found->id);
  }

  /// What no run asks nobody asks for again: it is where it was sent.
  static bool is_nobodys_run(const message_body& effect) {
    const auto* call = effect.get_if<remote::LlmCall>();
    return call && call->context().log().empty();
  }

  void keep_cancel(const std::string& attempt_key) {
    if (cancels_.size() >= cancels_max)
      cancels_.erase(std::min_element(
          cancels_.begin(), cancels_.end(),
          [](const auto& a, const auto& b) { return a.second < b.second; }));
    cancels_[attempt_key] = clock_now();
  }

  /// A message to a node that is away is lost. Once it is heard of, it is told
  /// what it may have missed since it was heard of last.
  void repeat_cancels(const node_id& to, steady::time_point since) {
    for (const auto& [key, at] : cancels_)
      if (at >= since) {
        remote::CancelEffect stop;
        stop.set_attempt_key(key);
        tell(worker(to), std::move(stop));
      }
  }

  /// What any worker knows. None may be there yet, as when a node begins.
  void pass_on(const envelope& mail) {
    auto at = opened_.count(self_) != 0 ? opened_.find(self_) : opened_.begin();
    if (at != opened_.end())
      return inquire(mail, at->first);
    if (drains_)
      return refuse(mail, no_worker());
    if (inquiries_.size() >= inquiries_max)
      return refuse(mail, {errc::overloaded,
                           "too many ask what nodes with the role " + args_.role
                               + " can do, and none is there",
                           true, 1'000ms});
    inquiries_.push_back({mail, clock_now()});
  }

  void inquire(const envelope& mail, const node_id& where) {
    ask(worker(where), mail.body, list_timeout, [this, mail](body_result got) {
      got ? reply(mail, std::move(*got)) : refuse(mail, std::move(got.error()));
    });
  }

  // -- workers ----------------------------------------------------------------

  shannon::address worker(const node_id& process) const {
    auto here = args_.role + "/worker";
    return {process == self_ ? here : here + "@" + process.value};
  }

  shannon::address grantor(const node_id& process) const {
    auto here = "grants/" + args_.role;
    return {process == self_ ? here : here + "@" + process.value};
  }

  error no_worker() const {
    return {errc::unavailable,
            "no node with the role " + args_.role + " is there to take it",
            true, std::nullopt};
  }

  void on(const cluster::members_changed& msg) {
    self_ = msg.self;
    queue_.is(self_);
    workers_.clear();
    for (const auto& one : msg.members)
      if (std::find(one.roles.begin(), one.roles.end(), args_.role)
          != one.roles.end())
        workers_.push_back(one.id);
    std::erase_if(opened_, [this](const auto& one) {
      auto gone = std::find(workers_.begin(), workers_.end(), one.first)
                  == workers_.end();
      if (gone)
        queue_.close(one.first);
      return gone;
    });
    pump();
    want();
  }

  void on(const envelope& mail, const remote::WorkWindow& msg) {
    auto at = mail.from.value.find('@');
    auto who = at == std::string::npos
                   ? self_
                   : node_id{mail.from.value.substr(at + 1)};
    if (!is_worker(who))
      return;
    auto& known = opened_[who];
    repeat_cancels(who, known.at);
    known.at = clock_now();
    known.serial = msg.serial();
    auto before = std::exchange(known.open, msg.open());
    auto closes = before != 0 && msg.open() == 0;
    queue_.open(who, msg.open());
    if (msg.open() > before)
      reopen(who, known);
    for (const auto& one : std::exchange(inquiries_, {}))
      inquire(one.mail, who);
    // A node that drains waits for this.
    if (closes)
      want_soon();
    pump();
  }

  void want_soon() {
    if (std::exchange(wanting_, true))
      return;
    after(demand_pause, [this] {
      wanting_ = false;
      want();
    });
  }

  void want() {
    wanted_at_ = clock_now();
    queue_.pass_by(line_->taken());
    for (const auto& one : workers_) {
      remote::WorkDemand msg;
      msg.set_wanted(queue_.demand(one));
      msg.set_under_way(queue_.under_way(one) + queue_.pinned(one));
      if (auto known = opened_.find(one); known != opened_.end())
        msg.set_heard(known->second.serial);
      tell(grantor(one), std::move(msg));
    }
  }

  // -- time -------------------------------------------------------------------

  void look() {
    auto now = clock_now();
    std::erase_if(opened_, [&](const auto& one) {
      auto old = now - one.second.at > args_.window_lasts;
      if (old)
        queue_.close(one.first);
      return old;
    });
    for (auto& [worker, known] : opened_)
      if (known.full_since != steady::time_point{}
          && now - known.full_since >= full_lasts)
        reopen(worker, known);
    if (now - wanted_at_ >= demand_every)
      want();
    if (queue_.waiting() > 0)
      drop_late(now);
    pump();
    std::erase_if(inquiries_, [&](const auto& one) {
      auto old = now - one.since > args_.no_worker_patience;
      if (old)
        refuse(one.mail, no_worker());
      return old;
    });
    std::erase_if(cancels_, [&](const auto& one) {
      return now - one.second > cancels_last;
    });
    count();
    after(asked_.empty() && inquiries_.empty()
              ? std::chrono::milliseconds{idle_look_every}
              : std::chrono::milliseconds{look_every},
          [this] { look(); });
  }

  /// Those that nobody waits for any more, and those nobody will ever take.
  void drop_late(steady::time_point now) {
    std::vector<std::uint64_t> late;
    std::vector<std::uint64_t> in_vain;
    for (const auto& [id, one] : asked_) {
      auto due = one.mail.deadline;
      if (due != steady::time_point{} && due <= now)
        late.push_back(id);
      else if (!queue_.has_worker()
               && now - one.since > args_.no_worker_patience)
        in_vain.push_back(id);
    }
    for (auto id : late)
      give_up(id, "late",
              {errc::timeout,
               "no node with the role " + args_.role
                   + " has carried it out within its deadline",
               true, std::nullopt});
    for (auto id : in_vain)
      give_up(id, "no_worker", no_worker());
  }

  void give_up(std::uint64_t id, const char* label, error why) {
    args_.metrics.refused(args_.role, label);
    refuse(asked_.at(id).mail, std::move(why));
    drop(id);
  }

  void count() {
    args_.metrics.now(args_.role, queue_.waiting(),
                      queue_.under_way() + line_->taken());
  }

  dispatcher_args args_;
  std::string name_;
  node_id self_;
  effect_queue queue_;
  std::shared_ptr<passing_line> line_ = std::make_shared<passing_line>(
      [this, post = poster()] { post([this] { place_is_free(); }); });
  std::unordered_map<std::uint64_t, asked> asked_;
  /// Questions that no worker could be asked yet.
  std::vector<asked> inquiries_;
  /// When attempts of runs were cancelled, by key.
  std::map<std::string, steady::time_point> cancels_;
  std::uint64_t ids_ = 0;
  /// Processes with the role, and what was heard of their windows.
  std::vector<node_id> workers_;
  std::map<node_id, window> opened_;
  steady::time_point wanted_at_{};
  bool wanting_ = false;
  bool drains_ = false;
};

} // namespace

caf::actor spawn_dispatcher(caf::local_actor& parent, dispatcher_args args) {
  return parent.spawn<dispatcher>(std::move(args));
}

} // namespace shannon::dispatch
