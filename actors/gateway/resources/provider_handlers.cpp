#include "actors/gateway/resources/provider_handlers.hpp"

#include "actors/gateway/identity/api_key.hpp"
#include "actors/gateway/identity/scopes.hpp"
#include "actors/gateway/resources/account_json.hpp"
#include "actors/gateway/resources/token_pairs.hpp"
#include "actors/gateway/text/identifiers.hpp"

#include <memory>
#include <string>
#include <utility>

namespace shannon::gateway {

namespace {

constexpr const char* first_key_name = "default";

/// Of the address what stands before its `@`.
std::string username_of(const std::string& email) {
  return email.substr(0, email.find('@'));
}

http_response refusal_of(const error& why) {
  switch (why.code) {
  case errc::denied:
    return account_error(401, "invalid_token",
                         "Google does not vouch for this sign-in");
  case errc::conflict:
    return account_error(409, "registration_failed",
                         "An account with this e-mail address exists");
  default:
    break;
  }
  auto out = account_error(status_of(why.code), "registration_failed",
                           "The sign-in could not be completed now");
  if (out.status == 503)
    out.fields.emplace_back("Retry-After", "5");
  return out;
}

class provider_handlers {
public:
  provider_handlers(desk& gateway, authenticator& entrance,
                    google_sign_in* google,
                    const config::identity_settings& settings)
      : gateway_(gateway), entrance_(entrance), google_(google),
        pairs_(gateway, entrance, settings) {}

  void sign_in(const call_ptr& request) {
    auto wanted
        = read_provider(request->request(), gateway_.settings().json_depth_max,
                        google_ != nullptr);
    if (!wanted)
      return request->answer(std::move(wanted.error()));
    auto next = [this, request](const result<google_person>& who) {
      who ? enter(request, *who) : request->answer(refusal_of(who.error()));
    };
    if (!wanted->token.empty())
      return google_->with_token(std::move(wanted->token), next);
    if (!google_->takes_codes())
      return request->answer(account_error(
          400, "unsupported_provider",
          "Sign-in with a code is not set up here: send Google's ID token"));
    google_->with_code(wanted->code, wanted->redirect_uri, next);
  }

private:
  /// Brings account and key for the case that the person is new.
  void enter(const call_ptr& request, const google_person& person) {
    auto made = make_api_key(entrance_.pepper());
    made.kept.name = first_key_name;
    made.kept.scopes = scopes::of_new_key();
    accounts::enter what;
    what.provider = "google";
    what.subject = person.subject;
    what.who.tenant = tenant_id{random_uuid()};
    what.who.user = user_id{random_uuid()};
    what.who.email = person.email;
    what.who.username = username_of(person.email);
    what.who.name = person.name;
    what.key = std::move(made.kept);
    gateway_.ask<accounts::entered>(
        {"records"}, std::move(what), gateway_.settings().ask_timeout,
        [this, request, key = made.text,
         picture = person.picture](const result<accounts::entered>& got) {
          if (!got)
            return request->answer(refusal_of(got.error()));
          if (!got->who)
            return request->answer(
                refusal_of({errc::denied, "closed", false, std::nullopt}));
          answer(request, *got->who, got->is_new ? key : std::string{},
                 got->is_new, picture);
        });
  }

  void answer(const call_ptr& request, const accounts::account& who,
              const std::string& key, bool is_new, const std::string& picture) {
    pairs_.begin(who, [request, who, key, is_new,
                       picture](const result<json_out>& pair) {
      if (!pair)
        return request->answer(refusal_of(pair.error()));
      request->answer(200, entered_json(who, *pair, key, is_new, picture));
    });
  }

  desk& gateway_;
  authenticator& entrance_;
  google_sign_in* google_;
  token_pairs pairs_;
};

} // namespace

void add_provider_handlers(handler_table& table, desk& gateway,
                           authenticator& entrance, google_sign_in* google,
                           const config::identity_settings& settings) {
  auto all = std::make_shared<provider_handlers>(gateway, entrance, google,
                                                 settings);
  table.set(endpoint::register_with_provider,
            [all](auto& call) { all->sign_in(call); });
}

} // namespace shannon::gateway
