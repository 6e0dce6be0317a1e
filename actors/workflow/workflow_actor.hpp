#pragma once

#include "actors/workflow/durable_actor.hpp"
#include "actors/workflow/workflow.hpp"
#include "protocols/facts/run.pb.h"
#include "protocols/remote/agent.pb.h"
#include "protocols/remote/daemon.pb.h"
#include "protocols/remote/session.pb.h"
#include "protocols/remote/workflow.pb.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace shannon::workflow {

/// The actor behind `spawn_workflows`; its card is in `workflow.hpp`. Messages
/// are in workflow.cpp, agents and child runs in other_runs.cpp.
class workflow_actor final : public durable_actor {
public:
  workflow_actor(caf::actor_config& cfg, const workflow_args& args,
                 std::shared_ptr<const programs> known, activation what);

  const char* name() const override {
    return kind_.c_str();
  }

protected:
  kit::handlers role_handlers() override;
  bool born_from(const envelope& mail) override;
  const program* find_program(const std::string& strategy) override;
  void recovered(bool created) override;
  void stored(log_version version, const facts::Fact& fact) override;
  std::optional<std::string>
  summary(const std::vector<facts::Fact>& facts) override;
  void start_effect(const durable_run::effect_start& what) override;
  void stop_effect(const durable_run::effect_stop& what) override;
  bool may_retire() const override;
  bool owes_end() const override;
  bool may_rest() override;
  bool waits_for_others() const override;
  void pause_changed() override;
  void give_up_mail() override;

private:
  /// An effect that is a run of its own: an agent or a child run.
  struct other_run {
    std::string effect;
    std::string step;
    std::string key;
    std::uint32_t attempt = 1;
    std::int64_t since_us = 0;
    bool detached = false;
    message_body start;        ///< What it is asked with.
    bool acknowledged = false; ///< Its log is on disk.
    std::string parked;        ///< Why it stands still.
  };
  /// A wish to stop that the run waits for.
  struct owed_stop {
    std::string key;
    std::uint32_t attempt = 1;
  };
  /// The end of another run, acknowledged once this fact is on disk.
  struct kept_end {
    log_version after = 0;
    envelope mail;
    message_body ack;
  };
  using mail_list = std::vector<envelope>;

  // -- handlers, in protocol order --------------------------------------------

  void on(const envelope& mail, const remote::StartTask& msg);
  void on(const envelope& mail, const remote::CancelTask& msg);
  void on(const envelope& mail, const remote::SignalTask& msg);
  void on(const envelope& mail, const remote::Subscribe& msg);
  void on(const envelope& mail, const remote::Unsubscribe& msg);
  void on(const envelope& mail, const remote::QueryRun& msg);
  void on(const envelope& mail, const remote::DescribeRun& msg);
  void on(const envelope& mail, const remote::ResumeRun& msg);
  void on(const envelope& mail, const remote::StartRun& msg);
  void on(const envelope& mail, const remote::RunEnded& msg);
  void on(const envelope& mail, const remote::AgentProgress& msg);
  void on(const envelope& mail, const remote::AgentEnded& msg);
  void on(const envelope& mail, const remote::LlmDelta& msg);

  // -- pieces -----------------------------------------------------------------

  void fix_limits(remote::TaskInput& input) const;
  void begin_task(const remote::StartTask& start);
  bool begin_run(const envelope& mail, const remote::StartRun& start);
  void take_origin();
  void take_priority();
  void accept(const envelope& mail, bool existed);
  void acknowledge(const facts::ChildProgressed& fact);
  void acknowledge(const facts::SignalReceived& fact);
  void acknowledge_cancel(const envelope& mail);
  void tell_subscribers(const message_body& news);
  void ended();
  facts::Summary summarize(const std::vector<facts::Fact>& facts);

  // -- other runs -------------------------------------------------------------

  void name_session(const durable_run::effect_start& what,
                    const remote::NameSession& wish);
  void send_to_daemons(const durable_run::effect_start& what,
                       const remote::SendToDaemons& wish);
  std::string agent_log(const remote::AgentBrief& brief);
  std::string child_id(const remote::ChildRun& wish,
                       const std::string& key) const;
  void start_other(const std::string& other, other_run what);
  void look_for_others();
  void look_for(store::list_active look);
  void seen(const std::string& other,
            const std::map<log_id, store::log_status>& active);
  void ask_other(const std::string& other);
  void start_agent(const std::string& agent);
  void start_child(const std::string& child);
  void other_refused(const std::string& other, const error& why);
  void other_ended(const std::string& other,
                   durable_run::effect_outcome outcome);
  void cancel_other(const std::string& other, bool is_agent);
  void tell_pause(const std::string& other);
  void acknowledge_end(const std::string& other, const envelope& mail,
                       message_body ack);
  void look_at_parent();
  /// Whoever started this run hears of its end until it has taken it.
  void tell_end();

  std::shared_ptr<const programs> programs_;
  std::string kind_;
  remote::TaskInput input_; ///< Of a task; read when the summary needs it.
  std::int64_t started_at_us_ = 0;

  // Mail that waits until what it asks for is on disk.
  mail_list starters_;
  mail_list cancellers_;
  mail_list resumers_;
  std::map<std::string, mail_list> signalers_; ///< By `name/id`.
  /// Facts of agents, by log and version; told twice, each asker is answered.
  std::multimap<std::pair<std::string, std::int64_t>, envelope> unacknowledged_;

  /// When each has subscribed last.
  std::map<shannon::address, std::chrono::steady_clock::time_point>
      subscribers_;
  std::map<std::string, other_run> others_; ///< By log.
  bool reads_back_ = false; ///< Others may be there already: looked for first.
  std::vector<log_id> unseen_; ///< Those to be looked for.
  /// Others that must hear still that they are to stop.
  std::map<std::string, std::vector<owed_stop>> cancelling_;
  std::deque<kept_end> kept_ends_; ///< By `after`.
  facts::Origin told_;             ///< Who wants to hear of the end.
  bool telling_ = false;
  bool end_taken_ = false;
};

} // namespace shannon::workflow
