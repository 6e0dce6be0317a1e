#include "actors/gateway/daemons/daemon.hpp"

#include "protocols/cluster.hpp"
#include "protocols/daemons.hpp"

#include <deque>
#include <memory>
#include <string>
#include <utility>

namespace shannon::gateway::daemons {

namespace {

/// What a program has said and GATEWAY has not taken yet.
constexpr std::size_t untaken_max = 64;

class daemon final : public kit::actor_base {
public:
  daemon(caf::actor_config& cfg, daemon_args args)
      : actor_base(cfg, args.env, {"daemon/" + std::to_string(args.number)},
                   1'000),
        args_(std::move(args)) {}

  const char* name() const override {
    return "daemon";
  }

protected:
  kit::handlers make_handlers() override {
    return {
        kit::on<shannon::daemons::say>([this](auto&, const auto& m) {
          if (out_->write(m.text) != response_stream::outcome::taken)
            quit();
        }),
        kit::on<cluster::drain>([this](auto&, auto&) { leave(); }),
    };
  }

  void started() override {
    out_ = args_.client->upgrade(
        args_.message_bytes_max,
        {[this, post = poster()](std::string text) {
           post([this, text = std::move(text)]() mutable {
             hear(std::move(text));
           });
         },
         [] {}, [this, post = poster()] { post([this] { quit(); }); }});
    args_.client.reset();
  }

  void stopping() override {
    if (out_)
      out_->close();
    out_.reset();
    if (args_.ended)
      args_.ended(args_.number);
  }

private:
  void hear(std::string text) {
    if (untaken_.size() == untaken_max)
      return leave();
    untaken_.push_back(std::move(text));
    if (untaken_.size() == 1)
      hand_on();
  }

  void hand_on() {
    ask<shannon::daemons::taken>(
        {"gateway"}, shannon::daemons::heard{args_.number, untaken_.front()},
        args_.ask_timeout, [this](const result<shannon::daemons::taken>& got) {
          if (!got)
            return leave();
          untaken_.pop_front();
          if (!untaken_.empty())
            hand_on();
        });
  }

  void leave() {
    out_->close();
    quit();
  }

  daemon_args args_;
  std::shared_ptr<response_stream> out_;
  std::deque<std::string> untaken_;
};

} // namespace

caf::actor spawn_daemon(caf::local_actor& parent, daemon_args args) {
  return parent.spawn<daemon>(std::move(args));
}

} // namespace shannon::gateway::daemons
