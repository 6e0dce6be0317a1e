#include "nodes/tree.hpp"

#include "actors/agent/agent.hpp"
#include "actors/browser/browser_pool.hpp"
#include "actors/cluster/shard_owner.hpp"
#include "actors/dispatch/dispatcher.hpp"
#include "actors/dispatch/grantor.hpp"
#include "actors/gateway/gateway.hpp"
#include "actors/inspector/inspector.hpp"
#include "actors/link/links.hpp"
#include "actors/llm/llm.hpp"
#include "actors/store/event_store.hpp"
#include "actors/store/records/account_records.hpp"
#include "actors/store/records/answer_records.hpp"
#include "actors/store/records/browser_place_records.hpp"
#include "actors/store/records/record_store.hpp"
#include "actors/store/records/session_records.hpp"
#include "actors/store/retention_sweeper.hpp"
#include "actors/tool/tool.hpp"
#include "actors/workflow/workflow.hpp"
#include "config/keys.hpp"
#include "nodes/memory_watch.hpp"
#include "nodes/more_programs.hpp"
#include "protocols/schema_hash.hpp"

#include <algorithm>
#include <memory>
#include <string_view>

namespace shannon::nodes {

namespace {

using namespace std::chrono_literals;

/// No roles named: the node plays every one.
bool plays(const config::settings& settings, std::string_view role) {
  const auto& roles = settings.node.roles;
  return roles.empty()
         || std::find(roles.begin(), roles.end(), role) != roles.end();
}

/// Runs lie here, those of clients or of agents.
bool carries_runs(const config::settings& settings) {
  return plays(settings, "orchestrator") || plays(settings, "agent");
}

/// Effects of these roles begin here. Whoever carries runs has effects to send
/// somewhere, and a gateway has the model calls and the tools of its clients.
/// Clients may come to their browser sessions by any of these nodes, and by
/// those with browsers.
std::vector<std::string> dispatched_roles(const config::settings& settings) {
  std::vector<std::string> out;
  if (carries_runs(settings) || plays(settings, "gateway"))
    out = {"llm", "tool"};
  if (!out.empty() || plays(settings, "browser"))
    out.emplace_back("browser");
  return out;
}

cluster::node_card card_of(const node_parts& p) {
  const auto& node = p.settings.node;
  cluster::node_card card;
  card.name = node.name;
  card.cluster = p.settings.cluster;
  for (auto role : config::known_roles())
    if (plays(p.settings, role))
      card.roles.emplace_back(role);
  // Agents lie in the shards of their tasks: who carries the one carries both.
  card.owns = plays(p.settings, "orchestrator");
  card.host = node.host;
  card.api = p.server->local_address();
  card.admin = p.server->admin_address();
  if (p.links)
    card.link = p.links->address();
  card.version = SHANNON_VERSION;
  card.schema = wire_schema_hash();
  card.settings = config::chosen_settings(p.settings);
  return card;
}

/// The node has its lease, and once had all shards it should have.
inspector::check check_shards(const node_parts& p) {
  inspector::check out{"shards", false, "not claimed yet"};
  if (!p.place->ready)
    return out;
  if (p.place->ends) {
    out.text = "the node drains";
    return out;
  }
  out.ok = p.shards->holds_lease();
  auto owned = std::to_string(p.shards->count()) + " owned";
  out.text = out.ok ? owned : owned + ", but the lease is not renewed";
  return out;
}

} // namespace

kit::supervisor_spec node_tree(const node_parts& p) {
  const auto& s = p.settings;
  auto& env = p.env;
  auto& m = p.metrics;
  store::store_args store{env, s.store, m.store, p.shards};
  cluster::shard_owner_args shards{env, card_of(p)};
  shards.lease = {s.membership.lease, s.membership.renew_every,
                  s.membership.margin, s.membership.give_up_after};
  shards.settle = s.membership.settle;
  shards.exit_after = s.membership.exit_after;
  shards.finish = s.membership.finish;
  shards.shards = p.shards;
  shards.place = p.place;
  shards.end_node = p.end_node;
  if (plays(s, "agent"))
    shards.kinds.emplace_back("agent");
  if (plays(s, "orchestrator"))
    for (const char* kind : {"workflow", "schedule"})
      shards.kinds.emplace_back(kind);
  auto dispatched = dispatched_roles(s);
  shards.tell_members = dispatched;
  shards.tell_members.emplace_back("gateway");

  kit::supervisor_spec root;
  root.name = "root";
  root.how = kit::strategy::one_for_one; // Addresses outlive their actors.
  root.restarts_max = 20;
  root.restart_window = 60s;
  auto add = [&root](std::string name, auto start) {
    root.children.push_back({std::move(name), std::move(start)});
  };

  add("store",
      [store](auto& parent) { return store::spawn_store(parent, store); });
  // Runs give sessions their titles; clients ask nodes with browsers, too.
  if (plays(s, "gateway") || plays(s, "orchestrator") || plays(s, "browser"))
    add("records", [&env, &s, &m](auto& parent) {
      return store::spawn_record_store(
          parent,
          {env,
           s.store,
           m.store,
           {store::records::account_lines(), store::records::session_lines(),
            store::records::answer_lines(),
            store::records::browser_place_lines()}});
    });
  if (p.links)
    add("links", [&env, hub = p.links](auto& parent) {
      return link::spawn_links(parent, {env, hub});
    });
  add("shards", [shards](auto& parent) {
    return cluster::spawn_shard_owner(parent, shards);
  });
  add("retention", [&env, &s, &m](auto& parent) {
    return store::spawn_retention_sweeper(
        parent, {env, s.store, s.retention, m.retention});
  });
  auto add_role = [&](const char* role, const char* grants,
                      std::uint64_t capacity, auto start) {
    add(role, std::move(start));
    add(grants, [&env, role, capacity](auto& parent) {
      return dispatch::spawn_grantor(parent, {env, role, capacity});
    });
  };
  if (plays(s, "llm"))
    add_role("llm", "llm-grants", s.llm.concurrent_calls_max,
             [&env, &s, &p_egress = p.egress, &m](auto& parent) {
               return llm::spawn_llm(parent, {env, s.llm, p_egress, m.llm});
             });
  if (plays(s, "tool"))
    add_role("tool", "tool-grants", s.tool.concurrent_runs_max,
             [&env, &s, &p_egress = p.egress, &m](auto& parent) {
               return tool::spawn_tool(parent, {env, s.tool, p_egress, m.tool});
             });
  if (plays(s, "browser"))
    add_role("browser", "browser-grants", s.browser.sessions_max,
             [&env, &s, p, &m](auto& parent) {
               browser::browser_pool_args args{env,        s.browser, s.tool,
                                               p.browsing, m.browser, {}};
               args.self = [p] { return p.place->self(); };
               return browser::spawn_browser_pool(parent, std::move(args));
             });
  for (const auto& role : dispatched)
    add(role + "-dispatch", [&env, role, &m](auto& parent) {
      return dispatch::spawn_dispatcher(parent, {env, role, m.dispatch});
    });
  if (plays(s, "agent"))
    add("agents", [&env, &s, &m](auto& parent) {
      return agent::spawn_agents(parent, {env, s.run, s.llm, m.agents});
    });
  std::shared_ptr<workflow::intake> door;
  if (plays(s, "orchestrator")) {
    door = std::make_shared<workflow::intake>(workflow::intake::limits{
        s.run.append_wait, s.run.runs_min, s.run.runs_max});
    add("workflows", [&env, &s, &m, door](auto& parent) {
      workflow::workflow_args args{env, s.run, s.llm, m.workflows};
      args.door = door;
      args.more = more_programs(s.run);
      return workflow::spawn_workflows(parent, std::move(args));
    });
    add("schedules", [&env, &s, &m](auto& parent) {
      return workflow::spawn_schedules(parent,
                                       {env, s.run, s.llm, m.schedules});
    });
  }
  add("inspector", [&env, probes = p.probes, p](auto& parent) {
    auto all = probes;
    all.push_back({"shards", [p](auto then) { then(check_shards(p)); }});
    inspector::inspector_args args{env, std::move(all)};
    args.self = [p] { return p.place->self(); };
    return inspector::spawn_inspector(parent, std::move(args));
  });
  auto memory = std::make_shared<memory_watch>(s.node.memory_max);
  // Every node can be looked at through its admin port, whatever its roles.
  add("gateway", [&env, &s, p, &m, door, memory](auto& parent) {
    gateway::gateway_args args{env,      s.http,    s.identity, p.secrets,
                               p.server, m.gateway, m.registry};
    args.serves_api = plays(s, "gateway");
    args.files = s.tool;
    args.daemons = s.daemon;
    args.drain_node = p.drain_node;
    if (door)
      args.has_room = [door, memory] {
        auto now = std::chrono::steady_clock::now();
        return memory->has_room(now) && door->has_room(now);
      };
    args.redis_url = s.redis_url;
    args.redis_timeout = s.redis_timeout;
    args.outward = &p.egress;
    return gateway::spawn_gateway(parent, std::move(args));
  });
  return root;
}

std::vector<std::string> parts_to_drain(const config::settings& settings) {
  std::vector<std::string> out{"gateway", "shard-owner"};
  for (auto& role : dispatched_roles(settings))
    out.push_back(std::move(role));
  for (const char* role : {"llm", "tool", "browser"})
    if (plays(settings, role))
      out.push_back(std::string{"grants/"} + role);
  // What it holds goes on from one effect to the next.
  if (plays(settings, "browser"))
    out.emplace_back("browser/worker");
  return out;
}

} // namespace shannon::nodes
