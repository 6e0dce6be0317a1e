#pragma once

#include "actors/gateway/http/body_reader.hpp"
#include "actors/gateway/http/client_address.hpp"
#include "actors/gateway/http/http_server.hpp"
#include "actors/gateway/http/stream_room.hpp"
#include "actors/gateway/http/strict_request.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace shannon::gateway {

using io_executor = boost::asio::io_context::executor_type;
using tcp_socket
    = boost::asio::basic_stream_socket<boost::asio::ip::tcp, io_executor>;
using steady_time = std::chrono::steady_clock::time_point;

class http_connection;
class live_stream;
class websocket;
class waiting_exchange;

/// What the connections of one server share. Lives on the loop's thread.
struct server_core {
  server_core(boost::asio::io_context& context,
              const config::http_settings& limits)
      : io(context), settings(limits), proxies(limits.trusted_proxies),
        sweeper(context),
        streams(std::make_shared<stream_room>(limits.sse_buffer_bytes_max,
                                              limits.sse_buffers_bytes_max)) {}

  boost::asio::io_context& io;
  config::http_settings settings;
  trusted_proxies proxies;
  /// Null while nobody serves.
  std::shared_ptr<const http_service> service;
  std::unordered_set<http_connection*> connections;
  std::unordered_map<std::string, std::uint32_t> per_peer;
  /// Bytes of bodies in memory, of all connections.
  std::uint64_t body_bytes = 0;
  /// Requests of bounded routes that have no answer yet.
  std::uint32_t requests_waiting = 0;
  bool stopping = false;
  /// One timer looks after all deadlines: arming one per request costs more
  /// than the request.
  boost::asio::steady_timer sweeper;
  bool sweeping = false;
  std::shared_ptr<stream_room> streams;
  std::array<char, 64 * 1024> scratch;

  const std::string& date();
  metrics::gateway_metrics* counts() const noexcept {
    return service ? service->metrics : nullptr;
  }

private:
  std::int64_t date_second_ = 0;
  std::string date_;
};

/// One client's connection: reads a request, waits for its response, writes
/// it, and reads the next only then. All on the loop's thread.
class http_connection : public std::enable_shared_from_this<http_connection> {
public:
  http_connection(std::shared_ptr<server_core> core, tcp_socket socket,
                  door came_by, std::string peer);
  ~http_connection();

  void start();
  void send(http_response response);
  void open_stream(http_response head, std::shared_ptr<live_stream> stream);
  void flush_stream();
  /// From now on the socket is `socket`'s; this object counts it still.
  void upgrade(const http_request& request, std::shared_ptr<websocket> socket);
  tcp_socket release_socket();
  /// At once, whatever is under way.
  void close();
  /// Now if idle, else after the response.
  void close_when_idle();
  /// A request is under way, or one is to be expected.
  bool owes_answer() const noexcept;
  void check_deadline(steady_time now);
  bool is_overdue(steady_time now) const noexcept {
    return now >= deadline_;
  }

private:
  enum class phase : std::uint8_t {
    idle,
    head,
    body,
    handling,
    writing,
    streaming,
    upgraded,
    lingering,
    closed,
  };

  void wait_readable();
  void readable();
  void look_for_client();
  bool take(std::string_view bytes);
  void process();
  bool read_head();
  bool read_body();
  void begin_request(std::size_t head_size);
  void promise_continue();
  void dispatch();
  bool is_one_too_many() const noexcept;
  void shed(const refusal& why);
  http_response answer_of(const refusal& why) const;
  void refuse(const refusal& why);
  void stop_waiting();
  void write(std::string bytes);
  void write_more();
  bool is_last_request() const noexcept;
  void written();
  void stream_written();
  void linger();
  void release_body();
  void check_body_rate(steady_time now);
  void expire_in(std::chrono::milliseconds time);
  void never_expire() {
    deadline_ = steady_time::max();
  }

  std::shared_ptr<server_core> core_;
  tcp_socket socket_;
  door came_by_;
  std::string peer_;
  bool is_proxy_ = false; ///< The peer asks for others.
  phase phase_ = phase::idle;
  steady_time deadline_ = steady_time::max();
  steady_time body_begun_;
  std::string in_;
  std::size_t scanned_ = 0;
  request_head head_;
  http_request request_;
  std::unique_ptr<body_reader> body_;
  std::uint64_t charged_ = 0;
  std::uint32_t requests_ = 0;
  std::string path_; ///< Of the request under way, for its response.
  std::string out_;
  std::size_t out_sent_ = 0;
  /// Who prepares the response, as long as it does.
  std::weak_ptr<waiting_exchange> asked_;
  std::shared_ptr<live_stream> stream_;
  std::shared_ptr<websocket> websocket_;
  std::size_t stream_bytes_ = 0; ///< Of the stream, in `out_`.
  bool stream_ends_ = false;
  /// Who counted the opening counts the end, though GATEWAY may have changed.
  metrics::gateway_metrics* counted_by_ = nullptr;
  bool last_request_ = false;
  bool is_head_ = false;
  bool waiting_ = false;
  bool is_bounded_ = false;  ///< The request under way, by its route.
  bool begins_work_ = false; ///< The same.
  bool is_waiting_ = false;  ///< It is counted in `requests_waiting`.
};

/// A response whose body is written piece by piece, from any thread.
class live_stream final : public response_stream,
                          public std::enable_shared_from_this<live_stream> {
public:
  live_stream(std::shared_ptr<http_connection> owner,
              boost::asio::io_context& io, stream_events events,
              std::shared_ptr<stream_room> room);

  outcome write(std::string bytes) override;
  std::size_t unsent() const noexcept override {
    return share_.held();
  }
  bool is_behind() const noexcept override {
    return share_.is_half_full();
  }
  void close() override;

  // -- for the connection, on the loop ----------------------------------------

  struct piece {
    std::string bytes;
    bool last = false;
  };
  /// What was written since; empties the queue.
  piece take();
  void sent(std::size_t bytes);
  /// The connection is gone or wants to be.
  void lost();

private:
  void kick();

  std::shared_ptr<http_connection> owner_;
  boost::asio::io_context& io_;
  stream_events events_;
  stream_share share_;
  std::mutex mutex_;
  std::string pending_;
  bool kicked_ = false;
  bool closing_ = false;
  bool closed_ = false;
};

/// Sets close-on-exec: a tool's process must not inherit a client.
void close_on_exec(int descriptor) noexcept;

} // namespace shannon::gateway
