#pragma once

#include "protocols/ids.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::gateway {

/// Who asks, once the credential is believed.
struct identity {
  tenant_id tenant;
  user_id user;
  /// `user`, `admin` or `owner`.
  std::string role = "user";
  /// What the credential allows; `*`: everything.
  std::vector<std::string> scopes;
  /// The API key's public id; empty without one.
  std::string key;
  /// Which rate limits hold: `free`, `pro`, `max`, `enterprise`, `admin`.
  std::string tier = "free";

  bool may(std::string_view scope) const {
    return scope.empty()
           || std::any_of(scopes.begin(), scopes.end(), [scope](auto& one) {
                return one == "*" || one == scope;
              });
  }
};

} // namespace shannon::gateway
