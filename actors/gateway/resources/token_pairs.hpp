#pragma once

#include "actors/gateway/desk.hpp"
#include "actors/gateway/identity/authenticator.hpp"
#include "actors/gateway/text/json_text.hpp"
#include "config/settings.hpp"
#include "protocols/accounts.hpp"

#include <functional>
#include <string>

namespace shannon::gateway {

/// Gives an account the tokens that it comes in with: one for an hour, and one
/// that opens once, for fresh ones. Used on the desk's actor.
class token_pairs {
public:
  token_pairs(desk& gateway, authenticator& entrance,
              const config::identity_settings& settings)
      : gateway_(gateway), entrance_(entrance), settings_(settings) {}

  /// The text of a refresh token that nobody has.
  static std::string fresh();

  /// The first pair after a login. `then` is called once.
  void begin(const accounts::account& who,
             std::function<void(result<json_out>)> then);

  /// With a refresh token that is kept already.
  json_out pair_of(const accounts::account& who,
                   const std::string& refresh_token) const;

private:
  desk& gateway_;
  authenticator& entrance_;
  config::identity_settings settings_;
};

} // namespace shannon::gateway
