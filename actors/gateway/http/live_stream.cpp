#include "actors/gateway/http/http_connection.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace shannon::gateway {

live_stream::live_stream(std::shared_ptr<http_connection> owner,
                         boost::asio::io_context& io, stream_events events,
                         std::shared_ptr<stream_room> room)
    : owner_(std::move(owner)), io_(io), events_(std::move(events)),
      share_(std::move(room)) {}

live_stream::outcome live_stream::write(std::string bytes) {
  std::unique_lock guard{mutex_};
  if (closed_ || closing_ || !owner_)
    return outcome::closed;
  if (!share_.take(bytes.size())) {
    closed_ = true;
    boost::asio::post(io_, [owner = owner_] { owner->close(); });
    return outcome::too_slow;
  }
  pending_ += bytes;
  kick();
  return outcome::taken;
}

void live_stream::close() {
  std::unique_lock guard{mutex_};
  if (closed_ || closing_ || !owner_)
    return;
  closing_ = true;
  kick();
}

void live_stream::kick() {
  if (std::exchange(kicked_, true))
    return;
  boost::asio::post(io_, [owner = owner_] { owner->flush_stream(); });
}

live_stream::piece live_stream::take() {
  std::unique_lock guard{mutex_};
  kicked_ = false;
  return {std::exchange(pending_, {}), closing_};
}

void live_stream::sent(std::size_t bytes) {
  if (share_.give_back(bytes) == 0 && events_.drained)
    events_.drained();
}

void live_stream::lost() {
  bool in_order = false;
  {
    std::unique_lock guard{mutex_};
    closed_ = true;
    in_order = closing_;
    owner_.reset();
  }
  auto events = std::exchange(events_, {});
  if (!in_order && events.closed)
    events.closed();
}

} // namespace shannon::gateway
