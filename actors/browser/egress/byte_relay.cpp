#include "actors/browser/egress/byte_relay.hpp"

#include "actors/browser/egress/pump.hpp"

#include <memory>
#include <utility>

namespace shannon::browser {

namespace {

class relay : public std::enable_shared_from_this<relay> {
public:
  explicit relay(two_ends_ptr ends) : ends_(std::move(ends)) {}

  void start(relay_start first) {
    ends_->set_idle(ends_->session->rules.limits.idle_timeout);
    run(pump::way::up, std::move(first.to_server));
    run(pump::way::down, std::move(first.to_client));
  }

private:
  void run(pump::way where, std::string first) {
    auto one = std::make_shared<pump>(
        ends_, where, body_end::at_close(),
        [self = shared_from_this(), where](pump::outcome how, std::string) {
          self->on_end(where, how);
        });
    one->start(std::move(first), {});
  }

  void on_end(pump::way where, pump::outcome how) {
    if (how != pump::outcome::source_closed || ++ended_ == 2)
      return ends_->close();
    auto& to = where == pump::way::up ? ends_->server : ends_->client;
    boost::system::error_code failed;
    to.shutdown(two_ends::tcp::socket::shutdown_send, failed);
    if (failed)
      return ends_->close();
    auto time = ends_->session->rules.limits.half_closed_timeout;
    ends_->set_idle(time);
    ends_->due_in(time);
  }

  two_ends_ptr ends_;
  int ended_ = 0;
};

} // namespace

void relay_bytes(two_ends_ptr ends, relay_start first) {
  std::make_shared<relay>(std::move(ends))->start(std::move(first));
}

} // namespace shannon::browser
