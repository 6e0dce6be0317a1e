#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "config/network.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::gateway {

/// The proxies in front of the node, `http.trusted_proxies`: whose word counts
/// when they say for whom they ask. Pure.
class trusted_proxies {
public:
  /// What is no network is left out; settings are checked before.
  explicit trusted_proxies(const std::vector<std::string>& networks);

  bool has(const config::ip_address& where) const noexcept;
  /// `peer` as sockets write it: without a port, maybe with a zone.
  bool has(std::string_view peer) const;

  /// Who asks. The peer itself, unless it is one of the proxies; then the
  /// rightmost entry of its X-Forwarded-For fields, read as one list, that is
  /// no proxy: what stands left of it was written by whoever that is. Entries
  /// may have a port (`192.0.2.7:80`, `[2001:db8::1]:80`). If all entries are
  /// proxies it is the first of them, which asks for itself. The peer, if there
  /// is no entry or the one that counts is no address.
  std::string client_of(std::string_view peer, const http_fields& fields) const;

private:
  std::vector<config::network> networks_;
};

} // namespace shannon::gateway
