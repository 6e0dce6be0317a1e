#include "actors/gateway/identity/google_sign_in.hpp"

#include "actors/gateway/identity/token_parts.hpp"
#include "actors/kit/egress/url.hpp"
#include "actors/kit/log.hpp"

#include <nlohmann/json.hpp>

#include <string_view>
#include <utility>

namespace shannon::gateway {

namespace {

using namespace std::chrono_literals;

/// Somebody waits for it in a browser.
kit::http_limits limits() {
  kit::http_limits out;
  out.connect = 3s;
  out.first_byte = 5s;
  out.between_bytes = 5s;
  out.total = 8s;
  out.header_bytes_max = 16 * 1024;
  out.body_bytes_max = 256ull * 1024;
  return out;
}

result<kit::http_request> request_to(const std::string& address,
                                     const char* setting) {
  auto url = kit::parse_url(address);
  if (!url)
    return fail(errc::invalid_argument,
                std::string{setting} + ": " + url.error().text);
  if (!url->tls && !(url->literal && url->literal->is_loopback()))
    return fail(errc::invalid_argument,
                std::string{setting}
                    + ": expected https, or an address of this machine, found "
                    + url->text());
  kit::http_request out;
  out.tls = url->tls;
  out.host = url->host;
  out.port = url->port;
  out.target = url->target;
  out.headers = {{"Accept", "application/json"}, {"User-Agent", "shannon"}};
  return out;
}

/// As application/x-www-form-urlencoded has it.
std::string form_text(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view plain
      = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (plain.find(c) != std::string_view::npos)
      out += c;
    else
      (((out += '%') += digits[byte >> 4]) += digits[byte & 15]);
  }
  return out;
}

/// What Google says to a code: a token, or that it is none.
result<std::string> token_in(int status, std::string_view body) {
  // RFC 6749, 5.2: what the client sent was wrong. Its own credentials being
  // wrong is this service's fault.
  auto told = nlohmann::json::parse(body, nullptr, false);
  if (!told.is_object())
    told = nlohmann::json::object();
  if (status == 400 && told.value("error", nlohmann::json{}) == "invalid_grant")
    return fail(errc::denied, "the code is none");
  std::string token;
  if (status != 200 || !read_claim(told, "id_token", token, token_bytes_max)) {
    std::string why;
    if (!read_claim(told, "error", why, 64))
      why = "no error is named";
    return fail(errc::unavailable, "Google gives no token for a code: status "
                                       + std::to_string(status) + ", " + why);
  }
  return token;
}

tl::unexpected<error> full() {
  return fail(errc::overloaded, "too many sign in at once", true);
}

} // namespace

result<std::unique_ptr<google_sign_in>>
google_sign_in::make(google_sign_in_args args) {
  const auto& settings = args.settings;
  auto keys = request_to(settings.google_keys_url, "identity.google_keys_url");
  auto token
      = request_to(settings.google_token_url, "identity.google_token_url");
  if (!keys || !token)
    return tl::unexpected<error>{(keys ? token : keys).error()};
  std::unique_ptr<google_sign_in> out{new google_sign_in{std::move(args)}};
  out->keys_request_ = std::move(*keys);
  out->token_request_ = std::move(*token);
  out->token_request_.method = "POST";
  out->token_request_.headers.emplace_back("Content-Type",
                                           "application/x-www-form-urlencoded");
  return out;
}

google_sign_in::google_sign_in(google_sign_in_args args)
    : args_(std::move(args)),
      keys_([this](const auto& next) { fetch_keys(next); }, args_.clock) {}

void google_sign_in::with_token(std::string token, then next) {
  if (is_full())
    return next(full());
  verify(std::move(token), counted(std::move(next)));
}

void google_sign_in::verify(std::string token, then next) {
  auto id = key_id_of(token);
  if (id.empty())
    return next(fail(errc::denied, "the token names no key"));
  keys_.find(id, [this, token = std::move(token),
                  next = std::move(next)](const result<rsa_key_ptr>& key) {
    if (!key)
      return next(tl::unexpected<error>{key.error()});
    if (!*key)
      return next(fail(errc::denied, "the token's key is none of Google's"));
    next(verify_google_token(token, **key, args_.settings.google_client_id,
                             args_.now(), args_.settings.clock_leeway));
  });
}

void google_sign_in::with_code(const std::string& code,
                               const std::string& redirect_uri, then next) {
  if (is_full())
    return next(full());
  auto request = token_request_;
  request.body = "grant_type=authorization_code&code=" + form_text(code)
                 + "&redirect_uri=" + form_text(redirect_uri)
                 + "&client_id=" + form_text(args_.settings.google_client_id)
                 + "&client_secret=" + form_text(args_.client_secret);
  ask(std::move(request),
      [this, next = counted(std::move(next))](const result<reply>& got) {
        if (!got)
          return next(tl::unexpected<error>{got.error()});
        auto token = token_in(got->head.status, got->body);
        if (token)
          return verify(std::move(*token), next);
        if (token.error().code == errc::unavailable)
          kit::log::warning("google-token", token.error().text);
        next(tl::unexpected<error>{std::move(token.error())});
      });
}

result<google_keys::fetched> google_sign_in::keys_in(const reply& got) {
  if (got.head.status != 200)
    return fail(errc::failed, "status " + std::to_string(got.head.status));
  return parse_google_keys(got.body).map([&](google_key_set keys) {
    return google_keys::fetched{
        std::move(keys),
        good_for(got.head.find("cache-control"), got.head.find("age"))};
  });
}

void google_sign_in::fetch_keys(const google_keys::fetch_done& next) {
  ask(keys_request_, [next](const result<reply>& got) {
    auto keys = got.and_then(keys_in);
    if (!keys)
      kit::log::warning("google-keys", "Google's keys cannot be had",
                        {{"why", keys.error().text}});
    next(std::move(keys));
  });
}

void google_sign_in::ask(kit::http_request request,
                         std::function<void(result<reply>)> next) {
  auto got = std::make_shared<reply>(); // The loop's until the end.
  kit::http_events events;
  events.head = [got](const kit::http_head& head) { got->head = head; };
  events.data = [got](std::string_view piece) { got->body += piece; };
  events.end = [got, next = std::move(next),
                post = args_.post](const result<void>& how) {
    post([got, next, how] {
      how ? next(std::move(*got)) : next(tl::unexpected<error>{how.error()});
    });
  };
  if (!client_)
    client_ = std::make_unique<kit::http_client>(args_.loop,
                                                 kit::http_client_options{});
  client_->start(std::move(request), limits(), std::move(events));
}

google_sign_in::then google_sign_in::counted(then next) {
  ++under_way_;
  return [this, next = std::move(next)](result<google_person> who) {
    --under_way_;
    next(std::move(who));
  };
}

} // namespace shannon::gateway
