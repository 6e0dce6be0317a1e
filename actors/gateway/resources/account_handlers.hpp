#pragma once

#include "actors/gateway/desk.hpp"
#include "actors/gateway/identity/authenticator.hpp"
#include "actors/gateway/identity/password_desk.hpp"
#include "config/settings.hpp"

namespace shannon::gateway {

/// API keys, access tokens and accounts. Passwords are taken on the admin port
/// alone.
void add_account_handlers(handler_table& table, desk& gateway,
                          authenticator& entrance, password_desk& passwords,
                          const config::identity_settings& settings);

} // namespace shannon::gateway
