#pragma once

#include "protocols/ids.hpp"
#include "protocols/store.hpp"

#include <string_view>

/// What clients are given of the bodies that logs refer to.
namespace shannon::store {

/// Before the 64 hex digits of a body's hash: how events, attachments and
/// GET /api/v1/blob/{key} name it.
inline constexpr std::string_view blob_key_prefix = "shannon:blob:";

/// A body, if a log of this tenant refers to it: whoever knows its hash alone
/// learns nothing. Answers blob_body, or `not_found`.
struct get_tenant_blob {
  tenant_id tenant;
  blob_hash hash;
};

} // namespace shannon::store
