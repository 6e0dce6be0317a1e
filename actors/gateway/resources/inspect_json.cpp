#include "actors/gateway/resources/inspect_json.hpp"

#include "actors/gateway/text/answers.hpp"
#include "actors/gateway/text/query_string.hpp"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>

namespace shannon::gateway {

namespace {

using inspector::to_text;

double rounded(double value) {
  return std::round(value * 1e3) / 1e3;
}

json_out ms_of(const inspector::message_age& age) {
  return age ? json_out(rounded(static_cast<double>(age->count()) / 1e3))
             : json_out(nullptr);
}

json_out group_json(const inspector::actor_group& group) {
  json_out all;
  all["kind"] = group.kind;
  all["actors"] = group.actors;
  all["busy"] = group.busy;
  all["mailbox_depth"] = group.mailbox_depth;
  all["oldest_ms"] = ms_of(group.oldest);
  all["messages_total"] = group.messages_total;
  all["rejected_total"] = group.rejected_total;
  all["groups"] = json_out::array();
  for (const auto& below : group.groups)
    all["groups"].push_back(group_json(below));
  return all;
}

json_out tree_json(const inspector::tree_node& node) {
  json_out all;
  all["name"] = node.name;
  all["kind"] = node.kind;
  all["address"] = node.address;
  all["state"] = to_text(node.state);
  all["since"] = timestamp(node.since);
  all["restarts"] = node.restarts;
  all["last_error"] = node.last_error;
  all["mailbox_depth"] = node.mailbox_depth;
  all["oldest_ms"] = ms_of(node.oldest);
  all["messages_total"] = node.messages_total;
  all["messages_per_s"] = rounded(node.messages_per_s);
  all["rate_over_ms"] = node.rate_over.count();
  all["rejected_total"] = node.rejected_total;
  all["groups"] = json_out::array();
  for (const auto& group : node.groups)
    all["groups"].push_back(group_json(group));
  all["children"] = json_out::array();
  for (const auto& child : node.children)
    all["children"].push_back(tree_json(child));
  return all;
}

json_out actor_json(const inspector::seen_actor& who) {
  json_out all;
  all["address"] = who.address;
  all["kind"] = who.kind;
  all["parent"] = who.parent;
  all["state"] = to_text(who.state);
  all["since"] = timestamp(who.since);
  all["restarts"] = who.restarts;
  all["last_error"] = who.last_error;
  if (!who.about.empty())
    all["about"] = who.about;
  all["mailbox_depth"] = who.mailbox_depth;
  all["oldest_ms"] = ms_of(who.oldest);
  all["messages_total"] = who.messages_total;
  all["messages_per_s"] = rounded(who.messages_per_s);
  all["rate_over_ms"] = who.rate_over.count();
  all["rejected_total"] = who.rejected_total;
  return all;
}

tl::expected<std::uint32_t, http_response> read_limit(const query_string& all,
                                                      std::uint32_t otherwise,
                                                      std::uint32_t most) {
  auto limit = all.number("limit", otherwise, 1, most);
  if (!limit)
    return tl::unexpected(
        error_answer(400, "limit: expected 1 to " + std::to_string(most)
                              + "; found \"" + all.get("limit") + "\""));
  return static_cast<std::uint32_t>(*limit);
}

/// Null for the zero of the epoch.
json_out time_or_null(std::chrono::system_clock::time_point at) {
  return at.time_since_epoch().count() == 0 ? json_out(nullptr)
                                            : json_out(timestamp(at));
}

json_out run_json(const inspector::seen_run& run) {
  json_out all;
  all["log"] = run.log.value;
  all["kind"] = run.kind;
  all["parent"] = run.parent.value;
  all["phase"] = run.phase;
  all["waits_for"] = run.waits_for;
  all["since"] = timestamp(run.since);
  all["wake_at"] = run.wake_at ? time_or_null(*run.wake_at) : nullptr;
  all["version"] = run.version;
  all["owner"] = {{"process", run.owner.value},
                  {"shard", run.shard},
                  {"epoch", run.epoch},
                  {"lease_holds", run.lease_holds}};
  all["waits"] = json_out::array();
  for (const auto& wait : run.waits)
    all["waits"].push_back({{"kind", wait.kind},
                            {"key", wait.key},
                            {"what", wait.what},
                            {"since", time_or_null(wait.since)},
                            {"due", time_or_null(wait.due)},
                            {"run", wait.run}});
  return all;
}

json_out link_json(const link::link_state& state) {
  json_out all;
  all["process"] = state.process.value;
  all["up"] = state.up;
  all["since"] = time_or_null(state.since);
  all["last_error"] = state.last_error;
  all["rtt_us"] = state.rtt.count();
  all["mails_in_flight"] = state.mails_in_flight;
  all["bytes_in_flight"] = state.bytes_in_flight;
  all["asks_open"] = state.asks_open;
  all["bytes_sent"] = state.bytes_sent;
  all["bytes_received"] = state.bytes_received;
  all["mails_sent"] = state.mails_sent;
  all["mails_received"] = state.mails_received;
  all["refused"] = state.refused;
  return all;
}

} // namespace

http_response tree_answer(const inspector::tree_node& root) {
  return json_answer(200, tree_json(root));
}

tl::expected<inspector::get_actors, http_response>
read_actors(const http_request& request) {
  auto all = query_string::parse(request.query);
  if (!all)
    return tl::unexpected(error_answer(400, all.error().text));
  inspector::get_actors wanted;
  wanted.kind = all->get("kind");
  wanted.parent = all->get("parent");
  wanted.state = all->get("state");
  wanted.cursor = all->get("cursor");
  auto limit = read_limit(*all, wanted.limit, wanted.actors_max);
  if (!limit)
    return tl::unexpected(std::move(limit.error()));
  wanted.limit = *limit;
  return wanted;
}

tl::expected<inspector::get_top, http_response>
read_top(const http_request& request) {
  auto all = query_string::parse(request.query);
  if (!all)
    return tl::unexpected(error_answer(400, all.error().text));
  inspector::get_top wanted;
  wanted.kind = all->get("kind");
  const auto& by = all->get("by");
  if (by == "age")
    wanted.by = inspector::top_order::age;
  else if (by == "rate")
    wanted.by = inspector::top_order::rate;
  else if (!by.empty() && by != "depth")
    return tl::unexpected(error_answer(
        400, "by: expected depth, age or rate; found \"" + by + "\""));
  auto limit
      = read_limit(*all, wanted.limit, inspector::get_actors::actors_max);
  if (!limit)
    return tl::unexpected(std::move(limit.error()));
  wanted.limit = *limit;
  return wanted;
}

tl::expected<inspector::get_runs, http_response>
read_runs(const http_request& request) {
  auto all = query_string::parse(request.query);
  if (!all)
    return tl::unexpected(error_answer(400, all.error().text));
  inspector::get_runs wanted;
  wanted.kind = all->get("kind");
  wanted.phase = all->get("phase");
  wanted.cursor = all->get("cursor");
  auto limit = read_limit(*all, wanted.limit, wanted.runs_max);
  if (!limit)
    return tl::unexpected(std::move(limit.error()));
  wanted.limit = *limit;
  return wanted;
}

http_response actors_answer(const inspector::actor_page& page) {
  json_out all;
  all["actors"] = json_out::array();
  for (const auto& who : page.actors)
    all["actors"].push_back(actor_json(who));
  all["next"] = page.next;
  all["total"] = page.total;
  return json_answer(200, all);
}

http_response top_answer(const inspector::top_page& page) {
  json_out all;
  all["total"] = page.actors;
  all["busy"] = page.busy;
  all["mailbox_depth"] = page.mailbox_depth;
  all["oldest_ms"] = ms_of(page.oldest);
  all["messages_per_s"] = rounded(page.messages_per_s);
  all["actors"] = json_out::array();
  for (const auto& who : page.rows)
    all["actors"].push_back(actor_json(who));
  return json_answer(200, all);
}

http_response runs_answer(const inspector::run_page& page) {
  json_out all;
  all["workflows"] = json_out::array();
  for (const auto& run : page.runs)
    all["workflows"].push_back(run_json(run));
  all["next"] = page.next;
  return json_answer(200, all);
}

http_response links_answer(const link::link_states& states) {
  json_out all;
  all["self"] = states.self.value;
  all["listens"] = states.listens;
  all["tls"] = states.tls;
  all["links"] = json_out::array();
  for (const auto& one : states.links)
    all["links"].push_back(link_json(one));
  return json_answer(200, all);
}

http_response leases_answer(const inspector::lease_report& report) {
  json_out all;
  all["self"] = report.self.value;
  all["lease_left_ms"] = report.lease_left.count();
  all["shards_owned"] = report.shards_owned;
  std::map<std::string, std::uint64_t> held;
  for (const auto& shard : report.all.shards)
    ++held[shard.owner.value];
  all["nodes"] = json_out::array();
  for (const auto& node : report.all.nodes) {
    json_out row;
    row["process"] = node.process.value;
    row["roles"] = node.roles;
    row["host"] = node.host;
    row["api"] = node.api;
    row["admin"] = node.admin;
    row["version"] = node.version;
    row["lease_left_ms"] = node.left_us / 1'000;
    row["shards"] = held[node.process.value];
    auto seen = report.seen.find(node.process);
    row["shards_seen"] = seen == report.seen.end() ? 0 : seen->second;
    all["nodes"].push_back(std::move(row));
  }
  all["shards"] = json_out::array();
  for (std::size_t i = 0; i < report.all.shards.size(); ++i)
    all["shards"].push_back({{"shard", i},
                             {"owner", report.all.shards[i].owner.value},
                             {"epoch", report.all.shards[i].epoch}});
  return json_answer(200, all);
}

} // namespace shannon::gateway
