#include "actors/dispatch/grantor.hpp"

#include "actors/dispatch/shares.hpp"
#include "protocols/cluster.hpp"
#include "protocols/remote/work.pb.h"
#include "protocols/work.hpp"

#include <map>
#include <utility>
#include <vector>

namespace shannon::dispatch {

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr auto look_every = 1s;
/// Nodes that may have a share; above it the demand of others is not heard.
constexpr std::size_t demanders_max = 1'000;

class grantor final : public kit::actor_base {
public:
  grantor(caf::actor_config& cfg, grantor_args args)
      : actor_base(cfg, args.env, {"grants/" + args.role}),
        args_(std::move(args)), name_(args_.role + "-grantor") {}

  const char* name() const override {
    return name_.c_str();
  }

protected:
  kit::handlers make_handlers() override {
    return {
        kit::on<remote::WorkDemand>(
            [this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<work::capacity_is>([this](auto&, auto& m) { on(m); }),
        kit::on<cluster::drain>([this](auto& mail, auto&) { drain(mail); }),
    };
  }

  void started() override {
    look();
  }

private:
  struct share {
    std::uint64_t wanted = 0;
    std::uint64_t granted = 0;
    std::uint64_t under_way = 0;
    steady::time_point at{};
    std::uint64_t heard = 0;
  };

  void on(const envelope& mail, const remote::WorkDemand& msg) {
    if (shares_.size() >= demanders_max && shares_.count(mail.from) == 0)
      return;
    auto& mine = shares_[mail.from];
    mine.wanted = msg.wanted();
    mine.under_way = msg.under_way();
    mine.at = clock_now();
    mine.heard = msg.heard();
    divide();
    grant(mail.from, mine.granted); // Also says that it still counts.
    look_at_drain();
  }

  void on(const work::capacity_is& what) {
    if (closed_at_ != 0)
      return;
    args_.capacity = what.effects;
    divide();
  }

  void drain(const envelope& mail) {
    args_.capacity = 0;
    drains_.push_back(mail);
    if (closed_at_ == 0)
      closed_at_ = serial_ + 1;
    divide();
    look_at_drain();
  }

  /// What a node said before it heard that its window is closed says nothing:
  /// it may have sent more meanwhile.
  void look_at_drain() {
    if (drains_.empty())
      return;
    for (const auto& [who, one] : shares_)
      if (one.heard < closed_at_ || one.under_way > 0)
        return;
    for (const auto& mail : std::exchange(drains_, {}))
      reply(mail, cluster::drained{});
  }

  void divide() {
    std::vector<std::uint64_t> wanted;
    for (const auto& [who, one] : shares_)
      wanted.push_back(one.wanted);
    auto granted = share_out(args_.capacity, wanted);
    auto next = granted.begin();
    for (auto& [who, one] : shares_) {
      auto now = *next++;
      if (std::exchange(one.granted, now) != now)
        grant(who, now);
    }
  }

  void grant(const shannon::address& who, std::uint64_t open) {
    remote::WorkWindow msg;
    msg.set_open(open);
    msg.set_serial(++serial_);
    tell(who, std::move(msg));
  }

  void look() {
    auto now = clock_now();
    auto gone = std::erase_if(shares_, [&](const auto& one) {
      return now - one.second.at > args_.demand_lasts;
    });
    if (gone > 0)
      divide();
    look_at_drain();
    after(look_every, [this] { look(); });
  }

  grantor_args args_;
  std::string name_;
  std::map<shannon::address, share> shares_;
  std::uint64_t serial_ = 0;
  std::uint64_t closed_at_ = 0;  ///< Windows from this one on are closed.
  std::vector<envelope> drains_; ///< Who waits until nothing is under way.
};

} // namespace

caf::actor spawn_grantor(caf::local_actor& parent, grantor_args args) {
  return parent.spawn<grantor>(std::move(args));
}

} // namespace shannon::dispatch
