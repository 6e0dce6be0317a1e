// What this machine can do at best: the disk through Postgres, and sockets
// through Beast. Every other figure is held against these.

#include "tests/bench/bare_beast.hpp"
#include "tests/bench/costs.hpp"
#include "tests/bench/jobs.hpp"
#include "tests/bench/limits.hpp"
#include "tests/bench/load_client.hpp"
#include "tests/bench/peer_process.hpp"

#include <string>
#include <vector>

namespace shannon::bench {

void measure_limits(const job_options& options, report& into) {
  peer_process peer{options.peer, options.dir};
  must(peer.start());
  auto best = must(limits::open(peer.dsn()));
  std::vector<double> one, many, by_64, by_256, beast;
  for (int round = 0; round < options.rounds; ++round) {
    one.push_back(best.commits_per_second(1, options.time / 2));
    many.push_back(best.commits_per_second(64, options.time / 2));
    by_64.push_back(best.rows_per_second(64, options.time));
    by_256.push_back(best.rows_per_second(256, options.time));
    bare_beast server;
    beast.push_back(
        run_load(server.port(), post_request("/"), 200, 256, options.time / 2)
            .per_second());
  }
  into.figures["limits"] = {
      {"commits_per_s", {{"1", median(one)}, {"64", median(many)}}},
      {"batched_rows_per_s", {{"64", median(by_64)}, {"256", median(by_256)}}},
      {"bare_beast_per_s", median(beast)}};
}

} // namespace shannon::bench
