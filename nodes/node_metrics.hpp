#pragma once

#include "metrics/actor_metrics.hpp"
#include "metrics/browser_metrics.hpp"
#include "metrics/dispatch_metrics.hpp"
#include "metrics/gateway_metrics.hpp"
#include "metrics/link_metrics.hpp"
#include "metrics/llm_metrics.hpp"
#include "metrics/process_metrics.hpp"
#include "metrics/registry.hpp"
#include "metrics/retention_metrics.hpp"
#include "metrics/run_metrics.hpp"
#include "metrics/store_metrics.hpp"
#include "metrics/tool_metrics.hpp"

#include <string>

namespace shannon::nodes {

/// Every metrics struct of a node, made once, before any actor.
struct node_metrics {
  explicit node_metrics(const std::string& version)
      : actors(registry), process(registry, version),
        workflows(registry, "workflow"), schedules(registry, "schedule"),
        agents(registry, "agent"), store(registry), retention(registry),
        llm(registry), tool(registry), browser(registry), gateway(registry), links(registry),
        dispatch(registry) {}

  metrics::registry registry;
  metrics::actor_metrics actors;
  metrics::process_metrics process;
  metrics::run_metrics workflows;
  metrics::run_metrics schedules;
  metrics::run_metrics agents;
  metrics::store_metrics store;
  metrics::retention_metrics retention;
  metrics::llm_metrics llm;
  metrics::tool_metrics tool;
  metrics::browser_metrics browser;
  metrics::gateway_metrics gateway;
  metrics::link_metrics links;
  metrics::dispatch_metrics dispatch;
};

} // namespace shannon::nodes
