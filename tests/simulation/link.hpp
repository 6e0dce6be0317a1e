#pragma once

#include "tests/simulation/parts.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace shannon::sim {

/// Makes of what a process plans something that happens only while that
/// process lives, and late if it is frozen.
using process_guard
    = std::function<std::function<void()>(std::function<void()>)>;

/// A node's connections to the database. A statement takes its time there and
/// back; it may be lost, or its answer; it may be carried out after the node
/// has given it up, or twice.
class link {
public:
  link(parts& with, std::string name, process_guard guard)
      : with_(with), name_(std::move(name)), guard_(std::move(guard)) {}

  /// `done` gets nothing when the connection was lost: then nobody knows.
  template <class T>
  void ask(std::string_view what, std::function<T(database&)> run,
           std::function<void(std::optional<T>)> done) {
    // What is on its way outlives the process; who hears the answer does not.
    auto& world = with_.everything;
    auto& db = with_.db;
    auto fate = draw(what);
    auto answer = std::make_shared<std::optional<T>>();
    auto tell = guard_([done, answer] { done(std::move(*answer)); });
    if (fate.arrives_us >= 0)
      world.after(fate.arrives_us, [&world, &db, run, fate, answer, tell] {
        auto got = run(db);
        if (fate.answers_us < 0)
          return;
        *answer = std::move(got);
        world.after(fate.answers_us, tell);
      });
    if (fate.again_us >= 0)
      world.after(fate.again_us, [&db, run] { run(db); });
    if (fate.answers_us < 0)
      world.after(fate.gives_up_us, tell);
  }

  /// Until then every statement or its answer is lost.
  void cut_off(std::int64_t until_us) {
    cut_until_us_ = until_us;
  }

private:
  /// Microseconds from now, `answers_us` from the arrival; below 0 for never.
  struct way {
    std::int64_t arrives_us = 0;
    std::int64_t answers_us = 0;
    std::int64_t again_us = -1;
    std::int64_t gives_up_us = 0;
  };
  way draw(std::string_view what);

  parts& with_;
  std::string name_;
  process_guard guard_;
  std::int64_t cut_until_us_ = 0;
};

} // namespace shannon::sim
