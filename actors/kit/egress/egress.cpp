#include "actors/kit/egress/egress.hpp"

#include "actors/kit/egress/url.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace shannon::kit {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

std::string_view find_header(const http_headers& all,
                             std::string_view lower_name) {
  for (const auto& [name, value] : all)
    if (name == lower_name)
      return value;
  return {};
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307
         || status == 308;
}

} // namespace

std::string_view fetched::header(std::string_view lower_name) const noexcept {
  return find_header(headers, lower_name);
}

/// What calls share with the component they were started on.
struct egress::shared {
  shared(asio::io_context& io, egress_options opts)
      : loop(io), options(std::move(opts)),
        names(io, egress_policy{options.allow}, options.lookup_timeout,
              options.lookup),
        client(io, client_options()) {}

  http_client_options client_options() {
    http_client_options out;
    out.idle_max = 0;
    out.resolver
        = [this](const std::string& host, std::uint16_t port, resolved done) {
            names.resolve(host, port, std::move(done));
          };
    return out;
  }

  asio::io_context& loop;
  egress_options options;
  resolver names;
  http_client client;
};

/// One fetch with its redirects. Lives on the loop's thread.
class egress::call final : public http_call,
                           public std::enable_shared_from_this<call> {
public:
  call(std::shared_ptr<shared> owner, std::function<void(result<fetched>)> done)
      : owner_(std::move(owner)), deadline_(owner_->loop),
        done_(std::move(done)) {}

  void start(std::string text) {
    due_ = steady_clock::now() + owner_->options.timeout;
    deadline_.expires_at(due_);
    deadline_.async_wait([self = shared_from_this()](
                             boost::system::error_code stopped) {
      if (!stopped)
        self->stop(errc::timeout,
                   "the page did not come within "
                       + std::to_string(self->owner_->options.timeout.count())
                       + " ms");
    });
    auto where = parse_url(text);
    if (!where)
      return finish(tl::unexpected(where.error()));
    hop(std::move(*where));
  }

  void cancel() override {
    asio::post(owner_->loop, [self = shared_from_this()] {
      self->stop(errc::cancelled, "cancelled");
    });
  }

private:
  void hop(url where) {
    if (auto ok = owner_->names.policy().check_host(where.host, where.port);
        !ok)
      return finish(tl::unexpected(ok.error()));
    at_ = std::move(where);
    got_ = {};
    got_.url = at_.text();
    got_.redirects = redirects_;
    next_.reset();
    http_request request;
    request.tls = at_.tls;
    request.host = at_.host;
    request.port = at_.port;
    request.target = at_.target;
    request.headers = {
        {"User-Agent", "Mozilla/5.0 (compatible; Shannon/0.1)"},
        {"Accept", "text/html,text/plain,application/json;q=0.9,*/*;q=0.1"},
        {"Accept-Language", "en,*;q=0.5"},
        {"Accept-Encoding", "identity"},
    };
    auto left
        = std::chrono::duration_cast<milliseconds>(due_ - steady_clock::now());
    http_limits limits;
    limits.total = std::max(left, milliseconds{1});
    limits.connect = std::min(limits.connect, limits.total);
    limits.first_byte = std::min(limits.first_byte, limits.total);
    limits.between_bytes = std::min(limits.between_bytes, limits.total);
    // A longer body is cut here, not refused by the client.
    limits.body_bytes_max = ~0ull >> 1;
    http_events events;
    auto self = shared_from_this();
    auto number = ++hop_;
    events.head = [self, number](const http_head& head) {
      if (number == self->hop_)
        self->on_head(head);
    };
    events.data = [self, number](std::string_view bytes) {
      if (number == self->hop_)
        self->on_data(bytes);
    };
    events.end = [self, number](result<void> how) {
      if (number == self->hop_)
        self->on_end(std::move(how));
    };
    // Weak: the exchange keeps this call alive, not the other way round.
    inner_
        = owner_->client.start(std::move(request), limits, std::move(events));
  }

  void on_head(const http_head& head) {
    got_.status = head.status;
    got_.headers = head.headers;
    auto location = find_header(got_.headers, "location");
    if (!is_redirect(head.status) || location.empty())
      return;
    next_ = resolve_url(at_, location);
    end_hop();
  }

  void on_data(std::string_view bytes) {
    if (next_ || got_.truncated)
      return;
    auto room = owner_->options.bytes_max - got_.body.size();
    got_.body.append(bytes.substr(0, room));
    if (bytes.size() > room) {
      got_.truncated = true;
      end_hop();
    }
  }

  /// We have what we want of this exchange; `end` still follows.
  void end_hop() {
    if (auto inner = inner_.lock())
      inner->cancel();
  }

  void on_end(result<void> how) {
    if (next_)
      return follow(std::move(*next_));
    if (!how && !got_.truncated)
      return finish(tl::unexpected(how.error()));
    finish(std::move(got_));
  }

  void follow(result<url> where) {
    if (!where)
      return finish(fail(errc::denied, "the page redirects to an address that "
                                       "is refused: "
                                           + where.error().text));
    if (++redirects_ > owner_->options.redirects_max)
      return finish(
          fail(errc::denied, "more than "
                                 + std::to_string(owner_->options.redirects_max)
                                 + " redirects"));
    if (at_.tls && !where->tls)
      return finish(fail(errc::denied, "the page redirects from https to http, "
                                       "which is not followed"));
    hop(std::move(*where));
  }

  void stop(errc code, std::string why) {
    if (!done_)
      return;
    ++hop_; // What the exchange still says is not listened to.
    end_hop();
    finish(fail(code, std::move(why), code == errc::timeout));
  }

  void finish(result<fetched> how) {
    if (!done_)
      return;
    deadline_.cancel();
    std::exchange(done_, nullptr)(std::move(how));
  }

  std::shared_ptr<shared> owner_;
  asio::steady_timer deadline_;
  steady_clock::time_point due_;
  std::function<void(result<fetched>)> done_;
  std::weak_ptr<http_call> inner_;
  url at_;
  fetched got_;
  std::optional<result<url>> next_;
  std::uint32_t redirects_ = 0;
  /// Tells the events of this exchange from those of one before.
  std::uint64_t hop_ = 0;
};

egress::egress(asio::io_context& loop, egress_options options)
    : shared_(std::make_shared<shared>(loop, std::move(options))) {}

egress::~egress() = default;

std::shared_ptr<http_call>
egress::get(std::string url, std::function<void(result<fetched>)> done) {
  auto one = std::make_shared<call>(shared_, std::move(done));
  asio::post(shared_->loop, [one, url = std::move(url)]() mutable {
    one->start(std::move(url));
  });
  return one;
}

} // namespace shannon::kit
