#include "nodes/tree.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace shannon;

namespace {

using words = std::vector<std::string>;

words drained_by(words roles) {
  config::settings settings;
  settings.node.roles = std::move(roles);
  auto out = nodes::parts_to_drain(settings);
  std::sort(out.begin(), out.end());
  return out;
}

} // namespace

TEST_CASE("a node drains all that its roles begin and carry out, its browser "
          "sessions too") {
  CHECK(drained_by({"browser"})
        == words{"browser", "browser/worker", "gateway", "grants/browser",
                 "shard-owner"});
  CHECK(drained_by({"gateway"})
        == words{"browser", "gateway", "llm", "shard-owner", "tool"});
  CHECK(drained_by({"llm", "tool"})
        == words{"gateway", "grants/llm", "grants/tool", "shard-owner"});
  CHECK(drained_by({"orchestrator", "agent"})
        == words{"browser", "gateway", "llm", "shard-owner", "tool"});
  // No roles named: the node plays every one.
  CHECK(drained_by({})
        == words{"browser", "browser/worker", "gateway", "grants/browser",
                 "grants/llm", "grants/tool", "llm", "shard-owner", "tool"});
}
