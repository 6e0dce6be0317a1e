#include "nodes/services/redis_ping.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <vector>

namespace shannon::services {

namespace {

struct free_context {
  void operator()(redisContext* ptr) const {
    ::redisFree(ptr);
  }
};

struct free_reply {
  void operator()(redisReply* ptr) const {
    ::freeReplyObject(ptr);
  }
};

using context_ptr = std::unique_ptr<redisContext, free_context>;
using reply_ptr = std::unique_ptr<redisReply, free_reply>;

timeval to_timeval(std::chrono::milliseconds span) {
  timeval out{};
  out.tv_sec = static_cast<time_t>(span.count() / 1'000);
  out.tv_usec = static_cast<suseconds_t>(span.count() % 1'000 * 1'000);
  return out;
}

class session {
public:
  session(const redis_address& where, std::chrono::milliseconds timeout)
      : where_(where.shown()) {
    auto limit = to_timeval(timeout);
    context_.reset(
        where.socket.empty()
            ? ::redisConnectWithTimeout(where.host.c_str(), where.port, limit)
            : ::redisConnectUnixWithTimeout(where.socket.c_str(), limit));
    if (context_ && context_->err == 0)
      ::redisSetTimeout(context_.get(), limit);
  }

  result<void> connected() const {
    if (!context_)
      return fail(errc::unavailable, where_ + ": out of memory", true);
    if (context_->err != 0)
      return broken();
    return {};
  }

  result<reply_ptr> ask(std::initializer_list<std::string> words) {
    std::vector<const char*> parts;
    std::vector<std::size_t> sizes;
    for (const auto& word : words) {
      parts.push_back(word.data());
      sizes.push_back(word.size());
    }
    reply_ptr got{static_cast<redisReply*>(
        ::redisCommandArgv(context_.get(), static_cast<int>(parts.size()),
                           parts.data(), sizes.data()))};
    if (!got)
      return broken();
    if (got->type != REDIS_REPLY_ERROR)
      return got;
    auto text = std::string{got->str, got->len};
    bool refused = text.starts_with("NOAUTH") || text.starts_with("WRONGPASS")
                   || text.starts_with("NOPERM")
                   || text.find("invalid password") != std::string::npos;
    return fail(refused ? errc::denied : errc::unavailable,
                where_ + ": " + text);
  }

private:
  tl::unexpected<error> broken() const {
    bool late = context_->err == REDIS_ERR_IO
                && (errno == EAGAIN || errno == ETIMEDOUT);
    return fail(late ? errc::timeout : errc::unavailable,
                where_ + ": " + (late ? "no answer in time" : context_->errstr),
                true);
  }

  std::string where_;
  context_ptr context_;
};

/// From the answer to INFO.
std::string version_in(std::string_view info) {
  constexpr std::string_view key = "redis_version:";
  auto at = info.find(key);
  if (at == std::string_view::npos)
    return {};
  auto rest = info.substr(at + key.size());
  return std::string{rest.substr(0, rest.find_first_of("\r\n"))};
}

} // namespace

result<redis_pong> ping_redis(const redis_address& where,
                              std::chrono::milliseconds timeout) {
  session redis{where, timeout};
  if (auto up = redis.connected(); !up)
    return tl::unexpected(up.error());
  if (!where.password.empty()) {
    auto entered = where.user.empty()
                       ? redis.ask({"AUTH", where.password})
                       : redis.ask({"AUTH", where.user, where.password});
    if (!entered)
      return tl::unexpected(entered.error());
  }
  if (where.database != 0)
    if (auto done = redis.ask({"SELECT", std::to_string(where.database)});
        !done)
      return tl::unexpected(done.error());
  auto begin = std::chrono::steady_clock::now();
  auto answer = redis.ask({"PING"});
  if (!answer)
    return tl::unexpected(answer.error());
  auto end = std::chrono::steady_clock::now();
  if ((*answer)->type != REDIS_REPLY_STATUS
      || std::string_view{(*answer)->str, (*answer)->len} != "PONG")
    return fail(errc::unavailable, where.shown() + ": answers, but not PONG");
  redis_pong pong;
  pong.round_trip
      = std::chrono::duration_cast<std::chrono::microseconds>(end - begin);
  // Some hosted servers forbid INFO: that is no failure.
  if (auto info = redis.ask({"INFO", "server"});
      info && (*info)->type == REDIS_REPLY_STRING)
    pong.version = version_in({(*info)->str, (*info)->len});
  return pong;
}

} // namespace shannon::services
