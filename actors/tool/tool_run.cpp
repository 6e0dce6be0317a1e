#include "actors/tool/tool_run.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace shannon::tool {

namespace {

class tool_run final : public kit::actor_base {
public:
  tool_run(caf::actor_config& cfg, tool_run_args args)
      : actor_base(cfg, args.env, {"tool_run/" + std::to_string(args.number)}),
        args_(std::move(args)) {}

  const char* name() const override {
    return "tool_run";
  }

protected:
  kit::handlers make_handlers() override {
    return {};
  }

  void started() override {
    // First of all on this actor: a tool that throws does so in here.
    after(duration{0}, [this] { run(); });
  }

  void stopping() override {
    if (cancel_)
      std::exchange(cancel_, nullptr)();
  }

private:
  void run() {
    auto answer = [post = poster(), this](remote::ToolResult how) {
      post([this, how = std::move(how)]() mutable { ended(std::move(how)); });
    };
    cancel_ = args_.call.tool->run({*args_.call.arguments, args_.context},
                                   std::move(answer));
  }

  void ended(remote::ToolResult how) {
    cancel_ = nullptr;
    args_.report(std::move(how));
    quit();
  }

  tool_run_args args_;
  tool_cancel cancel_;
};

} // namespace

caf::actor spawn_tool_run(caf::local_actor& parent, tool_run_args args) {
  return parent.spawn<tool_run, caf::monitored>(std::move(args));
}

} // namespace shannon::tool
