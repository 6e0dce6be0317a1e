#include "tests/bench/peer_door.hpp"

#include "actors/gateway/text/answers.hpp"
#include "protocols/remote/workflow.pb.h"

#include <charconv>
#include <chrono>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace shannon::bench {

namespace {

using namespace std::chrono_literals;

/// A client that waits longer is told so; its run goes on.
constexpr auto patience = 60s;
constexpr std::uint32_t steps_max = 10'000;
constexpr std::size_t id_bytes_max = 100;

using waiting_client = gateway::exchange_ptr;

gateway::http_response text(int status, std::string body) {
  return {status, {{"Content-Type", "text/plain"}}, std::move(body)};
}

/// Runs of this process must not meet those of one before it.
std::string fresh_prefix() {
  std::random_device chance;
  char hex[17];
  std::snprintf(hex, sizeof hex, "%08x%08x", chance(), chance());
  return hex;
}

class door final : public kit::actor_base {
public:
  door(caf::actor_config& cfg, door_args args)
      : actor_base(cfg, args.env, {"door"}, 1'000'000), args_(std::move(args)),
        prefix_(fresh_prefix()) {}

  const char* name() const override {
    return "door";
  }

protected:
  kit::handlers make_handlers() override {
    return {kit::on<remote::RunEnded>(
        [this](auto& mail, auto& msg) { on(mail, msg); })};
  }

  void started() override {
    serving_ = args_.server->serve(
        {[](const gateway::http_request&) {
           return gateway::request_plan{64 * 1024, false};
         },
         [this, claimed = args_.claimed, registry = &args_.registry,
          post = poster()](waiting_client who) {
           if (who->request().path == "/health")
             return who->respond(*claimed ? text(200, "ready\n")
                                          : text(503, "not ready\n"));
           if (who->request().path == "/metrics")
             return who->respond(text(200, registry->render()));
           post([this, who] { handle(who); });
         },
         nullptr});
  }

  void stopping() override {
    args_.server->retire(serving_);
  }

private:
  // -- routes -----------------------------------------------------------------

  void handle(const waiting_client& who) {
    std::string_view path = who->request().path;
    auto split = path.find('/', 1);
    if (who->request().method != "POST" || split == std::string_view::npos)
      return who->respond(text(404, "no such route\n"));
    auto route = path.substr(1, split - 1);
    auto rest = path.substr(split + 1);
    if (rest.empty() || rest.size() > id_bytes_max)
      return who->respond(text(400, "expected /ROUTE/N or /ROUTE/ID\n"));
    if (route == "run")
      return run("steps", rest, who);
    if (route == "fan")
      return run("fan", rest, who);
    if (route == "fanwf")
      return run("fanwf", rest, who);
    if (route == "park" || route == "walk")
      return begin(route, "park-" + std::string{rest}, rest, who);
    if (route == "mixed")
      return begin(route, "mixed-" + std::string{rest}, rest, who);
    if (route == "signal")
      return signal(std::string{rest}, who);
    who->respond(text(404, "no such route\n"));
  }

  void run(const char* program, std::string_view count,
           const waiting_client& who) {
    std::uint32_t number = 0;
    auto [end, failed]
        = std::from_chars(count.data(), count.data() + count.size(), number);
    if (failed != std::errc{} || end != count.data() + count.size()
        || number > steps_max)
      return who->respond(text(400, "expected a number up to 10000\n"));
    auto id = prefix_ + "-" + std::to_string(++runs_);
    remote::StartRun start;
    start.set_run(id);
    start.set_program(program);
    start.set_input(std::string{count});
    start.set_tenant("bench");
    start.set_tell_end_to(self_address().value);
    // Its end may be told before its start is acknowledged.
    waiting_[id] = who;
    ask<remote::RunAccepted>(
        {"workflow/" + id}, std::move(start), patience,
        [this, id](const result<remote::RunAccepted>& got) {
          if (!got)
            answer(id, gateway::error_answer(got.error()));
        });
  }

  /// Answers once the start is on disk.
  void begin(std::string_view program, const std::string& id,
             std::string_view input, const waiting_client& who) {
    remote::StartRun start;
    start.set_run(id);
    start.set_program(std::string{program});
    start.set_input(std::string{input});
    start.set_tenant("bench");
    ask<remote::RunAccepted>({"workflow/" + id}, std::move(start), patience,
                             [who](const result<remote::RunAccepted>& got) {
                               who->respond(
                                   got ? text(200, "started\n")
                                       : gateway::error_answer(got.error()));
                             });
  }

  void signal(const std::string& id, const waiting_client& who) {
    remote::SignalTask go;
    go.set_task("park-" + id);
    go.set_name("go");
    go.set_signal_id("1");
    ask<remote::SignalAck>({"workflow/park-" + id}, std::move(go), patience,
                           [who](const result<remote::SignalAck>& got) {
                             who->respond(
                                 got ? text(200, "signalled\n")
                                     : gateway::error_answer(got.error()));
                           });
  }

  // -- ends -------------------------------------------------------------------

  void on(const envelope& mail, const remote::RunEnded& msg) {
    remote::RunEndedAck ack;
    ack.set_run(msg.run());
    reply(mail, std::move(ack));
    answer(msg.run(), msg.error_code().empty()
                          ? text(200, msg.output() + "\n")
                          : text(500, msg.error_text() + "\n"));
  }

  void answer(const std::string& id, gateway::http_response what) {
    auto at = waiting_.find(id);
    if (at == waiting_.end())
      return; // Started by a process before this one, or told again.
    at->second->respond(std::move(what));
    waiting_.erase(at);
  }

  door_args args_;
  std::string prefix_;
  std::uint64_t runs_ = 0;
  std::uint64_t serving_ = 0;
  std::unordered_map<std::string, waiting_client> waiting_;
};

} // namespace

caf::actor spawn_door(caf::local_actor& parent, door_args args) {
  return parent.spawn<door>(std::move(args));
}

} // namespace shannon::bench
