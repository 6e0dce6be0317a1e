#pragma once

#include "protocols/ids.hpp"
#include "protocols/store.hpp"

/// What of logs is asked for a client: another tenant's do not exist, and the
/// database says so, too (actors/store/tenant_wall.hpp).
namespace shannon::store {

/// `get_head`, if the log is this tenant's; else `not_found`.
struct get_tenant_head {
  tenant_id tenant;
  log_id log;
};

/// `read_facts`, if the log is this tenant's; else `not_found`.
struct read_tenant_facts {
  tenant_id tenant;
  read_facts page;
};

} // namespace shannon::store
