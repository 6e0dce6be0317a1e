#pragma once

#include "protocols/ids.hpp"
#include "protocols/remote/link.pb.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::link {

/// Of the protocol in protocols/remote/link.proto. A build speaks this one and
/// all down to the lowest.
constexpr std::uint32_t protocol_version = 1;
constexpr std::uint32_t protocol_lowest = 1;

/// What may come before the hello is judged.
constexpr std::size_t hello_bytes_max = 4 * 1024;

/// Why a connection does not become a link. Stable names, for metrics.
enum class refusal : std::uint8_t {
  none,
  busy,       ///< Too many that have not said hello.
  garbage,    ///< No hello, or no frame at all.
  late,       ///< No hello in time.
  handshake,  ///< TLS: no certificate, a wrong one, or no TLS.
  not_joined, ///< This node does not know who it is itself yet.
  wrong_cluster,
  wrong_version,
  unknown_name,  ///< Not one of the peers, or not the one that was dialled.
  not_certified, ///< The certificate is another node's.
  wrong_way,     ///< It should have been dialled.
  older,         ///< A newer process has its name.
};
std::string_view to_string(refusal why) noexcept;

/// NAME#INCARNATION taken apart; incarnation 0 if there is none.
struct process_name {
  std::string_view name;
  std::uint64_t incarnation = 0;
};
process_name parts_of(const node_id& process);

/// Of a pair of nodes the one whose name is less in byte order dials, so that
/// two never dial each other at once.
inline bool dials(std::string_view self, std::string_view peer) noexcept {
  return self < peer;
}

/// What a node says of itself.
struct identity {
  std::string cluster;
  std::string schema;
  std::string build;
  node_id process; ///< Empty before it has joined.
  std::uint32_t window_mails = 0;
  std::uint64_t window_bytes = 0;
  std::uint64_t mail_bytes_max = 0;
  std::uint32_t version = protocol_version;
  std::uint32_t lowest = protocol_lowest;
};

Hello hello_of(const identity& self);

/// How a hello came.
struct circumstances {
  /// Whom this side has dialled; nothing if it was dialled.
  std::optional<std::string> dialled;
  /// The names in the peer's certificate; nothing without TLS.
  std::optional<std::vector<std::string>> certified;
  /// The newest incarnation of a peer that is known; nothing for no peer.
  std::function<std::optional<std::uint64_t>(std::string_view name)> known;
};

struct judgement {
  refusal why = refusal::none;
  std::string text;
};

/// May whoever said `theirs` be linked? A process that is newer than what is
/// known of its name may; who has the name's certificate has the name.
judgement judge(const Hello& theirs, const identity& self,
                const circumstances& how);

} // namespace shannon::link
