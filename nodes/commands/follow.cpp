#include "nodes/commands/follow.hpp"

#include "nodes/commands/task_view.hpp"

#include <charconv>
#include <optional>
#include <thread>

namespace shannon::commands {

namespace {

using nlohmann::json;
using std::chrono::steady_clock;

/// Which events were seen: what to resume after, and what to drop if a server
/// repeats it.
class stream_place {
public:
  bool is_new(const stream_event& event) {
    if (event.id.empty())
      return true;
    auto number = parsed(event.id);
    // A delta travels beside the log and may carry the id it follows.
    bool durable = event.name != "thread.message.delta";
    if (durable && number && last_number_ && *number <= *last_number_)
      return false;
    if (durable || !number)
      last_id_ = event.id;
    if (durable && number)
      last_number_ = number;
    return true;
  }

  const std::string& last_id() const noexcept {
    return last_id_;
  }

private:
  static std::optional<std::uint64_t> parsed(const std::string& id) {
    std::uint64_t number = 0;
    auto end = id.data() + id.size();
    auto [stop, code] = std::from_chars(id.data(), end, number);
    if (code != std::errc{} || stop != end)
      return std::nullopt;
    return number;
  }

  std::string last_id_;
  std::optional<std::uint64_t> last_number_;
};

constexpr std::chrono::seconds replay_time{5};

/// A cancelled run need not send `done`.
bool ends_stream(const stream_event& event) {
  return event.name == "done" || event.name == "workflow.cancelled";
}

/// Will the same request succeed once the node is back?
bool passes(const error& what) {
  return what.code == errc::unavailable || what.code == errc::overloaded
         || what.code == errc::timeout;
}

} // namespace

result<json> follow_task(api_client& api, const std::string& task,
                         const follow_options& options,
                         const follow_events& events) {
  const auto state = "/api/v1/tasks/" + url_encoded(task);
  const auto stream = "/api/v1/stream/sse?workflow_id=" + url_encoded(task);
  stream_place place;
  auto heard = steady_clock::now();
  auto pause = options.pause_min;
  bool told = false;
  for (;;) {
    if (options.until && steady_clock::now() >= *options.until)
      return fail(errc::timeout, "task " + task
                                     + " is not over in time and goes on; "
                                       "see it with: shannon show "
                                     + task);
    // The state first: an unknown task has no stream, and one that is over
    // still has its events to tell.
    auto now = api.get(state, options.until);
    error broken;
    bool over = false;
    if (now) {
      over = is_over(*now);
      sse_reader reader;
      // What is over has all its events stored: a moment is enough for them,
      // also from a server that leaves the stream of a finished task open.
      auto until = options.until;
      auto moment = steady_clock::now() + replay_time;
      if (over && (!until || moment < *until))
        until = moment;
      auto end = api.stream(
          stream, place.last_id(), until, [&](std::string_view bytes) {
            bool done = false;
            heard = steady_clock::now();
            pause = options.pause_min;
            told = false;
            bool whole = reader.take(bytes, [&](const stream_event& event) {
              if (!done && place.is_new(event))
                events.event(event);
              done = done || ends_stream(event);
            });
            return whole && !done;
          });
      if (auto last = api.get(state, options.until); last && is_over(*last))
        return last;
      if (end)
        end = fail(errc::unavailable, "the stream ended before the task did");
      broken = end.error();
      if (over)
        return now;
    } else {
      broken = now.error();
    }
    if (!passes(broken))
      return tl::unexpected(broken);
    if (options.until && steady_clock::now() >= *options.until)
      continue;
    if (steady_clock::now() - heard > options.patience)
      return tl::unexpected(broken);
    if (!told && events.broken)
      events.broken(broken);
    told = true;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, options.pause_max);
  }
}

} // namespace shannon::commands
