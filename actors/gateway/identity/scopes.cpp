#include "actors/gateway/identity/scopes.hpp"

#include <algorithm>

namespace shannon::gateway::scopes {

bool is_known(std::string_view scope) noexcept {
  return std::find(all.begin(), all.end(), scope) != all.end();
}

std::vector<std::string> of_new_key() {
  std::vector<std::string> out;
  for (auto one : {workflows_read, workflows_write, agents_execute,
                   sessions_read, sessions_write})
    out.emplace_back(one);
  return out;
}

std::vector<std::string> of_role(std::string_view role) {
  if (role == "admin" || role == "owner")
    return {all.begin(), all.end()};
  auto out = of_new_key();
  out.emplace_back(api_keys_manage);
  return out;
}

} // namespace shannon::gateway::scopes
