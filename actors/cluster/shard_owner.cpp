#include "actors/cluster/shard_owner.hpp"

#include "actors/kit/failpoint.hpp"
#include "actors/kit/log.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace shannon::cluster {

namespace {

using namespace std::chrono_literals;
namespace log = kit::log;
using steady = std::chrono::steady_clock;

constexpr auto join_again = 250ms;
constexpr auto join_timeout = 5s;
/// Runs end within this time, or are left to the fence.
constexpr auto end_timeout = 5s;
/// Shards that can go at the same time go together.
constexpr auto let_go_pause = 10ms;

std::int64_t us_of(steady::time_point at) {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             at.time_since_epoch())
      .count();
}

steady::time_point at_us(std::int64_t us) {
  return steady::time_point{std::chrono::microseconds{us}};
}

class shard_owner final : public kit::actor_base {
public:
  shard_owner(caf::actor_config& cfg, shard_owner_args args)
      : actor_base(cfg, args.env, {"shard-owner"}), args_(std::move(args)) {}

  const char* name() const override {
    return "shard-owner";
  }

protected:
  kit::handlers make_handlers() override {
    return {
        kit::on<cluster::drain>(
            [this](auto& mail, auto& m) { drain(mail, m); }),
        kit::on<shard_quiet>([this](auto&, auto& m) { quiet(m.shard); }),
    };
  }

  void started() override {
    // Appends compare with the real clock, so leases do, too.
    lease_seen_ = steady::now();
    if (!own())
      return enter();
    own()->restarted();
    step();
  }

private:
  std::optional<ownership>& own() {
    return args_.place->own;
  }

  static std::int64_t now_us() {
    return us_of(steady::now());
  }

  // -- joining ----------------------------------------------------------------

  void enter() {
    ask<joined>(
        {"store"}, cluster::join{args_.card, args_.lease.lease, args_.settle},
        join_timeout, [this](result<joined> got) {
          if (got)
            return entered(got->self);
          auto why = got.error();
          log::warning("join-delayed", "SHARD OWNER cannot join the cluster",
                       {{"reason", why.text}});
          if (why.code == errc::denied)
            return args_.end_node(why.text);
          after(join_again, [this] { enter(); });
        });
  }

  void entered(const node_id& self) {
    log::info("joined", "node is a member of its cluster",
              {{"node", self.value}, {"cluster", args_.card.cluster}});
    args_.place->joined(self);
    own().emplace(self, args_.lease);
    step();
  }

  // -- what the core wants ----------------------------------------------------

  void step() {
    auto what = own()->next(now_us());
    args_.shards->hold_until(at_us(own()->lease_until_us()));
    if (!what.lost.empty())
      part_with(what.lost);
    if (!what.gained.empty())
      gain(what.gained);
    if (what.renew)
      renew();
    if (what.read_shards)
      read();
    if (!what.claim.empty())
      claim(std::move(what.claim));
    if (!what.release.empty())
      release(std::move(what.release));
    // Somebody may have taken one that is being finished.
    if (!finishing_.empty())
      let_go();
    look_at_standing();
    look_at_drain();
    wake_at(what.wake_at_us);
  }

  /// The earliest serves; one that comes too early finds nothing to do.
  void wake_at(std::int64_t us) {
    auto now = now_us();
    if (wake_us_ > now && wake_us_ <= us)
      return;
    wake_us_ = us;
    std::chrono::microseconds wait{std::max<std::int64_t>(us - now, 1'000)};
    after(std::chrono::ceil<std::chrono::milliseconds>(wait), [this, us] {
      if (wake_us_ != us)
        return; // An earlier one has come instead.
      wake_us_ = 0;
      step();
    });
  }

  void look_at_standing() {
    if (own()->told())
      args_.shards->told();
    if (!args_.place->ready && own()->complete()) {
      args_.place->ready = true;
      log::info("shards-ready", "node owns what it should",
                {{"shards", own()->held()}});
    }
    auto now = steady::now();
    if (own()->holds_lease(us_of(now))) {
      lease_seen_ = now;
      if (std::exchange(suspended_, false))
        log::info("lease-back", "node has its lease again", {});
    } else if (args_.place->ready && !std::exchange(suspended_, true)) {
      log::warning("lease-lost",
                   "node could not renew its lease, and writes nothing", {});
    }
    if (now - lease_seen_ > args_.exit_after)
      args_.end_node("no lease for " + std::to_string(args_.exit_after.count())
                     + " ms: the database does not answer");
  }

  // -- carrying it out --------------------------------------------------------

  void renew() {
    SHANNON_FAILPOINT("lease.renews");
    auto asked = now_us();
    std::chrono::microseconds patience = args_.lease.lease - args_.lease.margin;
    ask<membership>(
        {"store"},
        renew_lease{args_.place->self(), args_.lease.lease, args_.settle,
                    args_.card.owns},
        std::chrono::ceil<std::chrono::milliseconds>(patience / 2),
        [this, asked](result<membership> got) {
          if (!got) {
            own()->renewal_failed(now_us());
            return step();
          }
          auto self = args_.place->self();
          auto mine = [&](const auto& one) { return one.id == self; };
          if (std::none_of(got->members.begin(), got->members.end(), mine))
            return replaced();
          own()->renewed(asked, now_us(), *got);
          tell_of(*got);
          step();
        });
  }

  /// Each time: who started since has not heard it. A node whose lease ran out
  /// a moment ago may only be slow; its link stays.
  void tell_of(const membership& all) {
    constexpr std::int64_t grace_us = 10'000'000;
    auto self = args_.place->self();
    peers_changed peers{self, {}};
    members_changed members{self, {}};
    for (const auto& one : all.members) {
      if (one.left_us > 0 || one.id == self)
        members.members.push_back(one);
      if (one.left_us > -grace_us && one.id != self && !one.link.empty())
        peers.peers.push_back({one.id, one.link});
    }
    tell({"links"}, std::move(peers));
    message_body body{std::move(members)};
    for (const auto& who : args_.tell_members)
      tell({who}, body);
  }

  /// Who owns what is also who gets the mail.
  void tell_owners() {
    std::vector<node_id> owners;
    for (const auto& row : own()->rows())
      owners.push_back(row.owner);
    args_.shards->see(std::move(owners));
  }

  void replaced() {
    log::error("node-replaced", "another process has the name of this node",
               {{"node", args_.place->self().value}});
    args_.shards->hold_until({});
    args_.end_node("another process runs as node " + args_.card.name
                   + ": a name belongs to one process");
  }

  void read() {
    ask<shard_rows>({"store"}, read_shards{}, 2s,
                    [this](result<shard_rows> got) {
                      if (got) {
                        own()->shards_read(got->rows);
                        tell_owners();
                      } else {
                        own()->reading_failed();
                      }
                      step();
                    });
  }

  void claim(std::vector<shard_change> wishes) {
    ask<shards_changed>(
        {"store"}, claim_shards{args_.place->self(), std::move(wishes)}, 3s,
        [this](result<shards_changed> got) {
          if (got) {
            log::info("shards-claimed", "node has claimed shards",
                      {{"shards", got->shards.size()}});
            own()->claimed(got->shards);
            tell_owners();
          } else {
            log::warning("claim-failed", "nobody knows what became of a claim",
                         {{"reason", got.error().text}});
            own()->claim_failed();
          }
          step();
        });
  }

  void release(std::vector<std::uint32_t> shards) {
    ask<shards_changed>(
        {"store"}, release_shards{args_.place->self(), std::move(shards)}, 3s,
        [this](result<shards_changed> got) {
          SHANNON_FAILPOINT("shards.released");
          if (got) {
            log::info("shards-released", "node has given up shards",
                      {{"shards", got->shards.size()}});
            own()->released(got->shards);
            tell_owners();
          } else {
            own()->release_failed();
          }
          step();
        });
  }

  void gain(const std::vector<shard_change>& changes) {
    SHANNON_FAILPOINT("shards.claimed");
    std::vector<kit::owned_shards::place> places;
    shards_gained news;
    for (const auto& [shard, epoch] : changes) {
      places.push_back({shard, epoch});
      news.shards.push_back(shard);
    }
    args_.shards->gain(places);
    message_body body{std::move(news)};
    // An ACTIVATOR that starts later looks by itself.
    for (const auto& kind : args_.kinds)
      tell({kind}, body);
  }

  /// What goes to another node in order is finished first; what others have, or
  /// may have, is lost at once.
  void part_with(const std::vector<std::uint32_t>& shards) {
    std::vector<std::uint32_t> lost;
    finish_runs leaving;
    auto in_order = own()->holds_lease(now_us()) && !args_.kinds.empty();
    for (auto shard : shards)
      (in_order && own()->leaves(shard) ? leaving.shards : lost)
          .push_back(shard);
    if (!lost.empty())
      lose(std::move(lost));
    if (leaving.shards.empty())
      return;
    SHANNON_FAILPOINT("shards.leave");
    args_.shards->finish(leaving.shards);
    auto until = steady::now() + args_.finish;
    for (auto shard : leaving.shards)
      finishing_[shard] = {args_.kinds.size(), until};
    after(args_.finish, [this] { let_go(); });
    message_body body{std::move(leaving)};
    for (const auto& kind : args_.kinds)
      tell({kind}, body);
  }

  /// One kind of runs has gone from it.
  void quiet(std::uint32_t shard) {
    auto at = finishing_.find(shard);
    if (at == finishing_.end() || at->second.kinds_left == 0
        || --at->second.kinds_left > 0)
      return;
    if (std::exchange(letting_go_, true))
      return;
    after(let_go_pause, [this] { let_go(); });
  }

  /// Those whose runs have gone, or have taken too long.
  void let_go() {
    letting_go_ = false;
    auto now = steady::now();
    std::vector<std::uint32_t> gone;
    std::erase_if(finishing_, [&](const auto& one) {
      const auto& [shard, how] = one;
      if (own()->holds(shard))
        return true; // It has come back to this node.
      if (own()->leaves(shard) && how.kinds_left > 0 && now < how.until)
        return false;
      gone.push_back(shard);
      return true;
    });
    if (!gone.empty())
      lose(std::move(gone));
  }

  /// Nothing is appended from here on; then the runs end, kind by kind.
  void lose(std::vector<std::uint32_t> shards) {
    args_.shards->lose(shards);
    log::info("shards-lost", "node ends the runs of shards it owns no more",
              {{"shards", shards.size()}});
    auto left = std::make_shared<std::size_t>(args_.kinds.size());
    auto done = [this, left, shards = std::move(shards)] {
      if (--*left > 0)
        return;
      own()->stopped(shards);
      step();
    };
    for (const auto& kind : args_.kinds)
      ask<runs_ended>({kind}, end_lost_runs{}, end_timeout,
                      [kind, done](const result<runs_ended>& got) {
                        if (!got && got.error().code == errc::timeout)
                          log::warning("runs-linger",
                                       "runs of a lost shard end slowly",
                                       {{"kind", kind}});
                        done();
                      });
    if (args_.kinds.empty()) {
      *left = 1;
      after(0ms, done);
    }
  }

  // -- the end, in order ------------------------------------------------------

  /// First the others hear that this node is to have no shards; then these are
  /// given up as always.
  void drain(const envelope& mail, const cluster::drain& how) {
    drains_.push_back(mail);
    if (!own() || own()->drains())
      return look_at_drain();
    log::info("draining", "node gives up its shards",
              {{"shards", own()->held()}});
    args_.card.owns = false;
    args_.finish = std::min(args_.finish, how.patience);
    own()->hurry();
    own()->drain();
    step();
  }

  void look_at_drain() {
    if (own() && !(own()->drains() && own()->empty()))
      return;
    for (const auto& mail : std::exchange(drains_, {}))
      reply(mail, drained{});
  }

  shard_owner_args args_;
  struct finishing {
    std::size_t kinds_left = 0;
    steady::time_point until{};
  };
  std::map<std::uint32_t, finishing> finishing_;
  bool letting_go_ = false;
  std::vector<envelope> drains_; ///< Who waits until nothing is owned.
  std::int64_t wake_us_ = 0;
  steady::time_point lease_seen_{};
  bool suspended_ = false;
};

} // namespace

caf::actor spawn_shard_owner(caf::local_actor& parent, shard_owner_args args) {
  return parent.spawn<shard_owner>(std::move(args));
}

} // namespace shannon::cluster
