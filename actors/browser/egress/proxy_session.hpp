#pragma once

#include "actors/browser/egress/proxy_rules.hpp"
#include "actors/kit/egress/resolve.hpp"
#include "actors/kit/egress/url.hpp"

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace shannon::browser {

class two_ends;

/// Something a page wanted and did not get.
struct egress_refusal {
  std::string host; ///< Empty if the request could not be read.
  std::uint16_t port = 0;
  std::string why;
  std::chrono::system_clock::time_point at;
};

struct proxy_counters {
  std::uint32_t connections = 0; ///< Open now.
  std::uint64_t connections_total = 0;
  std::uint64_t requests = 0; ///< CONNECTs included.
  std::uint64_t bytes_up = 0; ///< From the browser to servers.
  std::uint64_t bytes_down = 0;
  std::uint64_t refused = 0;
  /// The last `refusals_kept` of them, oldest first.
  std::vector<egress_refusal> refusals;
};

/// What the connections of one browser session share: its rules, its names,
/// its sums. Lives on the loop's thread; `counters` may be asked by any.
class proxy_session : public std::enable_shared_from_this<proxy_session> {
public:
  proxy_session(boost::asio::io_context& io,
                std::shared_ptr<kit::resolver> resolver, proxy_rules wanted);

  /// The checked addresses of a host. Those that were found lately are given
  /// again, so a page's many connections cost one look-up, and its host cannot
  /// turn into another one between them. `done` may be called at once.
  void lookup(const kit::url& where, kit::resolved done);

  void refuse(const std::string& host, std::uint16_t port, std::string why);
  void request() noexcept {
    ++requests_;
  }

  /// False once the session has used what it may.
  bool count(std::uint64_t up, std::uint64_t down);
  bool exhausted() const noexcept {
    return bytes_up_ + bytes_down_ >= rules.limits.bytes_max;
  }

  void opened(two_ends& one);
  void closed(two_ends& one);
  bool full() const noexcept {
    return open_.size() >= rules.limits.connections_max;
  }
  void close_all();

  proxy_counters counters() const;

  boost::asio::io_context& loop;
  const proxy_rules rules;
  /// Called when a connection has ended.
  std::function<void()> on_room;

private:
  struct name {
    kit::endpoints found;
    std::chrono::steady_clock::time_point until;
    /// Who waits for it, while it is looked up. The look-up holds them, since
    /// they hold this session.
    std::weak_ptr<std::vector<kit::resolved>> waiting;
  };

  void found(const std::string& key, const result<kit::endpoints>& got);
  void forget_old_names(std::chrono::steady_clock::time_point now);

  std::shared_ptr<kit::resolver> resolver_;
  std::map<std::string, name> names_;
  std::set<two_ends*> open_;

  std::atomic<std::uint32_t> open_count_{0};
  std::atomic<std::uint64_t> total_{0};
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> bytes_up_{0};
  std::atomic<std::uint64_t> bytes_down_{0};
  std::atomic<std::uint64_t> refused_{0};
  mutable std::mutex mutex_;
  std::deque<egress_refusal> refusals_;
};

} // namespace shannon::browser
