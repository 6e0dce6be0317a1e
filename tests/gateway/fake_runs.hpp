#pragma once

#include "actors/kit/actor_base.hpp"
#include "protocols/facts/run.pb.h"
#include "protocols/remote/workflow.pb.h"
#include "protocols/store.hpp"

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace shannon::test {

/// Runs in memory: what the fake WORKFLOWs write and the fake EVENT STORE
/// reads. Thread-safe.
class fake_runs {
public:
  struct run {
    store::log_head head;
    std::vector<store::recorded_fact> facts;
    remote::TaskInput input;
    std::vector<std::string> bodies; ///< Of its files.
    std::optional<remote::NewSession> opens;
    std::string cancelled; ///< Why, if somebody did.
    bool live = true;
    std::set<address> subscribers;
    std::vector<remote::SignalTask> signals;
    std::vector<remote::ResumeRun> resumes;
    std::optional<remote::Pause> pause;
  };

  /// Calls `what` with the run; makes it if it is new.
  void with(const std::string& task, const std::function<void(run&)>& what);
  bool knows(const std::string& task) const;
  std::vector<store::log_head> heads() const;
  std::optional<run> find(const std::string& task) const;

  /// How the fakes answer from now on; empty: as they should.
  void refuse_starts(std::optional<error> why);
  void refuse_subscriptions(std::optional<error> why);
  std::optional<error> start_refusal() const;
  /// They do not open a task's session, as nodes of before did not.
  void leave_sessions();
  bool open_sessions() const;

  /// A body that a log of this tenant refers to.
  void keep_blob(const tenant_id& tenant, const store::blob_hash& hash,
                 const std::string& bytes);
  /// Of this tenant, or of any.
  std::optional<std::string> blob(const store::blob_hash& hash,
                                  const std::optional<tenant_id>& of) const;
  std::optional<error> subscription_refusal() const;

private:
  mutable std::mutex mutex_;
  std::map<std::string, run> runs_;
  std::map<store::blob_hash, std::map<tenant_id, std::string>> blobs_;
  std::optional<error> start_refusal_;
  bool open_sessions_ = true;
  std::optional<error> subscription_refusal_;
};

/// A fact that is nothing but its event.
facts::Fact fact_of(std::string type, std::string message,
                    std::string agent = "orchestrator",
                    std::string payload_json = {});

/// The WORKFLOWs (`workflow`) and the EVENT STORE (`store`) over `fake_runs`.
/// `publish` appends a fact and tells subscribers, from any thread, and
/// returns when that is done.
struct fake_actors {
  caf::actor store;
  caf::actor workflow;
  std::function<void(const std::string& task, facts::Fact fact)> publish;
  std::function<void(const std::string& task, remote::LlmDelta delta)> delta;
};

fake_actors spawn_fakes(caf::actor_system& system, kit::actor_env& env,
                        fake_runs& runs);

} // namespace shannon::test
