#pragma once

#include "protocols/errc.hpp"
#include "protocols/ids.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What is said to the RECORD STORE about tenants, users and their
/// credentials. No secret stands here but what cannot be turned back: digests
/// and argon2id hashes.
namespace shannon::accounts {

using time_point = std::chrono::system_clock::time_point;

// -- values -------------------------------------------------------------------

/// Where a database begins: one tenant, and one user who may everything there.
inline constexpr const char* first_tenant
    = "00000000-0000-0000-0000-000000000001";
inline constexpr const char* first_user
    = "00000000-0000-0000-0000-000000000002";

/// `user`, `admin` or `owner` stands in `role`; the tenant's plan in `tier`.
struct account {
  tenant_id tenant;
  user_id user;
  std::string email;
  std::string username;
  std::string name; ///< Of a person; may be empty.
  std::string role;
  std::string tier;
  /// Raised to end all access tokens of the user that are out.
  std::int64_t epoch = 0;
};

/// An API key as its owner sees it.
struct key_row {
  std::string id; ///< A UUID.
  tenant_id tenant;
  user_id user;
  std::string prefix; ///< What a person tells keys apart by.
  std::string name;
  std::string description;
  std::vector<std::string> scopes;
  time_point created_at;
  std::optional<time_point> expires_at;
  std::optional<time_point> revoked_at;
  std::optional<time_point> last_used_at;
};

/// An API key that is being made. Who makes it brings id and digest, so that
/// making it twice makes one.
struct new_key {
  std::string id;
  std::string lookup; ///< What it is found by: unique, and no secret.
  std::string digest; ///< 32 raw bytes.
  std::string prefix;
  std::string name;
  std::string description;
  std::vector<std::string> scopes;
  /// From now; nothing: it does not expire.
  std::optional<std::chrono::milliseconds> lifetime;
};

// -- commands -----------------------------------------------------------------

/// Answers key_made. `not_found`: no such user in the tenant.
struct make_key {
  tenant_id tenant;
  user_id user;
  new_key key;
};

/// Answers key_revoked.
struct revoke_key {
  tenant_id tenant;
  user_id user;
  std::string id;
  /// Only if it allows no more than these: nobody takes away what he could not
  /// give. Nothing: whatever it allows.
  std::optional<std::vector<std::string>> within;
};

/// Another key takes the place of `id`: with its name, description, scopes and
/// end. The old one is taken for `overlap` longer. Answers key_made, or
/// `not_found` for a key that is unknown, revoked or expired.
struct rotate_key {
  tenant_id tenant;
  user_id user;
  std::string id;
  new_key key;
  std::chrono::milliseconds overlap{0};
};

/// The key has been used. Told, not asked: written at most once a minute.
struct touch_key {
  tenant_id tenant;
  std::string id;
};

/// A user with a password; a tenant that is not there yet is made with it, and
/// its first user owns it. Answers account_made, or `conflict` for an e-mail
/// address that somebody has.
struct make_account {
  account who; ///< Role, tier and epoch are decided here.
  std::string password_hash;
};

/// Somebody for whom a provider vouches, as `subject`, which it gives to nobody
/// else. Who is not known yet gets the account, in a tenant of its own, and
/// the key. Answers entered, or `conflict` if the e-mail address is another
/// account's: nobody has shown that both are one person.
struct enter {
  std::string provider; ///< `google`.
  std::string subject;
  account who; ///< Role, tier and epoch are decided here.
  new_key key;
};

/// All access tokens of the user that are out end. Answers epoch_raised.
struct raise_epoch {
  tenant_id tenant;
  user_id user;
};

/// The first token of a family, after a login. Answers refresh_kept.
struct keep_refresh {
  tenant_id tenant;
  user_id user;
  std::string family;
  std::string hash; ///< SHA-256 of the token, raw.
  std::chrono::milliseconds lifetime{0};
};

/// Uses a refresh token up and keeps the next of its family. Asked again with
/// the same `next` it answers the same. Answers refresh_used.
struct use_refresh {
  std::string hash;
  std::string next;
  std::chrono::milliseconds lifetime{0};
};

// -- queries ------------------------------------------------------------------

/// Whose is the key that is found by this? Answers key_found.
struct find_key {
  std::string lookup;
};

/// Answers account_found.
struct find_account {
  tenant_id tenant;
  user_id user;
};

/// Answers login_found.
struct find_login {
  std::string email;
};

/// Keys of a user, revoked ones too, newest first. Answers key_list.
struct list_keys {
  tenant_id tenant;
  user_id user;
};

// -- replies ------------------------------------------------------------------

struct key_made {
  key_row key;
};

struct key_revoked {
  bool found = false; ///< It was there and not revoked already.
  std::string lookup; ///< By which it was found.
};

struct account_made {
  account who;
};

struct entered {
  std::optional<account> who; ///< Nothing: it is closed.
  bool is_new = false;
};

struct epoch_raised {
  bool found = false;
};

struct refresh_kept {};

struct refresh_used {
  enum class outcome : std::uint8_t {
    taken,
    /// Unknown, expired or revoked.
    refused,
    /// It had been used before: somebody has a copy. Its family is revoked.
    reused,
  };
  outcome what = outcome::refused;
  account who; ///< Set when taken.
};

/// A key that opens something now.
struct live_key {
  std::string id;
  std::string digest;
  account who;
  std::vector<std::string> scopes;
  /// By the database's clock; nothing: it does not expire.
  std::optional<std::chrono::milliseconds> left;
};

struct key_found {
  /// Nothing: there is none, or it is revoked or expired, or its user or
  /// tenant is closed. Nobody outside learns which.
  std::optional<live_key> key;
};

struct account_found {
  std::optional<account> who;
};

struct login_found {
  std::optional<account> who;
  std::string password_hash;
};

struct key_list {
  std::vector<key_row> keys;
};

} // namespace shannon::accounts
