#pragma once

#include "actors/workflow/engine/run.hpp"
#include "protocols/ids.hpp"
#include "tests/simulation/weather.hpp"
#include "tests/simulation/world.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace shannon::sim {

/// What a program of this simulation asks for in a step; written into the
/// step's input, so that the far side and the checks can read it.
struct effect_order {
  std::uint32_t turn = 0;   ///< How often the run has begun anew.
  std::uint32_t number = 0; ///< The step's number in the program.
  bool once = false;        ///< Made at most once.
  bool clean_up = false;    ///< Runs although the run is being cancelled.
  /// Steps whose outcomes led here: they must be on disk before this begins.
  std::vector<std::string> after;
};
std::string to_text(const effect_order& order);
effect_order order_of(const std::string& text);

/// Which entry of the ledger this answer comes from.
std::uint64_t ledger_number(const std::string& output);

/// One attempt that reached the world.
struct ledger_entry {
  std::uint64_t number = 0;
  log_id log;
  std::string step; ///< Its place in the log.
  std::string key;  ///< Its name in the world outside.
  std::uint32_t attempt = 1;
  effect_order order;
  std::string node;
  std::uint64_t life = 0;
  std::uint32_t shard = 0;
  shard_epoch epoch = 0; ///< Under which the node believes to own it.
  std::int64_t began_us = 0;
  bool open = true;     ///< Its answer is still to come.
  bool stopped = false; ///< Its run has told it to stop.
};

/// The world outside: carries out effects, writes down every attempt that
/// reaches it, and answers late, twice, with errors or never.
class far_side {
public:
  using done = std::function<void(workflow::durable_run::effect_outcome)>;

  far_side(world& everything, weather& sky)
      : everything_(everything), sky_(sky) {}

  /// `answer` may come any number of times.
  void begin(ledger_entry what, done answer);
  void stop(const log_id& log, const std::string& key, std::uint32_t attempt);
  /// Nobody listens any more to what this life asked for.
  void forget(const log_id& log, std::uint64_t life);

  const std::vector<ledger_entry>& ledger() const noexcept {
    return ledger_;
  }

private:
  world& everything_;
  weather& sky_;
  std::vector<ledger_entry> ledger_;
  /// Places in the ledger of what is still open, by log.
  std::map<log_id, std::vector<std::size_t>> open_;
};

} // namespace shannon::sim
