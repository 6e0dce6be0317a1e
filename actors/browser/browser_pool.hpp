#pragma once

#include "actors/kit/actor_base.hpp"
#include "actors/kit/io_loop.hpp"
#include "config/settings.hpp"
#include "metrics/browser_metrics.hpp"
#include "protocols/ids.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include <functional>

namespace shannon::browser {

/// BROWSER POOL: the browser sessions of a node, and the Chromium processes
/// they live in.
///
///   takes       BrowserRun, BrowserClose, CancelEffect, ListTools
///                                   protocols/remote/{browser,tool}.proto
///               get_sessions                         protocols/browser.hpp
///               drain                                protocols/cluster.hpp
///   asks        its BROWSER SESSIONs
///   tells       the GRANTOR of its role: capacity_is  protocols/work.hpp
///   supervised  by the node's tree, permanent
///   persists    nothing
///   recovers    empty: its sessions and browsers end with it, and who asks for
///               one is refused `not_found`
///   metrics     shannon_browser_*         metrics/browser_metrics.hpp
///
/// An action that names a holder goes to its session or is refused
/// `not_found`; one that names none opens the session, unless it is there. More
/// than `browser.sessions_max` are not granted, so they wait with the
/// DISPATCHERs; more than a tenant may have are refused `overloaded`, and wait
/// there, too; operators are no tenant. Once drained it opens none, and
/// each goes when it has no action under way: its run opens another elsewhere,
/// from the state in its log. Bound to `browser/worker`.
struct browser_pool_args {
  kit::actor_env& env;
  config::browser_settings settings;
  /// Whose workspaces get the files.
  config::tool_settings files;
  /// Where browsers are watched; outlives the actor system, and so does its
  /// thread: browsers die with it.
  kit::io_loop& loop;
  metrics::browser_metrics& metrics;
  /// This process, as others name it; empty before it has joined.
  std::function<node_id()> self;
};

caf::actor spawn_browser_pool(caf::local_actor& parent, browser_pool_args args);
caf::actor spawn_browser_pool(caf::actor_system& sys, browser_pool_args args);

} // namespace shannon::browser
