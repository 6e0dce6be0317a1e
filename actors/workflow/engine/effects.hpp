#pragma once

#include "protocols/remote/agent.pb.h"
#include "protocols/remote/browser.pb.h"
#include "protocols/remote/daemon.pb.h"
#include "protocols/remote/llm.pb.h"
#include "protocols/remote/session.pb.h"
#include "protocols/remote/tool.pb.h"
#include "protocols/remote/workflow.pb.h"

#include <string>
#include <string_view>

namespace shannon::workflow {

class operation;

/// Which role carries an effect out, and what it gives.
///
///   identity   the part of the input that a replay must ask for again, else
///              the run is parked: the task itself, not the wording or the
///              model a newer build would choose
///   takes_key  the far side tells by the attempt key when it is asked twice;
///              without it an attempt that may have been made before a crash
///              is marked `possible_repeat`
///   outlives   it goes on when the process of its run dies
///   meets_earlier  the far side takes a later attempt for the one that is
///   under
///              way there, so that this must not be told to stop
///   configure  what else an operation must know of this input
///
/// All but `identity` may be left out.
template <class Effect>
struct effect_traits;

template <>
struct effect_traits<remote::LlmRequest> {
  using output = remote::LlmResponse;
  static constexpr std::string_view kind = "llm";
  static constexpr bool takes_key = true;
  static std::string identity(const remote::LlmRequest& request);
};

/// The TOOL RUNNER knows keys only while its node lives, and after a crash of
/// the node nobody remembers what a tool has done already.
template <>
struct effect_traits<remote::ToolRequest> {
  using output = remote::ToolResult;
  static constexpr std::string_view kind = "tool";
  static std::string identity(const remote::ToolRequest& request);
};

/// Whoever holds the session tells by the key; when it is gone, so is the
/// session, and the action is refused instead of repeated.
template <>
struct effect_traits<remote::BrowserRequest> {
  using output = remote::BrowserResult;
  static constexpr std::string_view kind = "browser";
  static constexpr bool takes_key = true;
  static constexpr bool meets_earlier = true;
  static std::string identity(const remote::BrowserRequest& request);
};

/// Changes nothing, so that a repeat is none.
template <>
struct effect_traits<remote::ListTools> {
  using output = remote::ToolList;
  static constexpr std::string_view kind = "tools";
  static constexpr bool takes_key = true;
  static std::string identity(const remote::ListTools& which) {
    return which.role();
  }
};

/// An agent's log is named by the step: asked twice, there is one.
template <>
struct effect_traits<remote::AgentBrief> {
  using output = remote::AgentReport;
  static constexpr std::string_view kind = "agent";
  static constexpr bool takes_key = true;
  static constexpr bool outlives = true;
  static std::string identity(const remote::AgentBrief& brief);
};

/// A message that is known is sent no second time.
template <>
struct effect_traits<remote::SendToDaemons> {
  using output = remote::SentToDaemons;
  static constexpr std::string_view kind = "daemon";
  static constexpr bool takes_key = true;
  static std::string identity(const remote::SendToDaemons& wish) {
    return wish.text();
  }
};

/// Who is asked twice gives the title once. Which one is the model's business.
template <>
struct effect_traits<remote::NameSession> {
  using output = remote::SessionNamed;
  static constexpr std::string_view kind = "session";
  static constexpr bool takes_key = true;
  static std::string identity(const remote::NameSession& wish) {
    return wish.session();
  }
};

/// As with agents.
template <>
struct effect_traits<remote::ChildRun> {
  using output = remote::ChildResult;
  static constexpr std::string_view kind = "child";
  static constexpr bool takes_key = true;
  static constexpr bool outlives = true;
  static std::string identity(const remote::ChildRun& run);
  static void configure(operation& op, const remote::ChildRun& run);
};

} // namespace shannon::workflow
