#pragma once

#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <vector>

namespace shannon::bench {

using json = nlohmann::ordered_json;

double median(std::vector<double> all);

/// One line of the table: a figure, and what it must reach.
struct target {
  std::string what;
  double measured = 0;
  double wanted = 0;
  enum class side : bool { at_least, at_most } side = side::at_least;

  bool met() const noexcept {
    return side == side::at_least ? measured >= wanted : measured <= wanted;
  }
};

/// What a run of jobs found. Jobs write their figures to `figures` and say
/// what they are held against.
struct report {
  json figures;
  std::vector<target> targets;

  void at_least(std::string what, double measured, double wanted) {
    targets.push_back(
        {std::move(what), measured, wanted, target::side::at_least});
  }
  void at_most(std::string what, double measured, double wanted) {
    targets.push_back(
        {std::move(what), measured, wanted, target::side::at_most});
  }

  json to_json() const;
  /// target | wanted | measured | ratio | met
  std::string table() const;
};

/// Has `measure` fill a report and prints it: JSON on stdout, the table on
/// stderr. The program's exit code: 1 if it throws, which is said.
int print_report(const char* program,
                 const std::function<void(report&)>& measure);

} // namespace shannon::bench
