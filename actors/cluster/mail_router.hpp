#pragma once

#include "actors/kit/directory.hpp"
#include "actors/kit/owned_shards.hpp"
#include "protocols/ids.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace shannon::cluster {

/// Knows for mail whether another node is meant:
///
///   ADDRESS@PROCESS   the actor at ADDRESS of that process
///   workflow/ID, …    of a durable kind: whoever owns the shard of ID, as far
///                     as this node has seen
///   all else          here
///
/// What came from another node stays here, whoever owns the shard: two nodes
/// that each believe the other owns it would send mail in a circle. The
/// ACTIVATOR refuses it `unavailable`, and who asked looks again. The same
/// happens to mail for an owner to which there is no link.
class mail_router final : public kit::outbound {
public:
  /// False: no link to that process.
  using carrier
      = std::function<bool(const node_id& process, const envelope_ptr& mail)>;

  mail_router(std::shared_ptr<const kit::owned_shards> shards,
              std::vector<std::string> durable_kinds, carrier carry);

  verdict carry(const envelope_ptr& mail) override;

private:
  std::shared_ptr<const kit::owned_shards> shards_;
  std::vector<std::string> durable_kinds_;
  carrier carry_;
};

} // namespace shannon::cluster
