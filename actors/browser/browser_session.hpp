#pragma once

#include "actors/browser/browser_host.hpp"
#include "actors/browser/saved_files.hpp"
#include "actors/browser/session_card.hpp"
#include "actors/kit/actor_base.hpp"
#include "actors/kit/arguments.hpp"
#include "metrics/browser_metrics.hpp"
#include "protocols/remote/browser.pb.h"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>

#include <map>
#include <memory>
#include <string>

namespace shannon::browser {

/// The actions of a node with their schemas, compiled once.
struct action_schemas {
  std::map<std::string, kit::argument_schema> of;
};

/// BROWSER SESSION: one session, from its first action to its end.
///
///   takes       BrowserRun, BrowserClose, CancelEffect
///                                            protocols/remote/browser.proto
///               wind_down                    protocols/cluster.hpp
///   asks        nobody; a browser_host opens what it needs
///   supervised  by the BROWSER POOL that spawned it, temporary and monitored
///   persists    nothing: each answer carries the state that a new one needs
///   recovers    never: who asks for it is refused `not_found`, and opens
///               another
///
/// One action at a time, in the order they came. What it was asked for before
/// it answers again, without doing it again. It ends when it is closed, has
/// been idle for `browser.idle_timeout`, is older than `browser.lifetime`, its
/// browser is gone, or its node drains and it has nothing to do. Bound to
/// `browser_session/<id>`.
struct browser_session_args {
  kit::actor_env& env;
  std::string id;
  std::string tenant;
  std::string holder; ///< This process, as others name it.
  session_options options;
  std::string state; ///< Of the session it takes the place of; or empty.
  std::shared_ptr<browser_host> host;
  std::shared_ptr<const action_schemas> actions;
  config::browser_settings settings;
  file_place files;
  session_card_ptr card;
  metrics::browser_metrics& metrics;
};

caf::actor spawn_browser_session(caf::local_actor& parent,
                                 browser_session_args args);

} // namespace shannon::browser
