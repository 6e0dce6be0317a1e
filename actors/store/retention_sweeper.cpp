#include "actors/store/retention_sweeper.hpp"

#include "actors/kit/log.hpp"
#include "actors/store/retention.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <thread>
#include <utility>

namespace shannon::store {

namespace {

using namespace std::chrono_literals;

class retention_sweeper final : public kit::actor_base {
public:
  retention_sweeper(caf::actor_config& cfg, retention_args args)
      : actor_base(cfg, args.env, {"retention"}), args_(std::move(args)) {}

  const char* name() const override {
    return "retention-sweeper";
  }

protected:
  kit::handlers make_handlers() override {
    return {};
  }

  void started() override {
    const auto& keep = args_.keep;
    if (keep.sweep_every == 0ms
        || (keep.keep_ended == 0ms && keep.keep_continued == 0ms))
      return;
    // Nodes that were started together do not look together.
    std::uniform_real_distribution<double> share{0, 1};
    std::random_device chance;
    after(std::chrono::duration_cast<std::chrono::milliseconds>(
              keep.sweep_every * share(chance)),
          [this] { sweep(); });
  }

  /// Waits for its thread, which sees within 50 ms that it must end.
  void stopping() override {
    if (!thread_.joinable())
      return;
    stop_->store(true);
    thread_.join();
  }

private:
  void sweep() {
    stop_ = std::make_shared<std::atomic<bool>>(false);
    sweep_options options{args_.store, args_.keep, false,
                          [stop = stop_] { return !*stop; }};
    thread_ = std::thread{
        [this, post = poster(), options = std::move(options)]() mutable {
          auto begun = std::chrono::steady_clock::now();
          retention_sweep one{std::move(options)};
          auto ended = one.run();
          auto took = std::chrono::steady_clock::now() - begun;
          post([this, ended, done = one.so_far(), took] {
            thread_.join();
            swept_up(ended, done, took);
          });
        }};
  }

  void swept_up(const result<swept>& ended, const swept& done,
                std::chrono::steady_clock::duration took) {
    auto& metrics = args_.metrics;
    metrics.removed({done.logs, done.trimmed, done.appends, done.bodies,
                     done.sessions, done.parts, done.bytes});
    metrics.sweep_ended(ended ? errc::ok : ended.error().code, env().now(),
                        took);
    auto took_ms
        = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
    if (done.anything())
      kit::log::info("retention-swept",
                     "RETENTION SWEEPER has deleted what is not kept any more",
                     {{"logs", done.logs},
                      {"trimmed", done.trimmed},
                      {"appends", done.appends},
                      {"bodies", done.bodies},
                      {"sessions", done.sessions},
                      {"parts", done.parts},
                      {"bytes", done.bytes},
                      {"took_ms", took_ms}});
    // Another node's turn is no trouble, nor is an end of this one.
    if (!ended && ended.error().code != errc::conflict
        && ended.error().code != errc::cancelled)
      kit::log::warning("retention-delayed",
                        "RETENTION SWEEPER could not go on; it tries again",
                        {{"reason", ended.error().text}});
    after(args_.keep.sweep_every, [this] { sweep(); });
  }

  retention_args args_;
  /// Of the sweep under way.
  std::shared_ptr<std::atomic<bool>> stop_;
  std::thread thread_;
};

} // namespace

caf::actor spawn_retention_sweeper(caf::local_actor& parent,
                                   retention_args args) {
  return parent.spawn<retention_sweeper>(std::move(args));
}

} // namespace shannon::store
