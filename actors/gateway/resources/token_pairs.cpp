#include "actors/gateway/resources/token_pairs.hpp"

#include "actors/gateway/identity/access_token.hpp"
#include "actors/gateway/identity/digest.hpp"
#include "actors/gateway/identity/scopes.hpp"
#include "actors/gateway/text/identifiers.hpp"

#include <chrono>
#include <utility>

namespace shannon::gateway {

namespace {

constexpr std::size_t refresh_bytes = 32;

} // namespace

std::string token_pairs::fresh() {
  return to_base64url(random_bytes(refresh_bytes));
}

void token_pairs::begin(const accounts::account& who,
                        std::function<void(result<json_out>)> then) {
  auto first = fresh();
  gateway_.ask<accounts::refresh_kept>(
      {"records"},
      accounts::keep_refresh{who.tenant, who.user, random_uuid(), sha256(first),
                             settings_.refresh_lifetime},
      gateway_.settings().ask_timeout,
      [this, who, first,
       then = std::move(then)](const result<accounts::refresh_kept>& got) {
        got ? then(pair_of(who, first))
            : then(tl::unexpected<error>{got.error()});
      });
}

json_out token_pairs::pair_of(const accounts::account& who,
                              const std::string& refresh_token) const {
  token_claims claims;
  claims.user = who.user;
  claims.tenant = who.tenant;
  claims.id = random_uuid();
  claims.username = who.username;
  claims.email = who.email;
  claims.role = who.role;
  claims.scopes = scopes::of_role(who.role);
  claims.epoch = who.epoch;
  claims.issued_at
      = std::chrono::floor<std::chrono::seconds>(gateway_.env().now());
  auto lifetime
      = std::chrono::floor<std::chrono::seconds>(settings_.access_lifetime);
  claims.expires_at = claims.issued_at + lifetime;
  json_out body;
  body["access_token"] = sign_token(entrance_.issuer(), claims);
  body["refresh_token"] = refresh_token;
  body["token_type"] = "Bearer";
  body["expires_in"] = lifetime.count();
  return body;
}

} // namespace shannon::gateway
