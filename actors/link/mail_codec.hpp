#pragma once

#include "protocols/envelope.hpp"
#include "protocols/errc.hpp"
#include "protocols/ids.hpp"
#include "protocols/remote/link.pb.h"

#include <chrono>
#include <optional>
#include <string>

/// Envelopes as frames, and back.
namespace shannon::link {

using time_point = std::chrono::steady_clock::time_point;

/// A frame with its length before it, as it goes onto the wire.
std::string frame_of(const Frame& what);

/// The same for an envelope to an actor of `peer`: its address there has no
/// `@PROCESS`. `invalid_argument` if its body may not cross.
result<std::string> frame_of(const envelope& mail, const node_id& peer,
                             time_point now);

/// What came. An answer that this build cannot read has become a refusal, so
/// that who asked is told.
struct incoming {
  /// `from` is `ADDRESS@PEER`: what is sent there finds its way back.
  envelope mail;
  /// Why the body of an ask or a tell cannot be read.
  std::optional<error> unreadable;
};
incoming read_mail(const Mail& what, const node_id& peer, time_point now);

/// The answer to `mail` that says no, from whoever it was for.
envelope refusal_of(const envelope& mail, error why);

} // namespace shannon::link
