#pragma once

#include "actors/workflow/engine/run.hpp"
#include "protocols/ids.hpp"
#include "tests/simulation/database.hpp"
#include "tests/simulation/weather.hpp"
#include "tests/simulation/world.hpp"

#include <functional>
#include <string>

namespace shannon::sim {

class far_side;
class watch;

/// What is said to a run, by a client or by another run.
struct mail {
  enum class kind : std::uint8_t { start, signal, cancel, child_ended };
  enum class answer : std::uint8_t {
    done,      ///< It is on disk.
    ended,     ///< There is no such run, or it has ended.
    try_later, ///< Nothing was done.
  };

  kind what = kind::start;
  log_id to;
  std::string name;    ///< Of a signal.
  std::string id;      ///< Of a signal.
  std::string payload; ///< Of a signal; the input of a start.
  log_id from;         ///< A parent that wants to hear of the end; its child.
  std::string step;    ///< The parent's.
  std::uint32_t attempt = 0;
  result<std::string> outcome; ///< The child's.
  /// Never called, once or twice: answers get lost and repeated like mail.
  std::function<void(answer)> reply;
};

/// What everything in one world shares.
struct parts {
  world& everything;
  database& db;
  weather& sky;
  far_side& effects;
  watch& checks;
  workflow::program program;
  workflow::run_options options;
  /// Brings a message to a node that may hold the run.
  std::function<void(mail)> post;
};

} // namespace shannon::sim
