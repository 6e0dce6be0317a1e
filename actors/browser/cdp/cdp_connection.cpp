#include "actors/browser/cdp/cdp_connection.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdlib>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;

namespace {

constexpr std::size_t read_bytes = 64 * 1024;
/// What a large message left behind is given back above this.
constexpr std::size_t kept_bytes = 1024 * 1024;
constexpr std::string_view bulky_event = "{\"method\":\"Network.";

/// What Chromium says of a call that it did not carry out.
error refusal(std::string_view method, const json& what) {
  auto text = what.value("message", std::string{"no reason given"});
  return {errc::failed, std::string{method} + ": " + text, false, {}};
}

} // namespace

cdp_connection::cdp_connection(asio::io_context& loop, kit::owned_fd to,
                               kit::owned_fd from, cdp_limits limits)
    : loop_(loop), to_(loop, to.release()), from_(loop, from.release()),
      limits_(limits) {}

cdp_connection::~cdp_connection() = default;

void cdp_connection::start(on_event browser_event,
                           std::function<void(error)> gone) {
  browser_event_ = std::move(browser_event);
  gone_ = std::move(gone);
  to_.non_blocking(true);
  from_.non_blocking(true);
  read();
}

void cdp_connection::close(error why) {
  if (!open_)
    return;
  open_ = false;
  boost::system::error_code ignored;
  to_.close(ignored);
  from_.close(ignored);
  auto self = shared_from_this();
  // Whoever is told may ask again, and is refused.
  for (auto& [number, done] : std::exchange(calls_, {}))
    done(tl::unexpected(why));
  hearers_.clear();
  if (gone_)
    std::exchange(gone_, nullptr)(why);
}

std::uint64_t cdp_connection::call(std::string_view session,
                                   std::string_view method, json params,
                                   on_answer done) {
  auto number = next_++;
  auto refuse = [&](error why) {
    if (done)
      asio::post(loop_, [done = std::move(done), why = std::move(why)] {
        done(tl::unexpected(why));
      });
  };
  if (!open_) {
    refuse({errc::unavailable, "the browser has ended", true, {}});
    return number;
  }
  if (calls_.size() >= limits_.calls_max) {
    refuse(
        {errc::overloaded, "too many commands wait for the browser", true, {}});
    return number;
  }
  json message{{"id", number}, {"method", method}};
  if (!params.empty())
    message["params"] = std::move(params);
  if (!session.empty())
    message["sessionId"] = session;
  if (done)
    calls_.emplace(number, std::move(done));
  // A lone surrogate in a model's argument is no reason to throw.
  out_ += message.dump(-1, ' ', false, json::error_handler_t::replace);
  out_ += '\0';
  if (out_.size() > limits_.unsent_bytes_max)
    close({errc::unavailable, "the browser takes no commands", true, {}});
  else
    write();
  return number;
}

void cdp_connection::send(std::string_view session, std::string_view method,
                          json params) {
  call(session, method, std::move(params), nullptr);
}

void cdp_connection::forget(std::uint64_t number) {
  calls_.erase(number);
}

asio::awaitable<json> cdp_connection::ask(std::string session,
                                          std::string method, json params) {
  auto self = shared_from_this();
  auto begin = [this](auto handler, const std::string& where,
                      const std::string& what, json with) {
    using handler_type = decltype(handler);
    auto slot = asio::get_associated_cancellation_slot(handler);
    auto waits = std::make_shared<handler_type>(std::move(handler));
    auto finish = [waits](answer got) mutable {
      auto executor = asio::get_associated_executor(*waits);
      auto cleared = asio::get_associated_cancellation_slot(*waits);
      if (cleared.is_connected())
        cleared.clear();
      asio::dispatch(executor, [waits, got = std::move(got)]() mutable {
        std::move (*waits)(std::move(got));
      });
    };
    auto number = call(where, what, std::move(with), finish);
    if (slot.is_connected())
      slot.assign([this, waits, number](asio::cancellation_type how) {
        if ((how & asio::cancellation_type::terminal)
            == asio::cancellation_type::none)
          return;
        forget(number);
        auto executor = asio::get_associated_executor(*waits);
        asio::post(executor, [waits] {
          std::move (*waits)(answer{tl::unexpected(
              error{errc::cancelled, "the command was cancelled", false, {}})});
        });
      });
  };
  auto token = asio::use_awaitable;
  auto got = co_await asio::async_initiate<const asio::use_awaitable_t<>,
                                           void(answer)>(
      begin, token, session, method, std::move(params));
  if (!got)
    throw cdp_failed{got.error()};
  co_return std::move(*got);
}

void cdp_connection::hear(const std::string& session, on_event what) {
  if (what)
    hearers_[session] = std::make_shared<on_event>(std::move(what));
  else
    hearers_.erase(session);
}

void cdp_connection::read() {
  auto used = in_.size();
  in_.resize(used + read_bytes);
  auto into = asio::buffer(in_.data() + used, read_bytes);
  from_.async_read_some(
      into, [self = shared_from_this(), used](auto failed, std::size_t bytes) {
        if (!self->open_)
          return;
        self->in_.resize(used + bytes);
        if (failed)
          return self->close(
              {errc::unavailable, "the browser has ended", true, {}});
        self->take(bytes);
        if (self->open_)
          self->read();
      });
}

/// Handles every whole message of what was read.
void cdp_connection::take(std::size_t /*bytes*/) {
  std::size_t begin = 0;
  for (;;) {
    auto end = in_.find('\0', std::max(begin, scanned_));
    if (end == std::string::npos)
      break;
    if (!std::exchange(skipping_, false))
      handle(std::string_view{in_}.substr(begin, end - begin));
    if (!open_)
      return;
    begin = end + 1;
    scanned_ = begin;
  }
  in_.erase(0, begin);
  if (!skipping_ && in_.size() > limits_.message_bytes_max)
    refuse_oversized();
  if (skipping_)
    in_.clear();
  scanned_ = in_.size();
  if (in_.empty() && in_.capacity() > kept_bytes)
    in_.shrink_to_fit();
}

/// Chromium begins an answer with its number.
void cdp_connection::refuse_oversized() {
  skipping_ = true;
  constexpr std::string_view begins = "{\"id\":";
  if (!in_.starts_with(begins))
    return;
  auto at
      = calls_.find(std::strtoull(in_.c_str() + begins.size(), nullptr, 10));
  if (at == calls_.end())
    return;
  auto done = std::move(at->second);
  calls_.erase(at);
  done(fail(errc::failed, "the browser's answer has more than "
                              + std::to_string(limits_.message_bytes_max)
                              + " bytes"));
}

/// Tells an event without reading what it says: the method stands at the
/// beginning, the session at the end.
void cdp_connection::drop(std::string_view text) {
  constexpr std::string_view names = "\"sessionId\":\"";
  auto method
      = text.substr(bulky_event.size() - std::string_view{"Network."}.size());
  method = method.substr(0, method.find('"'));
  auto at = text.rfind(names);
  if (at == text.npos)
    return;
  auto session = text.substr(at + names.size());
  session = session.substr(0, session.find('"'));
  auto hearer = hearers_.find(std::string{session});
  if (hearer == hearers_.end())
    return;
  json params{{"droppedBytes", text.size()}};
  (*std::shared_ptr<on_event>{hearer->second})(method, params);
}

void cdp_connection::handle(std::string_view text) {
  if (text.size() > limits_.event_bytes_max && text.starts_with(bulky_event))
    return drop(text);
  auto message = json::parse(text, nullptr, false);
  if (!message.is_object())
    return close(
        {errc::unavailable, "the browser does not speak JSON", true, {}});
  if (auto id = message.find("id"); id != message.end()) {
    auto at
        = calls_.find(id->is_number_unsigned() ? id->get<std::uint64_t>() : 0);
    if (at == calls_.end())
      return;
    auto done = std::move(at->second);
    calls_.erase(at);
    if (auto why = message.find("error"); why != message.end())
      return done(tl::unexpected(refusal("the browser refused", *why)));
    return done(std::move(message["result"]));
  }
  auto method = message.value("method", std::string{});
  auto& params = message["params"];
  auto session = message.value("sessionId", std::string{});
  if (session.empty()) {
    if (browser_event_)
      browser_event_(method, params);
    return;
  }
  // Kept while it runs: it may end its own hearing.
  if (auto at = hearers_.find(session); at != hearers_.end())
    (*std::shared_ptr<on_event>{at->second})(method, params);
}

void cdp_connection::write() {
  if (!sending_.empty() || out_.empty() || !open_)
    return;
  std::swap(sending_, out_);
  auto done = [self = shared_from_this()](auto failed, std::size_t bytes) {
    if (!self->open_)
      return;
    if (failed)
      return self->close(
          {errc::unavailable, "the browser has ended", true, {}});
    self->sending_.erase(0, bytes);
    if (!self->sending_.empty()) {
      // The pipe is full: the rest first, then what came meanwhile.
      self->out_.insert(0, self->sending_);
      self->sending_.clear();
    }
    self->write();
  };
  to_.async_write_some(asio::buffer(sending_), std::move(done));
}

} // namespace shannon::browser
