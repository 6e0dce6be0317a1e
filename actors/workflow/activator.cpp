#include "actors/workflow/activator.hpp"

#include "actors/kit/backoff.hpp"
#include "actors/kit/log.hpp"
#include "protocols/store.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <unordered_map>

namespace shannon::workflow {

namespace {

using namespace std::chrono_literals;
namespace log = kit::log;

/// A child that lives this long has got over its failure.
constexpr auto quiet_time = 60s;
/// Mail kept for one log while it is looked up or retires.
constexpr std::size_t waiting_max = 1'000;
constexpr auto store_timeout = 15s;

class activator final : public kit::actor_base {
public:
  activator(caf::actor_config& cfg, activator_args args)
      : actor_base(cfg, args.env, {args.kind}, 100'000), args_(std::move(args)),
        name_(args_.kind + "-activator") {}

  const char* name() const override {
    return name_.c_str();
  }

protected:
  kit::handlers make_handlers() override {
    return {
        kit::on<retiring>([this](const envelope& mail, const retiring& msg) {
          on(mail, msg);
        }),
    };
  }

  void started() override {
    set_down_handler([this](caf::down_msg& down) { on_down(down); });
    recover();
  }

  void stopping() override {
    for (auto& [id, item] : entries_) {
      if (item.child) {
        args_.metrics.run_passivated();
        caf::anon_send_exit(item.child, caf::exit_reason::user_shutdown);
      }
      for (const auto& mail : item.waiting)
        hand_back(mail);
    }
    entries_.clear();
    by_address_.clear();
  }

  /// Everything else is mail for one of the children.
  void unexpected(const envelope& mail) override {
    log_id id{std::string{mail.to.id()}};
    if (id.empty())
      return refuse(mail, {errc::invalid_argument,
                           "mail for " + args_.kind + " names no log", false,
                           std::nullopt});
    auto at = entries_.find(id);
    // One that has taken its leave, or has ended, is not bound any more.
    if (at != entries_.end() && at->second.child
        && env().addresses.find(mail.to) == at->second.child)
      return forward(at->second, mail);
    // Token deltas, for one: they must not keep out what is waited for.
    if (mail.correlation == 0)
      return;
    if (at == entries_.end()) {
      std::size_t limit = args_.runs_max;
      if (entries_.size() >= (args_.creates(mail) ? limit : 2 * limit))
        return refuse(mail, {errc::overloaded,
                             "this node holds " + std::to_string(args_.runs_max)
                                 + " active runs, its limit",
                             true, 1000ms});
      at = entries_.emplace(id, entry{}).first;
      at->second.waiting.push_back(mail);
      // Who creates does not ask before: an append to a log that exists is
      // refused, and the log is read then.
      return args_.creates(mail) ? activate(id, at->second, true, {})
                                 : look_up(id);
    }
    if (at->second.waiting.size() >= waiting_max)
      return refuse(
          mail, {errc::overloaded, "too much mail for one run", true, 1000ms});
    at->second.waiting.push_back(mail);
  }

private:
  struct entry {
    caf::actor child;
    std::uint64_t life = 0;
    std::uint32_t failures = 0;
    std::uint32_t rereads = 0;
    std::chrono::steady_clock::time_point since;
    std::deque<envelope> waiting;
  };

  // -- handlers ---------------------------------------------------------------

  void on(const envelope& mail, const retiring& msg) {
    auto at = entries_.find(msg.log);
    if (at == entries_.end() || !at->second.child
        || at->second.life != msg.life)
      return; // Of a child that is gone: its successor lives on.
    // The child is not bound any more: only its handle reaches it.
    auto answer = std::make_shared<envelope>();
    answer->to = mail.from;
    answer->from = self_address();
    answer->body = retire{};
    caf::anon_send(at->second.child, envelope_ptr{std::move(answer)});
  }

  void on_down(const caf::down_msg& down) {
    auto found = by_address_.find(down.source);
    if (found == by_address_.end())
      return;
    auto id = found->second;
    by_address_.erase(found);
    auto at = entries_.find(id);
    if (at == entries_.end())
      return;
    args_.metrics.run_passivated();
    auto& item = at->second;
    item.child = nullptr;
    if (down.reason == caf::exit_reason::normal
        || down.reason == caf::exit_reason::user_shutdown) {
      item.failures = 0;
      if (item.waiting.empty())
        entries_.erase(at);
      else
        look_up(id);
      return;
    }
    auto now = clock_now();
    if (down.reason == must_reread()) {
      item.rereads = now - item.since > quiet_time ? 1 : item.rereads + 1;
      args_.metrics.run_reactivated();
      return after(delay_.ceiling(item.rereads),
                   [this, id] { reactivate(id); });
    }
    item.failures = now - item.since > quiet_time ? 1 : item.failures + 1;
    log::warning("run-failed", "ACTIVATOR brings a run back",
                 {{"log", id.value},
                  {"failures", item.failures},
                  {"reason", to_string(down.reason)}});
    args_.metrics.run_reactivated();
    after(delay_.ceiling(item.failures), [this, id] { reactivate(id); });
  }

  // -- activation -------------------------------------------------------------

  /// All logs that have not ended, after a start of this node.
  void recover() {
    ask<store::log_ids>(
        {"store"}, store::list_unfinished{args_.kind}, 15s,
        [this](result<store::log_ids> got) {
          if (!got) {
            log::warning("recovery-delayed", "ACTIVATOR cannot list its runs",
                         {{"kind", args_.kind}, {"reason", got.error().text}});
            return after(500ms, [this] { recover(); });
          }
          log::info("recovery", "ACTIVATOR brings runs back",
                    {{"kind", args_.kind}, {"runs", got->logs.size()}});
          for (auto& id : got->logs)
            if (entries_.count(id) == 0)
              activate(id, entries_[id], false, {});
        });
  }

  /// Is there such a log, and does it still go on?
  void look_up(const log_id& id) {
    ask<store::log_head>({"store"}, store::get_head{id}, store_timeout,
                         [this, id](result<store::log_head> got) {
                           auto at = entries_.find(id);
                           if (at == entries_.end() || at->second.child)
                             return;
                           auto& item = at->second;
                           if (may_create(item))
                             return activate(id, item, true, {});
                           if (got && !store::is_terminal(got->status))
                             return activate(id, item, false, {});
                           error why = got ? error{errc::not_found,
                                                   id.value + " has ended",
                                                   false, std::nullopt}
                                           : got.error();
                           auto waiting = std::move(item.waiting);
                           entries_.erase(at);
                           for (auto& mail : waiting)
                             refuse(mail, why);
                         });
  }

  void reactivate(const log_id& id) {
    auto at = entries_.find(id);
    if (at == entries_.end() || at->second.child)
      return;
    std::string park;
    if (at->second.failures >= args_.failures_max)
      park = "failed " + std::to_string(at->second.failures)
             + " times in a row; see the log of this node";
    // It may have failed before its first fact was on disk: whoever wants it
    // created waits here again.
    activate(id, at->second, park.empty() && may_create(at->second),
             std::move(park));
  }

  bool may_create(const entry& item) const {
    return std::any_of(item.waiting.begin(), item.waiting.end(), args_.creates);
  }

  void activate(const log_id& id, entry& item, bool create,
                std::string park_reason) {
    item.since = clock_now();
    item.life = ++lives_;
    item.child = args_.spawn(*this, {id,
                                     {args_.kind + "/" + id.value},
                                     create,
                                     std::move(park_reason),
                                     item.life});
    monitor(item.child);
    by_address_[item.child.address()] = id;
    args_.metrics.run_activated();
    auto waiting = std::move(item.waiting);
    item.waiting.clear();
    for (auto& mail : waiting)
      forward(item, mail);
  }

  void forward(entry& item, const envelope& mail) {
    caf::anon_send(item.child, std::make_shared<const envelope>(mail));
  }

  activator_args args_;
  std::string name_;
  kit::backoff delay_{100ms, 10'000ms};
  /// Starts anywhere: a child of an ACTIVATOR before this one may still talk.
  std::uint64_t lives_ = static_cast<std::uint64_t>(
      std::chrono::steady_clock::now().time_since_epoch().count());
  std::unordered_map<log_id, entry> entries_;
  std::unordered_map<caf::actor_addr, log_id> by_address_;
};

} // namespace

caf::actor spawn_activator(caf::local_actor& parent, activator_args args) {
  return parent.spawn<activator>(std::move(args));
}

} // namespace shannon::workflow
