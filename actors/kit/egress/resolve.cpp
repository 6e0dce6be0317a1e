#include "actors/kit/egress/resolve.hpp"

#include "actors/kit/egress/address_class.hpp"
#include "actors/kit/egress/own_address.hpp"
#include "actors/kit/egress/url.hpp"
#include "actors/kit/loop_inbox.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <cstring>
#include <netdb.h>
#include <utility>

namespace shannon::kit {

namespace {

namespace asio = boost::asio;

constexpr std::size_t lookup_threads = 4;
constexpr std::size_t lookups_waiting_max = 256;
/// More addresses than this of one name are not tried.
constexpr std::size_t addresses_max = 16;

std::string pair_text(const std::string& host, std::uint16_t port) {
  return host + ":" + std::to_string(port);
}

/// Brackets around an IPv6 address are optional in settings.
std::string without_brackets(std::string text) {
  auto close = text.find("]:");
  if (!text.empty() && text.front() == '[' && close != std::string::npos)
    return text.substr(1, close - 1) + text.substr(close + 1);
  return text;
}

/// One look-up and its deadline: whichever is first answers.
struct lookup_wait {
  explicit lookup_wait(asio::io_context& loop, resolved then)
      : timer(loop), done(std::move(then)) {}

  void finish(result<endpoints> got) {
    if (!done)
      return;
    auto then = std::exchange(done, nullptr);
    timer.cancel();
    then(std::move(got));
  }

  asio::steady_timer timer;
  resolved done;
};

} // namespace

result<endpoints> system_lookup(const std::string& host, std::uint16_t port,
                                bool absolute) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  // With a final dot no search domain is appended.
  auto name = absolute ? host + "." : host;
  auto code = getaddrinfo(name.c_str(), nullptr, &hints, &list);
  if (code != 0)
    return fail(errc::unavailable,
                "no address for " + host + ": " + gai_strerror(code),
                code == EAI_AGAIN);
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner{list, freeaddrinfo};
  endpoints out;
  for (auto* at = list; at != nullptr; at = at->ai_next) {
    asio::ip::tcp::endpoint found;
    if (at->ai_addrlen > found.capacity())
      continue;
    std::memcpy(found.data(), at->ai_addr, at->ai_addrlen);
    found.resize(at->ai_addrlen);
    found.port(port);
    out.push_back(found);
  }
  return out;
}

// -- policy -------------------------------------------------------------------

egress_policy::egress_policy(std::vector<std::string> allow) {
  for (auto& pair : allow)
    allow_.push_back(without_brackets(std::move(pair)));
}

bool egress_policy::is_exception(const std::string& host,
                                 std::uint16_t port) const {
  return std::find(allow_.begin(), allow_.end(), pair_text(host, port))
         != allow_.end();
}

result<void> egress_policy::check_host(const std::string& host,
                                       std::uint16_t port) const {
  if (is_exception(host, port))
    return {};
  if (refused_port(port))
    return fail(errc::denied, "port " + std::to_string(port)
                                  + " belongs to another service than the web");
  boost::system::error_code ec;
  if (auto addr = asio::ip::make_address(host, ec); !ec) {
    if (auto kind = classify(addr); !kind.is_public)
      return fail(errc::denied, host + " is not a public address ("
                                    + std::string{kind.why} + ")");
    return {};
  }
  if (auto why = refused_name(host); !why.empty())
    return fail(errc::denied, host + ": " + std::string{why});
  return {};
}

result<endpoints> egress_policy::check_addresses(const std::string& host,
                                                 std::uint16_t port,
                                                 endpoints found) const {
  if (found.empty())
    return fail(errc::unavailable, "no address for " + host);
  if (!is_exception(host, port))
    for (const auto& where : found) {
      // The address itself stays unsaid: what internal names resolve to is
      // nothing a model has to know.
      auto kind = classify(where.address());
      if (kind.is_public && is_own_address(where.address()))
        kind = {false, "this machine's own"};
      if (!kind.is_public)
        return fail(errc::denied, host
                                      + " leads to an address that is not "
                                        "public ("
                                      + std::string{kind.why} + ")");
    }
  if (found.size() > addresses_max)
    found.resize(addresses_max);
  return found;
}

// -- resolver -----------------------------------------------------------------

resolver::resolver(asio::io_context& loop, egress_policy policy,
                   std::chrono::milliseconds timeout, name_lookup lookup)
    : loop_(loop),
      policy_(std::make_shared<const egress_policy>(std::move(policy))),
      timeout_(timeout), lookup_(std::move(lookup)),
      pool_("tool-dns", lookup_threads, lookups_waiting_max) {
  if (!lookup_)
    lookup_ = [policy = policy_](const std::string& host, std::uint16_t port) {
      return system_lookup(host, port, !policy->is_exception(host, port));
    };
}

void resolver::resolve(const std::string& host, std::uint16_t port,
                       resolved done) {
  auto wait = std::make_shared<lookup_wait>(loop_, std::move(done));
  auto answer = [this, wait](result<endpoints> got) {
    asio::post(loop_, [wait, got = std::move(got)]() mutable {
      wait->finish(std::move(got));
    });
  };
  if (auto ok = policy_->check_host(host, port); !ok)
    return answer(tl::unexpected(ok.error()));
  boost::system::error_code ec;
  if (auto addr = asio::ip::make_address(host, ec); !ec)
    return answer(policy_->check_addresses(host, port, {{addr, port}}));
  asio::post(loop_, [wait, host, timeout = timeout_] {
    if (!wait->done)
      return;
    wait->timer.expires_after(timeout);
    wait->timer.async_wait([wait, host](boost::system::error_code stopped) {
      if (!stopped)
        wait->finish(
            fail(errc::timeout, "looking up " + host + " took too long", true));
    });
  });
  // The job may outlive this resolver and the loop: what it holds is its own.
  auto give = loop_inbox::of(loop_).expect<result<endpoints>>(
      [wait](result<endpoints> got) { wait->finish(std::move(got)); });
  auto job = [host, port, policy = policy_, lookup = lookup_,
              give = std::move(give)] {
    auto found = lookup(host, port);
    give(found ? policy->check_addresses(host, port, std::move(*found))
               : std::move(found));
  };
  if (!pool_.post(std::move(job)))
    answer(fail(errc::overloaded, "too many names are being looked up", true));
}

} // namespace shannon::kit
