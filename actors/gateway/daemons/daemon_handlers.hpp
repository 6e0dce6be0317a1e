#pragma once

#include "actors/gateway/daemons/hub.hpp"
#include "actors/gateway/desk.hpp"
#include "protocols/cluster.hpp"
#include "protocols/daemons.hpp"
#include "protocols/remote/daemon.pb.h"

#include <caf/actor.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <set>

namespace shannon::gateway {

/// Daemons of users: opens DAEMONs, does what the hub decides, and ends them
/// with the GATEWAY. A message is a run of the program `daemon`, or a task's,
/// so what is told of it and its reply are on disk.
///
/// GATEWAYs of all nodes tell each other who is connected to them, so that a
/// message reaches a user's daemons by whatever node it comes.
class daemon_handlers {
public:
  daemon_handlers(desk& gateway, const config::daemon_settings& settings)
      : gateway_(gateway), settings_(settings), hub_(settings),
        begun_(gateway.clock_now()) {}

  void add_to(handler_table& table);

  void heard(const envelope& mail, const shannon::daemons::heard& what);

  // -- other nodes ------------------------------------------------------------

  /// Comes about once a second.
  void members_are(const cluster::members_changed& all);
  void told(const envelope& mail, const remote::DaemonsHere& msg);
  void told(const envelope& mail, const remote::ListDaemons& msg);
  void told(const envelope& mail, const remote::DaemonSay& msg);
  void told(const envelope& mail, const remote::DaemonHeard& msg);
  /// Of a task of this node.
  void told(const envelope& mail, const remote::SendToDaemons& msg);

  /// Each program connects to another node.
  void drain();
  void stop();

private:
  void open(const call_ptr& request);
  void status(const call_ptr& request);
  void send(const call_ptr& request);

  void carry_out(daemons::outcome what);
  void store(const daemons::word& told);
  void find_owner(const daemons::word& told);
  void watch_times();

  void changed();
  remote::DaemonsHere all_here() const;
  void forget(const node_id& node);

  desk& gateway_;
  const config::daemon_settings settings_;
  daemons::hub hub_;
  struct opened {
    caf::actor who;
    std::uint64_t ticket = 0;
    daemons::owner whose;
  };
  std::map<std::uint64_t, opened> open_;
  bool watching_ = false;

  /// What was heard of another node's daemons last.
  struct known_node {
    std::uint64_t serial = 0;
    std::chrono::steady_clock::time_point at;
  };
  std::set<node_id> others_; ///< Who may be told.
  std::map<node_id, known_node> known_;
  std::uint64_t serial_ = 0; ///< Of what is connected here.
  bool telling_ = false;
  const std::chrono::steady_clock::time_point begun_;
};

} // namespace shannon::gateway
