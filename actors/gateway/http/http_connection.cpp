#include "actors/gateway/http/http_connection.hpp"

#include "actors/gateway/http/response_head.hpp"
#include "actors/gateway/http/waiting_exchange.hpp"
#include "actors/gateway/http/websocket.hpp"
#include "actors/gateway/openai/answer_writer.hpp"
#include "actors/gateway/openai/models_json.hpp"
#include "actors/gateway/text/answers.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <ctime>
#include <fcntl.h>
#include <mutex>
#include <utility>

namespace shannon::gateway {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;

/// Reads in a row before another connection gets its turn.
constexpr int reads_in_a_row = 16;
/// How long what a client still sends is read and dropped: a close with unread
/// bytes would reset the connection and lose the response.
constexpr milliseconds linger_time{2'000};
/// Before the next look at a body that is late but comes.
constexpr milliseconds rate_interval{1'000};
/// A body up to this size is read also for a request that will be refused: so
/// its connection can be kept.
constexpr std::uint64_t shed_body_bytes_max = 64 * 1024;
/// What a client may send into an open stream before it is cut off.
constexpr std::size_t stream_input_max = 64 * 1024;
/// The kernel's share of one stream's buffer.
constexpr int stream_socket_buffer = 64 * 1024;

refusal overload() {
  return {503, "overload", "too many requests wait for their answer"};
}

refusal no_room() {
  return {503, "no_room",
          "this node takes no new tasks until those it has go on faster"};
}

std::string chunk_of(std::string_view bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string size;
  for (auto rest = bytes.size(); rest != 0; rest >>= 4)
    size.insert(size.begin(), digits[rest & 15]);
  std::string text;
  text.reserve(bytes.size() + size.size() + 4);
  ((text += size) += "\r\n") += bytes;
  return text += "\r\n";
}

} // namespace

void close_on_exec(int descriptor) noexcept {
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

const std::string& server_core::date() {
  auto now = static_cast<std::int64_t>(std::time(nullptr));
  if (now != date_second_) {
    date_second_ = now;
    date_ = http_date(now);
  }
  return date_;
}

http_connection::http_connection(std::shared_ptr<server_core> core,
                                 tcp_socket socket, door came_by,
                                 std::string peer)
    : core_(std::move(core)), socket_(std::move(socket)), came_by_(came_by),
      peer_(std::move(peer)), is_proxy_(core_->proxies.has(peer_)) {}

http_connection::~http_connection() = default;

void http_connection::start() {
  core_->connections.insert(this);
  ++core_->per_peer[peer_];
  counted_by_ = core_->counts();
  if (counted_by_)
    counted_by_->connection_opened();
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  close_on_exec(socket_.native_handle());
  expire_in(core_->settings.first_byte_timeout);
  wait_readable();
}

void http_connection::close() {
  if (phase_ == phase::closed)
    return;
  phase_ = phase::closed;
  never_expire();
  release_body();
  stop_waiting();
  error_code ignored;
  socket_.close(ignored);
  core_->connections.erase(this);
  if (auto at = core_->per_peer.find(peer_); --at->second == 0)
    core_->per_peer.erase(at);
  if (counted_by_)
    counted_by_->connection_closed();
  if (auto stream = std::exchange(stream_, nullptr))
    stream->lost();
  if (auto socket = std::exchange(websocket_, nullptr))
    socket->abort();
  if (auto one = asked_.lock())
    one->client_left();
}

void http_connection::close_when_idle() {
  last_request_ = true;
  // Who has just come is about to ask.
  if (phase_ == phase::idle && requests_ > 0)
    close();
}

bool http_connection::owes_answer() const noexcept {
  return phase_ != phase::closed && phase_ != phase::streaming
         && phase_ != phase::upgraded && phase_ != phase::lingering
         && (phase_ != phase::idle || requests_ == 0);
}

// -- reading ------------------------------------------------------------------

void http_connection::wait_readable() {
  if (phase_ == phase::closed || std::exchange(waiting_, true))
    return;
  socket_.async_wait(tcp_socket::wait_read,
                     [self = shared_from_this()](error_code failed) {
                       self->waiting_ = false;
                       if (self->phase_ == phase::closed)
                         return;
                       if (failed)
                         return self->close();
                       self->readable();
                     });
}

/// A client that waits for its answer sends nothing, or its next request, which
/// stays where it is; an end of what it sends is taken for its own.
void http_connection::look_for_client() {
  char byte = 0;
  error_code failed;
  auto size = socket_.receive(asio::buffer(&byte, 1), tcp_socket::message_peek,
                              failed);
  if (failed == asio::error::would_block)
    return wait_readable();
  if (!failed && size > 0)
    return;
  if (auto one = asked_.lock())
    one->client_left();
}

void http_connection::readable() {
  if (phase_ == phase::handling)
    return look_for_client();
  // What comes while a response is under way stays in the kernel: that is the
  // depth of one for pipelines.
  for (int i = 0; i < reads_in_a_row; ++i) {
    if (phase_ == phase::handling || phase_ == phase::writing
        || phase_ == phase::upgraded || phase_ == phase::closed)
      return;
    error_code failed;
    auto size = socket_.read_some(
        asio::buffer(core_->scratch.data(), core_->scratch.size()), failed);
    if (failed == asio::error::would_block)
      return wait_readable();
    if (failed || size == 0)
      return close();
    if (!take({core_->scratch.data(), size}))
      return close();
  }
  wait_readable();
}

bool http_connection::take(std::string_view bytes) {
  switch (phase_) {
  case phase::lingering:
    return true;
  case phase::streaming:
    in_ += bytes; // Its next request: kept for then.
    return in_.size() <= stream_input_max;
  default:
    in_ += bytes;
    process();
    return true;
  }
}

void http_connection::process() {
  if (phase_ == phase::idle && !in_.empty()) {
    phase_ = phase::head;
    // A refusal must not be framed after the request before.
    head_ = {};
    path_.clear();
    is_head_ = false;
    expire_in(core_->settings.header_timeout);
  }
  if (phase_ == phase::head && !read_head())
    return;
  if (phase_ == phase::body && read_body())
    dispatch();
}

bool http_connection::read_head() {
  strict_limits limits{core_->settings.header_bytes_max,
                       core_->settings.header_fields_max};
  // A line end may be split between two reads: look back three bytes.
  auto from = scanned_ < 3 ? 0 : scanned_ - 3;
  auto scan = scan_head(in_, from, limits);
  if (scan.refused) {
    refuse(*scan.refused);
    return false;
  }
  scanned_ = in_.size();
  if (scan.size == 0)
    return false;
  begin_request(scan.size);
  return phase_ == phase::body;
}

void http_connection::begin_request(std::size_t head_size) {
  strict_limits limits{core_->settings.header_bytes_max,
                       core_->settings.header_fields_max};
  std::string_view bytes{in_.data(), head_size};
  auto head = parse_head(bytes, limits);
  if (!head)
    return refuse(head.error());
  head_ = std::move(*head);
  request_ = {};
  request_.method = std::move(head_.method);
  request_.path = std::move(head_.path);
  request_.query = std::move(head_.query);
  request_.fields = std::move(head_.fields);
  request_.peer = peer_;
  request_.client
      = is_proxy_ ? core_->proxies.client_of(peer_, request_.fields) : peer_;
  request_.came_by = came_by_;
  path_ = request_.path;
  is_head_ = request_.method == "HEAD";
  const auto& service = core_->service;
  auto plan = service && service->plan
                  ? service->plan(request_)
                  : request_plan{core_->settings.body_bytes_max, false};
  is_bounded_ = plan.is_bounded;
  begins_work_ = plan.begins_work;
  body_ = std::make_unique<body_reader>(head_, plan.body_bytes_max);
  if (auto refused = body_->begin(bytes))
    return refuse(*refused);
  if (is_one_too_many()
      && (head_.chunked
          || head_.content_length.value_or(0) > shed_body_bytes_max))
    return refuse(overload());
  in_.erase(0, head_size);
  scanned_ = 0;
  phase_ = phase::body;
  body_begun_ = std::chrono::steady_clock::now();
  expire_in(std::min(core_->settings.body_timeout, core_->settings.body_grace));
  promise_continue();
}

void http_connection::promise_continue() {
  auto has_body = head_.chunked || head_.content_length.value_or(0) > 0;
  if (!head_.expects_continue || !has_body || !in_.empty())
    return;
  // Nothing else is being written, so these bytes fit the socket's buffer.
  static constexpr std::string_view text = "HTTP/1.1 100 Continue\r\n\r\n";
  error_code ignored;
  socket_.write_some(asio::buffer(text.data(), text.size()), ignored);
}

bool http_connection::read_body() {
  if (!head_.chunked && head_.content_length.value_or(0) == 0)
    return true;
  auto made = body_->feed(in_);
  in_.erase(0, made.consumed);
  auto grown = body_->size() - charged_;
  charged_ += grown;
  core_->body_bytes += grown;
  if (made.refused) {
    refuse(*made.refused);
    return false;
  }
  if (core_->body_bytes > core_->settings.bodies_bytes_max) {
    refuse({503, "bodies", "too many request bodies at once"});
    return false;
  }
  return made.done;
}

void http_connection::dispatch() {
  request_.body = body_->take();
  body_.reset();
  phase_ = phase::handling;
  never_expire();
  ++requests_;
  if (is_one_too_many())
    return shed(overload());
  if (begins_work_ && core_->service && !core_->service->has_room())
    return shed(no_room());
  if (is_bounded_) {
    is_waiting_ = true;
    ++core_->requests_waiting;
  }
  auto service = core_->service;
  auto waiting = std::make_shared<waiting_exchange>(shared_from_this(), core_,
                                                    std::move(request_));
  asked_ = waiting;
  if (service && service->handle)
    service->handle(std::move(waiting));
  // Only to see whether the client is still there.
  if (phase_ == phase::handling)
    wait_readable();
}

bool http_connection::is_one_too_many() const noexcept {
  return is_bounded_
         && core_->requests_waiting >= core_->settings.requests_waiting_max;
}

/// The bytes are read, so the connection can be kept: to open one anew would
/// cost more than to refuse.
void http_connection::shed(const refusal& why) {
  if (auto* counts = core_->counts())
    counts->request_refused(why.reason);
  send(answer_of(why));
}

http_response http_connection::answer_of(const refusal& why) const {
  auto answer = error_answer(why.status, why.text);
  if (why.status == 503)
    answer.fields.emplace_back("Retry-After", "1");
  if (auto speaks = chat::dialect_of(request_))
    answer = chat::in_words_of(*speaks, std::move(answer));
  return answer;
}

void http_connection::refuse(const refusal& why) {
  if (auto* counts = core_->counts())
    counts->request_refused(why.reason);
  phase_ = phase::handling;
  last_request_ = true;
  send(answer_of(why));
}

/// It waits for its answer no more.
void http_connection::stop_waiting() {
  if (std::exchange(is_waiting_, false))
    --core_->requests_waiting;
}

void http_connection::release_body() {
  core_->body_bytes -= std::exchange(charged_, 0);
  body_.reset();
}

// -- writing ------------------------------------------------------------------

void http_connection::send(http_response response) {
  if (phase_ != phase::handling)
    return;
  release_body();
  stop_waiting();
  last_request_ = is_last_request();
  response_framing framing{response.body.size(), head_.http_1_1,
                           !last_request_};
  auto bytes = response_head(response, framing, path_,
                             core_->settings.cors_origins, core_->date());
  if (!is_head_)
    bytes += response.body;
  phase_ = phase::writing;
  write(std::move(bytes));
}

bool http_connection::is_last_request() const noexcept {
  return last_request_ || core_->stopping || !head_.keep_alive
         || requests_ >= core_->settings.requests_per_connection_max;
}

void http_connection::write(std::string bytes) {
  out_ = std::move(bytes);
  out_sent_ = 0;
  expire_in(core_->settings.write_timeout);
  write_more();
}

void http_connection::write_more() {
  error_code failed;
  while (out_sent_ < out_.size()) {
    auto size = socket_.write_some(
        asio::buffer(out_.data() + out_sent_, out_.size() - out_sent_), failed);
    if (failed == asio::error::would_block)
      break;
    if (failed)
      return close();
    out_sent_ += size;
    // Slow is allowed, standing still is not.
    expire_in(core_->settings.write_timeout);
  }
  if (out_sent_ == out_.size())
    return phase_ == phase::streaming ? stream_written() : written();
  socket_.async_wait(tcp_socket::wait_write,
                     [self = shared_from_this()](error_code stopped) {
                       if (self->phase_ == phase::closed)
                         return;
                       if (stopped)
                         return self->close();
                       self->write_more();
                     });
}

void http_connection::written() {
  out_ = {};
  out_sent_ = 0;
  if (last_request_)
    return linger();
  phase_ = phase::idle;
  expire_in(core_->settings.keep_alive_timeout);
  if (in_.empty())
    return wait_readable();
  // Through the loop: a client that sends a hundred requests at once must not
  // make a hundred nested calls.
  asio::post(core_->io, [self = shared_from_this()] {
    if (self->phase_ != phase::idle)
      return;
    self->process();
    if (self->phase_ == phase::head || self->phase_ == phase::body)
      self->wait_readable();
  });
}

void http_connection::linger() {
  phase_ = phase::lingering;
  in_ = {};
  expire_in(linger_time);
  error_code failed;
  socket_.shutdown(tcp_socket::shutdown_send, failed);
  if (failed)
    return close();
  wait_readable();
}

// -- streams ------------------------------------------------------------------

void http_connection::open_stream(http_response head,
                                  std::shared_ptr<live_stream> stream) {
  if (phase_ != phase::handling)
    return stream->lost();
  release_body();
  stop_waiting();
  phase_ = phase::streaming;
  stream_ = std::move(stream);
  // Without chunks only the connection's end ends the stream.
  last_request_ = is_last_request() || !head_.http_1_1;
  error_code ignored;
  socket_.set_option(asio::socket_base::send_buffer_size(stream_socket_buffer),
                     ignored);
  write(response_head(head, {std::nullopt, head_.http_1_1, !last_request_},
                      path_, core_->settings.cors_origins, core_->date()));
  wait_readable();
}

void http_connection::flush_stream() {
  if (phase_ != phase::streaming || !out_.empty())
    return;
  auto next = stream_->take();
  stream_bytes_ = next.bytes.size();
  stream_ends_ = next.last;
  if (next.bytes.empty() && !next.last)
    return;
  auto bytes = head_.http_1_1 && !next.bytes.empty() ? chunk_of(next.bytes)
                                                     : std::move(next.bytes);
  if (next.last && head_.http_1_1)
    bytes += "0\r\n\r\n";
  write(std::move(bytes));
}

void http_connection::stream_written() {
  out_ = {};
  out_sent_ = 0;
  never_expire();
  auto stream = stream_;
  stream->sent(std::exchange(stream_bytes_, 0));
  if (stream_ends_) {
    stream_.reset();
    stream->lost();
    stream_ends_ = false;
    return written();
  }
  flush_stream();
}

void http_connection::upgrade(const http_request& request,
                              std::shared_ptr<websocket> socket) {
  if (phase_ != phase::handling)
    return socket->abort();
  release_body();
  stop_waiting();
  phase_ = phase::upgraded;
  last_request_ = true;
  in_ = {};
  never_expire();
  websocket_ = std::move(socket);
  websocket_->accept(request);
}

tcp_socket http_connection::release_socket() {
  return std::move(socket_);
}

// -- deadlines ----------------------------------------------------------------

void http_connection::expire_in(milliseconds time) {
  deadline_ = std::chrono::steady_clock::now() + time;
}

void http_connection::check_deadline(steady_time now) {
  if (!is_overdue(now))
    return;
  switch (phase_) {
  case phase::head:
    return refuse({408, "header-timeout", "request header took too long"});
  case phase::body:
    return check_body_rate(now);
  default:
    // Idle, or a client that takes nothing.
    return close();
  }
}

void http_connection::check_body_rate(steady_time now) {
  auto age = std::chrono::duration<double>(now - body_begun_);
  auto is_late = age >= core_->settings.body_timeout;
  auto is_slow = age >= core_->settings.body_grace
                 && static_cast<double>(body_->size())
                        < age.count() * core_->settings.body_rate_min;
  if (is_late || is_slow)
    return refuse({408, "body-timeout", "request body took too long"});
  expire_in(std::min(rate_interval, core_->settings.body_grace));
}

} // namespace shannon::gateway
