#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "actors/gateway/identity/access_token.hpp"
#include "actors/gateway/identity/bounded_cache.hpp"
#include "actors/gateway/identity/identity.hpp"
#include "actors/gateway/identity/secrets.hpp"
#include "actors/gateway/identity/vouching.hpp"
#include "actors/gateway/routes/routes.hpp"
#include "config/settings.hpp"
#include "protocols/accounts.hpp"
#include "protocols/envelope.hpp"

#include <tl/expected.hpp>

#include <chrono>
#include <functional>
#include <string>

namespace shannon::gateway {

/// What the authenticator needs of the actor it works for.
struct authenticator_args {
  config::identity_settings settings;
  /// Nobody needs a credential: `--dev`.
  bool dev = false;
  identity_secrets secrets;
  /// Asks the RECORD STORE; calls back exactly once, on the same actor.
  std::function<void(message_body, std::function<void(result<message_body>)>)>
      ask_records;
  /// Tells it: no answer is waited for.
  std::function<void(message_body)> tell_records;
  std::function<std::chrono::system_clock::time_point()> now;
  std::function<std::chrono::steady_clock::time_point()> clock;
  /// `key`, `token`, `dev`, `none`, `refused`, `scope`, `unavailable`: for the
  /// metrics.
  std::function<void(const char* outcome)> counted = [](const char*) {};
  /// What approvers and sources of events on the admin port must show; empty:
  /// nothing, if they are on this machine.
  std::string approvals_token = {};
  std::string events_token = {};
};

/// Who asks: believes a request's credential, or refuses it.
///
/// What the RECORD STORE said about a key or a user holds for
/// `settings.cache_for`, counted from before it was asked: so a revocation is
/// in force after that and one query. Then it is asked again; while it does
/// not answer, nobody comes in whom it has not just vouched for (503). Several
/// requests with one credential ask once. Unknown credentials are remembered
/// in a place of their own, so that a flood of them displaces no good one.
///
/// No secret is kept: keys are compared by digest, in constant time, and what
/// is remembered is named by what is no secret.
///
/// Used on one actor, not thread-safe. Must outlive its asks.
class authenticator {
public:
  /// Who it is, or the answer that refuses it: 401 with what RFC 9110 wants,
  /// 403 for a scope that is missing, 503.
  using verdict = tl::expected<identity, http_response>;
  using then = std::function<void(verdict)>;

  explicit authenticator(authenticator_args args);

  /// Calls `next` once: at once if the answer is known, else later, on the
  /// actor. A route that is for anybody takes no credential; on the operators'
  /// port whoever reaches it may everything.
  void check(const http_request& request, const route& to, then next);

  /// The key or the user has just been changed here: this node asks again.
  void forget_key(const std::string& lookup);
  void forget_user(const tenant_id& tenant, const user_id& user);

  /// Signs access tokens.
  const token_issuer& issuer() const noexcept {
    return issuer_;
  }
  const std::string& pepper() const noexcept {
    return args_.secrets.pepper;
  }

private:
  void check_operator(const http_request& request, const std::string& token,
                      const char* key, const then& next);
  void check_key(const std::string& text, then next);
  void check_token(const std::string& text, then next);
  void key_used(const accounts::live_key& key);

  authenticator_args args_;
  token_issuer issuer_;
  vouching<accounts::live_key> keys_;
  vouching<accounts::account> users_;
  /// Keys whose use was told within the last minute.
  bounded_cache<bool> touched_;
};

/// Whoever asks where nobody needs a credential: the first user, or whom
/// X-User-Id and X-Tenant-Id name, if those are UUIDs.
identity dev_identity(const http_request& request);

} // namespace shannon::gateway
