#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "actors/gateway/identity/authenticator.hpp"
#include "actors/gateway/routes/routes.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

namespace shannon::gateway {

/// Ends what a credential keeps open when it opens nothing any more: it was
/// revoked, has expired, or its user was closed. A credential is looked at
/// once, however much is open by it; while nobody can say, all stays open.
///
/// Used on one actor, not thread-safe. Must outlive the authenticator's asks.
class credential_watch {
public:
  using end = std::function<void()>;

  explicit credential_watch(authenticator& entrance) : entrance_(entrance) {}

  /// What `request` has opened by this line of the table. `ends` is called at
  /// most once, not after `remove`.
  std::uint64_t add(const http_request& request, const route& line, end ends);
  void remove(std::uint64_t ticket);

  /// Looks at every credential.
  void look();
  bool empty() const noexcept {
    return by_ticket_.empty();
  }

private:
  struct held {
    /// Of the request what shows the credential.
    http_request shown;
    const route* line = nullptr;
    std::map<std::uint64_t, end> open;
    bool asking = false;
  };
  using key = std::pair<std::string, const route*>;

  void judged(const key& which, const authenticator::verdict& got);

  authenticator& entrance_;
  std::map<key, held> held_;
  std::map<std::uint64_t, key> by_ticket_;
  std::uint64_t last_ticket_ = 0;
};

} // namespace shannon::gateway
