#include "nodes/commands/api_client.hpp"

#include "actors/kit/http_client.hpp"
#include "actors/kit/io_loop.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <future>
#include <mutex>

namespace shannon::commands {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds answer_timeout{30'000};
/// Three heartbeats of the stream: a server that is silent longer is gone.
constexpr milliseconds silence_max{30'000};
constexpr milliseconds stream_timeout = std::chrono::hours{24};
constexpr std::uint64_t answer_bytes_max = 64ull * 1024 * 1024;

milliseconds left(deadline until, milliseconds most) {
  if (!until)
    return most;
  auto rest
      = std::chrono::duration_cast<milliseconds>(*until - steady_clock::now());
  return std::clamp(rest, milliseconds{1}, most);
}

errc code_of(int status) {
  switch (status) {
  case 400:
  case 405:
  case 413:
  case 415:
  case 422:
    return errc::invalid_argument;
  case 401:
  case 403:
    return errc::denied;
  case 404:
    return errc::not_found;
  case 408:
  case 504:
    return errc::timeout;
  case 429:
    return errc::overloaded;
  case 502:
  case 503:
    return errc::unavailable;
  default:
    return errc::failed;
  }
}

/// The server's sentence: the member `error`, else the text itself.
error refusal(int status, const std::string& body,
              std::optional<std::chrono::seconds> retry_after) {
  error what;
  what.retry_after = retry_after;
  what.code = code_of(status);
  auto parsed = json::parse(body, nullptr, false);
  auto prefix = "the server answered " + std::to_string(status) + ": ";
  if (parsed.is_object() && parsed.contains("error")
      && parsed["error"].is_string())
    what.text = prefix + parsed["error"].get<std::string>();
  else
    what.text = prefix + body.substr(0, 300);
  return what;
}

/// `Retry-After` in seconds; its other form, a date, is none of ours.
std::optional<std::chrono::seconds> retry_after_of(const kit::http_head& head) {
  auto text = head.find("retry-after");
  unsigned seconds = 0;
  auto [end, bad]
      = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (text.empty() || bad != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return std::chrono::seconds{seconds};
}

} // namespace

class api_client::impl {
public:
  impl(server_url where, std::string key)
      : where_(std::move(where)), key_(std::move(key)), loop_("client"),
        client_(loop_.context(), {}) {}

  ~impl() {
    loop_.stop();
  }

  result<json> exchange(const char* method, const std::string& target,
                        std::string body, deadline until) {
    kit::http_request request = request_to(method, target);
    if (!body.empty())
      request.headers.emplace_back("Content-Type", "application/json");
    request.body = std::move(body);
    kit::http_limits limits;
    limits.total = left(until, answer_timeout);
    limits.first_byte = limits.total;
    limits.body_bytes_max = answer_bytes_max;
    int status = 0;
    std::optional<std::chrono::seconds> again;
    std::string answer;
    auto end = wait(
        std::move(request), limits,
        [&](const kit::http_head& head) {
          status = head.status;
          again = retry_after_of(head);
        },
        [&](std::string_view bytes) {
          answer.append(bytes);
          return true;
        });
    if (!end)
      return tl::unexpected(explained(end.error()));
    if (status < 200 || status > 299)
      return tl::unexpected(refusal(status, answer, again));
    auto parsed = json::parse(answer, nullptr, false);
    if (parsed.is_discarded())
      return fail(errc::failed, where_.text() + target
                                    + " did not answer with JSON: is it a "
                                      "shannon node?");
    return parsed;
  }

  result<void> stream(const std::string& target, const std::string& last_id,
                      deadline until,
                      std::function<bool(std::string_view)> data) {
    kit::http_request request = request_to("GET", target);
    request.headers.emplace_back("Accept", "text/event-stream");
    if (!last_id.empty())
      request.headers.emplace_back("Last-Event-ID", last_id);
    kit::http_limits limits;
    limits.total = left(until, stream_timeout);
    limits.first_byte = left(until, answer_timeout);
    limits.between_bytes = silence_max;
    // Bytes of a stream are handed on, not kept: only its time is limited.
    limits.body_bytes_max = ~std::uint64_t{0} >> 1;
    int status = 0;
    std::string refused;
    auto end = wait(
        std::move(request), limits,
        [&](const kit::http_head& head) { status = head.status; },
        [&](std::string_view bytes) {
          if (status == 200)
            return data(bytes);
          refused.append(bytes.substr(0, 1000));
          return true;
        });
    if (!end)
      return tl::unexpected(explained(end.error()));
    if (status != 200)
      return tl::unexpected(refusal(status, refused, {}));
    return {};
  }

  const server_url& where() const noexcept {
    return where_;
  }

private:
  kit::http_request request_to(const char* method, const std::string& target) {
    kit::http_request request;
    request.method = method;
    request.tls = where_.tls;
    request.host = where_.host;
    request.port = where_.port;
    request.target = where_.prefix + target;
    request.headers.emplace_back("User-Agent", "shannon");
    if (!key_.empty())
      request.headers.emplace_back("X-API-Key", key_);
    return request;
  }

  /// Runs one exchange to its end. The callbacks run on the loop's thread.
  result<void> wait(kit::http_request request, kit::http_limits limits,
                    std::function<void(const kit::http_head&)> head,
                    std::function<bool(std::string_view)> data) {
    struct shared {
      std::mutex mutex;
      std::shared_ptr<kit::http_call> call;
      bool stopped = false;
      std::promise<result<void>> end;
    };
    auto state = std::make_shared<shared>();
    auto ended = state->end.get_future();
    kit::http_events events;
    events.head = std::move(head);
    events.data = [state, data = std::move(data)](std::string_view bytes) {
      std::lock_guard guard{state->mutex};
      if (state->stopped || data(bytes))
        return;
      state->stopped = true;
      if (state->call)
        state->call->cancel();
    };
    events.end
        = [state](result<void> what) { state->end.set_value(std::move(what)); };
    auto call = client_.start(std::move(request), limits, std::move(events));
    {
      std::lock_guard guard{state->mutex};
      state->call = call;
      if (state->stopped)
        call->cancel();
    }
    auto what = ended.get();
    std::lock_guard guard{state->mutex};
    // The call holds the callbacks and they hold the state: untie them.
    state->call.reset();
    if (state->stopped)
      return {};
    return what;
  }

  error explained(error what) const {
    if (what.code == errc::unavailable)
      what.text = "cannot reach " + where_.text() + " (" + what.text
                  + "); start a node with \"shannon up\" or name another "
                    "with --url";
    else if (what.code == errc::timeout)
      what.text
          = "no answer from " + where_.text() + " in time (" + what.text + ")";
    return what;
  }

  server_url where_;
  std::string key_;
  kit::io_loop loop_;
  kit::http_client client_;
};

api_client::api_client(server_url where, std::string key)
    : impl_(std::make_unique<impl>(std::move(where), std::move(key))) {}

api_client::~api_client() = default;

result<json> api_client::get(const std::string& target, deadline until) {
  return impl_->exchange("GET", target, {}, until);
}

result<json> api_client::post(const std::string& target, const json& body,
                              deadline until) {
  return impl_->exchange("POST", target, body.dump(), until);
}

result<void> api_client::stream(const std::string& target,
                                const std::string& last_event_id,
                                deadline until,
                                std::function<bool(std::string_view)> data) {
  return impl_->stream(target, last_event_id, until, std::move(data));
}

const server_url& api_client::where() const noexcept {
  return impl_->where();
}

std::string api_key_from_environment() {
  const char* key = std::getenv("SHANNON_API_KEY");
  return key == nullptr ? std::string{} : std::string{key};
}

} // namespace shannon::commands
