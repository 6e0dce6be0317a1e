#include "tests/gateway/shared_fixture.hpp"

// Catch keeps listeners behind this.
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <catch2/catch.hpp>

#include <memory>

namespace shannon::test {

namespace {

std::unique_ptr<gateway_fixture> the_one;

struct run_listener : Catch::TestEventListenerBase {
  using TestEventListenerBase::TestEventListenerBase;

  void testRunEnded(const Catch::TestRunStats& stats) override {
    the_one.reset();
    TestEventListenerBase::testRunEnded(stats);
  }
};

CATCH_REGISTER_LISTENER(run_listener)

} // namespace

gateway_fixture& shared_fixture() {
  if (!the_one)
    the_one = std::make_unique<gateway_fixture>();
  return *the_one;
}

} // namespace shannon::test
