#pragma once

#include "actors/workflow/engine/context.hpp"
#include "protocols/remote/workflow.pb.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace shannon::workflow {

struct task_options {
  std::uint32_t agents_max = 8;
  std::uint32_t iterations_max = 25;
  std::chrono::milliseconds title_timeout{15'000};
};

/// The root strategy: plans a task, lets agents work on the parts in the order
/// of their dependencies, and joins what they report; or has a daemon of its
/// user's carry it out.
///
/// `input` is a serialized TaskInput, the output a serialized AgentReport. A
/// plan that cannot be had or read is no failure: one agent takes the task as
/// it is. One part alone needs no synthesis, and a task whose budget pays for
/// none gets the reports one after another. Beside them a session without a
/// title is given one; the answer does not wait for it.
durable<std::string> run_task(context ctx, std::string input,
                              task_options options);

} // namespace shannon::workflow
