// The table `facts` is made of parts by log numbers: the next is made before
// it is needed, and one that is left behind empty is dropped.

#include "actors/store/group_statements.hpp"
#include "actors/store/retention_statements.hpp"
#include "tests/store/retention_world.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <optional>
#include <thread>

namespace shannon::store {

namespace {

using namespace std::chrono_literals;
using test::birth_of;
using test::connect;
using test::next_of;
using test::retention_world;
using test::run_sql;
using test::store_node;

/// The block that is given out next begins here.
void next_block_at(pg_connection& db, std::int64_t number) {
  run_sql(db, "select setval('log_numbers', " + std::to_string(number)
                  + ", false)");
}

bool has_part(pg_connection& db, std::int64_t part) {
  return run_sql(db, "select 1 where to_regclass('shannon." + part_table(part)
                         + "') is not null")
             .size()
         == 1;
}

double sample(const std::string& text, const std::string& name) {
  auto at = text.find("\n" + name + " ");
  return at == std::string::npos ? 0
                                 : std::stod(text.substr(at + name.size() + 2));
}

/// Whatever is born from now on stands in this part, beside what is there.
struct part_world : retention_world {
  void go_to_part(std::int64_t part) {
    next_block_at(db, part << part_bits);
    // A block is taken when there is none: by a writer that is new.
    writer_.emplace(dsn, config::store_settings{}, node.owned);
  }

  void bear(const store::append& what) {
    auto got = writer_->ask<append_receipt>(what);
    INFO((got ? "" : got.error().text));
    REQUIRE(got);
  }

private:
  std::optional<store_node> writer_;
};

} // namespace

TEST_CASE("two nodes that reach the next part at once lose no log") {
  auto dsn = test::fresh_database();
  auto db = connect(dsn);
  store_node first{dsn};
  REQUIRE(first.claim());
  for (int round = 1; round <= 12; ++round) {
    // The last block of a part for one of them, the first of the next for the
    // other; neither part is there.
    auto part = std::int64_t{round} * 4;
    next_block_at(db, (part << part_bits) - 1'024);
    std::vector<std::unique_ptr<store_node>> nodes;
    std::vector<std::future<result<append_receipt>>> born;
    for (int i = 0; i < 2; ++i)
      nodes.push_back(std::make_unique<store_node>(
          dsn, config::store_settings{}, first.owned));
    for (int i = 0; i < 2; ++i)
      born.push_back(nodes[static_cast<std::size_t>(i)]->start<append_receipt>(
          birth_of("task-" + std::to_string(round) + "-" + std::to_string(i))));
    for (auto& one : born) {
      auto got = one.get();
      INFO((got ? "" : got.error().text));
      REQUIRE(got);
    }
    for (auto made : {part - 1, part, part + 1}) {
      INFO("part " << made);
      CHECK(has_part(db, made));
    }
    CHECK(run_sql(db, "select count(*) from " + part_table(part - 1)).text(0, 0)
          == "1");
    CHECK(run_sql(db, "select count(*) from " + part_table(part)).text(0, 0)
          == "1");
    for (const auto& node : nodes)
      CHECK(sample(node->registry.render(), "shannon_store_groups_split_total")
            == 0);
  }
}

TEST_CASE("a log goes on in its part when others are born in the next") {
  part_world it;
  auto tail = it.append(birth_of("task-1"));
  it.go_to_part(1);
  it.bear(birth_of("task-2"));
  it.append(next_of("task-1", tail, "2"));
  CHECK(it.number("select count(*) from facts_0") == 2);
  CHECK(it.number("select count(*) from facts_1") == 1);
  auto image = it.node.ask<log_image>(open_log{log_id{"task-1"}});
  REQUIRE(image);
  CHECK(image->facts.size() == 2);
}

TEST_CASE("a part goes when it is empty and nobody can write to it any more") {
  part_world it;
  it.append(it.ended("old"));
  it.go_to_part(2);
  it.bear(birth_of("open"));
  it.days_pass(31);
  auto done = it.sweep();
  CHECK(done.logs == 1);
  // 0, and 1, which nobody used; 3 is ahead.
  CHECK(done.parts == 2);
  CHECK_FALSE(has_part(it.db, 0));
  CHECK_FALSE(has_part(it.db, 1));
  CHECK(has_part(it.db, 2));
  CHECK(has_part(it.db, 3));
  it.bear(it.ended("more"));
  CHECK_FALSE(it.sweep().anything());
}

TEST_CASE("an empty part stays while a block of its numbers may be in use") {
  part_world it;
  it.append(it.ended("old"));
  it.days_pass(31);
  it.go_to_part(1);
  it.bear(birth_of("open"));
  auto done = it.sweep();
  CHECK(done.logs == 1);
  CHECK(done.parts == 0);
  CHECK(has_part(it.db, 0));
  // By the writer that has numbers of part 0 yet.
  it.append(birth_of("late"));
  CHECK(it.number("select count(*) from facts_0") == 1);
}

TEST_CASE("a part that is not empty is not dropped, whatever was seen") {
  part_world it;
  it.append(birth_of("open"));
  it.go_to_part(1);
  it.bear(birth_of("open-2"));
  it.days_pass(31);
  CHECK_FALSE(it.sweep().anything());
  auto dropped = it.db.exec(retention_sql::drop_if_empty(part_table(0)));
  REQUIRE(dropped);
  CHECK(dropped->size() == 0);
  CHECK(has_part(it.db, 0));
}

TEST_CASE("who reads for long holds up no sweep, and no append behind it") {
  part_world it;
  it.append(it.ended("old"));
  it.go_to_part(1);
  it.bear(birth_of("open"));
  it.days_pass(31);
  auto reader = connect(it.dsn);
  run_sql(reader, "begin; select count(*) from facts");
  auto done = it.sweep();
  CHECK(done.logs == 1);
  CHECK(done.parts == 0);
  it.bear(birth_of("more"));
  run_sql(reader, "commit");
  CHECK(it.sweep().parts == 1);
}

} // namespace shannon::store
