#include "tests/browser/proxy_fixture.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <thread>
#include <utility>

namespace shannon::test {

using namespace std::chrono_literals;

proxy_fixture::proxy_fixture() = default;

proxy_fixture::~proxy_fixture() {
  proxy.reset();
  loop.stop();
}

void proxy_fixture::start(int listener) {
  // A look-up may outlive the test: what it touches is its own.
  auto lookup = [count = lookups_, known = names, meanwhile = during_lookup](
                    const std::string& host,
                    std::uint16_t to) -> result<kit::endpoints> {
    ++*count;
    if (meanwhile)
      meanwhile();
    kit::endpoints found;
    if (auto at = known.find(host); at != known.end())
      for (const auto& text : at->second)
        found.emplace_back(boost::asio::ip::make_address(text), to);
    return found;
  };
  auto resolver = std::make_shared<kit::resolver>(
      loop.context(), kit::egress_policy{exceptions}, 5s, lookup);
  port = 0;
  if (listener < 0)
    listener = listen_at("127.0.0.1", port);
  else
    port = port_of(listener);
  auto started = browser::egress_proxy::start(
      loop.context(), std::move(resolver), rules, listener);
  REQUIRE(started);
  proxy = std::move(*started);
}

std::string proxy_fixture::allow(const std::string& name,
                                 const raw_server& server) {
  auto where = name + ":" + std::to_string(server.port());
  exceptions.push_back(where);
  names[name] = {"127.0.0.1"};
  return where;
}

std::string proxy_fixture::ask(const std::string& bytes) const {
  auto one = browser();
  one.send(bytes);
  return one.read_to_end();
}

bool proxy_fixture::eventually(const std::function<bool()>& holds) {
  auto due = std::chrono::steady_clock::now() + 10s;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > due)
      return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

} // namespace shannon::test
