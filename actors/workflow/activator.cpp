#include "actors/workflow/activator.hpp"

#include "actors/kit/backoff.hpp"
#include "actors/kit/log.hpp"
#include "actors/kit/owned_shards.hpp"
#include "actors/workflow/due_watch.hpp"
#include "protocols/cluster.hpp"
#include "protocols/store.hpp"

#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <chrono>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace shannon::workflow {

namespace {

using namespace std::chrono_literals;
namespace log = kit::log;

constexpr auto store_timeout = 15s;
constexpr auto store_retry = 500ms;
/// Logs in one answer: bounds what is queued, not what is woken.
constexpr std::uint32_t page = 1'000;
/// When all that a look found is awake already, what is due behind it must be
/// seen too.
constexpr std::uint32_t page_most = 256'000;

activation_table::limits limits_of(const activator_args& args) {
  activation_table::limits limits;
  limits.runs_max = args.runs_max;
  limits.failures_max = args.failures_max;
  limits.reading_max = args.reading_max;
  return limits;
}

class activator final : public kit::actor_base {
public:
  activator(caf::actor_config& cfg, activator_args args)
      : actor_base(cfg, args.env, {args.kind}, 100'000), args_(std::move(args)),
        name_(args_.kind + "-activator"),
        table_(
            args_.kind, limits_of(args_),
            // A child of an ACTIVATOR before this one may still talk.
            static_cast<std::uint64_t>(
                std::chrono::steady_clock::now().time_since_epoch().count()),
            args_.creates,
            [shards = args_.env.shards](
                const log_id& log) -> std::optional<shard_epoch> {
              if (!shards)
                return 0;
              auto now = shards->current();
              if (now.of(log) == kit::standing::elsewhere)
                return std::nullopt;
              return now.claim_of(log).epoch;
            },
            [this](const envelope& mail) {
              return !args_.door || !args_.is_from_outside(mail)
                     || args_.door->has_room(clock_now());
            }) {}

  const char* name() const override {
    return name_.c_str();
  }

protected:
  kit::handlers make_handlers() override {
    return {
        kit::on<settled>([this](auto&, auto& m) { on(m); }),
        kit::on<resting>([this](auto&, auto& m) { on(m); }),
        kit::on<cluster::shards_gained>([this](auto&, auto&) {
          carry_out(table_.moved());
          look_for_due();
          recover();
        }),
        kit::on<cluster::end_lost_runs>(
            [this](auto& mail, auto&) { end_lost(mail); }),
        kit::on<cluster::finish_runs>([this](auto&, auto& m) { on(m); }),
    };
  }

  void started() override {
    set_down_handler([this](caf::down_msg& down) { on_down(down); });
    look_for_due();
    recover();
  }

  void stopping() override {
    for (auto& [child, what] : children_) {
      args_.metrics.run_passivated();
      caf::anon_send_exit(child, caf::exit_reason::user_shutdown);
    }
    children_.clear();
    for (const auto& mail : table_.give_up())
      hand_back(*mail);
    for (const auto& one : endings_)
      reply(one.mail, cluster::runs_ended{one.count});
  }

  /// Everything else is mail for one of the children.
  void unexpected(const envelope& mail) override {
    carry_out(table_.mail(std::make_shared<const envelope>(mail),
                          reach(mail) != nullptr));
  }

private:
  struct child {
    log_id log;
    std::uint64_t life = 0;
  };

  // -- handlers ---------------------------------------------------------------

  void on(const settled& msg) {
    carry_out(table_.settled(msg.log, msg.life, msg.version));
  }

  void on(const resting& msg) {
    table_.passive(msg.log, msg.life);
    if (!msg.wake_at)
      return;
    auto now = clock_now();
    due_watch::due_time database_now
        = clock_->known() ? due_watch::due_time{std::chrono::microseconds{
              clock_->now_us(now)}}
                          : env().now();
    if (auto at = due_.expect(*msg.wake_at, database_now, now))
      look_at(*at);
  }

  /// No word of them is waited for here: what they had decided and not stored
  /// nobody has heard of.
  void end_lost(const envelope& mail) {
    auto what = table_.moved();
    ending wait{mail, {}, 0};
    wait.children = children_of(what.stops);
    wait.count = wait.children.size();
    endings_.push_back(std::move(wait));
    carry_out(std::move(what));
    look_at_endings();
  }

  /// They go by themselves, each when it has nothing under way; those that are
  /// brought to life from here on do so, too.
  void on(const cluster::finish_runs& msg) {
    auto shards = env().shards->current();
    for (auto shard : msg.shards)
      finishing_[shard].clear();
    for (auto& [child, of] : children_) {
      auto found = finishing_.find(shards.shard(of.log));
      if (found == finishing_.end())
        continue;
      found->second.insert(child);
      tell({args_.kind + "/" + of.log.value}, cluster::wind_down{});
    }
    for (auto shard : msg.shards)
      look_at_shard(shard);
  }

  void look_at_shard(std::uint32_t shard) {
    auto at = finishing_.find(shard);
    if (at == finishing_.end() || !at->second.empty())
      return;
    finishing_.erase(at);
    tell({"shard-owner"}, cluster::shard_quiet{shard});
  }

  void look_at_endings() {
    std::erase_if(endings_, [this](const auto& one) {
      if (one.children.empty())
        reply(one.mail, cluster::runs_ended{one.count});
      return one.children.empty();
    });
  }

  void on_down(const caf::down_msg& down) {
    auto found = children_.find(down.source);
    if (found == children_.end())
      return;
    auto [id, life] = std::move(found->second);
    children_.erase(found);
    if (!finishing_.empty()) {
      auto shard = env().shards->current().shard(id);
      if (auto at = finishing_.find(shard); at != finishing_.end())
        at->second.erase(down.source);
      look_at_shard(shard);
    }
    if (!endings_.empty()) {
      for (auto& one : endings_)
        one.children.erase(down.source);
      look_at_endings();
    }
    args_.metrics.run_passivated();
    auto how = activation_table::end::failed;
    if (down.reason == caf::exit_reason::normal
        || down.reason == caf::exit_reason::user_shutdown)
      how = activation_table::end::done;
    else if (down.reason == must_reread())
      how = activation_table::end::reread;
    if (how != activation_table::end::done)
      args_.metrics.run_reactivated();
    if (how == activation_table::end::failed)
      log::warning("run-failed", "ACTIVATOR brings a run back",
                   {{"log", id.value}, {"reason", to_string(down.reason)}});
    carry_out(table_.down(id, life, how, to_string(down.reason)));
  }

  // -- what the table decides -------------------------------------------------

  void carry_out(activation_table::orders what) {
    for (const auto& child : children_of(what.stops))
      caf::anon_send_exit(child, caf::exit_reason::user_shutdown);
    for (auto& start : what.starts)
      begin(start);
    for (auto& mail : what.forwards)
      // It may have gone in between: then it is nobody's, and comes back here.
      if (auto who = reach(*mail))
        caf::anon_send(who, std::move(mail));
      else
        hand_back(*mail);
    for (auto& id : what.look_ups)
      look_up(id);
    for (auto& [id, attempt] : what.pauses)
      after(delay_.ceiling(attempt),
            [this, id = id] { carry_out(table_.pause_over(id)); });
    for (auto& [mail, why] : what.refusals)
      refuse(*mail, why);
    crowded_->store(table_.size() - table_.queued() > args_.runs_max / 2,
                    std::memory_order_relaxed);
    if (args_.door)
      args_.metrics.intake(args_.door->at_work(), args_.door->bound());
    if (unread_ && table_.queued() < page / 2)
      list_after(*std::exchange(unread_, std::nullopt));
  }

  /// Those who carry these logs.
  std::unordered_set<caf::actor_addr>
  children_of(const std::vector<log_id>& logs) const {
    std::unordered_set<caf::actor_addr> out;
    if (logs.empty())
      return out;
    std::unordered_set<log_id> wanted{logs.begin(), logs.end()};
    for (const auto& [child, of] : children_)
      if (wanted.count(of.log) != 0)
        out.insert(child);
    return out;
  }

  void begin(activation_table::start& what) {
    auto who = args_.spawn(*this, {what.log,
                                   {args_.kind + "/" + what.log.value},
                                   what.create,
                                   std::move(what.park),
                                   what.life,
                                   what.failures,
                                   std::move(what.last_failure),
                                   clock_,
                                   crowded_,
                                   args_.door});
    monitor(who);
    children_.emplace(who.address(), child{std::move(what.log), what.life});
    args_.metrics.run_activated();
    for (auto& mail : what.mail)
      caf::anon_send(who, std::move(mail));
  }

  /// Who lives at the address of this mail; null for nobody but this actor.
  caf::actor reach(const envelope& mail) {
    auto who = env().addresses.find(mail.to);
    return who && who.address() != address() ? who : caf::actor{};
  }

  // -- what the store knows ---------------------------------------------------

  /// Those of this node's shards: others are not its business, and where it has
  /// not been told yet it will look again.
  std::vector<log_id> ours(std::vector<log_id> logs) {
    if (auto* shards = env().shards)
      std::erase_if(logs, [view = shards->current()](const auto& log) {
        auto how = view.of(log);
        return how != kit::standing::owned && how != kit::standing::suspended;
      });
    return logs;
  }

  /// One reading at a time; one that was asked for meanwhile follows, since it
  /// may be about logs that were passed over.
  void recover() {
    if (std::exchange(recovering_, true))
      recover_again_ = true;
    else
      list_after({});
  }

  void recovered() {
    recovering_ = false;
    if (std::exchange(recover_again_, false))
      recover();
  }

  /// The logs after this one that have not ended and do not wait.
  void list_after(const log_id& from) {
    ask<store::log_ids>(
        {"store"}, store::list_unfinished{args_.kind, from, page},
        store_timeout, [this, from](result<store::log_ids> got) {
          if (!got) {
            log::warning("recovery-delayed", "ACTIVATOR cannot list its runs",
                         {{"kind", args_.kind}, {"reason", got.error().text}});
            return after(store_retry, [this, from] { list_after(from); });
          }
          bool more = got->logs.size() >= page;
          if (more)
            unread_ = got->logs.back();
          auto mine = ours(std::move(got->logs));
          if (!mine.empty())
            log::info("recovery", "ACTIVATOR brings runs back",
                      {{"kind", args_.kind}, {"runs", mine.size()}});
          carry_out(table_.wanted(mine));
          if (!more)
            recovered();
        });
  }

  /// Wakes whose timer is due by the database's clock.
  void look_for_due() {
    ask<store::due_logs>(
        {"store"}, store::list_due{args_.kind, due_page_}, store_timeout,
        [this](result<store::due_logs> got) {
          auto now = clock_now();
          if (!got) {
            look_at(due_.failed(now));
          } else {
            clock_->heard(got->now, now);
            auto before = table_.size();
            auto found = got->logs.size();
            got->logs = ours(std::move(got->logs));
            carry_out(table_.wanted(got->logs));
            auto fresh = table_.size() - before;
            bool hidden = fresh == 0 && found >= due_page_;
            due_page_ = hidden ? std::min(due_page_ * 4, page_most) : page;
            look_at(due_.looked(*got, fresh, now));
          }
        });
  }

  void look_at(due_watch::moment at) {
    auto wait = std::max(at - clock_now(), due_watch::duration{0});
    after(std::chrono::ceil<std::chrono::milliseconds>(wait), [this, at] {
      if (due_.stands(at))
        look_for_due();
    });
  }

  /// Is there such a log, and does it still go on?
  void look_up(const log_id& id) {
    ask<store::log_head>({"store"}, store::get_head{id}, store_timeout,
                         [this, id](result<store::log_head> got) {
                           std::optional<error> closed;
                           if (!got)
                             closed = got.error();
                           else if (store::is_terminal(got->status))
                             closed = error{errc::not_found,
                                            id.value + " has ended", false,
                                            std::nullopt};
                           carry_out(table_.looked_up(id, closed));
                         });
  }

  activator_args args_;
  std::string name_;
  activation_table table_;
  due_watch due_{{}};
  std::uint32_t due_page_ = page;
  std::shared_ptr<database_clock> clock_ = std::make_shared<database_clock>();
  std::shared_ptr<std::atomic<bool>> crowded_
      = std::make_shared<std::atomic<bool>>(false);
  kit::backoff delay_{100ms, 10'000ms};
  std::unordered_map<caf::actor_addr, child> children_;
  /// Who waits until these are gone.
  struct ending {
    envelope mail;
    std::unordered_set<caf::actor_addr> children;
    std::uint64_t count = 0;
  };
  std::vector<ending> endings_;
  /// Shards that go to another node, and which runs they still have here.
  std::unordered_map<std::uint32_t, std::unordered_set<caf::actor_addr>>
      finishing_;
  bool recovering_ = false;
  bool recover_again_ = false;
  /// The last log of a page after which there is more to recover.
  std::optional<log_id> unread_;
};

} // namespace

caf::actor spawn_activator(caf::local_actor& parent, activator_args args) {
  return parent.spawn<activator>(std::move(args));
}

} // namespace shannon::workflow
