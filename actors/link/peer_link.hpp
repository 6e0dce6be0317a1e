#pragma once

#include "actors/kit/directory.hpp"
#include "actors/link/ask_table.hpp"
#include "actors/link/connection.hpp"
#include "actors/link/liveness.hpp"
#include "actors/link/window.hpp"
#include "config/settings.hpp"
#include "metrics/link_metrics.hpp"
#include "protocols/envelope.hpp"
#include "protocols/link.hpp"
#include "protocols/remote/link.pb.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace shannon::link {

/// A link after its hello: envelopes one way and the other. `send` and `fill`
/// on any thread, all else on the connection's.
class peer_link {
public:
  using clock = std::chrono::steady_clock;

  struct parts {
    const config::link_settings& settings;
    kit::directory& addresses;
    metrics::link_metrics& metrics;
  };

  peer_link(parts with, std::shared_ptr<connection> over, node_id process,
            const Hello& theirs);

  const node_id& process() const noexcept {
    return process_;
  }
  clock::time_point began() const noexcept {
    return began_;
  }

  /// As `link_hub::send`.
  bool send(const envelope_ptr& mail);

  std::uint64_t room() const;

  /// A frame has come.
  void frame(std::string_view bytes);

  /// Several times in `probe_after`: probes, gives credit, forgets asks that
  /// nobody waits for.
  void look(clock::time_point now);

  /// Says goodbye and closes the connection.
  void leave(const std::string& why);

  /// The link is over: refuses what has no answer. False: was so before.
  bool ended(const error& why);

  void fill(link_state& state) const;

private:
  enum class outcome : std::uint8_t { sent, gone, full, too_many_asks };

  outcome try_send(const envelope& mail, const std::string& frame,
                   bool is_refusal);
  void cannot_cross(const envelope& mail, const char* reason, error why);
  void send_refusal(const envelope& reply, error why);
  void take(const Mail& what, std::size_t bytes);
  void take(const Credit& what);
  void give_credit(bool idle);
  void tell(const Frame& what);

  parts with_;
  std::shared_ptr<connection> over_;
  node_id process_;
  clock::time_point began_;
  std::uint64_t mail_bytes_max_; ///< Neither sends more than both take.

  // -- the connection's thread ------------------------------------------------

  receive_window received_;
  liveness alive_;
  std::unique_ptr<Frame> frame_; ///< Keeps its memory from one to the next.
  bool told_unreadable_ = false;

  // -- any thread -------------------------------------------------------------

  mutable std::mutex mutex_;
  send_window window_;
  ask_table asks_;
  bool ended_ = false;
  std::atomic<std::uint64_t> bytes_sent_{0};
  std::atomic<std::uint64_t> mails_received_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::int64_t> rtt_us_{0};
};

} // namespace shannon::link
