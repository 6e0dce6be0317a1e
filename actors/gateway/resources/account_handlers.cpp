#include "actors/gateway/resources/account_handlers.hpp"

#include "actors/gateway/identity/api_key.hpp"
#include "actors/gateway/identity/digest.hpp"
#include "actors/gateway/identity/scopes.hpp"
#include "actors/gateway/resources/account_json.hpp"
#include "actors/gateway/resources/token_pairs.hpp"
#include "actors/gateway/text/identifiers.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace shannon::gateway {

namespace {

class account_handlers {
public:
  account_handlers(desk& gateway, authenticator& entrance,
                   password_desk& passwords,
                   const config::identity_settings& settings)
      : gateway_(gateway), entrance_(entrance), passwords_(passwords),
        settings_(settings), pairs_(gateway, entrance, settings) {}

  // -- keys -------------------------------------------------------------------

  void list_keys(const call_ptr& request) {
    const auto& who = request->who();
    ask<accounts::key_list>(
        accounts::list_keys{who.tenant, who.user},
        [this, request](const result<accounts::key_list>& got) {
          if (!got)
            return request->answer(got.error());
          auto now = gateway_.env().now();
          auto keys = json_out::array();
          for (const auto& key : got->keys)
            keys.push_back(key_json(key, now));
          json_out body;
          body["total"] = keys.size();
          body["keys"] = std::move(keys);
          request->answer(200, body);
        });
  }

  /// It allows what a new key does, and no more than whoever makes it may.
  void make_key(const call_ptr& request) {
    auto wanted = read_key(request->request(), depth());
    if (!wanted)
      return request->answer(std::move(wanted.error()));
    const auto& who = request->who();
    auto made = make_api_key(entrance_.pepper());
    made.kept.name = std::move(wanted->name);
    made.kept.description = std::move(wanted->description);
    made.kept.scopes = scopes::of_new_key();
    std::erase_if(made.kept.scopes, [&](auto& one) { return !who.may(one); });
    ask<accounts::key_made>(
        accounts::make_key{who.tenant, who.user, made.kept},
        [request, text = made.text](const result<accounts::key_made>& got) {
          if (!got)
            return request->answer(got.error());
          request->answer(201, made_key_json(got->key, text));
        });
  }

  void rotate_key(const call_ptr& request) {
    const auto& who = request->who();
    if (who.key.empty())
      return request->answer(account_error(400, "api_key_required",
                                           "Only an API key can be refreshed"));
    auto made = make_api_key(entrance_.pepper());
    ask<accounts::key_made>(
        accounts::rotate_key{who.tenant, who.user, who.key, made.kept,
                             settings_.key_overlap},
        [this, request,
         text = made.text](const result<accounts::key_made>& got) {
          if (!got)
            return request->answer(account_error(
                status_of(got.error().code), "key_generation_failed",
                "The key could not be replaced"));
          json_out body;
          body["api_key"] = text;
          body["previous_key_revoked"] = settings_.key_overlap.count() == 0;
          request->answer(200, body);
        });
  }

  void revoke_key(const call_ptr& request) {
    if (!is_uuid(request->id()))
      return request->answer(
          account_error(400, "invalid_request", "Invalid key ID"));
    const auto& who = request->who();
    accounts::revoke_key what{who.tenant, who.user, request->id(), {}};
    if (!who.may(scopes::api_keys_manage))
      what.within = who.scopes;
    ask<accounts::key_revoked>(
        std::move(what),
        [this, request](const result<accounts::key_revoked>& got) {
          if (!got)
            return request->answer(got.error());
          if (!got->found)
            return request->answer(account_error(
                404, "not_found", "API key not found or already revoked"));
          entrance_.forget_key(got->lookup);
          json_out body;
          body["success"] = true;
          body["message"] = "API key revoked";
          request->answer(200, body);
        });
  }

  // -- accounts ---------------------------------------------------------------

  void me(const call_ptr& request) {
    const auto& who = request->who();
    ask<accounts::account_found>(
        accounts::find_account{who.tenant, who.user},
        [request, who](const result<accounts::account_found>& got) {
          if (!got)
            return request->answer(
                account_error(status_of(got.error().code), "internal_error",
                              "The account could not be read"));
          if (got->who)
            return request->answer(200, me_json(*got->who));
          // With --dev one may be anybody, also somebody there is not.
          accounts::account guest;
          guest.tenant = who.tenant;
          guest.user = who.user;
          guest.role = who.role;
          guest.tier = who.tier;
          request->answer(200, me_json(guest));
        });
  }

  void make_account(const call_ptr& request) {
    auto wanted = read_register(request->request(), depth());
    if (!wanted)
      return request->answer(std::move(wanted.error()));
    accounts::account who;
    who.tenant
        = wanted->tenant.empty() ? tenant_id{random_uuid()} : wanted->tenant;
    who.user = user_id{random_uuid()};
    who.email = wanted->email;
    who.username = wanted->username;
    who.name = wanted->full_name;
    passwords_.hash(std::move(wanted->password),
                    [this, request, who](const result<std::string>& hash) {
                      if (!hash)
                        return request->answer(hash.error());
                      ask<accounts::account_made>(
                          accounts::make_account{who, *hash},
                          [request](const result<accounts::account_made>& got) {
                            if (got)
                              return request->answer(200, user_json(got->who));
                            // As the contract has it: every refusal is a 400.
                            if (got.error().code == errc::conflict)
                              return request->answer(
                                  error_answer(400, got.error().text));
                            request->answer(got.error());
                          });
                    });
  }

  /// Whether there is such an account is told neither by the text nor by the
  /// time it takes.
  void log_in(const call_ptr& request) {
    auto wanted = read_login(request->request(), depth());
    if (!wanted)
      return request->answer(std::move(wanted.error()));
    ask<accounts::login_found>(
        accounts::find_login{wanted->email},
        [this, request, password = std::move(wanted->password)](
            const result<accounts::login_found>& got) {
          if (!got)
            return request->answer(got.error());
          passwords_.verify(
              password, got->password_hash,
              [this, request, who = got->who](const result<bool>& fits) {
                if (!fits)
                  return request->answer(fits.error());
                if (!*fits || !who)
                  return request->answer(
                      error_answer(401, "invalid email or password"));
                pairs_.begin(*who, [request](const result<json_out>& pair) {
                  pair ? request->answer(200, *pair)
                       : request->answer(pair.error());
                });
              });
        });
  }

  void refresh(const call_ptr& request) {
    auto token = read_refresh(request->request(), depth());
    if (!token)
      return request->answer(std::move(token.error()));
    auto next = token_pairs::fresh();
    ask<accounts::refresh_used>(
        accounts::use_refresh{sha256(*token), sha256(next),
                              settings_.refresh_lifetime},
        [this, request, next](const result<accounts::refresh_used>& got) {
          if (!got)
            return request->answer(got.error());
          if (got->what != accounts::refresh_used::outcome::taken)
            return request->answer(
                account_error(401, "invalid_refresh_token",
                              "The refresh token is invalid or expired"));
          request->answer(200, pairs_.pair_of(got->who, next));
        });
  }

private:
  std::uint32_t depth() const {
    return gateway_.settings().json_depth_max;
  }

  template <class Answer, class F>
  void ask(message_body what, F then) {
    gateway_.ask<Answer>({"records"}, std::move(what),
                         gateway_.settings().ask_timeout, std::move(then));
  }

  desk& gateway_;
  authenticator& entrance_;
  password_desk& passwords_;
  config::identity_settings settings_;
  token_pairs pairs_;
};

} // namespace

void add_account_handlers(handler_table& table, desk& gateway,
                          authenticator& entrance, password_desk& passwords,
                          const config::identity_settings& settings) {
  using enum endpoint;
  auto all = std::make_shared<account_handlers>(gateway, entrance, passwords,
                                                settings);
  table.set(list_keys, [all](auto& call) { all->list_keys(call); });
  table.set(make_key, [all](auto& call) { all->make_key(call); });
  table.set(rotate_key, [all](auto& call) { all->rotate_key(call); });
  table.set(revoke_key, [all](auto& call) { all->revoke_key(call); });
  table.set(get_me, [all](auto& call) { all->me(call); });
  table.set(make_account, [all](auto& call) { all->make_account(call); });
  table.set(log_in, [all](auto& call) { all->log_in(call); });
  table.set(refresh_token, [all](auto& call) { all->refresh(call); });
}

} // namespace shannon::gateway
