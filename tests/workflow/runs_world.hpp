#pragma once

#include "tests/workflow/workflow_world.hpp"

#include <string>
#include <utility>
#include <vector>

namespace shannon::test {

/// The programs that runs of these tests execute, by name (runs_world.cpp).
workflow::programs programs_of_runs();

/// Nodes whose runs execute them, and rest after a second.
struct runs_world : workflow_world {
  runs_world() {
    more = programs_of_runs();
    settings.rest_after = 1s;
    restart_node();
  }

  result<remote::RunAccepted> start(const std::string& run,
                                    const std::string& program,
                                    const std::string& input = "x") {
    remote::StartRun wish;
    wish.set_run(run);
    wish.set_program(program);
    wish.set_input(input);
    auto got = ask_all<remote::RunAccepted>("workflow/" + run, wish, 100ms);
    REQUIRE(got.size() == 1);
    return got.front();
  }

  result<remote::SignalAck> signal(const std::string& run,
                                   const std::string& payload = "!",
                                   const std::string& id = "s1") {
    remote::SignalTask wish;
    wish.set_task(run);
    wish.set_name("go");
    wish.set_signal_id(id);
    wish.set_payload(payload);
    auto got = ask_all<remote::SignalAck>("workflow/" + run, wish, 1'000ms);
    REQUIRE(got.size() == 1);
    return got.front();
  }

  remote::RunDescription describe(const std::string& run) {
    auto got = ask_all<remote::RunDescription>("workflow/" + run,
                                               remote::DescribeRun{}, 100ms);
    REQUIRE(got.size() == 1);
    REQUIRE(got[0]);
    return *got[0];
  }

  bool in_memory(const std::string& run) {
    auto who = addresses.find({"workflow/" + run});
    return who && who != addresses.find({"workflow"});
  }

  /// What the run gave; empty if it has not completed.
  std::string output(const std::string& run) {
    for (const auto& row : tables.logs[log_id{run}].facts) {
      facts::Fact fact;
      fact.ParseFromString(row.bytes);
      if (fact.has_run_completed())
        return fact.run_completed().output().inline_();
    }
    return {};
  }

  int facts_of(const std::string& run, facts::Fact::BodyCase kind) {
    int count = 0;
    for (const auto& row : tables.logs[log_id{run}].facts) {
      facts::Fact fact;
      fact.ParseFromString(row.bytes);
      count += fact.body_case() == kind;
    }
    return count;
  }

  const store::log_schedule& schedule(const std::string& run) {
    return tables.logs[log_id{run}].schedule;
  }
};

/// Somebody who wants to hear of an end, and says so `deaf` times too late.
class waiter final : public kit::actor_base {
public:
  waiter(caf::actor_config& cfg, kit::actor_env& shared,
         std::vector<remote::RunEnded>& heard, int deaf,
         std::string where = "waiter")
      : actor_base(cfg, shared, {std::move(where)}), heard_(heard),
        deaf_(deaf) {}

protected:
  kit::handlers make_handlers() override {
    return {kit::on<remote::RunEnded>([this](auto& mail, auto& msg) {
      heard_.push_back(msg);
      if (deaf_-- <= 0)
        reply(mail, remote::RunEndedAck{});
    })};
  }

private:
  std::vector<remote::RunEnded>& heard_;
  int deaf_;
};

} // namespace shannon::test
