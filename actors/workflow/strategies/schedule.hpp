#pragma once

#include "actors/workflow/engine/context.hpp"
#include "protocols/remote/schedule.pb.h"
#include "protocols/remote/workflow.pb.h"

#include <cstdint>
#include <map>
#include <string>

namespace shannon::workflow {

/// What lists find a schedule by: `status` (`ACTIVE`, `PAUSED`, `DELETED`) and
/// `schedule`, the whole of it as JSON.
std::map<std::string, std::string>
schedule_attributes(const remote::Schedule& what);

/// What a change makes of a schedule.
void apply_change(remote::Schedule& what, const remote::ScheduleChange& change);

/// What the task that is started at `due_us` is given.
remote::TaskInput scheduled_task(const remote::Schedule& what,
                                 std::int64_t due_us);

/// Starts tasks at the times of a cron expression until it is deleted. Between
/// them it waits as a row.
///
///   due         a task is started under an id of its own; it goes on whatever
///               becomes of the schedule
///   overlap     while the task before goes on, what is due is left out, or
///               started beside it, as the schedule says
///   catch-up    what is later than `catch_up_seconds` is left out: nobody was
///               there to start it, or the schedule was paused
///   timeout     a task that goes on longer than `timeout_seconds` is cancelled
///               and counts as failed; looked at while overlap is SKIP
///   changes     signals named `change`, ScheduleChange
///
/// `input` is a serialized Schedule; what it has become is the output.
durable<std::string> run_schedule(context ctx, std::string input);

} // namespace shannon::workflow
