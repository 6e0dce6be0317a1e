#include "nodes/commands/top_view.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace shannon::commands;
using nlohmann::json;

namespace {

const terminal plain{-1};

json row(const std::string& address, int depth, json oldest, double rate) {
  return {{"address", address},     {"kind", "k"},
          {"mailbox_depth", depth}, {"oldest_ms", oldest},
          {"messages_per_s", rate}, {"messages_total", 7}};
}

json answer(json rows) {
  return {{"total", 1'200},         {"busy", 3},
          {"mailbox_depth", 9},     {"oldest_ms", 12.0},
          {"messages_per_s", 50.5}, {"actors", std::move(rows)}};
}

std::vector<node_sample> two_nodes() {
  return {sample_of("n1", answer({row("a", 5, 1.0, 2), row("b", 0, nullptr, 9),
                                  row("same", 1, 3.0, 0)})),
          sample_of("n2", answer({row("c", 7, 0.5, 1), row("d", 2, 8.0, 0),
                                  row("same", 1, 3.0, 0)}))};
}

std::vector<std::string> names(const std::vector<top_row>& rows) {
  std::vector<std::string> out;
  for (const auto& [node, who] : rows)
    out.push_back(node + "/" + who.address);
  return out;
}

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

} // namespace

TEST_CASE("the busiest of all nodes come first, in each order") {
  using list = std::vector<std::string>;
  auto nodes = two_nodes();
  CHECK(names(busiest(nodes, top_sort::depth, 3))
        == list{"n2/c", "n1/a", "n2/d"});
  CHECK(names(busiest(nodes, top_sort::age, 4))
        == list{"n2/d", "n1/same", "n2/same", "n1/a"});
  CHECK(names(busiest(nodes, top_sort::rate, 2)) == list{"n1/b", "n1/a"});
  // Who has no message has none that is old.
  CHECK(names(busiest(nodes, top_sort::age, 9)).back() == "n1/b");
}

TEST_CASE("a screen fits its window, and names each node") {
  auto nodes = two_nodes();
  node_sample gone;
  gone.node = "n3";
  gone.trouble = "connection refused";
  nodes.push_back(gone);
  auto text = top_text(nodes, top_sort::depth, 6, 60, plain);
  CHECK(lines(text) == 6);
  CHECK(text.find("n1             1200 actors, 3 busy, depth 9, oldest 12 ms")
        == 0);
  CHECK(text.find("n3             connection refused\n") != std::string::npos);
  std::size_t begin = 0;
  for (auto end = text.find('\n'); end != std::string::npos;
       begin = end + 1, end = text.find('\n', begin)) {
    auto line = text.substr(begin, end - begin);
    INFO(line);
    CHECK(std::count_if(line.begin(), line.end(),
                        [](char c) {
                          return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
                        })
          <= 60);
  }
  // A window that is too small for any row still shows the nodes.
  CHECK(lines(top_text(nodes, top_sort::depth, 1, 60, plain)) == 4);
}

TEST_CASE("text from a node cannot move the cursor") {
  std::vector<node_sample> nodes{
      sample_of("n1", answer({row("a\x1b[2Jb\n", 1, 1.0, 1)}))};
  auto text = top_text(nodes, top_sort::depth, 20, 0, plain);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(lines(text) == 3);
}

TEST_CASE("what is no answer is told as trouble, not as an idle node") {
  for (const auto& odd : {json(), json::array(), json{{"actors", 7}}}) {
    auto sample = sample_of("n1", odd);
    CHECK_FALSE(sample.trouble.empty());
    CHECK(sample.rows.empty());
  }
}

TEST_CASE("keys choose the order or the end") {
  CHECK(key_of('d').by == top_sort::depth);
  CHECK(key_of('a').by == top_sort::age);
  CHECK(key_of('r').by == top_sort::rate);
  CHECK(key_of('q').end);
  CHECK(key_of('\x03').end);
  CHECK_FALSE(key_of('x').end);
  CHECK_FALSE(key_of('x').by);
  for (auto by : {top_sort::depth, top_sort::age, top_sort::rate})
    CHECK(read_top_sort(to_text(by)) == by);
  CHECK_FALSE(read_top_sort("name"));
}

TEST_CASE("scripts get the same as JSON") {
  auto all = top_json(two_nodes(), top_sort::age, 2);
  CHECK(all["by"] == "age");
  CHECK(all["nodes"].size() == 2);
  REQUIRE(all["actors"].size() == 2);
  CHECK(all["actors"][0]["node"] == "n2");
  CHECK(all["actors"][0]["oldest_ms"] == 8.0);
}
