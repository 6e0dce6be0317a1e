#include "tests/bench/accept_node.hpp"

#include "actors/kit/owned_shards.hpp"
#include "actors/store/event_store.hpp"
#include "actors/store/records/account_records.hpp"
#include "actors/store/records/answer_records.hpp"
#include "actors/store/records/record_store.hpp"
#include "actors/store/records/session_records.hpp"
#include "actors/workflow/engine/context.hpp"
#include "actors/workflow/workflow.hpp"
#include "protocols/facts/run.pb.h"
#include "tests/bench/bench_database.hpp"
#include "tests/bench/quantile.hpp"
#include "tests/gateway/gateway_fixture.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <future>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace shannon::bench {

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr std::uint32_t shards = 256;

workflow::durable<std::string> wait_for_ever(workflow::context ctx,
                                             std::string input) {
  auto next = ctx.signal("never");
  co_await next;
  co_return input;
}

/// As a WORKFLOW writes the first append of a small task.
store::append birth_of(const std::string& task) {
  remote::TaskInput input;
  input.set_query("why?");
  input.set_mode("simple");
  input.set_tenant(std::string(36, 't'));
  input.set_user(std::string(36, 'u'));
  input.set_session(task);
  input.set_submitted_at_us(1'700'000'000'000'000);
  facts::Fact fact;
  fact.set_at_us(1'700'000'000'000'000);
  fact.mutable_event()->set_type("WORKFLOW_STARTED");
  fact.mutable_event()->set_agent_id("orchestrator");
  fact.mutable_event()->set_message("Starting up");
  auto& begun = *fact.mutable_run_started();
  begun.set_kind("workflow");
  begun.set_strategy("task");
  begun.mutable_input()->set_inline_(input.SerializeAsString());
  facts::Summary summary;
  summary.set_query(input.query());
  summary.set_mode(input.mode());
  summary.set_strategy("task");
  summary.set_started_at_us(fact.at_us());
  store::append what;
  what.log = log_id{task};
  what.birth = store::log_birth{"workflow",
                                {},
                                tenant_id{input.tenant()},
                                user_id{input.user()},
                                session_id{input.session()}};
  what.facts = {fact.SerializeAsString()};
  what.summary = summary.SerializeAsString();
  what.schedule = store::log_schedule{true, std::nullopt};
  return what;
}

/// Begins one log after the other until its time is over.
class midwife final : public kit::actor_base {
public:
  midwife(caf::actor_config& cfg, kit::actor_env& shared, int round,
          int at_once, std::chrono::milliseconds time,
          std::shared_ptr<std::promise<load_result>> into)
      : actor_base(cfg, shared, {"midwife"}, 1'000'000), round_(round),
        running_(at_once), time_(time), into_(std::move(into)) {}

protected:
  kit::handlers make_handlers() override {
    return {};
  }
  void started() override {
    begun_ = steady::now();
    for (int i = running_; i > 0; --i)
      next();
  }

private:
  void next() {
    if (steady::now() - begun_ > time_)
      return one_less();
    auto task = "task-" + std::to_string(round_) + "-"
                + std::to_string(result_.requests++);
    ask<store::append_receipt>(
        {"store"}, birth_of(task), 30s,
        [this, sent = steady::now()](const result<store::append_receipt>& got) {
          result_.errors += !got;
          took_.push_back(
              std::chrono::duration<double, std::micro>(steady::now() - sent)
                  .count());
          next();
        });
  }

  void one_less() {
    if (--running_ > 0)
      return;
    result_.seconds
        = std::chrono::duration<double>(steady::now() - begun_).count();
    result_.p50_us = quantile(took_, 0.5);
    result_.p99_us = quantile(took_, 0.99);
    into_->set_value(result_);
    quit();
  }

  int round_;
  int running_;
  std::chrono::milliseconds time_;
  /// Shared: who waits may be gone while it is being told.
  std::shared_ptr<std::promise<load_result>> into_;
  load_result result_;
  std::vector<double> took_;
  steady::time_point begun_;
};

config::http_settings roomy_settings() {
  auto settings = test::quick_settings();
  settings.ask_timeout = 15s;
  settings.requests_per_connection_max
      = std::numeric_limits<std::uint32_t>::max();
  return settings;
}

struct actor_settings : caf::actor_system_config {
  actor_settings() {
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{2});
  }
};

} // namespace

class accept_node::impl {
public:
  impl() {
    own_all_shards();
    auto opened = gateway::http_server::listen(loop_, settings_);
    if (!opened)
      throw std::runtime_error{opened.error().text};
    server_ = *opened;
    system_ = std::make_unique<caf::actor_system>(config_);
    system_->await_actors_before_shutdown(false);
    config::store_settings store;
    store.dsn = database_.dsn();
    config::run_settings runs;
    // As many as are sent, however long that takes.
    runs.runs_max = 10'000'000;
    runs.append_wait = 0ms;
    caf::scoped_actor parent{*system_};
    auto* owner = parent.ptr();
    all_.push_back(store::spawn_store(*owner, {env_, store, stored_, owned_}));
    all_.push_back(store::spawn_record_store(
        *owner,
        {env_,
         store,
         stored_,
         {store::records::account_lines(), store::records::session_lines(),
          store::records::answer_lines()}}));
    workflow::workflow_args tasks{env_, runs, {}, carried_};
    tasks.more.emplace("task", wait_for_ever);
    all_.push_back(workflow::spawn_workflows(*owner, std::move(tasks)));
    all_.push_back(gateway::spawn_gateway(
        *owner, {env_,
                 settings_,
                 config::identity_settings{},
                 {std::string(32, 'p'), {{"k1", std::string(32, 'k')}}},
                 server_,
                 served_,
                 registry_}));
  }

  ~impl() {
    server_->stop_accepting();
    end_all();
    server_->stop();
    addresses_.clear();
    system_.reset();
    loop_.stop();
  }

  std::uint16_t port() const noexcept {
    return server_->port();
  }

  load_result births(int at_once, std::chrono::milliseconds time) {
    auto into = std::make_shared<std::promise<load_result>>();
    auto got = into->get_future();
    system_->spawn<midwife>(env_, ++rounds_, at_once, time, into);
    return got.get();
  }

private:
  /// The last first.
  void end_all() {
    caf::scoped_actor waiter{*system_};
    for (; !all_.empty(); all_.pop_back()) {
      caf::anon_send_exit(all_.back(), caf::exit_reason::user_shutdown);
      waiter->wait_for(all_.back());
    }
  }

  /// Nobody else is here.
  void own_all_shards() {
    auto raised = store::pg_connection::open({database_.dsn()})
                      .and_then([](store::pg_connection db) {
                        return db.exec("update shards set epoch = 1");
                      });
    if (!raised)
      throw std::runtime_error{raised.error().text};
    for (std::uint32_t shard = 0; shard < shards; ++shard)
      owned_->gain({{shard, 1}});
    owned_->hold_until(kit::owned_shards::clock::time_point::max());
    env_.shards = owned_.get();
  }

  database database_;
  std::shared_ptr<kit::owned_shards> owned_
      = std::make_shared<kit::owned_shards>();
  kit::directory addresses_;
  kit::actor_env env_{addresses_};
  metrics::registry registry_;
  metrics::store_metrics stored_{registry_};
  metrics::run_metrics carried_{registry_, "workflow"};
  metrics::gateway_metrics served_{registry_};
  config::http_settings settings_ = roomy_settings();
  kit::io_loop loop_{"ingress"};
  std::shared_ptr<gateway::http_server> server_;
  actor_settings config_;
  std::unique_ptr<caf::actor_system> system_;
  std::vector<caf::actor> all_;
  int rounds_ = 0;
};

accept_node::accept_node() : impl_(std::make_unique<impl>()) {}
accept_node::~accept_node() = default;

std::uint16_t accept_node::port() const noexcept {
  return impl_->port();
}

load_result accept_node::births(int at_once, std::chrono::milliseconds time) {
  return impl_->births(at_once, time);
}

} // namespace shannon::bench
