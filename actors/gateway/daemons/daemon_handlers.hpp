#pragma once

#include "actors/gateway/daemons/hub.hpp"
#include "actors/gateway/desk.hpp"
#include "protocols/daemons.hpp"

#include <caf/actor.hpp>

#include <cstdint>
#include <map>

namespace shannon::gateway {

/// Daemons of users that are connected here: opens DAEMONs, does what the hub
/// decides, and ends them with the GATEWAY. A message is a run of the program
/// `daemon`, so what is told of it and its reply are on disk.
class daemon_handlers {
public:
  daemon_handlers(desk& gateway, const config::daemon_settings& settings)
      : gateway_(gateway), settings_(settings), hub_(settings) {}

  void add_to(handler_table& table);

  void heard(const envelope& mail, const shannon::daemons::heard& what);

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

  desk& gateway_;
  const config::daemon_settings settings_;
  daemons::hub hub_;
  struct opened {
    caf::actor who;
    std::uint64_t ticket = 0;
  };
  std::map<std::uint64_t, opened> open_;
  bool watching_ = false;
};

} // namespace shannon::gateway
