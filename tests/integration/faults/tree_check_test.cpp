// The judge of trees: each defect is planted once, and found.

#include "tests/integration/faults/tree_check.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <utility>

using namespace shannon::test;

namespace {

constexpr tree_shape shape{2, 2};

/// A task, two runs under it, and two under each of these.
struct tree {
  std::vector<run_seen> runs;

  tree() {
    runs.push_back({"t", "", 1, true, "4", {}});
    for (std::string i : {"0", "1"}) {
      auto branch = "t/branch-" + i + "#1";
      runs[0].told[branch] = {"2"};
      run_seen one{branch, "t", 1, true, "2", {}};
      for (std::string k : {"0", "1"})
        one.told[branch + "/branch-" + k + "#1"] = {"1"};
      runs.push_back(one);
      for (const auto& [leaf, ends] : one.told)
        runs.push_back({leaf, branch, 1, true, ends[0], {}});
    }
  }

  run_seen& at(const std::string& id) {
    return *std::find_if(runs.begin(), runs.end(),
                         [&](const auto& one) { return one.id == id; });
  }
  void drop(const std::string& id) {
    std::erase_if(runs, [&](const auto& one) { return one.id == id; });
  }
  /// Of a task that was cancelled at once.
  void cancel() {
    for (auto& run : runs) {
      run.completed = false;
      run.output.clear();
      run.told.clear();
    }
  }
  /// All that is wrong, if it is one thing.
  std::string wrong() const {
    auto found = check_tree("t", shape, runs);
    REQUIRE(found.size() < 2);
    return found.empty() ? "" : found[0];
  }
};

const std::string inner = "t/branch-1#1";
const std::string leaf = "t/branch-1#1/branch-0#1";

} // namespace

TEST_CASE("a tree whose runs ended once, and whose ends were told once, has no "
          "findings") {
  CHECK(leaves_of(shape) == 4);
  CHECK(leaves_of({4, 2}) == 16);
  CHECK(task_of(leaf) == "t");
  CHECK(task_of("t") == "t");
  CHECK(tree{}.wrong() == "");
}

TEST_CASE("a run that ended twice, or never, is found in any tree") {
  tree one;
  one.at(leaf).ends = 2;
  CHECK(one.wrong() == leaf + ": it ended 2 times");
  one.at(leaf).ends = 1;
  one.cancel();
  CHECK(one.wrong() == "");
  one.at(leaf).ends = 0;
  CHECK(one.wrong() == leaf + ": it ended 0 times");
}

TEST_CASE("an end that was told twice, otherwise than it was, of a run that is "
          "not there, or never is found") {
  tree one;
  SECTION("twice") {
    one.at(inner).told[leaf].push_back("1");
    CHECK(one.wrong()
          == inner + ": it was told the end of " + leaf + " 2 times");
  }
  SECTION("otherwise") {
    one.at(inner).told[leaf] = {"7"};
    CHECK(one.wrong()
          == inner + ": it was told that " + leaf
                 + " gave \"7\", which gave \"1\"");
  }
  SECTION("of a run that is not there") {
    one.at(leaf).told[leaf + "/branch-0#1"] = {"1"};
    CHECK(one.wrong()
          == leaf + ": it was told the end of " + leaf
                 + "/branch-0#1, which is not there");
  }
  SECTION("never") {
    one.at(inner).told.erase(leaf);
    CHECK(one.wrong() == leaf + ": its end was never told");
  }
}

TEST_CASE("a run that is missing, one too many, and one that is there twice "
          "are found") {
  tree one;
  SECTION("missing") {
    one.drop(leaf);
    one.at(inner).told.erase(leaf);
    CHECK(one.wrong() == leaf + ": it is not there");
  }
  SECTION("too many") {
    one.runs.push_back({"t/branch-1#2", "t", 1, true, "2", {}});
    one.at("t").told["t/branch-1#2"] = {"2"};
    CHECK(one.wrong() == "t/branch-1#2: it is no part of the tree");
  }
  SECTION("twice") {
    auto copy = one.at(leaf);
    one.runs.push_back(copy);
    CHECK(one.wrong() == leaf + ": it is there twice");
  }
  SECTION("the task itself") {
    one.drop("t");
    CHECK(one.wrong() == "t: it is not there");
  }
}

TEST_CASE("a run of nobody, and one that names another parent, are found") {
  tree one;
  one.cancel();
  SECTION("its parent is missing") {
    one.drop(inner);
    auto found = check_tree("t", shape, one.runs);
    CHECK(found
          == std::vector<std::string>{
              leaf + ": its parent is not there",
              "t/branch-1#1/branch-1#1: its parent is not there"});
  }
  SECTION("it names another") {
    one.at(leaf).parent = "t";
    CHECK(one.wrong() == leaf + ": it says that t is its parent");
  }
}

TEST_CASE("a completed task with a run that was cancelled, or with a wrong "
          "count, is found; a cancelled one may lack runs") {
  tree one;
  SECTION("cancelled below") {
    one.at(leaf).completed = false;
    CHECK(one.wrong() == leaf + ": it did not complete, its task did");
  }
  SECTION("wrong count") {
    one.at("t").output = "3";
    CHECK(one.wrong() == "t: it counts \"3\" answers of 4");
  }
  SECTION("cancelled before all were there") {
    one.cancel();
    one.drop(leaf);
    CHECK(one.wrong() == "");
  }
}
