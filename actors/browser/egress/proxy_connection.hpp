#pragma once

#include "actors/browser/egress/http_exchange.hpp"
#include "actors/browser/egress/request_head.hpp"
#include "actors/browser/egress/two_ends.hpp"

#include <cstddef>
#include <memory>

namespace shannon::browser {

/// Serves one connection of a browser: reads what it asks for, and either
/// refuses it, makes a tunnel, or exchanges request and answer and goes on.
class proxy_connection : public std::enable_shared_from_this<proxy_connection> {
public:
  explicit proxy_connection(two_ends_ptr ends) : ends_(std::move(ends)) {}

  /// Waits for the next request.
  void next();

private:
  void read_head();
  void serve(request_head request);
  void reach(request_head request);
  void connected(request_head request, bool reused);
  void open_tunnel();
  void on_end(const request_head& request, exchange_end end);
  /// Answers with why, and says no more.
  void refuse(int status, const std::string& why, const request_head* request);

  two_ends_ptr ends_;
  std::size_t scanned_ = 0;
};

} // namespace shannon::browser
