#include "actors/store/records/account_records.hpp"

#include "actors/store/records/account_queries.hpp"
#include "actors/store/records/key_queries.hpp"
#include "actors/store/records/provider_queries.hpp"
#include "actors/store/records/refresh_queries.hpp"

namespace shannon::store::records {

subject account_lines() {
  return {
      within_tenant("make_key", make_key),
      within_tenant("revoke_key", revoke_key),
      within_tenant("rotate_key", rotate_key),
      within_tenant("touch_key", touch_key),
      within_tenant("list_keys", list_keys),
      within_tenant("raise_epoch", raise_epoch),
      within_tenant("find_account", find_account),
      within_tenant("keep_refresh", keep_refresh),
      // A key and a refresh token say themselves whose they are.
      across_tenants("find_key", find_key),
      across_tenants("use_refresh", use_refresh),
      // An address is taken or free in all tenants; a login names none.
      across_tenants("make_account", make_account),
      across_tenants("find_login", find_login),
      across_tenants("enter", enter),
  };
}

} // namespace shannon::store::records
