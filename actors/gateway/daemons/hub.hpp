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
///
/// A user's daemons may be connected to other nodes as well. The hub of the
/// node that a message came by is its *home*, and alone decides about it; hubs
/// of other nodes only remember where it is, and pass on what their daemons
/// say. When the home is gone, what they say goes to the message's run.
namespace shannon::gateway::daemons {

using time_point = std::chrono::steady_clock::time_point;

/// A daemon, by its number on the node that it is connected to.
struct connection {
  connection(std::uint64_t its_number = 0, node_id its_node = {})
      : node(std::move(its_node)), number(its_number) {}

  bool is_here() const noexcept {
    return node.empty();
  }
  friend auto operator<=>(const connection&, const connection&) = default;

  node_id node; ///< Empty: this one.
  std::uint64_t number;
};

struct owner {
  tenant_id tenant;
  user_id user;
  friend auto operator<=>(const owner&, const owner&) = default;
};

struct message {
  std::string id;
  std::string run{}; ///< That is told of it; empty: `run_of` its id.
  owner whose;
  std::string channel;
  std::string thread;
  std::string sender;
  std::string text;
  std::string agent_name;
  std::string source;
  std::string sent_at; ///< RFC 3339.
};

/// The run that is told of a message: a task's own, where the message is named
/// like it, else one that is made for it.
std::string run_of(std::string_view message_id);

/// What a daemon told of a message, for the message's run.
struct word {
  std::string message_id;
  connection from;
  owner whose;
  remote::SignalTask signal;
  bool is_reply = false;
  /// The message is not known here: it came by another node, or before a
  /// crash. Whose it is must be asked of its run.
  bool is_strange = false;
};

/// A text for a daemon.
struct speech {
  connection to;
  std::string text;
  std::string about; ///< The message or question, for its node to remember.
};

/// What a daemon here said about what another hub decides.
struct passed_on {
  node_id home;
  std::uint64_t from;
  std::string text;
};

/// What follows from what happened.
struct outcome {
  std::vector<speech> says;
  std::vector<word> words;
  std::vector<passed_on> passes;
  /// The daemon that spoke is not understood, or wants to go.
  bool close = false;
};

class hub {
public:
  explicit hub(const config::daemon_settings& limits) : limits_(limits) {}

  using others = std::vector<std::pair<std::uint64_t, owner>>;

  /// One that has connected here. `overloaded` if the user has too many. It is
  /// given what waits.
  result<outcome> add(std::uint64_t number, const owner& whose);
  outcome remove(const connection& who);

  /// All that are connected to another node now. Those that are new are given
  /// what waits, those that are missing have left.
  outcome see(const node_id& node, const others& all);
  /// The same, and what had its home there has none any more.
  outcome lose(const node_id& node);

  /// A daemon here is given a text about this, which is decided over there.
  void lies_with(const node_id& home, const std::string& about, time_point now);

  /// To the daemon that has this channel's thread, else to all of the user's.
  /// `not_found` if there is none, `overloaded` if too much waits. A message
  /// that is known is sent no second time.
  result<outcome> dispatch(message what, time_point now);

  outcome heard(const connection& who, std::string_view text, time_point now);

  /// The reply of a message is in its run's log; or will never be.
  outcome settled(const word& reply, const result<void>& how);
  /// It could not be stored yet. Does anybody still wait for it?
  bool waits_for(const std::string& message_id) const {
    return messages_.count(message_id) != 0;
  }

  /// Claims, questions and messages that are over.
  outcome tick(time_point now);
  bool idle() const noexcept {
    return messages_.empty() && questions_.empty() && homes_.empty();
  }

  bool knows(const connection& who) const {
    return daemons_.count(who) != 0;
  }
  /// On all nodes.
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
  struct place {
    node_id node;
    time_point due; ///< Then nothing is left to be decided there.
  };
  using thread_key = std::tuple<owner, std::string, std::string>;

  void greet(const connection& who, const owner& whose, outcome& out);
  bool pass_on(const connection& who, const std::string& about,
               std::string_view text, outcome& out) const;
  std::vector<connection> daemons_of(const owner& whose) const;
  void offer(const kept& one, outcome& out,
             std::optional<connection> but = std::nullopt) const;
  void release(kept& one, outcome& out);
  void claim(const connection& who, const std::string& id, time_point now,
             outcome& out);
  void tell(const connection& who, const std::string& id,
            const json_in& payload, bool is_reply, time_point now,
            outcome& out);
  void ask(const connection& who, const json_in& payload, time_point now,
           outcome& out);
  void answer(const connection& who, const json_in& payload, outcome& out);

  const config::daemon_settings limits_;
  std::map<connection, owner> daemons_;
  std::set<std::pair<owner, connection>> by_owner_;
  std::map<std::string, kept> messages_;
  std::map<thread_key, connection> threads_;
  std::map<std::string, question> questions_;
  std::map<std::string, place> homes_; ///< Of what is decided elsewhere.
};

} // namespace shannon::gateway::daemons
