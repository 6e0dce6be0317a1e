#pragma once

#include "actors/gateway/desk.hpp"
#include "actors/gateway/identity/authenticator.hpp"
#include "actors/gateway/identity/google_sign_in.hpp"
#include "config/settings.hpp"

namespace shannon::gateway {

/// POST /api/v1/auth/register: people come in with a provider's word for who
/// they are. `google` may be null: it is not set up. All must outlive the
/// table.
void add_provider_handlers(handler_table& table, desk& gateway,
                           authenticator& entrance, google_sign_in* google,
                           const config::identity_settings& settings);

} // namespace shannon::gateway
