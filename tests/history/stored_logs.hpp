#pragma once

#include "protocols/facts/run.pb.h"
#include "tests/history/written_log.hpp"
#include "tests/kit/postgres_fixture.hpp"
#include "tests/store/store_client.hpp"

#include <catch2/catch.hpp>
#include <openssl/sha.h>

#include <string>

/// Logs in real tables, for commands that read them.
namespace shannon::test {

using history::fact_of;

/// More than one page of the reader.
inline constexpr int long_facts = 600;

inline std::string sha256(const std::string& bytes) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         digest);
  return {reinterpret_cast<const char*>(digest), sizeof digest};
}

/// A task with a big input, its agent, that one's helper, and a task of
/// another.
inline void write_logs(const std::string& dsn) {
  store_node node{dsn};
  REQUIRE(node.claim());
  auto put = [&](store::append what) {
    auto got = node.ask<store::append_receipt>(std::move(what));
    REQUIRE(got);
    return got->tail;
  };
  auto birth = [](const std::string& log, const std::string& parent) {
    store::append out;
    out.log = log_id{log};
    out.birth = store::log_birth{parent.empty() ? "workflow" : "agent",
                                 log_id{parent}, tenant_id{"t"}, user_id{"u"},
                                 session_id{"s"}};
    return out;
  };
  auto task = birth("task-1", "");
  std::string input(20'000, 'q');
  facts::Fact first = fact_of("run_started { }");
  first.mutable_run_started()->mutable_input()->set_blob(sha256(input));
  first.mutable_run_started()->mutable_input()->set_size(input.size());
  task.facts = {first.SerializeAsString()};
  task.blobs = {{sha256(input), input}};
  task.references = {{sha256(input)}};
  auto tail = put(task);
  // One row each, so that one can be taken away.
  for (int i = 1; i < long_facts; ++i) {
    store::append next;
    next.log = task.log;
    next.expected = tail;
    next.facts = {fact_of("noted { }").SerializeAsString()};
    tail = put(std::move(next));
  }
  auto agent = birth("task-1/a", "task-1");
  agent.facts = {fact_of("run_started { }").SerializeAsString(),
                 fact_of("run_completed { }").SerializeAsString()};
  agent.status = store::log_status::completed;
  put(agent);
  auto helper = birth("task-1/a/b", "task-1/a");
  helper.facts
      = {fact_of("run_started { }").SerializeAsString(),
         fact_of("event { message: 'my own words' } run_completed { output { "
                 "inline: 'my own words' } }")
             .SerializeAsString()};
  helper.status = store::log_status::completed;
  put(helper);
  auto other = birth("task-2", "");
  other.facts = {fact_of("run_started { }").SerializeAsString()};
  put(other);
}

inline void damage(const std::string& dsn, const std::string& sql) {
  auto db = store::pg_connection::open({dsn});
  REQUIRE(db);
  auto done = db->exec(sql);
  INFO(sql);
  REQUIRE(done);
}

} // namespace shannon::test
