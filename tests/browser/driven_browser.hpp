#pragma once

#include "actors/browser/cdp/chromium.hpp"
#include "actors/browser/egress/egress_proxy.hpp"
#include "actors/kit/egress/resolve.hpp"
#include "actors/kit/io_loop.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace shannon::test {

/// A Chromium with one session behind an egress proxy, and one page of it, for
/// a test's thread: each call waits for its answer.
class driven_browser {
public:
  driven_browser(std::vector<std::string> exceptions, kit::name_lookup lookup,
                 std::vector<std::string> more_arguments = {});
  ~driven_browser();

  /// Loads a page; answers Chromium's error text, empty if there is none.
  std::string navigate(const std::string& url);
  /// What the expression comes to, promises awaited; null after `limit`.
  nlohmann::json evaluate(const std::string& expression,
                          std::chrono::milliseconds limit);
  std::uint64_t refused() const {
    return proxy_->counters().refused;
  }
  browser::proxy_counters counters() const {
    return proxy_->counters();
  }
  /// Waits until the proxy has nothing more to refuse.
  void settle() const;

private:
  nlohmann::json ask(const std::string& method, nlohmann::json params,
                     std::chrono::milliseconds limit);

  std::string folder_;
  kit::io_loop loop_{"browser"};
  std::shared_ptr<browser::chromium> chromium_;
  std::shared_ptr<browser::egress_proxy> proxy_;
  browser::context_lease lease_;
  std::string session_;
};

} // namespace shannon::test
