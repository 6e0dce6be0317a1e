#include "actors/browser/page/waiting.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;

namespace {

asio::awaitable<void> sleep_on(asio::steady_timer& timer) {
  boost::system::error_code woken;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none)
    throw boost::system::system_error(asio::error::operation_aborted);
}

/// Takes an entry out of a list, however its scope is left.
template <class List>
struct entry {
  List& list;
  typename List::iterator at;
  ~entry() {
    list.erase(at);
  }
};

} // namespace

void notice::tell() {
  for (auto* timer : waiting_)
    timer->cancel();
}

asio::awaitable<void> notice::wait(time_point until) {
  auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer{executor, until};
  entry<std::list<asio::steady_timer*>> here{
      waiting_, waiting_.insert(waiting_.end(), &timer)};
  co_await sleep_on(timer);
}

asio::awaitable<void> pause_until(time_point until) {
  auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer{executor, until};
  co_await sleep_on(timer);
}

asio::awaitable<json> open_calls::ask(cdp_connection& connection,
                                      std::string session, std::string method,
                                      json params, time_point until) {
  auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer{executor, until};
  auto mine = std::make_shared<call>();
  entry<std::list<std::shared_ptr<call>>> here{
      calls_, calls_.insert(calls_.end(), mine)};
  auto number = connection.call(session, method, std::move(params),
                                [mine](cdp_connection::answer got) {
                                  if (mine->got)
                                    return;
                                  mine->got = std::move(got);
                                  if (mine->timer != nullptr)
                                    mine->timer->cancel();
                                });
  /// However it ends, the answer finds nobody who is gone.
  struct unhook {
    cdp_connection& connection;
    std::uint64_t number;
    std::shared_ptr<call> mine;
    ~unhook() {
      mine->timer = nullptr;
      if (!mine->got)
        connection.forget(number);
    }
  } scope{connection, number, mine};
  if (!mine->got) {
    mine->timer = &timer;
    co_await sleep_on(timer);
  }
  if (!mine->got)
    throw page_silent{"the page did not answer in time: its scripts keep it "
                      "busy; they were ended, try again or load another page"};
  if (!*mine->got)
    throw cdp_failed{mine->got->error()};
  co_return std::move(**mine->got);
}

void open_calls::end(const error& why) {
  for (auto& one : calls_) {
    if (one->got)
      continue;
    one->got = tl::unexpected(why);
    if (one->timer != nullptr)
      one->timer->cancel();
  }
}

} // namespace shannon::browser
