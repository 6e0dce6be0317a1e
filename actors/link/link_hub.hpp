#pragma once

#include "actors/kit/directory.hpp"
#include "actors/kit/io_loop.hpp"
#include "config/settings.hpp"
#include "metrics/link_metrics.hpp"
#include "protocols/cluster.hpp"
#include "protocols/envelope.hpp"
#include "protocols/link.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace shannon::link {

/// What a hub says of itself and works with. All it refers to outlives it.
struct hub_args {
  std::string cluster;
  std::string name;
  std::string host; ///< Told to peers where `listen` is every address.
  std::string build;
  config::link_settings settings;
  config::tls_settings tls;
  bool insecure = false;
  kit::directory& addresses;
  metrics::link_metrics& metrics;
};

/// A link has come up or gone down.
struct link_event {
  node_id process;
  bool up = false;
  std::string why; ///< Of a link that went down.
};

/// The links of a node: one to each process of a peer, over TCP, with TLS 1.3
/// where certificates are named. Carries envelopes between actors.
///
///   who dials   of a pair the node whose name is less in byte order; it tries
///               again for ever, with growing pauses
///   hello       either side says who it is before anything else; strangers,
///               other clusters, versions nobody speaks here, older processes
///               and certificates of other names are refused. What a stranger
///               can cost is bounded: connections, bytes, time
///   one link    a process that dials again replaces the connection it had; a
///               newer process of a name replaces the older one
///   window      what is on its way and not yet taken by the peer is bounded.
///               At the limit an ask is refused `overloaded`, a tell is dropped
///               and counted; answers may use a reserve beyond
///   liveness    a peer that is silent is probed, and down if it stays silent
///   certificate the files may be renewed while the node runs
///   asks        those without an answer when their link goes down are refused
///               `unavailable`, at once; the effect may have happened
///   order       what one thread sends to one peer comes in this order, once;
///               what was on its way when a link went down is lost
///
/// What comes is given to the directory, its `from` as `ADDRESS@PROCESS`. An
/// ask for an address where nobody stands is refused back `unavailable`.
///
/// Thread-safe. Outlives the actor system.
class link_hub {
public:
  /// Listens. `invalid_argument` if certificates cannot be used or do not name
  /// this node; `denied` beyond loopback without TLS, unless `insecure`.
  /// Nobody is linked before `set_peers`.
  static result<std::shared_ptr<link_hub>> listen(kit::io_loop& loop,
                                                  hub_args args);
  virtual ~link_hub() = default;

  /// HOST:PORT for the peers.
  virtual std::string address() const = 0;

  /// Who this process is, and who else there is. Links to others end; those
  /// that are missing are dialled. This node itself may be among `peers`.
  virtual void set_peers(node_id self, std::vector<cluster::peer> peers) = 0;

  /// Takes `mail` for an actor of `process`; a `@PROCESS` at the end of its
  /// `to` is left out. False: there is no link, and the caller says so to who
  /// asked. True: the mail goes there, or who asked has been told already.
  /// Nothing is told to an asker before this returns but refusals.
  virtual bool send(const node_id& process, const envelope_ptr& mail) = 0;

  /// How many asks and tells the link to `process` takes now; 0 without one.
  /// Others send, too: who goes by this is seldom refused, not never.
  virtual std::uint64_t room(const node_id& process) const = 0;

  /// `seen` is called for each change from here on, on the hub's thread. It
  /// must be quick.
  virtual void watch(std::function<void(const link_event&)> seen) = 0;

  virtual link_states states() const = 0;

  /// Says goodbye to all and closes everything; waits for that.
  virtual void stop() = 0;
};

} // namespace shannon::link
