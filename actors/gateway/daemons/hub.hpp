#pragma once

#include "actors/gateway/text/json_text.hpp"
#include "config/settings.hpp"
#include "protocols/errc.hpp"
#include "protocols/ids.hpp"
#include "protocols/remote/workflow.pb.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

/// Which daemon does what: pure, driven by what was said and by the time.
///
///   dispatched ──▶ waits ──claim──▶ claimed ──reply──▶ replying ──▶ gone
///                    ▲                │ expired, or its daemon left   │
///                    └────────────────┴──────── not stored ───────────┘
///
/// Who a message is for, who has claimed it and which questions wait is known
/// here alone and ends with the connections. What a daemon replies, and what it
/// tells on the way, belongs to the log of the message's run.
namespace shannon::gateway::daemons {

using time_point = std::chrono::steady_clock::time_point;
using connection = std::uint64_t;

struct owner {
  tenant_id tenant;
  user_id user;
  friend auto operator<=>(const owner&, const owner&) = default;
};

struct message {
  std::string id;
  owner whose;
  std::string channel;
  std::string thread;
  std::string sender;
  std::string text;
  std::string agent_name;
  std::string source;
  std::string sent_at; ///< RFC 3339.
};

/// The run that a message is: its events are followed under this id.
std::string run_of(std::string_view message_id);

/// What a daemon told of a message, for the message's run.
struct word {
  std::string message_id;
  connection from = 0;
  owner whose;
  remote::SignalTask signal;
  bool is_reply = false;
  /// The message is not known here: it came by another node, or before a
  /// crash. Whose it is must be asked of its run.
  bool is_strange = false;
};

/// What follows from what happened.
struct outcome {
  std::vector<std::pair<connection, std::string>> says;
  std::vector<word> words;
  /// The daemon that spoke is not understood, or wants to go.
  bool close = false;
};

class hub {
public:
  explicit hub(const config::daemon_settings& limits) : limits_(limits) {}

  /// `overloaded` if the user has too many. It is given what waits.
  result<outcome> add(connection who, const owner& whose);
  outcome remove(connection who);

  /// To the daemon that has this channel's thread, else to all of the user's.
  /// `not_found` if there is none, `overloaded` if too much waits. A message
  /// that is known is sent no second time.
  result<outcome> dispatch(message what, time_point now);

  outcome heard(connection who, std::string_view text, time_point now);

  /// The reply of a message is in its run's log; or will never be.
  outcome settled(const word& reply, const result<void>& how);
  /// It could not be stored yet. Does anybody still wait for it?
  bool waits_for(const std::string& message_id) const {
    return messages_.count(message_id) != 0;
  }

  /// Claims, questions and messages that are over.
  outcome tick(time_point now);
  bool idle() const noexcept {
    return messages_.empty() && questions_.empty();
  }

  std::size_t count(const owner& whose) const;

private:
  struct kept {
    message what;
    time_point due; ///< Then nobody waits for its reply any more.
    std::optional<connection> claimed_by;
    time_point claim_ends{};
    bool replying = false;
  };
  struct question {
    connection asked_by;
    owner whose;
    time_point due;
  };
  using thread_key = std::tuple<owner, std::string, std::string>;

  std::vector<connection> daemons_of(const owner& whose) const;
  void offer(const kept& one, outcome& out,
             std::optional<connection> but = std::nullopt) const;
  void release(kept& one, outcome& out);
  void claim(connection who, const std::string& id, time_point now,
             outcome& out);
  void tell(connection who, const std::string& id, const json_in& payload,
            bool is_reply, time_point now, outcome& out);
  void ask(connection who, const json_in& payload, time_point now,
           outcome& out);
  void answer(connection who, const json_in& payload, outcome& out);

  const config::daemon_settings limits_;
  std::map<connection, owner> daemons_;
  std::set<std::pair<owner, connection>> by_owner_;
  std::map<std::string, kept> messages_;
  std::map<thread_key, connection> threads_;
  std::map<std::string, question> questions_;
};

} // namespace shannon::gateway::daemons
