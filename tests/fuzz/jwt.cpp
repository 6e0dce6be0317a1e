// Access tokens. An input that begins with `!` is a header and, behind a line
// break, claims, which are signed with the right key, so that what is behind
// the signature is tried as well. What holds: a token that is believed names
// somebody, is good now and not for long, and means the same when it is signed
// again; and without the key nothing is believed.

#include "actors/gateway/identity/access_token.hpp"
#include "actors/gateway/identity/digest.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace shannon;
using namespace shannon::fuzz;
using namespace std::chrono_literals;

namespace {

const std::chrono::system_clock::time_point now{1'800'000'000s};
constexpr auto leeway = 60s;

const gateway::token_issuer& issuer() {
  static const gateway::token_issuer one{
      "shannon-platform",
      "shannon-api",
      {{"k1", std::string(32, 'x')}, {"k0", std::string(32, 'y')}},
      "k1"};
  return one;
}

std::string signed_text(std::string_view parts) {
  auto line = parts.find('\n');
  auto header = parts.substr(0, line);
  auto claims = line == std::string_view::npos ? std::string_view{}
                                               : parts.substr(line + 1);
  auto text
      = gateway::to_base64url(header) + '.' + gateway::to_base64url(claims);
  return text + '.'
         + gateway::to_base64url(
             gateway::hmac_sha256(issuer().keys.at("k1"), text));
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = text_of(data, size);
  auto is_signed = !bytes.empty() && bytes.front() == '!';
  auto token = is_signed ? signed_text(bytes.substr(1)) : std::string{bytes};
  auto got = gateway::verify_token(token, issuer(), now, leeway);
  if (!got)
    return 0;
  expect(is_signed, "nothing is believed without the key");
  expect(!got->user.empty() && !got->tenant.empty() && !got->role.empty(),
         "a token names somebody");
  expect(got->issued_at <= now + leeway && got->expires_at + leeway > now,
         "a token is good now");
  expect(got->expires_at - got->issued_at <= gateway::token_lifetime_max,
         "no token is good for long");
  auto again = gateway::verify_token(gateway::sign_token(issuer(), *got),
                                     issuer(), now, leeway);
  expect(again.has_value(), "what was believed is believed again");
  expect(again->user == got->user && again->tenant == got->tenant
             && again->id == got->id && again->role == got->role
             && again->scopes == got->scopes && again->epoch == got->epoch
             && again->expires_at == got->expires_at,
         "and it says the same");
  return 0;
}
