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
  tools(caf::actor_config& cfg, kit::actor_env& shared, std::string file)
      : actor_base(cfg, shared, {"tool"}, 1'000'000), file_(std::move(file)) {}

  const char* name() const override {
    return "bench-tools";
  }

protected:
  kit::handlers make_handlers() override {
    return {kit::on<remote::ToolRun>(
        [this](auto& mail, auto& msg) { on(mail, msg.request()); })};
  }

  void stopping() override {
    if (out_ >= 0)
      ::close(out_);
  }

private:
  void on(const envelope& mail, const remote::ToolRequest& what) {
    remote::ToolResult answer;
    answer.set_success(true);
    if (what.tool() == "next")
      answer.set_output(std::to_string(std::stol(what.arguments_json()) + 1));
    else if (what.tool() == "write_line") {
      if (auto done = write(what.arguments_json() + "\n"); !done)
        return refuse(mail, done.error());
    } else
      return refuse(mail, {errc::invalid_argument,
                           "no tool " + what.tool() + " here",
                           false,
                           {}});
    reply(mail, std::move(answer));
  }

  result<void> write(const std::string& line) {
    if (file_.empty())
      return fail(errc::invalid_argument,
                  "EFFECTS names no file to write lines to");
    if (out_ < 0)
      out_ = ::open(file_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
                    0644);
    if (out_ < 0
        || ::write(out_, line.data(), line.size())
               != static_cast<ssize_t>(line.size()))
      return fail(errc::failed, "cannot write to " + file_);
    return {};
  }

  std::string file_;
  int out_ = -1;
};

} // namespace

caf::actor spawn_tools(caf::local_actor& parent, kit::actor_env& env,
                       std::string effects_file) {
  return parent.spawn<tools>(env, std::move(effects_file));
}

} // namespace shannon::bench
