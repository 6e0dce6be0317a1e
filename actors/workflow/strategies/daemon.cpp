#include "actors/workflow/strategies/daemon.hpp"

#include "actors/workflow/engine/gather.hpp"

#include <charconv>
#include <chrono>
#include <utility>
#include <vector>

namespace shannon::workflow {

namespace {

durable<std::string> wait_reply(context ctx) {
  auto next = ctx.signal("daemon-reply-v1");
  auto reply = co_await next;
  co_return reply;
}

durable<std::string> wait_long_enough(context ctx,
                                      std::chrono::milliseconds time) {
  auto nap = ctx.sleep("reply", time);
  co_await nap;
  throw step_failed{{errc::timeout, "no daemon has replied", false, {}}};
}

} // namespace

durable<std::string> run_daemon(context ctx, std::string input) {
  std::int64_t time_ms = 0;
  auto [end, failed]
      = std::from_chars(input.data(), input.data() + input.size(), time_ms);
  if (failed != std::errc{} || end != input.data() + input.size())
    throw step_failed{{errc::invalid_argument,
                       "expected milliseconds, found \"" + input + '"',
                       false,
                       {}}};
  std::vector<durable<std::string>> either;
  either.push_back(wait_reply(ctx));
  either.push_back(wait_long_enough(ctx, std::chrono::milliseconds{time_ms}));
  auto first = race(std::move(either));
  auto won = co_await first;
  co_return won.value;
}

} // namespace shannon::workflow
