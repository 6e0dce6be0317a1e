// fault_storm: the storm that its flags describe, judged like those of
// fault_storm_test. Exit code 0: nothing was lost.

#define CATCH_CONFIG_RUNNER
#include "tests/integration/faults/storm.hpp"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>

#include <cstdio>

using namespace shannon::test;

namespace {

storm_options wanted;

} // namespace

TEST_CASE("the storm that was asked for") {
  storm{wanted}.run();
}

int main(int argc, char** argv) {
  CLI::App app{"Plays faults of one seed over three real nodes under load"};
  wanted.tells_faults = true;
  declare(app, wanted);
  bool lists = false;
  app.add_flag("--list-faults", lists, "Prints their names, and plays none");
  CLI11_PARSE(app, argc, argv);
  if (lists) {
    for (const auto& one : fault_table())
      std::puts(one.id);
    return 0;
  }
  return Catch::Session().run() == 0 ? 0 : 1;
}
