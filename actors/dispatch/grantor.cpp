#include "actors/dispatch/grantor.hpp"

#include "actors/dispatch/shares.hpp"
#include "protocols/cluster.hpp"
#include "protocols/remote/work.pb.h"

#include <map>
#include <utility>
#include <vector>

namespace shannon::dispatch {

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr auto look_every = 500ms;
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
    steady::time_point heard{};
  };

  void on(const envelope& mail, const remote::WorkDemand& msg) {
    if (shares_.size() >= demanders_max && shares_.count(mail.from) == 0)
      return;
    auto& mine = shares_[mail.from];
    mine.wanted = msg.wanted();
    mine.heard = clock_now();
    divide();
    grant(mail.from, mine.granted); // Also says that it still counts.
  }

  void drain(const envelope& mail) {
    args_.capacity = 0;
    divide();
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
    tell(who, std::move(msg));
  }

  void look() {
    auto now = clock_now();
    auto gone = std::erase_if(shares_, [&](const auto& one) {
      return now - one.second.heard > args_.demand_lasts;
    });
    if (gone > 0)
      divide();
    after(look_every, [this] { look(); });
  }

  grantor_args args_;
  std::string name_;
  std::map<shannon::address, share> shares_;
};

} // namespace

caf::actor spawn_grantor(caf::local_actor& parent, grantor_args args) {
  return parent.spawn<grantor>(std::move(args));
}

} // namespace shannon::dispatch
