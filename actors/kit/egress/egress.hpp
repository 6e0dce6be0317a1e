#pragma once

#include "actors/kit/egress/resolve.hpp"
#include "actors/kit/http_client.hpp"
#include "protocols/errc.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace shannon::kit {

struct egress_options {
  /// `host:port` pairs that may be reached although they are not public.
  std::vector<std::string> allow;
  std::uint32_t redirects_max = 5;
  std::uint64_t bytes_max = 10ull * 1024 * 1024;
  /// From the call to its last byte, redirects included.
  std::chrono::milliseconds timeout{30'000};
  std::chrono::milliseconds lookup_timeout{5'000};
  /// Replaced in tests; empty for the system's.
  name_lookup lookup;
};

/// What came back from the last hop.
struct fetched {
  int status = 0;
  std::string url; ///< After redirects.
  http_headers headers;
  std::string body;
  /// The body went on beyond `bytes_max` and was cut there.
  bool truncated = false;
  std::uint32_t redirects = 0;

  /// Empty if there is no such header. The name in lower case.
  std::string_view header(std::string_view lower_name) const noexcept;
};

/// EGRESS: the one place from which tools reach the network.
///
/// Every hop's URL is parsed strictly, its host resolved once, each address
/// classified, and the connection made to exactly those addresses. At most
/// `redirects_max` redirects, never from https to http. No cookies, no
/// credentials, no kept connections: nothing passes from one fetch to the
/// next.
class egress {
public:
  egress(boost::asio::io_context& loop, egress_options options);
  ~egress();

  /// GETs a URL. `done` is called exactly once, on the loop's thread: with the
  /// answer whatever its status, or invalid_argument (the URL), denied (the
  /// policy), unavailable, timeout, failed, cancelled. Thread-safe.
  std::shared_ptr<http_call> get(std::string url,
                                 std::function<void(result<fetched>)> done);

private:
  struct shared;
  class call;

  std::shared_ptr<shared> shared_;
};

} // namespace shannon::kit
