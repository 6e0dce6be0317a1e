#include "actors/kit/text.hpp"
#include "actors/tool/builtin/python_run.hpp"

#include <nlohmann/json.hpp>

#include <csignal>
#include <string_view>

namespace shannon::tool {

namespace {

/// Of stderr, the model sees the end: where Python says what went wrong.
constexpr std::size_t err_bytes_shown = 4096;

std::string_view last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
    text.remove_suffix(1);
  return text.substr(text.rfind('\n') + 1);
}

std::string exit_text(const kit::process_end& end,
                      const config::tool_settings& settings) {
  // bubblewrap reports a signal as the shell does.
  if (end.code == 128 + SIGXCPU || end.code == 128 + SIGKILL)
    return "the program was killed: it used more than "
           + std::to_string(settings.python_cpu_seconds)
           + " s of processor time, or another limit";
  if (end.err.rfind("bwrap: ", 0) == 0)
    return "the sandbox cannot start: " + end.err.substr(7, 200);
  auto why = last_line(end.err);
  return "the program ended with exit code " + std::to_string(end.code)
         + (why.empty() ? "" : ": " + std::string{kit::utf8_prefix(why, 300)});
}

std::string failure_text(const kit::process_end& end,
                         const config::tool_settings& settings,
                         std::chrono::milliseconds wall) {
  switch (end.why) {
  case kit::process_end::reason::exited:
    return exit_text(end, settings);
  case kit::process_end::reason::signalled:
    return "the sandbox was killed by signal " + std::to_string(end.code);
  case kit::process_end::reason::wall_limit:
    return "the program was killed: it ran longer than "
           + std::to_string(wall.count()) + " ms";
  case kit::process_end::reason::output_limit:
    return "the program was killed: it printed more than "
           + std::to_string(settings.python_output_bytes) + " bytes";
  case kit::process_end::reason::memory_limit:
    return "the program was killed: it used more than "
           + std::to_string(settings.python_memory_bytes) + " bytes of memory";
  case kit::process_end::reason::stopped:
    return end.text;
  case kit::process_end::reason::not_started:
    return "python_executor is not available: " + end.text;
  }
  return end.text;
}

} // namespace

remote::ToolResult python_result(kit::process_end end,
                                 const config::tool_settings& settings,
                                 std::chrono::milliseconds wall) {
  remote::ToolResult out;
  bool good = end.why == kit::process_end::reason::exited && end.code == 0;
  out.set_success(good);
  if (!good)
    out.set_error(failure_text(end, settings, wall));
  out.set_truncated(end.why == kit::process_end::reason::output_limit);
  nlohmann::json about{
      {"stdout_bytes", end.out.size()},
      {"stderr_bytes", end.err.size()},
      {"duration_ms", end.duration.count() / 1000},
  };
  if (end.why == kit::process_end::reason::exited)
    about["exit_code"] = end.code;
  out.set_metadata_json(about.dump());
  auto text = std::move(end.out);
  if (!end.err.empty()) {
    auto from = end.err.size() - std::min(end.err.size(), err_bytes_shown);
    // What was printed first gives way to the error that came last.
    auto room = settings.output_bytes_max
                - std::min<std::uint64_t>(settings.output_bytes_max,
                                          err_bytes_shown + 64);
    if (text.size() > room) {
      text.resize(kit::utf8_prefix(text, room).size());
      text += "\n[cut]";
      out.set_truncated(true);
    }
    if (!text.empty() && text.back() != '\n')
      text += '\n';
    text += "[stderr]\n" + end.err.substr(from);
  }
  out.set_output(std::move(text));
  return out;
}

} // namespace shannon::tool
