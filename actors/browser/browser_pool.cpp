#include "actors/browser/browser_pool.hpp"

#include "actors/browser/browser_session.hpp"
#include "actors/kit/log.hpp"
#include "protocols/cluster.hpp"
#include "protocols/remote/tool.pb.h"
#include "protocols/work.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <map>
#include <stdexcept>
#include <unordered_map>
#include <utility>
#include <vector>

namespace shannon::browser {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using steady = std::chrono::steady_clock;

constexpr std::size_t disk_threads = 2;
constexpr std::size_t disk_jobs_max = 256;
/// An ask without a deadline has this one.
constexpr milliseconds longest = 10min;

/// A table of actions that does not stand is a defect of this build.
std::shared_ptr<const action_schemas> compile_actions(bool may_evaluate) {
  auto out = std::make_shared<action_schemas>();
  for (const auto& one : page_actions()) {
    if (one.name == "browser_evaluate" && !may_evaluate)
      continue;
    auto schema = kit::argument_schema::compile(one.parameters);
    if (!schema)
      throw std::logic_error(one.name + ": " + schema.error().text);
    out->of.emplace(one.name, std::move(*schema));
  }
  return out;
}

session_options options_of(const config::browser_settings& s,
                           const remote::BrowserOptions& wish) {
  constexpr std::uint32_t pixels_max = 8'192;
  session_options out;
  if (wish.width() > 0)
    out.width = std::min(wish.width(), pixels_max);
  if (wish.height() > 0)
    out.height = std::min(wish.height(), pixels_max);
  out.user_agent = wish.user_agent();
  out.locale = wish.locale();
  out.may_evaluate = s.may_evaluate;
  out.action_timeout = s.action_timeout;
  out.outline_bytes_max = s.outline_bytes_max;
  out.screenshot_bytes_max = s.screenshot_bytes_max;
  out.download_bytes_max = s.download_bytes_max;
  return out;
}

class browser_pool final : public kit::actor_base {
public:
  browser_pool(caf::actor_config& cfg, browser_pool_args args)
      : actor_base(cfg, args.env, {"browser/worker"}), args_(std::move(args)),
        actions_(compile_actions(args_.settings.may_evaluate)) {
    files_.root = args_.files.workspace_dir;
    files_.limits
        = {args_.files.file_bytes_max, args_.files.workspace_bytes_max};
    files_.disk = std::make_shared<kit::worker_pool>(
        "browser-disk", disk_threads, disk_jobs_max);
  }

  const char* name() const override {
    return "browser_pool";
  }

protected:
  kit::handlers make_handlers() override {
    using namespace remote;
    return {
        kit::on<BrowserRun>([this](auto& mail, auto& m) { run(mail, m); }),
        kit::on<BrowserClose>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<CancelEffect>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<ListTools>([this](auto& mail, auto&) { list_tools(mail); }),
        kit::on<get_sessions>(
            [this](auto& mail, auto&) { tell_sessions(mail); }),
        kit::on<cluster::drain>([this](auto& mail, auto&) { drain(mail); }),
    };
  }

  void started() override {
    set_down_handler(
        [this](caf::down_msg& gone) { session_down(gone.source); });
    auto changed = [post = poster(), this](browser_host::news what) {
      post([this, what = std::move(what)]() mutable {
        news_ = std::move(what);
        args_.metrics.processes_are(news_.running, news_.started,
                                    news_.crashed);
        weigh_sessions();
      });
    };
    host_ = std::make_shared<browser_host>(args_.loop.context(), args_.settings,
                                           std::move(changed));
    host_->start();
    tell_capacity();
  }

  void stopping() override {
    for (auto& [id, one] : sessions_)
      if (auto child = caf::actor_cast<caf::actor>(one.where))
        caf::anon_send_exit(child, caf::exit_reason::user_shutdown);
    host_->stop();
  }

private:
  struct session {
    caf::actor_addr where;
    std::string tenant;
    session_card_ptr card;
    /// Its first action is under way still, and has a place of the GRANTOR's.
    bool fresh = true;
  };

  // -- handlers ---------------------------------------------------------------

  /// `again`: it was not begun, for the session it went to ended.
  void run(const envelope& mail, const remote::BrowserRun& what,
           bool again = false) {
    auto id = id_of(what);
    if (id.empty())
      return refuse(
          mail,
          {errc::invalid_argument, "a browser session needs an id", false, {}});
    auto at = sessions_.find(id);
    if (at == sessions_.end()) {
      if (!what.request().holder().empty())
        return refuse(mail, {errc::not_found,
                             "the browser session is not there any more",
                             false,
                             {}});
      if (drains_)
        return refuse(mail, {errc::unavailable,
                             "the node drains, and opens no browser session",
                             true,
                             {}});
      if (auto room = check_room(what.context().tenant()); !room)
        return refuse(mail, room.error());
      at = open(id, what);
    }
    pass_on(mail, id, again);
  }

  void on(const envelope& mail, const remote::BrowserClose& what) {
    if (sessions_.count(what.session()) != 0)
      tell(address_of(what.session()), what);
    reply(mail, what);
  }

  void drain(const envelope& mail) {
    drains_ = true;
    drained_.push_back(mail);
    for (const auto& [id, one] : sessions_)
      tell(address_of(id), cluster::wind_down{});
    look_at_drain();
  }

  void look_at_drain() {
    if (!sessions_.empty())
      return;
    for (const auto& mail : std::exchange(drained_, {}))
      reply(mail, cluster::drained{});
  }

  void on(const envelope& mail, const remote::CancelEffect& what) {
    auto id = under_way_.find(what.attempt_key());
    if (id != under_way_.end())
      tell(address_of(id->second), what);
    reply(mail, what);
  }

  void list_tools(const envelope& mail) {
    remote::ToolList out;
    for (const auto& one : page_actions()) {
      if (!one.offered || actions_->of.count(one.name) == 0)
        continue;
      auto* spec = out.add_tools();
      spec->set_name(one.name);
      spec->set_description(one.description);
      spec->set_parameters_json(one.parameters);
    }
    reply(mail, std::move(out));
  }

  void tell_sessions(const envelope& mail) {
    pool_report out;
    for (const auto& [id, one] : sessions_)
      out.sessions.push_back(one.card->see());
    out.processes = news_.processes;
    out.sessions_max = args_.settings.sessions_max;
    out.warm = news_.warm;
    out.started = news_.started;
    out.crashed = news_.crashed;
    out.idle_timeout = args_.settings.idle_timeout;
    reply(mail, std::move(out));
  }

  // -- sessions ---------------------------------------------------------------

  /// Pages of several sessions may share a renderer: each has an even share of
  /// what its process has.
  void weigh_sessions() {
    std::map<std::int64_t, std::uint64_t> shares;
    for (const auto& one : news_.processes)
      if (one.sessions > 0)
        shares[one.pid] = one.memory_bytes / one.sessions;
    for (const auto& [id, one] : sessions_)
      if (auto at = shares.find(one.card->see().process); at != shares.end())
        one.card->weigh(at->second);
  }

  /// A run has one session, and no name of its own for it.
  static std::string id_of(const remote::BrowserRun& what) {
    return what.request().session().empty() ? what.context().log()
                                            : what.request().session();
  }

  static shannon::address address_of(const std::string& id) {
    return {"browser_session/" + id};
  }

  result<void> check_room(const std::string& tenant) const {
    std::size_t of_tenant = 0;
    for (const auto& [id, one] : sessions_)
      of_tenant += one.tenant == tenant ? 1 : 0;
    error full{errc::overloaded, "", true, 2'000ms};
    if (sessions_.size() >= args_.settings.sessions_max)
      full.text = "this node has " + std::to_string(args_.settings.sessions_max)
                  + " browser sessions, as many as it may";
    else if (!tenant.empty() && of_tenant >= args_.settings.tenant_sessions_max)
      full.text = "the tenant has "
                  + std::to_string(args_.settings.tenant_sessions_max)
                  + " browser sessions on this node, as many as it may";
    else
      return {};
    args_.metrics.session_refused();
    return tl::unexpected(full);
  }

  std::map<std::string, session>::iterator
  open(const std::string& id, const remote::BrowserRun& what) {
    const auto& context = what.context();
    auto card
        = std::make_shared<session_card>(id, context.tenant(), context.task());
    auto child = spawn_browser_session(
        *this, {env(), id, context.tenant(), args_.self().value,
                options_of(args_.settings, what.request().options()),
                what.request().state(), host_, actions_, args_.settings, files_,
                card, args_.metrics});
    numbers_.emplace(child.address(), id);
    auto at = sessions_
                  .emplace(id, session{child.address(), context.tenant(), card,
                                       true})
                  .first;
    args_.metrics.sessions_are(sessions_.size());
    tell_capacity();
    return at;
  }

  void pass_on(const envelope& mail, const std::string& id, bool again) {
    const auto& what = *mail.body.get_if<remote::BrowserRun>();
    auto key = what.context().attempt_key();
    under_way_[key] = id;
    auto left
        = mail.deadline == steady::time_point{}
              ? longest
              : std::chrono::ceil<milliseconds>(mail.deadline - clock_now());
    ask(address_of(id), mail.body, std::max(left, 1ms),
        [this, mail, id, key, again,
         where = sessions_.at(id).where](body_result got) {
          under_way_.erase(key);
          if (auto at = sessions_.find(id);
              at != sessions_.end() && std::exchange(at->second.fresh, false))
            tell_capacity();
          if (got)
            return reply(mail, std::move(*got));
          // It ended before it began this: as if it had not been there.
          if (got.error().code == errc::unavailable && !again) {
            forget_session(id, where);
            return run(mail, *mail.body.get_if<remote::BrowserRun>(), true);
          }
          refuse(mail, std::move(got.error()));
        });
  }

  void session_down(const caf::actor_addr& who) {
    auto at = numbers_.find(who);
    if (at == numbers_.end())
      return;
    forget_session(at->second, who);
    numbers_.erase(at);
  }

  /// Unless another has its name by now.
  void forget_session(const std::string& id, const caf::actor_addr& who) {
    auto at = sessions_.find(id);
    if (at == sessions_.end() || at->second.where != who)
      return;
    sessions_.erase(at);
    args_.metrics.sessions_are(sessions_.size());
    tell_capacity();
    look_at_drain();
  }

  /// What is being opened has its place already.
  void tell_capacity() {
    std::uint64_t settled = 0;
    for (const auto& [id, one] : sessions_)
      settled += one.fresh ? 0 : 1;
    work::capacity_is what;
    if (args_.settings.sessions_max > settled)
      what.effects = args_.settings.sessions_max - settled;
    tell({"grants/browser"}, what);
  }

  browser_pool_args args_;
  std::shared_ptr<const action_schemas> actions_;
  file_place files_;
  std::shared_ptr<browser_host> host_;
  browser_host::news news_;
  std::map<std::string, session> sessions_;
  std::unordered_map<caf::actor_addr, std::string> numbers_;
  std::unordered_map<std::string, std::string> under_way_; ///< Key to session.
  bool drains_ = false;
  std::vector<envelope> drained_; ///< Who waits until no session is left.
};

} // namespace

caf::actor spawn_browser_pool(caf::local_actor& parent,
                              browser_pool_args args) {
  return parent.spawn<browser_pool>(std::move(args));
}

caf::actor spawn_browser_pool(caf::actor_system& sys, browser_pool_args args) {
  return sys.spawn<browser_pool>(std::move(args));
}

} // namespace shannon::browser
