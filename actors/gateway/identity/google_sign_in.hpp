#pragma once

#include "actors/gateway/identity/google_keys.hpp"
#include "actors/kit/http_client.hpp"
#include "config/settings.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace shannon::gateway {

struct google_sign_in_args {
  boost::asio::io_context& loop; ///< Of the sockets to Google.
  config::identity_settings settings;
  /// Of this service with Google; empty: nobody signs in by a code.
  std::string client_secret;
  /// Brings what comes from the loop back to the actor.
  std::function<void(std::function<void()>)> post;
  std::function<std::chrono::system_clock::time_point()> now;
  std::function<std::chrono::steady_clock::time_point()> clock;
};

/// Asks Google who somebody is. Its addresses are the operator's, never a
/// client's, so they are reached without the policy that holds for tools; one
/// that is not https must be on this machine.
///
/// Used on one actor, not thread-safe.
class google_sign_in {
public:
  /// `denied`: Google does not vouch for anybody; `overloaded`, `unavailable`
  /// and `timeout`: it cannot be asked now.
  using then = std::function<void(result<google_person>)>;

  /// Sign-ins under way; above it `overloaded`.
  static constexpr std::size_t under_way_max = 256;

  /// `invalid_argument` if an address of the settings is none.
  static result<std::unique_ptr<google_sign_in>> make(google_sign_in_args args);

  bool takes_codes() const noexcept {
    return !args_.client_secret.empty();
  }

  /// Who is it that this ID token was given to?
  void with_token(std::string token, then next);

  /// Changes a code of the authorization flow for an ID token first.
  void with_code(const std::string& code, const std::string& redirect_uri,
                 then next);

private:
  struct reply {
    kit::http_head head;
    std::string body;
  };

  explicit google_sign_in(google_sign_in_args args);

  bool is_full() const noexcept {
    return under_way_ >= under_way_max;
  }
  void verify(std::string token, then next);
  void ask(kit::http_request request, std::function<void(result<reply>)> next);
  void fetch_keys(const google_keys::fetch_done& next);
  static result<google_keys::fetched> keys_in(const reply& got);
  then counted(then next);

  google_sign_in_args args_;
  /// Made with the first question: it reads the system's certificates, for
  /// which a GATEWAY that starts has no time.
  std::unique_ptr<kit::http_client> client_;
  kit::http_request keys_request_;
  kit::http_request token_request_;
  google_keys keys_;
  std::size_t under_way_ = 0;
};

} // namespace shannon::gateway
