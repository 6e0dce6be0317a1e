#pragma once

#include "protocols/ids.hpp"
#include "protocols/store.hpp"

/// What clients are given of the bodies that logs refer to.
namespace shannon::store {

/// A body, if a log of this tenant refers to it: whoever knows its hash alone
/// learns nothing. Answers blob_body, or `not_found`.
struct get_tenant_blob {
  tenant_id tenant;
  blob_hash hash;
};

} // namespace shannon::store
