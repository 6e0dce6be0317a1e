#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

/// What a credential allows. Routes name what they need of these; a credential
/// without the scope gets 403, whatever its user's role.
namespace shannon::gateway::scopes {

inline constexpr std::string_view workflows_read = "workflows:read";
inline constexpr std::string_view workflows_write = "workflows:write";
inline constexpr std::string_view agents_execute = "agents:execute";
inline constexpr std::string_view sessions_read = "sessions:read";
inline constexpr std::string_view sessions_write = "sessions:write";
inline constexpr std::string_view api_keys_manage = "api_keys:manage";
inline constexpr std::string_view users_manage = "users:manage";
inline constexpr std::string_view tenant_manage = "tenant:manage";
inline constexpr std::string_view skills_dangerous = "skills:dangerous";

inline constexpr std::array all{
    workflows_read, workflows_write, agents_execute,
    sessions_read,  sessions_write,  api_keys_manage,
    users_manage,   tenant_manage,   skills_dangerous};

bool is_known(std::string_view scope) noexcept;

/// Of a key that is made without saying for what.
std::vector<std::string> of_new_key();

/// Of the access token of a user with this role: people also manage their own
/// keys, admins what is their tenant's.
std::vector<std::string> of_role(std::string_view role);

} // namespace shannon::gateway::scopes
