#include "actors/gateway/limits/redis_buckets.hpp"

#include "actors/gateway/limits/redis_script.hpp"
#include "actors/kit/io_loop.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <hiredis/async.h>

#include <atomic>
#include <deque>
#include <future>
#include <string>
#include <utility>

namespace shannon::gateway {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using clock_type = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds dial_interval{1'000};
constexpr milliseconds dial_patience{1'000};

/// What hiredis wants to know of its socket, told by Asio. Lives as long as one
/// connection; its handlers may outlive it and then do nothing.
class socket_watch : public std::enable_shared_from_this<socket_watch> {
public:
  socket_watch(asio::io_context& io, redisAsyncContext* context)
      : context_(context), socket_(io, context->c.fd) {
    context->ev.data = this;
    context->ev.addRead = [](void* self) { of(self).watch_reads(true); };
    context->ev.delRead = [](void* self) { of(self).watch_reads(false); };
    context->ev.addWrite = [](void* self) { of(self).watch_writes(true); };
    context->ev.delWrite = [](void* self) { of(self).watch_writes(false); };
    context->ev.cleanup = [](void* self) { of(self).end(); };
  }
  ~socket_watch() {
    if (socket_.is_open())
      socket_.release(); // hiredis closes it.
  }

  bool is_open() const noexcept {
    return context_ != nullptr;
  }

private:
  static socket_watch& of(void* self) noexcept {
    return *static_cast<socket_watch*>(self);
  }

  void end() {
    context_ = nullptr;
    socket_.release();
  }

  void watch_reads(bool wanted) {
    reads_ = wanted;
    if (wanted && !std::exchange(waits_to_read_, true))
      socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                         [self = shared_from_this()](error_code failed) {
                           self->waits_to_read_ = false;
                           if (failed || !self->context_ || !self->reads_)
                             return;
                           redisAsyncHandleRead(self->context_);
                         });
  }

  void watch_writes(bool wanted) {
    writes_ = wanted;
    if (wanted && !std::exchange(waits_to_write_, true))
      socket_.async_wait(asio::posix::stream_descriptor::wait_write,
                         [self = shared_from_this()](error_code failed) {
                           self->waits_to_write_ = false;
                           if (failed || !self->context_ || !self->writes_)
                             return;
                           redisAsyncHandleWrite(self->context_);
                         });
  }

  redisAsyncContext* context_;
  asio::posix::stream_descriptor socket_;
  bool reads_ = false;
  bool writes_ = false;
  bool waits_to_read_ = false;
  bool waits_to_write_ = false;
};

std::optional<bucket_verdict> verdict_of(const redisReply* reply,
                                         std::size_t buckets) {
  if (!reply || reply->type != REDIS_REPLY_ARRAY
      || reply->elements != buckets + 2)
    return std::nullopt;
  for (std::size_t i = 0; i < reply->elements; ++i)
    if (reply->element[i]->type != REDIS_REPLY_INTEGER)
      return std::nullopt;
  auto by = reply->element[0]->integer;
  if (by < 0 || by > static_cast<long long>(buckets))
    return std::nullopt;
  bucket_verdict verdict;
  verdict.allowed = by == 0;
  verdict.by = by > 0 ? static_cast<std::size_t>(by - 1) : 0;
  verdict.wait = milliseconds{reply->element[1]->integer};
  for (std::size_t i = 2; i < reply->elements; ++i)
    verdict.left.push_back(
        static_cast<std::uint32_t>(reply->element[i]->integer));
  return verdict;
}

std::string text_of(const redisReply* reply) {
  return reply && reply->str ? std::string{reply->str, reply->len}
                             : std::string{"no answer"};
}

} // namespace

class redis_buckets::link {
public:
  link(const config::redis_address& where, milliseconds timeout,
       std::function<void(bool, const std::string&)> changed)
      : where_(where), timeout_(timeout), changed_(std::move(changed)) {}

  void start() {
    asio::post(io(), [this] { dial(); });
  }

  /// Returns when nothing is under way any more.
  void stop() {
    std::promise<void> done;
    asio::post(io(), [this, &done] {
      stopping_ = true;
      again_.cancel();
      late_.cancel();
      hang_up();
      done.set_value();
    });
    done.get_future().wait();
    loop_.stop();
  }

  bool is_up() const noexcept {
    return up_;
  }

  void take(std::vector<bucket> all, answer then) {
    asio::post(io(),
               [this, all = std::move(all), then = std::move(then)]() mutable {
                 if (!up_)
                   return then(std::nullopt);
                 ask(std::move(all), std::move(then));
               });
  }

private:
  struct question {
    link* self;
    std::uint64_t number;
    std::vector<bucket> all;
    answer then;
  };
  struct deadline {
    std::uint64_t number;
    clock_type::time_point at;
  };

  asio::io_context& io() noexcept {
    return loop_.context();
  }

  // -- the connection ---------------------------------------------------------

  void dial() {
    if (stopping_)
      return;
    context_ = where_.socket.empty()
                   ? redisAsyncConnect(where_.host.c_str(), where_.port)
                   : redisAsyncConnectUnix(where_.socket.c_str());
    if (!context_ || context_->err != 0) {
      std::string why = context_ ? context_->errstr : "out of memory";
      if (context_)
        redisAsyncFree(std::exchange(context_, nullptr));
      return lost(why);
    }
    context_->data = this;
    watch_ = std::make_shared<socket_watch>(io(), context_);
    redisAsyncSetConnectCallback(
        context_, [](const redisAsyncContext* c, int status) {
          if (status != REDIS_OK)
            static_cast<link*>(c->data)->gone(c->errstr);
        });
    redisAsyncSetDisconnectCallback(
        context_, [](const redisAsyncContext* c, int status) {
          static_cast<link*>(c->data)->gone(status == REDIS_OK ? "closed"
                                                               : c->errstr);
        });
    enter();
    expect(0, clock_type::now() + dial_patience);
  }

  /// Who does not come in is not asked: its last answer says so.
  void enter() {
    if (!where_.user.empty())
      send({"AUTH", where_.user, where_.password});
    else if (!where_.password.empty())
      send({"AUTH", where_.password});
    if (where_.database != 0)
      send({"SELECT", std::to_string(where_.database)});
    command(
        {"SCRIPT", "LOAD", std::string{redis_script}},
        [](redisAsyncContext* c, void* reply, void*) {
          if (auto* self = static_cast<link*>(c->data))
            self->entered(static_cast<redisReply*>(reply));
        },
        nullptr);
  }

  void entered(const redisReply* reply) {
    if (!reply)
      return; // Gone: that is told elsewhere.
    if (reply->type != REDIS_REPLY_STRING)
      return give_up(text_of(reply));
    sha_ = text_of(reply);
    answered(0);
    up_ = true;
    changed_(true, {});
  }

  void send(const std::vector<std::string>& words) {
    command(words, nullptr, nullptr);
  }

  bool command(const std::vector<std::string>& words, redisCallbackFn* then,
               void* with) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const auto& one : words) {
      texts.push_back(one.data());
      sizes.push_back(one.size());
    }
    return redisAsyncCommandArgv(context_, then, with,
                                 static_cast<int>(words.size()), texts.data(),
                                 sizes.data())
           == REDIS_OK;
  }

  /// hiredis has ended the connection, and frees it after this.
  void gone(const std::string& why) {
    context_ = nullptr;
    lost(why);
  }

  /// Ends it ourselves; all questions under way get no answer.
  void give_up(const std::string& why) {
    hang_up();
    lost(why);
  }

  void hang_up() {
    up_ = false;
    if (auto* context = std::exchange(context_, nullptr)) {
      context->onDisconnect = nullptr;
      context->onConnect = nullptr;
      redisAsyncFree(context);
    }
    watch_.reset();
  }

  void lost(const std::string& why) {
    up_ = false;
    deadlines_.clear();
    late_.cancel();
    changed_(false, why);
    if (stopping_)
      return;
    again_.expires_after(dial_interval);
    again_.async_wait([this](error_code stopped) {
      if (!stopped)
        dial();
    });
  }

  // -- questions --------------------------------------------------------------

  void ask(std::vector<bucket> all, answer then, bool with_text = false) {
    std::vector<std::string> words{with_text ? "EVAL" : "EVALSHA",
                                   with_text ? std::string{redis_script} : sha_,
                                   std::to_string(all.size())};
    for (const auto& one : all)
      words.push_back("shannon:rate:" + one.key);
    for (const auto& one : all) {
      words.push_back(std::to_string(one.most));
      words.push_back(std::to_string(one.seconds));
    }
    auto waiting = std::make_unique<question>(
        question{this, ++numbers_, std::move(all), std::move(then)});
    if (!command(words, &link::hear, waiting.get()))
      return waiting->then(std::nullopt);
    expect(waiting->number, clock_type::now() + timeout_);
    waiting.release(); // `hear` has it, however the connection ends.
  }

  static void hear(redisAsyncContext*, void* reply, void* with) {
    std::unique_ptr<question> asked{static_cast<question*>(with)};
    asked->self->heard(*asked, static_cast<redisReply*>(reply));
  }

  void heard(question& asked, const redisReply* reply) {
    answered(asked.number);
    // Redis was started anew, or somebody told it to forget.
    if (reply && reply->type == REDIS_REPLY_ERROR && up_
        && text_of(reply).starts_with("NOSCRIPT"))
      return ask(std::move(asked.all), std::move(asked.then), true);
    asked.then(verdict_of(reply, asked.all.size()));
  }

  // -- time -------------------------------------------------------------------

  /// Answers come in order, and so do deadlines.
  void expect(std::uint64_t number, clock_type::time_point until) {
    deadlines_.push_back({number, until});
    if (deadlines_.size() == 1)
      look_again();
  }

  void answered(std::uint64_t number) {
    if (!deadlines_.empty() && deadlines_.front().number == number)
      deadlines_.pop_front();
  }

  void look_again() {
    late_.expires_at(deadlines_.front().at);
    late_.async_wait([this](error_code stopped) {
      if (stopped || deadlines_.empty())
        return;
      if (deadlines_.front().at <= clock_type::now())
        return give_up("no answer in time");
      look_again();
    });
  }

  config::redis_address where_;
  milliseconds timeout_;
  std::function<void(bool, const std::string&)> changed_;
  kit::io_loop loop_{"redis"};
  asio::steady_timer again_{loop_.context()};
  asio::steady_timer late_{loop_.context()};
  redisAsyncContext* context_ = nullptr;
  std::shared_ptr<socket_watch> watch_;
  std::deque<deadline> deadlines_;
  std::uint64_t numbers_ = 0;
  std::string sha_;
  std::atomic<bool> up_{false};
  bool stopping_ = false;
};

redis_buckets::redis_buckets(
    const config::redis_address& where, milliseconds timeout,
    std::function<void(bool, const std::string&)> changed)
    : link_(std::make_unique<link>(where, timeout, std::move(changed))) {
  link_->start();
}

redis_buckets::~redis_buckets() {
  link_->stop();
}

bool redis_buckets::is_up() const noexcept {
  return link_->is_up();
}

void redis_buckets::take(std::vector<bucket> all, answer then) {
  link_->take(std::move(all), std::move(then));
}

} // namespace shannon::gateway
