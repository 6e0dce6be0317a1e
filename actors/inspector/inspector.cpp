#include "actors/inspector/inspector.hpp"

#include "protocols/store.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string_view>

namespace shannon::inspector {

namespace {

std::string_view to_text(child_state state) {
  switch (state) {
  case child_state::starting:
    return "starting";
  case child_state::running:
    return "running";
  case child_state::backing_off:
    return "backing off after a failure";
  case child_state::ended:
    return "ended";
  }
  return "unknown";
}

void collect(const tree_node& node, const std::string& path,
             std::vector<std::string>& broken) {
  if (node.state != child_state::running)
    broken.push_back(path + ": " + std::string{to_text(node.state)}
                     + (node.last_error.empty() ? "" : ", " + node.last_error));
  for (const auto& child : node.children)
    collect(child, path + "/" + child.name, broken);
}

class inspector_actor final : public kit::actor_base {
public:
  inspector_actor(caf::actor_config& cfg, inspector_args args)
      : actor_base(cfg, args.env, {"inspector"}), args_(std::move(args)) {}

  const char* name() const override {
    return "inspector";
  }

protected:
  kit::handlers make_handlers() override {
    return {
        kit::on<get_health>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<get_tree>([this](auto& mail, auto& m) { on(mail, m); }),
    };
  }

private:
  using clock = std::chrono::steady_clock;

  /// One look at everything; complete when nothing is outstanding.
  struct look {
    std::vector<check> checks;
    std::size_t outstanding = 0;
  };

  // -- handlers ---------------------------------------------------------------

  void on(const envelope& mail, const get_health&) {
    if (seen_ && clock::now() - seen_at_ < args_.fresh_for)
      return reply(mail, *seen_);
    waiting_.push_back(mail);
    if (waiting_.size() == 1)
      begin_look();
  }

  void on(const envelope& mail, const get_tree&) {
    ask<tree_node>({"supervisor/root"}, get_tree{}, args_.patience,
                   [this, mail](result<tree_node> got) {
                     got ? reply(mail, std::move(*got))
                         : refuse(mail, got.error());
                   });
  }

  // -- one look ---------------------------------------------------------------

  void begin_look() {
    auto now = std::make_shared<look>();
    now->outstanding = 2 + args_.probes.size();
    ask<tree_node>(
        {"supervisor/root"}, get_tree{}, args_.patience,
        [this, now](result<tree_node> got) { take(now, tree_check(got)); });
    ask<store::pong>(
        {"store"}, store::ping{}, args_.patience,
        [this, now](result<store::pong> got) {
          take(now, {"store", got.has_value(), got ? "ok" : got.error().text});
        });
    auto post = poster();
    for (const auto& item : args_.probes)
      item.run([this, now, post](check found) {
        post([this, now, found] { take(now, found); });
      });
  }

  static check tree_check(const result<tree_node>& got) {
    if (!got)
      return {"tree", false, got.error().text};
    auto broken = broken_parts(*got);
    if (broken.empty())
      return {"tree", true, "ok"};
    std::string text;
    for (const auto& part : broken)
      text += (text.empty() ? "" : "; ") + part;
    return {"tree", false, text};
  }

  void take(const std::shared_ptr<look>& now, check found) {
    now->checks.push_back(std::move(found));
    if (--now->outstanding != 0)
      return;
    std::sort(now->checks.begin(), now->checks.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    health_report report;
    report.ready = std::all_of(now->checks.begin(), now->checks.end(),
                               [](const auto& part) { return part.ok; });
    report.checks = std::move(now->checks);
    seen_ = std::move(report);
    seen_at_ = clock::now();
    auto waiting = std::move(waiting_);
    waiting_.clear();
    for (const auto& mail : waiting)
      reply(mail, *seen_);
  }

  inspector_args args_;
  std::vector<envelope> waiting_;
  std::optional<health_report> seen_;
  clock::time_point seen_at_;
};

} // namespace

std::vector<std::string> broken_parts(const tree_node& root) {
  std::vector<std::string> broken;
  collect(root, root.name, broken);
  return broken;
}

caf::actor spawn_inspector(caf::local_actor& parent, inspector_args args) {
  return parent.spawn<inspector_actor>(std::move(args));
}

} // namespace shannon::inspector
