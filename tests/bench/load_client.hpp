#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::bench {

struct http_reply {
  /// 0: the connection was lost before a whole answer came.
  int status = 0;
  std::string_view body;
  double took_us = 0;
};

struct load_request {
  std::string bytes;
  /// For whoever asks: tells requests apart.
  std::uint64_t number = 0;
};

/// A request without a body.
std::string post_request(std::string_view path);

/// What the clients ask and hear.
struct load_work {
  /// None: there is nothing to ask now.
  std::function<std::optional<load_request>()> next;
  std::function<void(const load_request&, const http_reply&)> answered;
};

/// So many clients that each keep one request under way, from one thread, over
/// kept-alive connections to the loopback. A lost connection is opened again,
/// also while the server is away.
class load_client {
public:
  load_client(std::uint16_t port, int connections);
  ~load_client();

  load_client(const load_client&) = delete;
  load_client& operator=(const load_client&) = delete;

  /// Returns once nobody has anything to ask and nothing is under way, or at
  /// `until`; then what is under way stays unanswered. False for the latter.
  bool run(const load_work& work, std::chrono::steady_clock::time_point until);

private:
  struct connection;

  bool connect(connection& one);
  bool ask_next(connection& one, const load_work& work);
  void send(connection& one, const load_work& work);
  void receive(connection& one, const load_work& work);
  void lose(connection& one, const load_work& work);
  void drop(connection& one);

  std::uint16_t port_;
  int poll_ = -1;
  std::vector<connection> all_;
};

struct load_result {
  std::uint64_t requests = 0;
  std::uint64_t errors = 0; ///< Any status but the expected one.
  double seconds = 0;
  double p50_us = 0;
  double p99_us = 0;

  double per_second() const {
    return seconds > 0 ? static_cast<double>(requests) / seconds : 0;
  }
};

/// The same request again and again, for `time`.
load_result run_load(std::uint16_t port, const std::string& request,
                     int expected_status, int connections,
                     std::chrono::milliseconds time);

} // namespace shannon::bench
