#pragma once

#include "tests/bench/report.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace shannon::bench {

struct job_options {
  std::string peer;         ///< The bench server's executable.
  std::string dir = "/tmp"; ///< Where its data goes: on the disk to measure.
  int rounds = 3;           ///< Figures are medians of so many.
  std::chrono::milliseconds time{2'000}; ///< Each measurement of a rate.
  std::vector<int> clients{1, 16, 64, 256};
  std::vector<int> parked{5'000, 100'000};
  int kills = 50;      ///< Of the job `kills`; a thousand with --full.
  std::string shannon; ///< The executable that verifies; empty: nobody.
};

/// What can be asked for by name. Each starts servers of its own, writes its
/// figures and targets, and throws std::runtime_error when it cannot measure.
struct job {
  const char* name;
  const char* what;
  void (*run)(const job_options&, report&);
};

const std::vector<job>& all_jobs();

void measure_one_step(const job_options&, report&);
void measure_ten_steps(const job_options&, report&);
void measure_fan(const job_options&, report&);
void measure_child_runs(const job_options&, report&);
void measure_limits(const job_options&, report&);
void measure_activation(const job_options&, report&);
void measure_parked(const job_options&, report&);
void measure_kills(const job_options&, report&);

} // namespace shannon::bench
