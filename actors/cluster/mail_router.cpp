#include "actors/cluster/mail_router.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace shannon::cluster {

mail_router::mail_router(std::shared_ptr<const kit::owned_shards> shards,
                         std::vector<std::string> durable_kinds, carrier carry)
    : shards_(std::move(shards)), durable_kinds_(std::move(durable_kinds)),
      carry_(std::move(carry)) {}

mail_router::verdict mail_router::carry(const envelope_ptr& mail) {
  const auto& to = mail->to;
  if (auto at = to.value.find('@'); at != std::string::npos)
    return carry_(node_id{to.value.substr(at + 1)}, mail) ? verdict::carried
                                                          : verdict::lost;
  if (mail->is_reply || mail->from.value.find('@') != std::string::npos)
    return verdict::here;
  auto kind = to.kind();
  auto id = to.id();
  if (id.empty()
      || std::find(durable_kinds_.begin(), durable_kinds_.end(), kind)
             == durable_kinds_.end())
    return verdict::here;
  auto view = shards_->current();
  log_id log{std::string{id}};
  if (view.of(log) != kit::standing::elsewhere)
    return verdict::here;
  const auto& owner = view.owner_of(log);
  if (owner.empty() || !carry_(owner, mail))
    return verdict::here;
  return verdict::carried;
}

} // namespace shannon::cluster
