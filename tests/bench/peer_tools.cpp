#include "tests/bench/peer_tools.hpp"

#include "protocols/remote/tool.pb.h"

#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <utility>

namespace shannon::bench {

namespace {

class tools final : public kit::actor_base {
public:
  tools(caf::actor_config& cfg, kit::actor_env& shared, const std::string& file)
      : actor_base(cfg, shared, {"tool"}, 1'000'000), lines_{file},
        keyed_{file.empty() ? file : file + ".keyed"} {}

  const char* name() const override {
    return "bench-tools";
  }

protected:
  kit::handlers make_handlers() override {
    return {kit::on<remote::ToolRun>(
        [this](auto& mail, auto& msg) { on(mail, msg); })};
  }

  void stopping() override {
    for (auto* file : {&lines_, &keyed_})
      if (file->descriptor >= 0)
        ::close(std::exchange(file->descriptor, -1));
  }

private:
  struct ledger {
    std::string path;
    int descriptor = -1;
  };

  void on(const envelope& mail, const remote::ToolRun& msg) {
    const auto& what = msg.request();
    const auto& argument = what.arguments_json();
    result<void> done;
    remote::ToolResult answer;
    answer.set_success(true);
    if (what.tool() == "next")
      answer.set_output(std::to_string(std::stol(argument) + 1));
    else if (what.tool() == "write_line")
      done = write(lines_, argument + "\n");
    else if (what.tool() == "write_keyed")
      done = write(keyed_, msg.context().attempt_key() + " " + argument + "\n");
    else
      done = fail(errc::invalid_argument, "no tool " + what.tool() + " here");
    if (!done)
      return refuse(mail, done.error());
    reply(mail, std::move(answer));
  }

  /// One write: a killed process leaves no half a line.
  static result<void> write(ledger& into, const std::string& line) {
    if (into.path.empty())
      return fail(errc::invalid_argument,
                  "EFFECTS names no file to write lines to");
    if (into.descriptor < 0)
      into.descriptor = ::open(into.path.c_str(),
                               O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (into.descriptor < 0
        || ::write(into.descriptor, line.data(), line.size())
               != static_cast<ssize_t>(line.size()))
      return fail(errc::failed, "cannot write to " + into.path);
    return {};
  }

  ledger lines_;
  ledger keyed_;
};

} // namespace

caf::actor spawn_tools(caf::local_actor& parent, kit::actor_env& env,
                       std::string effects_file) {
  return parent.spawn<tools>(env, std::move(effects_file));
}

} // namespace shannon::bench
