#include "actors/workflow/strategies/daemon.hpp"

#include "actors/workflow/engine/gather.hpp"

#include <nlohmann/json.hpp>

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

durable<std::string> reply_within(context ctx, std::chrono::milliseconds time) {
  std::vector<durable<std::string>> either;
  either.push_back(wait_reply(ctx));
  either.push_back(wait_long_enough(ctx, time));
  auto first = race(std::move(either));
  auto won = co_await first;
  co_return won.value;
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
  auto reply = reply_within(ctx, std::chrono::milliseconds{time_ms});
  auto payload = co_await reply;
  co_return payload;
}

bool is_for_daemon(const remote::TaskInput& task) {
  if (task.context_json().find("execution_target") == std::string::npos)
    return false; // A context may be large.
  auto context = nlohmann::json::parse(task.context_json(), nullptr, false);
  if (!context.is_object())
    return false;
  auto at = context.find("execution_target");
  return at != context.end() && *at == "daemon";
}

durable<remote::AgentReport> ask_daemon(context ctx,
                                        const remote::TaskInput& task) {
  remote::SendToDaemons wish;
  wish.set_channel("schedule");
  wish.set_thread_id(task.session());
  wish.set_sender("schedule");
  wish.set_source("schedule");
  wish.set_text(task.query());
  auto send = ctx.step("daemon", std::move(wish));
  auto sent = co_await send;
  auto wait
      = reply_within(ctx, std::chrono::milliseconds{sent.reply_wait_ms()});
  auto payload = co_await wait;
  auto reply = nlohmann::json::parse(payload, nullptr, false);
  auto text = reply.is_object() ? reply.find("text") : reply.end();
  remote::AgentReport report;
  report.set_name("daemon");
  report.set_success(true);
  report.set_text(text != reply.end() && text->is_string()
                      ? text->get<std::string>()
                      : payload);
  co_return report;
}

} // namespace shannon::workflow
