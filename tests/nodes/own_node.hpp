#pragma once

#include "tests/nodes/process.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace shannon::test {

/// A node of our own on free ports, its data in a folder that goes away.
struct own_node {
  own_node() {
    std::string pattern
        = std::filesystem::temp_directory_path() / "shannon-up-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    data = pattern;
  }

  ~own_node() {
    // One that is killed would leave its Redis running.
    if (node)
      stop();
    // What a killed node left running is found and ended by the next start.
    if (killed) {
      start();
      stop();
    }
    std::error_code ec;
    std::filesystem::remove_all(data, ec);
  }

  std::vector<std::string> arguments() const {
    std::vector<std::string> all{SHANNON_BINARY, "up",         "--data",
                                 data,           "--http",     "127.0.0.1:0",
                                 "--admin",      "127.0.0.1:0"};
    if (dev)
      all.emplace_back("--dev");
    return all;
  }

  void start(environment extra = {}) {
    extra.insert(extra.end(), {"SHANNON_DATABASE_URL=", "SHANNON_REDIS_URL=",
                               "OPENAI_API_KEY=", "ANTHROPIC_API_KEY="});
    node.emplace(arguments(), extra);
    bool ready = node->await("ready http://", std::chrono::seconds{40});
    INFO(node->err());
    REQUIRE(ready);
    REQUIRE(node->await("\n", std::chrono::seconds{1}));
    url = node->out().substr(6, node->out().find('\n') - 6);
  }

  outcome stop() {
    node->signal(SIGTERM);
    auto what = node->wait(std::chrono::seconds{20});
    node.reset();
    return what;
  }

  outcome client(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--url", url});
    return run_shannon(std::move(arguments));
  }

  std::string data;
  std::string url;
  std::optional<process> node;
  bool killed = false;
  /// It asks for no credentials.
  bool dev = true;
};

} // namespace shannon::test
