// What it costs that the work of one machine is spread over three nodes.

#include "actors/store/migrations.hpp"
#include "actors/store/private_postgres.hpp"
#include "tests/bench/costs.hpp"
#include "tests/bench/jobs.hpp"
#include "tests/bench/load_client.hpp"
#include "tests/bench/peer_process.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <stdlib.h>
#include <string>
#include <thread>
#include <vector>

namespace shannon::bench {

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr unsigned threads = 6; ///< Of CAF, in all nodes together.
constexpr int clients = 256;

/// A Postgres of its own for servers that share it.
struct shared_database {
  explicit shared_database(const std::string& base) {
    folder = base + "/shannon-nodes-XXXXXX";
    if (!::mkdtemp(folder.data()))
      throw std::runtime_error{"cannot make a folder in " + base};
    store::private_postgres_options options;
    options.dir = folder;
    options.ends_with_parent = true;
    server = std::make_unique<store::private_postgres>(
        must(store::private_postgres::start(std::move(options))));
    must(store::migrate(dsn()));
  }
  ~shared_database() {
    server.reset();
    std::error_code ec;
    std::filesystem::remove_all(folder, ec);
  }
  std::string dsn() const {
    return server->dsn();
  }

  std::string folder;
  std::unique_ptr<store::private_postgres> server;
};

/// Newcomers are given their shares some seconds after they have come.
void await_shares(const std::string& dsn, unsigned nodes) {
  auto db = must(store::pg_connection::open({dsn}));
  auto until = steady::now() + 60s;
  for (;;) {
    auto rows = must(db.exec("select count(*), max(n), min(n) from (select "
                             "count(*) as n from shards where owner <> '' "
                             "group by owner) o"));
    auto at
        = [&](int column) { return std::atoi(rows.text(0, column).c_str()); };
    if (at(0) == static_cast<int>(nodes) && at(1) < 2 * at(2))
      return;
    if (steady::now() > until)
      throw std::runtime_error{"the shards are not spread over the nodes"};
    std::this_thread::sleep_for(100ms);
  }
}

/// Workflows of ten steps a second, by so many nodes.
double rate(const job_options& options, unsigned nodes) {
  shared_database database{options.dir};
  std::vector<std::unique_ptr<peer_process>> peers;
  for (unsigned i = 0; i < nodes; ++i) {
    peers.push_back(std::make_unique<peer_process>(
        options.peer, options.dir,
        std::vector<std::string>{"SHANNON_DATABASE_URL=" + database.dsn(),
                                 "SHANNON_NODE__NAME=n" + std::to_string(i + 1),
                                 "SHANNON_NODE__WORKERS="
                                     + std::to_string(threads / nodes)}));
    must(peers.back()->start());
  }
  await_shares(database.dsn(), nodes);
  std::vector<std::uint64_t> answered(nodes);
  std::vector<std::string> wrong(nodes);
  auto begin = steady::now() + options.time / 4;
  auto end = begin + options.time;
  std::vector<std::thread> loads;
  for (unsigned i = 0; i < nodes; ++i)
    loads.emplace_back([&, i] {
      load_client load{peers[i]->port(), clients / static_cast<int>(nodes)};
      load_work work;
      work.next = [] { return load_request{post_request("/run/10")}; };
      work.answered = [&, i](const load_request&, const http_reply& reply) {
        if (reply.status != 200)
          wrong[i] = "status " + std::to_string(reply.status) + ", "
                     + std::string{reply.body};
        else if (steady::now() >= begin)
          ++answered[i];
      };
      load.run(work, end);
    });
  for (auto& one : loads)
    one.join();
  std::uint64_t all = 0;
  for (unsigned i = 0; i < nodes; ++i) {
    if (!wrong[i].empty())
      throw std::runtime_error{"a node answered " + wrong[i]};
    all += answered[i];
  }
  return static_cast<double>(all)
         / std::chrono::duration<double>(options.time).count();
}

} // namespace

void measure_nodes(const job_options& options, report& into) {
  std::vector<double> one, three, ratio;
  for (int round = 0; round < options.rounds; ++round) {
    one.push_back(rate(options, 1));
    three.push_back(rate(options, 3));
    ratio.push_back(three.back() / one.back());
  }
  into.figures["nodes"] = {{"threads", threads},
                           {"one_per_s", median(one)},
                           {"three_per_s", median(three)},
                           {"ratio", median(ratio)}};
  into.at_least("10 steps: 3 nodes of one machine / 1", median(ratio), 0.8);
}

} // namespace shannon::bench
