#include "actors/gateway/streams/stream_handlers.hpp"

#include "actors/gateway/resources/task_queries.hpp"
#include "actors/gateway/streams/stream.hpp"
#include "protocols/cluster.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <atomic>
#include <utility>

namespace shannon::gateway {

namespace {

/// Numbers STREAMs over all lives of the GATEWAY.
std::atomic<std::uint64_t> streams_started{0};

} // namespace

void stream_handlers::add_to(handler_table& table) {
  table.set(endpoint::stream_sse,
            [this](auto& call) { open(call, sse_words); });
  table.set(endpoint::stream_ws,
            [this](auto& call) { open(call, websocket_words); });
}

void stream_handlers::drain() {
  for (auto& [number, one] : open_)
    gateway_.tell({"stream/" + std::to_string(number)}, cluster::drain{});
}

void stream_handlers::stop() {
  for (auto& [number, one] : open_)
    caf::anon_send_exit(one.who, caf::exit_reason::user_shutdown);
  open_.clear();
}

/// Its client may not hear any more.
void stream_handlers::end(std::uint64_t number) {
  if (auto at = open_.find(number); at != open_.end())
    caf::anon_send_exit(at->second.who, caf::exit_reason::user_shutdown);
}

void stream_handlers::open(const call_ptr& request, const stream_words& words) {
  auto wanted = read_stream(request->request());
  if (!wanted)
    return request->answer(std::move(wanted.error()));
  if (request->request().method == "HEAD")
    return request->answer({200, {{"Content-Type", "text/event-stream"}}, {}});
  if (gateway_.is_draining())
    return request->answer(
        error{errc::unavailable, "the node is draining", true, std::nullopt});
  const auto& s = gateway_.settings();
  auto number = ++streams_started;
  stream_args args{gateway_.env(), metrics_};
  args.what = std::move(*wanted);
  args.tenant = request->who().tenant;
  args.number = number;
  args.head_fields = request->trace_fields();
  auto ticket = gateway_.keep_open(request, [this, number] { end(number); });
  args.client = request->release();
  args.words = &words;
  args.heartbeat = s.sse_heartbeat;
  args.ask_timeout = s.ask_timeout;
  args.ended = [this, post = gateway_.poster()](std::uint64_t ended) {
    post([this, ended] {
      if (auto at = open_.find(ended); at != open_.end()) {
        gateway_.let_go(at->second.ticket);
        open_.erase(at);
      }
    });
  };
  open_[number] = {spawn_stream(gateway_, std::move(args)), ticket};
}

} // namespace shannon::gateway
