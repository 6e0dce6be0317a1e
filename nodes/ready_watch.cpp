#include "nodes/ready_watch.hpp"

#include "protocols/inspector.hpp"

#include <chrono>

namespace shannon::nodes {

namespace {

using namespace std::chrono_literals;

class ready_watch final : public kit::actor_base {
public:
  ready_watch(caf::actor_config& cfg, ready_watch_args args)
      : actor_base(cfg, args.env, {"ready-watch"}), args_(std::move(args)) {}

  const char* name() const override {
    return "ready-watch";
  }

protected:
  kit::handlers make_handlers() override {
    return {};
  }

  void started() override {
    until_ = std::chrono::steady_clock::now() + args_.patience;
    look();
  }

private:
  void look() {
    ask<inspector::health_report>(
        {"inspector"}, inspector::get_health{}, 2s,
        [this](result<inspector::health_report> got) {
          if (got && got->ready) {
            args_.ready();
            return quit();
          }
          auto now = std::chrono::steady_clock::now();
          if (args_.waits_for_shards())
            until_ = now + args_.patience;
          if (now >= until_) {
            args_.gave_up(got ? missing(*got) : got.error().text);
            return quit();
          }
          after(25ms, [this] { look(); });
        });
  }

  static std::string missing(const inspector::health_report& report) {
    std::string text;
    for (const auto& part : report.checks)
      if (!part.ok)
        text += (text.empty() ? "" : "; ") + part.name + ": " + part.text;
    return text;
  }

  ready_watch_args args_;
  std::chrono::steady_clock::time_point until_;
};

} // namespace

caf::actor spawn_ready_watch(caf::actor_system& sys, ready_watch_args args) {
  return sys.spawn<ready_watch>(std::move(args));
}

} // namespace shannon::nodes
