#pragma once

#include "protocols/errc.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct ssl_ctx_st;
struct ssl_st;

namespace shannon::link {

/// What all links of a node are encrypted with: TLS 1.3 alone, both sides show
/// a certificate of the CA, no session is taken up again without one.
class tls_context {
public:
  /// PEM files. Refuses a certificate that does not fit its key.
  static result<std::shared_ptr<const tls_context>>
  load(const std::string& ca, const std::string& cert, const std::string& key);

  ~tls_context();
  tls_context(const tls_context&) = delete;
  tls_context& operator=(const tls_context&) = delete;

  /// DNS names in our own certificate.
  const std::vector<std::string>& names() const noexcept {
    return names_;
  }
  /// When that certificate ends.
  std::chrono::system_clock::time_point ends() const noexcept {
    return ends_;
  }
  ssl_ctx_st* raw() const noexcept {
    return raw_;
  }

private:
  tls_context() = default;

  ssl_ctx_st* raw_ = nullptr;
  std::vector<std::string> names_;
  std::chrono::system_clock::time_point ends_;
};

/// One side of one TLS connection, without a socket: what comes from the wire
/// goes in, what must go onto it comes out. One thread at a time.
class tls_channel {
public:
  enum class side : bool { dials, accepts };

  tls_channel(std::shared_ptr<const tls_context> context, side which);
  ~tls_channel();
  tls_channel(const tls_channel&) = delete;
  tls_channel& operator=(const tls_channel&) = delete;

  /// The peer has shown a certificate that holds.
  bool established() const noexcept;

  /// Bytes from the wire; what they say is appended to `plain`. Begin with
  /// none. After an error nothing more is taken, but `drain` may have an alert
  /// for the peer.
  result<void> take(std::string_view wire, std::string& plain);

  /// For the peer, once established.
  result<void> put(std::string_view plain);

  bool has_output() const noexcept;
  /// Moves what must go onto the wire to the end of `wire`.
  void drain(std::string& wire);

  /// DNS names in the peer's certificate.
  std::vector<std::string> peer_names() const;

private:
  result<void> read(std::string& plain);

  std::shared_ptr<const tls_context> context_;
  ssl_st* raw_ = nullptr;
};

} // namespace shannon::link
