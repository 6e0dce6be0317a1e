#include "actors/gateway/http/waiting_exchange.hpp"

#include "actors/gateway/http/websocket.hpp"
#include "actors/gateway/text/answers.hpp"

#include <boost/asio/dispatch.hpp>

#include <utility>

namespace shannon::gateway {

namespace asio = boost::asio;

waiting_exchange::waiting_exchange(std::shared_ptr<http_connection> owner,
                                   std::shared_ptr<server_core> core,
                                   http_request request)
    : owner_(std::move(owner)), core_(std::move(core)),
      request_(std::move(request)) {}

waiting_exchange::~waiting_exchange() {
  if (answered_)
    return;
  error why{errc::unavailable, "service is starting or stopping", true, {}};
  respond(error_answer(why));
}

void waiting_exchange::respond(http_response response) {
  if (answered_.exchange(true))
    return;
  asio::dispatch(core_->io,
                 [owner = owner_, answer = std::move(response)]() mutable {
                   owner->send(std::move(answer));
                 });
}

void waiting_exchange::watch(std::function<void()> gone) {
  {
    std::lock_guard guard{mutex_};
    if (!gone_already_) {
      gone_ = std::move(gone);
      return;
    }
  }
  gone();
}

void waiting_exchange::client_left() {
  std::function<void()> tell;
  {
    std::lock_guard guard{mutex_};
    gone_already_ = true;
    tell = std::exchange(gone_, {});
  }
  if (tell && !answered_)
    tell();
}

std::shared_ptr<response_stream>
waiting_exchange::stream(http_response head, stream_events events) {
  auto opened = std::make_shared<live_stream>(
      owner_, core_->io, std::move(events), core_->streams);
  if (!answered_.exchange(true))
    asio::dispatch(core_->io,
                   [owner = owner_, head = std::move(head), opened]() mutable {
                     owner->open_stream(std::move(head), std::move(opened));
                   });
  return opened;
}

std::shared_ptr<response_stream>
waiting_exchange::upgrade(std::size_t message_bytes_max,
                          websocket_events events) {
  auto opened
      = make_websocket(owner_, core_, message_bytes_max, std::move(events));
  if (!answered_.exchange(true))
    asio::dispatch(core_->io,
                   [owner = owner_, request = request_, opened]() mutable {
                     owner->upgrade(request, std::move(opened));
                   });
  return opened;
}

} // namespace shannon::gateway
