#include "actors/gateway/identity/password_desk.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>

namespace shannon::gateway {

namespace {

constexpr password_costs cheap{7ull * 1024 * 1024, 1};

/// Answers run where they come from.
void at_once(const std::function<void()>& what) {
  what();
}

template <class T>
struct promised {
  std::shared_ptr<std::promise<result<T>>> made
      = std::make_shared<std::promise<result<T>>>();
  std::future<result<T>> got = made->get_future();
  std::function<void(result<T>)> then() {
    return [made = made](result<T> what) { made->set_value(std::move(what)); };
  }
};

} // namespace

TEST_CASE("a password that was hashed is known, another is not") {
  password_desk desk{cheap, 1, 4, at_once};
  promised<std::string> hash;
  desk.hash("correct horse", hash.then());
  auto made = hash.got.get();
  REQUIRE(made);
  promised<bool> right;
  promised<bool> wrong;
  promised<bool> nobody;
  desk.verify("correct horse", *made, right.then());
  desk.verify("correct hors", *made, wrong.then());
  // Without an account there is a hash to work on all the same.
  desk.verify("correct horse", "", nobody.then());
  CHECK(*right.got.get());
  CHECK_FALSE(*wrong.got.get());
  CHECK_FALSE(*nobody.got.get());
}

TEST_CASE("above the limit of waiting passwords one is refused overloaded") {
  std::promise<void> go;
  auto gone = go.get_future().share();
  std::promise<void> begun;
  std::once_flag once;
  // The worker stands still until the test lets it go.
  password_desk desk{cheap, 1, 2, [&, gone](const std::function<void()>& what) {
                       std::call_once(once, [&] { begun.set_value(); });
                       gone.wait();
                       what();
                     }};
  promised<bool> at_work;
  desk.verify("correct horse", "", at_work.then());
  begun.get_future().wait();
  promised<bool> first;
  promised<bool> second;
  promised<bool> third;
  desk.verify("correct horse", "", first.then());
  desk.verify("correct horse", "", second.then());
  desk.verify("correct horse", "", third.then());
  auto refused = third.got.get();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::overloaded);
  go.set_value();
  CHECK(at_work.got.get());
  CHECK(first.got.get());
  CHECK(second.got.get());
}

} // namespace shannon::gateway
