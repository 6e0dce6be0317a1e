// Durable workflows of ten steps a second, at 1, 16, 64 and 256 clients, over
// a real Postgres, with effects that cost nothing: what the engine, the actors
// and the store can do. Prints one JSON object.
//
// Each workflow is 12 appends in a row (start, ten steps, end), so at one
// client the limit is the disk's commits a second divided by 12.

#include "actors/cluster/shard_owner.hpp"
#include "actors/kit/scheduling.hpp"
#include "actors/store/event_store.hpp"
#include "actors/workflow/durable_actor.hpp"
#include "actors/workflow/engine/context.hpp"
#include "metrics/registry.hpp"
#include "protocols/remote/tool.pb.h"
#include "protocols/remote/workflow.pb.h"
#include "tests/bench/bench_database.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <utility>
#include <vector>

using namespace shannon;
using namespace std::chrono_literals;

namespace {

constexpr int steps = 10;
/// The start, each step, the end.
constexpr int appends = steps + 2;

workflow::durable<std::string> ten_steps(workflow::context ctx,
                                         std::string input) {
  remote::ToolRequest request;
  request.set_tool("nothing");
  request.set_arguments_json(input);
  for (int i = 0; i < steps; ++i)
    co_await ctx.step("step", request);
  co_return input;
}

/// A tool that answers at once.
class nothing_tool final : public kit::actor_base {
public:
  nothing_tool(caf::actor_config& cfg, kit::actor_env& shared)
      : actor_base(cfg, shared, {"tool"}, 1'000'000) {}

protected:
  kit::handlers make_handlers() override {
    return {kit::on<remote::ToolRun>([this](auto& mail, auto&) {
      remote::ToolResult result;
      result.set_success(true);
      result.set_output(std::string(200, 'x'));
      reply(mail, std::move(result));
    })};
  }
};

/// A WORKFLOW without agents or subscribers; tells the client when it ended.
class bench_run final : public workflow::durable_actor {
public:
  bench_run(caf::actor_config& cfg, kit::actor_env& shared,
            workflow::activation what, parts with)
      : durable_actor(cfg, shared, std::move(what), with, ten_steps, {}) {}

protected:
  kit::handlers role_handlers() override {
    return {kit::on<remote::StartTask>([](auto&, auto&) {})};
  }
  bool born_from(const envelope& mail) override {
    starter_ = mail;
    facts::RunStarted begun;
    begun.set_kind("bench");
    begun.mutable_input()->set_inline_("{}");
    facts::Event event;
    event.set_type("WORKFLOW_STARTED");
    create({"bench", {}, tenant_id{"bench"}, {}, {}}, begun, event);
    return true;
  }
  void recovered(bool) override {}
  void start_effect(const workflow::durable_run::effect_start&) override {}
  void stop_effect(const workflow::durable_run::effect_stop&) override {}
  void stored(log_version, const facts::Fact& fact) override {
    if (fact.has_run_completed())
      reply(starter_, remote::TaskAccepted{});
  }
  std::optional<std::string> summary(const std::vector<facts::Fact>&) override {
    return std::nullopt;
  }

private:
  envelope starter_;
};

/// Starts one workflow after another until told to stop.
class client final : public kit::actor_base {
public:
  struct tally {
    std::atomic<std::uint64_t> done{0};
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> failed{0};
  };
  client(caf::actor_config& cfg, kit::actor_env& shared, int round, int number,
         std::shared_ptr<tally> into)
      : actor_base(
          cfg, shared,
          {"client/" + std::to_string(round) + "-" + std::to_string(number)}),
        tally_(std::move(into)) {}

protected:
  kit::handlers make_handlers() override {
    return {};
  }
  void started() override {
    next();
  }

private:
  void next() {
    if (tally_->stop)
      return quit();
    auto id = std::string{self_address().id()} + "-" + std::to_string(++count_);
    remote::StartTask start;
    start.set_task(id);
    ask<remote::TaskAccepted>({"bench/" + id}, std::move(start), 60s,
                              [this](result<remote::TaskAccepted> got) {
                                ++(got ? tally_->done : tally_->failed);
                                next();
                              });
  }

  std::shared_ptr<tally> tally_;
  std::uint64_t count_ = 0;
};

/// Of this process, without Postgres.
double own_cpu_us() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  auto us = [](const timeval& t) { return t.tv_sec * 1e6 + t.tv_usec; };
  return us(used.ru_utime) + us(used.ru_stime);
}

} // namespace

int main() {
  bench::database db;
  auto commits_1 = db.commits_per_second(1, 2s);
  auto commits_64 = db.commits_per_second(64, 3s);
  nlohmann::ordered_json report{
      {"steps", steps},
      {"durable_commits_per_s", {{"1", commits_1}, {"64", commits_64}}}};

  metrics::registry registry;
  metrics::run_metrics counts{registry, "bench"};
  metrics::store_metrics store_counts{registry};
  kit::directory addresses;
  kit::actor_env env{addresses};
  caf::actor_system_config config;
  kit::schedule_on(config, 2);
  caf::actor_system system{config};
  system.await_actors_before_shutdown(false);
  {
    caf::scoped_actor parent{system};
    config::store_settings settings;
    settings.dsn = db.dsn();
    auto owned = std::make_shared<kit::owned_shards>(settings.shards);
    auto place = std::make_shared<cluster::place_in_cluster>();
    auto store
        = store::spawn_store(*parent, {env, settings, store_counts, owned});
    cluster::shard_owner_args owner_args{env, {}};
    owner_args.card.name = "bench";
    owner_args.card.cluster = "bench";
    owner_args.shards = owned;
    owner_args.place = place;
    auto shards = cluster::spawn_shard_owner(*parent, owner_args);
    auto tool = system.spawn<nothing_tool>(env);
    config::run_settings run;
    config::llm_settings llm;
    auto owner = workflow::spawn_activator(
        *parent,
        {env, "bench", [](const envelope&) { return true; },
         [&](caf::local_actor& by, workflow::activation what) -> caf::actor {
           return by.spawn<bench_run>(
               env, std::move(what),
               workflow::durable_actor::parts{run, llm, counts});
         },
         counts, 100'000});
    while (!place->ready)
      std::this_thread::sleep_for(10ms);
    int round = 0;
    for (int clients : {1, 16, 64, 256}) {
      // Outlives the clients, which end a moment after they are told.
      auto tally = std::make_shared<client::tally>();
      ++round;
      for (int i = 0; i < clients; ++i)
        system.spawn<client>(env, round, i, tally);
      std::this_thread::sleep_for(1s); // caches and plans are warm
      auto from = tally->done.load();
      auto since = std::chrono::steady_clock::now();
      auto cpu = own_cpu_us();
      std::this_thread::sleep_for(4s);
      auto done = static_cast<double>(tally->done.load() - from);
      std::chrono::duration<double> took
          = std::chrono::steady_clock::now() - since;
      cpu = own_cpu_us() - cpu;
      tally->stop = true;
      std::this_thread::sleep_for(1s);
      auto rate = done / took.count();
      report["workflows"].push_back(
          {{"clients", clients},
           {"workflows_per_s", rate},
           {"appends_per_s", rate * appends},
           {"ratio_to_durable_commits",
            rate * appends / (clients == 1 ? commits_1 : commits_64)},
           {"own_cpu_us_per_workflow", cpu / done},
           {"failed", tally->failed.load()}});
    }
    for (auto& who : {owner, tool, shards, store})
      caf::anon_send_exit(who, caf::exit_reason::user_shutdown);
    std::this_thread::sleep_for(1s);
    addresses.clear();
  }
  std::printf("%s\n", report.dump(2).c_str());
  return 0;
}
