#include "actors/tool/builtin/python_run.hpp"

#include "actors/kit/loop_inbox.hpp"
#include "actors/tool/builtin/builtins.hpp"
#include "actors/tool/sandbox/sandbox.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <nlohmann/json.hpp>

#include <utility>

namespace shannon::tool {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds workspace_interval{500};

/// What the disk's thread prepares.
struct preparation {
  std::shared_ptr<kit::workspace> where;
  kit::process_spec spec;
  bool was_full = false;
};

result<preparation> prepare(const workspace_key& key, const std::string& code,
                            sandbox_limits limits) {
  preparation out;
  auto where = key.open();
  if (!where)
    return tl::unexpected(where.error());
  out.where = std::make_shared<kit::workspace>(std::move(*where));
  auto used = out.where->usage();
  if (!used)
    return tl::unexpected(used.error());
  out.was_full = used->bytes > key.limits.bytes_max
                 || used->entries > key.limits.entries_max;
  if (out.was_full)
    limits.file_bytes = 0; // Files can be deleted and cut, not grown.
  auto spec = sandboxed_python(code, out.where->path(), limits);
  if (!spec)
    return tl::unexpected(spec.error());
  out.spec = std::move(*spec);
  return out;
}

/// One program. Its state lives on the loop's thread.
class python_run : public std::enable_shared_from_this<python_run> {
public:
  python_run(std::shared_ptr<tool_parts> parts, workspace_key key,
             milliseconds wall, tool_done done)
      : parts_(std::move(parts)), key_(std::move(key)), wall_(wall),
        done_(std::move(done)), look_(parts_->loop) {}

  void start(std::string code) {
    sandbox_limits limits;
    limits.cpu_seconds = parts_->settings.python_cpu_seconds;
    limits.memory_bytes = parts_->settings.python_memory_bytes;
    limits.file_bytes = parts_->settings.file_bytes_max;
    auto give = kit::loop_inbox::of(parts_->loop)
                    .expect<result<preparation>>(
                        [self = shared_from_this()](result<preparation> got) {
                          self->run(got);
                        });
    auto job = [key = key_, limits, code = std::move(code),
                give = std::move(give)] { give(prepare(key, code, limits)); };
    if (!parts_->disk.post(std::move(job)))
      finish(failed_result("the disk is busy; try again"));
  }

  void cancel() {
    asio::post(parts_->loop, [self = shared_from_this()] {
      self->cancelled_ = true;
      if (auto running = self->process_.lock())
        running->stop("cancelled");
    });
  }

private:
  void run(result<preparation>& ready) {
    if (!ready)
      return finish(failed_result("python_executor is not available: "
                                  + ready.error().text));
    if (cancelled_)
      return finish(failed_result("cancelled"));
    where_ = ready->where;
    kit::process_limits limits;
    limits.wall = wall_;
    limits.output_bytes_max = parts_->settings.python_output_bytes;
    limits.memory_bytes_max = parts_->settings.python_memory_bytes;
    process_ = kit::start_process(
        parts_->loop, std::move(ready->spec), limits,
        [self = shared_from_this()](kit::process_end end) {
          self->look_.cancel();
          self->process_.reset();
          self->finish(python_result(std::move(end), self->parts_->settings,
                                     self->wall_));
        });
    if (!ready->was_full)
      watch_workspace();
  }

  void watch_workspace() {
    look_.expires_after(workspace_interval);
    look_.async_wait(
        [self = shared_from_this()](boost::system::error_code stopped) {
          if (!stopped && !self->process_.expired())
            self->count_workspace();
        });
  }

  void count_workspace() {
    auto give = kit::loop_inbox::of(parts_->loop)
                    .expect<result<kit::workspace_usage>>(
                        [self = shared_from_this()](
                            const result<kit::workspace_usage>& used) {
                          self->counted(used);
                        });
    auto job
        = [where = where_, give = std::move(give)] { give(where->usage()); };
    if (!parts_->disk.post(std::move(job)))
      watch_workspace();
  }

  void counted(const result<kit::workspace_usage>& used) {
    auto running = process_.lock();
    if (!running)
      return;
    bool full = used
                && (used->bytes > key_.limits.bytes_max
                    || used->entries > key_.limits.entries_max);
    if (full)
      running->stop("the program was killed: the workspace is full ("
                    + std::to_string(key_.limits.bytes_max) + " bytes or "
                    + std::to_string(key_.limits.entries_max) + " files)");
    else
      watch_workspace();
  }

  void finish(remote::ToolResult how) {
    if (done_)
      std::exchange(done_, nullptr)(std::move(how));
  }

  std::shared_ptr<tool_parts> parts_;
  workspace_key key_;
  milliseconds wall_;
  tool_done done_;
  asio::steady_timer look_;
  std::shared_ptr<kit::workspace> where_;
  /// Weak: the process keeps this run alive, not the other way round.
  std::weak_ptr<kit::process> process_;
  bool cancelled_ = false;
};

} // namespace

tool_cancel run_python(std::shared_ptr<tool_parts> parts, workspace_key where,
                       std::string code, milliseconds wall, tool_done done) {
  auto run = std::make_shared<python_run>(std::move(parts), std::move(where),
                                          wall, std::move(done));
  run->start(std::move(code));
  return [run] { run->cancel(); };
}

tool_definition python_tool(std::shared_ptr<tool_parts> parts) {
  tool_definition out;
  out.name = "python_executor";
  out.description
      = "Runs a Python 3 program in a sandbox and returns what it prints. No "
        "network; the standard library only; files in /workspace stay for "
        "later "
        "calls of the session. Print what you want to see.";
  out.parameters = R"({
    "type": "object",
    "properties": {
      "code": {"type": "string", "minLength": 1, "maxLength": 200000},
      "timeout_seconds": {
        "type": "number", "minimum": 0.1, "maximum": 600,
        "description": "shorter than the node's own limit"
      }
    },
    "required": ["code"],
    "additionalProperties": false
  })";
  out.may.writes = true;
  out.may.reads_private = true;
  out.run = [parts = std::move(parts)](const tool_input& input,
                                       tool_done done) -> tool_cancel {
    auto wall = parts->settings.python_wall_timeout;
    if (auto at = input.arguments.find("timeout_seconds");
        at != input.arguments.end())
      wall = std::min(wall, milliseconds{static_cast<std::int64_t>(
                                at->get<double>() * 1000)});
    return run_python(parts, workspace_key{parts->settings, input.context},
                      input.arguments.at("code").get<std::string>(), wall,
                      std::move(done));
  };
  return out;
}

} // namespace shannon::tool
