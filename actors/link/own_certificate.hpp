#pragma once

#include "actors/link/tls_channel.hpp"
#include "config/settings.hpp"
#include "metrics/link_metrics.hpp"
#include "protocols/errc.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace shannon::link {

/// What this node shows its peers and whom it trusts, by the files that its
/// settings name. They may be renewed while the node runs: new connections are
/// encrypted with what the files hold then, those that are there go on. Files
/// that cannot be used, as one that is renewed before the others, change
/// nothing; that is logged once for each change.
class own_certificate {
public:
  /// `invalid_argument` if the files cannot be used or do not name this node.
  /// Without files there is no TLS.
  static result<own_certificate> load(config::tls_settings files,
                                      std::string name,
                                      metrics::link_metrics& metrics);

  /// Looks whether a file has changed, and takes what they hold. Costs three
  /// calls of the system.
  void look();

  /// Null without TLS.
  const std::shared_ptr<const tls_context>& context() const noexcept {
    return context_;
  }

private:
  /// Of each file: device, inode, size and time of its last change.
  using stamps = std::array<std::array<std::int64_t, 5>, 3>;

  own_certificate(config::tls_settings files, std::string name,
                  metrics::link_metrics& metrics)
      : files_(std::move(files)), name_(std::move(name)), metrics_(&metrics) {}

  stamps now() const;
  result<void> take();

  config::tls_settings files_;
  std::string name_;
  metrics::link_metrics* metrics_;
  stamps seen_{};
  std::shared_ptr<const tls_context> context_;
};

} // namespace shannon::link
