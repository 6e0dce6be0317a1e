#include "nodes/tree.hpp"

#include "actors/agent/agent.hpp"
#include "actors/cluster/shard_owner.hpp"
#include "actors/gateway/gateway.hpp"
#include "actors/inspector/inspector.hpp"
#include "actors/llm/llm.hpp"
#include "actors/store/event_store.hpp"
#include "actors/store/retention_sweeper.hpp"
#include "actors/tool/tool.hpp"
#include "actors/workflow/workflow.hpp"

#include <algorithm>
#include <atomic>
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

} // namespace

kit::supervisor_spec node_tree(const node_parts& p) {
  const auto& s = p.settings;
  auto& env = p.env;
  auto& m = p.metrics;
  // What survives a restart of the actor that uses it.
  auto claimed = std::make_shared<std::atomic<bool>>(false);
  store::store_args store{env, s.store, m.store};

  kit::supervisor_spec root;
  root.name = "root";
  root.how = kit::strategy::one_for_one; // Addresses outlive their actors.
  root.restarts_max = 20;
  root.restart_window = 60s;
  auto add = [&root](const char* name, auto start) {
    root.children.push_back({name, std::move(start)});
  };

  add("store",
      [store](auto& parent) { return store::spawn_store(parent, store); });
  add("shards", [&env, claimed, node = node_id{s.node.name}](auto& parent) {
    return cluster::spawn_shard_owner(parent, {env, node, claimed});
  });
  add("retention", [&env, &s, &m](auto& parent) {
    return store::spawn_retention_sweeper(
        parent, {env, s.store, s.retention, m.retention});
  });
  if (plays(s, "llm"))
    add("llm", [&env, &s, &p_egress = p.egress, &m](auto& parent) {
      return llm::spawn_llm(parent, {env, s.llm, p_egress, m.llm});
    });
  if (plays(s, "agent")) {
    add("tool", [&env, &s, &p_egress = p.egress, &m](auto& parent) {
      return tool::spawn_tool(parent, {env, s.tool, p_egress, m.tool});
    });
    add("agents", [&env, &s, &m](auto& parent) {
      return agent::spawn_agents(parent, {env, s.run, s.llm, m.agents});
    });
  }
  if (plays(s, "orchestrator"))
    add("workflows", [&env, &s, &m](auto& parent) {
      return workflow::spawn_workflows(parent,
                                       {env, s.run, s.llm, m.workflows});
    });
  add("inspector", [&env, probes = p.probes, claimed](auto& parent) {
    auto all = probes;
    all.push_back({"shards", [claimed](auto then) {
                     then({"shards", claimed->load(),
                           claimed->load() ? "ok" : "not claimed yet"});
                   }});
    return inspector::spawn_inspector(parent, {env, std::move(all)});
  });
  if (plays(s, "gateway"))
    add("gateway", [&env, &s, server = p.server, &m](auto& parent) {
      return gateway::spawn_gateway(
          parent, {env, s.http, server, m.gateway, m.registry});
    });
  return root;
}

} // namespace shannon::nodes
