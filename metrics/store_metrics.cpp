#include "metrics/store_metrics.hpp"

#include "metrics/series.hpp"

namespace shannon::metrics {

store_metrics::store_metrics(registry& all)
    : appends_(counters(all, "shannon_store_appends_total",
                        "Appends answered, by outcome.")),
      facts_(counter(all, "shannon_store_facts_total", "Facts committed.")),
      append_seconds_(histogram(all, "shannon_store_append_seconds",
                                "From an append's arrival to its answer.",
                                latency_buckets())),
      group_size_(histogram(all, "shannon_store_group_appends",
                            "Appends in one transaction.",
                            {1, 2, 4, 8, 16, 32, 64, 128, 256, 512})),
      commit_seconds_(histogram(all, "shannon_store_commit_seconds",
                                "One transaction, from its sending to its "
                                "commit.",
                                latency_buckets())),
      waiting_(gauge(all, "shannon_store_appends_waiting",
                     "Appends waiting for a transaction.")),
      unclear_(counter(all, "shannon_store_commits_unclear_total",
                       "Appends in flight when the connection broke.")),
      splits_(counter(all, "shannon_store_groups_split_total",
                      "Groups that failed and were run append by append.")),
      queries_(counters(all, "shannon_store_queries_total",
                        "Queries answered, by kind and outcome.")),
      query_seconds_(histograms(all, "shannon_store_query_seconds",
                                "From a query's arrival to its answer.")),
      connections_(counters(all, "shannon_store_connections_total",
                            "Connections made to the database.")) {}

void store_metrics::append_ended(errc outcome, seconds taken) {
  appends_.Add({{"outcome", std::string{to_string(outcome)}}}).Increment();
  append_seconds_.Observe(taken.count());
}

void store_metrics::group_committed(std::size_t appends, std::size_t facts,
                                    seconds taken) {
  group_size_.Observe(static_cast<double>(appends));
  facts_.Increment(static_cast<double>(facts));
  commit_seconds_.Observe(taken.count());
}

void store_metrics::appends_waiting(std::ptrdiff_t change) {
  waiting_.Increment(static_cast<double>(change));
}

void store_metrics::commits_unclear(std::size_t appends) {
  unclear_.Increment(static_cast<double>(appends));
}

void store_metrics::group_split() {
  splits_.Increment();
}

void store_metrics::query_ended(const std::string& what, errc outcome,
                                seconds taken) {
  queries_.Add({{"query", what}, {"outcome", std::string{to_string(outcome)}}})
      .Increment();
  query_seconds_.Add({{"query", what}}, latency_buckets())
      .Observe(taken.count());
}

void store_metrics::connected(const std::string& role) {
  connections_.Add({{"role", role}}).Increment();
}

} // namespace shannon::metrics
