#include "actors/gateway/identity/authenticator.hpp"

#include "actors/gateway/identity/api_key.hpp"
#include "actors/gateway/identity/credential.hpp"
#include "actors/gateway/identity/digest.hpp"
#include "actors/gateway/text/answers.hpp"
#include "actors/gateway/text/identifiers.hpp"

#include <optional>
#include <utility>

namespace shannon::gateway {

namespace {

using namespace std::chrono_literals;

/// How often the use of a key is written down.
constexpr auto touch_every = 60s;

/// With what RFC 9110 wants of a 401. Nobody learns why.
tl::unexpected<http_response> refused(const char* text) {
  auto out = error_answer(401, text);
  out.fields.emplace_back("WWW-Authenticate", "Bearer realm=\"Shannon API\"");
  return tl::unexpected<http_response>{std::move(out)};
}

tl::unexpected<http_response> invalid() {
  return refused("Invalid token");
}

tl::unexpected<http_response> away(error why) {
  why.code
      = why.code == errc::overloaded ? errc::overloaded : errc::unavailable;
  why.text = "credentials cannot be looked up now";
  return tl::unexpected<http_response>{error_answer(why)};
}

vouching_bounds bounds_of(const config::identity_settings& settings) {
  return {settings.known_max, settings.unknown_max, settings.lookups_max,
          settings.cache_for};
}

token_issuer issuer_of(const authenticator_args& args) {
  token_issuer out;
  out.name = args.settings.issuer;
  out.audience = args.settings.audience;
  for (const auto& [name, key] : args.secrets.token_keys)
    out.keys.emplace(name, key);
  if (!args.secrets.token_keys.empty())
    out.signs = args.secrets.token_keys.front().first;
  return out;
}

identity identity_of(const accounts::account& who,
                     std::vector<std::string> scopes, std::string key = {}) {
  identity out;
  out.tenant = who.tenant;
  out.user = who.user;
  out.role = who.role;
  out.scopes = std::move(scopes);
  out.key = std::move(key);
  out.tier = who.tier;
  return out;
}

identity operator_identity() {
  identity out;
  out.role = "operator";
  out.scopes = {"*"};
  return out;
}

bool is_loopback(std::string_view peer) {
  return peer == "::1" || peer.starts_with("127.")
         || peer.starts_with("::ffff:127.");
}

/// A proxy on this machine asks for others, one elsewhere may say anything.
bool is_this_machine(const http_request& request) {
  return is_loopback(request.peer) && is_loopback(request.client);
}

/// No UUID has a line feed.
std::string name_of(const tenant_id& tenant, const user_id& user) {
  return tenant.value + "\n" + user.value;
}

/// Turns the record store's answer into what vouching wants.
template <class Answer, class Member>
auto read_into(Member member) {
  return [member](auto done) {
    return [member, done = std::move(done)](result<message_body> got) {
      if (!got)
        return done(tl::unexpected<error>{std::move(got.error())});
      const auto* answer = got->template get_if<Answer>();
      if (!answer)
        return done(fail(errc::failed, "answer of an unexpected type"));
      done(answer->*member);
    };
  };
}

} // namespace

identity dev_identity(const http_request& request) {
  auto told = [&](std::string_view field, const char* otherwise) {
    auto text = request.find(field);
    return is_uuid(text) ? std::string{text} : std::string{otherwise};
  };
  identity out;
  out.tenant = tenant_id{told("x-tenant-id", accounts::first_tenant)};
  out.user = user_id{told("x-user-id", accounts::first_user)};
  out.role = "admin";
  out.scopes = {"*"};
  return out;
}

authenticator::authenticator(authenticator_args args)
    : args_(std::move(args)), issuer_(issuer_of(args_)),
      keys_(bounds_of(args_.settings), args_.clock,
            [](const accounts::live_key& key) { return key.left; }),
      users_(bounds_of(args_.settings), args_.clock,
             [](const accounts::account&) {
               return std::optional<std::chrono::milliseconds>{};
             }),
      touched_(args_.settings.known_max) {}

void authenticator::check(const http_request& request, const route& to,
                          then next) {
  if (to.who == access::anybody)
    return next(identity{});
  if (to.who == access::operator_)
    return next(operator_identity());
  if (to.who == access::approver)
    return check_operator(request, args_.approvals_token,
                          "http.approvals_token", next);
  if (to.who == access::event_source)
    return check_operator(request, args_.events_token, "http.events_token",
                          next);
  if (args_.dev) {
    args_.counted("dev");
    return next(dev_identity(request));
  }
  auto judged = [this, scope = to.scope, next = std::move(next)](verdict got) {
    if (got && !got->may(scope)) {
      args_.counted("scope");
      got = tl::unexpected<http_response>{error_answer(
          403, "The credential lacks the scope " + std::string{scope})};
    }
    next(std::move(got));
  };
  auto shown = credential_of(request, to.who == access::stream_client);
  switch (shown.what) {
  case credential::form::none:
    args_.counted("none");
    return judged(refused("Authentication required"));
  case credential::form::malformed:
    args_.counted("refused");
    return judged(invalid());
  case credential::form::api_key:
    return check_key(shown.text, std::move(judged));
  case credential::form::token:
    return check_token(shown.text, std::move(judged));
  }
}

void authenticator::check_operator(const http_request& request,
                                   const std::string& token, const char* key,
                                   const then& next) {
  auto shown = request.find("authorization");
  constexpr std::string_view scheme = "Bearer ";
  if (token.empty() && is_this_machine(request)) {
    args_.counted("none");
    return next(operator_identity());
  }
  if (token.empty()) {
    args_.counted("refused");
    return next(tl::unexpected<http_response>{
        error_answer(403, std::string{"only this machine may, while "} + key
                              + " is not set")});
  }
  auto good
      = shown.starts_with(scheme)
        && same_digest(sha256(shown.substr(scheme.size())), sha256(token));
  args_.counted(good ? "key" : "refused");
  good ? next(operator_identity()) : next(refused("unauthorized"));
}

void authenticator::check_key(const std::string& text, then next) {
  auto key = parse_api_key(text);
  if (!key)
    return next(invalid());
  auto digest = digest_of(*key, args_.secrets.pepper);
  keys_.find(
      key->lookup,
      [this, lookup = key->lookup](auto done) {
        args_.ask_records(accounts::find_key{lookup},
                          read_into<accounts::key_found>(
                              &accounts::key_found::key)(std::move(done)));
      },
      [this, digest,
       next = std::move(next)](const vouching<accounts::live_key>::found& got) {
        if (!got) {
          args_.counted("unavailable");
          return next(away(got.error()));
        }
        // The same work whether there is such a key or not.
        static const std::string nothing(digest_bytes, '\0');
        auto same = same_digest(*got ? (*got)->digest : nothing, digest);
        if (!same || !*got) {
          args_.counted("refused");
          return next(invalid());
        }
        args_.counted("key");
        key_used(**got);
        next(identity_of((*got)->who, (*got)->scopes, (*got)->id));
      });
}

void authenticator::check_token(const std::string& text, then next) {
  auto claims
      = verify_token(text, issuer_, args_.now(), args_.settings.clock_leeway);
  if (!claims) {
    args_.counted("refused");
    return next(invalid());
  }
  accounts::find_account question{claims->tenant, claims->user};
  users_.find(
      name_of(question.tenant, question.user),
      [this, question](auto done) {
        args_.ask_records(question,
                          read_into<accounts::account_found>(
                              &accounts::account_found::who)(std::move(done)));
      },
      [this, claims = std::move(*claims),
       next = std::move(next)](const vouching<accounts::account>::found& got) {
        if (!got) {
          args_.counted("unavailable");
          return next(away(got.error()));
        }
        if (!*got || (*got)->epoch != claims.epoch) {
          args_.counted("refused");
          return next(invalid());
        }
        args_.counted("token");
        next(identity_of(**got, claims.scopes));
      });
}

void authenticator::key_used(const accounts::live_key& key) {
  auto now = args_.clock();
  if (touched_.find(key.id, now))
    return;
  touched_.put(key.id, true, now + touch_every);
  args_.tell_records(accounts::touch_key{key.who.tenant, key.id});
}

void authenticator::forget_key(const std::string& lookup) {
  keys_.forget(lookup);
}

void authenticator::forget_user(const tenant_id& tenant, const user_id& user) {
  users_.forget(name_of(tenant, user));
}

} // namespace shannon::gateway
