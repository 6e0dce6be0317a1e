#include "actors/inspector/inspector.hpp"

#include "actors/inspector/actor_groups.hpp"
#include "actors/inspector/actor_pages.hpp"
#include "actors/inspector/rates.hpp"
#include "actors/inspector/run_rows.hpp"
#include "actors/inspector/top_actors.hpp"
#include "actors/kit/owned_shards.hpp"
#include "protocols/store.hpp"

#include <caf/actor_cast.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace shannon::inspector {

namespace {

std::string hex(std::int64_t number) {
  std::array<char, 17> digits{}; // With a sign.
  auto end = std::to_chars(digits.begin(), digits.end(), number, 16).ptr;
  return {digits.data(), end};
}

/// Actors looked at in one turn.
constexpr std::size_t looked_at_once = 8'192;

std::string_view to_words(child_state state) {
  return state == child_state::backing_off ? "backing off after a failure"
                                           : to_text(state);
}

void collect(const tree_node& node, const std::string& path,
             std::vector<std::string>& broken) {
  if (node.state != child_state::running)
    broken.push_back(path + ": " + std::string{to_words(node.state)}
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
        kit::on<get_actors>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<get_top>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<get_runs>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<get_leases>([this](auto& mail, auto& m) { on(mail, m); }),
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
    if (whole_ && clock::now() - whole_at_ < args_.fresh_for)
      return reply(mail, *whole_);
    waiting_for_tree_.push_back(mail);
    if (waiting_for_tree_.size() == 1)
      begin_tree();
  }

  void on(const envelope& mail, const get_actors& wanted) {
    if (!env().actors)
      return refuse(mail, unlisted().value());
    ask<tree_node>(
        {"supervisor/root"}, get_tree{}, args_.patience,
        [this, mail, wanted](const result<tree_node>& got) {
          auto page = got ? page_of(wanted, *got) : tl::unexpected(got.error());
          page ? reply(mail, std::move(*page)) : refuse(mail, page.error());
        });
  }

  void on(const envelope& mail, const get_top& wanted) {
    if (!env().actors)
      return refuse(mail, unlisted().value());
    if (wanted.limit < 1 || wanted.limit > get_actors::actors_max)
      return refuse(mail, {errc::invalid_argument,
                           "limit: expected 1 to "
                               + std::to_string(get_actors::actors_max)
                               + "; found " + std::to_string(wanted.limit),
                           false, std::nullopt});
    auto top = std::make_shared<top_actors>(wanted);
    auto now = kit::coarse_now();
    rates_.expect(env().actors->size());
    look_at_all(
        [this, top, now](const glance& who) {
          top->take(who, rates_.told(who.number, who.processed, who.born, now));
        },
        [this, mail, top, now] {
          reply(mail, top->rows(env().now(), now));
          forget_rates();
        });
  }

  void on(const envelope& mail, const get_runs& wanted) {
    auto first = first_of(wanted);
    if (!first)
      return refuse(mail, first.error());
    ask<store::open_logs>(
        {"store"}, store::list_open{wanted.kind, *first, wanted.limit},
        args_.patience, [this, mail, wanted](result<store::open_logs> got) {
          if (!got)
            return refuse(mail, got.error());
          auto all = std::make_shared<run_look>();
          all->request = mail;
          all->wanted = wanted;
          all->page.next = got->next ? hex(*got->next) : "";
          describe_all(all, std::move(got->logs));
        });
  }

  void on(const envelope& mail, const get_leases&) {
    ask<cluster::leases>(
        {"store"}, cluster::read_leases{}, args_.patience,
        [this, mail](result<cluster::leases> got) {
          if (!got)
            return refuse(mail, got.error());
          lease_report told;
          told.self = args_.self();
          if (const auto* owned = env().shards) {
            told.lease_left
                = std::chrono::duration_cast<std::chrono::milliseconds>(
                    owned->lease_left());
            told.shards_owned = owned->count();
            told.seen = owners_seen(owned->current(), told.self);
          }
          told.all = std::move(*got);
          reply(mail, std::move(told));
        });
  }

  static std::map<node_id, std::uint64_t>
  owners_seen(const kit::owned_shards::view& now, const node_id& self) {
    std::map<node_id, std::uint64_t> seen;
    for (std::uint32_t shard = 0; shard < now.shards(); ++shard) {
      auto how = now.of(shard);
      auto is_ours
          = how == kit::standing::owned || how == kit::standing::suspended;
      const auto& owner = is_ours ? self : now.owner_of(shard);
      if (!owner.empty())
        ++seen[owner];
    }
    return seen;
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

  // -- all actors -------------------------------------------------------------

  /// Shows every actor to `look`, some thousand in a turn, then runs `done`.
  void look_at_all(std::function<void(const glance&)> look,
                   std::function<void()> done, std::uint64_t number = 0) {
    auto next = glances_of(*env().actors)(number, looked_at_once,
                                          [&](const glance& who) {
                                            look(who);
                                            return true;
                                          });
    if (!next)
      return done();
    after(std::chrono::milliseconds{0},
          [this, look = std::move(look), done = std::move(done), next] {
            look_at_all(look, done, *next);
          });
  }

  /// What is kept for who looks again goes when nobody does.
  void forget_rates() {
    if (forgetting_ || rates_.kept() == 0)
      return;
    forgetting_ = true;
    after(std::chrono::minutes{1}, [this] {
      forgetting_ = false;
      rates_.forget_old(kit::coarse_now());
      forget_rates();
    });
  }

  // -- pages of actors --------------------------------------------------------

  static tl::unexpected<error> unlisted() {
    return fail(errc::unavailable, "this node does not list its actors");
  }

  result<actor_page> page_of(const get_actors& wanted, const tree_node& root) {
    auto seen = glances_of(*env().actors);
    known_children tree{root};
    page_source from{seen, tree, 0, 0, {}, {}};
    from.total = env().actors->size();
    from.wall = env().now();
    from.now = kit::coarse_now();
    if (!wanted.parent.empty()) {
      from.parent = number_of({wanted.parent});
      if (from.parent == 0)
        return fail(errc::not_found, "parent: expected the address of an actor "
                                     "of this node; found \""
                                         + wanted.parent + "\"");
    }
    auto page = read_page(wanted, from, rates_);
    forget_rates();
    return page;
  }

  /// 0 if nobody stands just there.
  std::uint64_t number_of(const shannon::address& where) {
    auto who = env().addresses.find(where);
    const auto* ours = who ? dynamic_cast<const kit::actor_base*>(
                           caf::actor_cast<caf::abstract_actor*>(who))
                           : nullptr;
    return ours && ours->self_address() == where ? ours->listed_as() : 0;
  }

  // -- runs -------------------------------------------------------------------

  struct run_look {
    envelope request;
    get_runs wanted;
    run_page page;
    std::size_t missing = 1;
  };

  /// Rows of runs that are this node's; who is at work is asked.
  void describe_all(const std::shared_ptr<run_look>& all,
                    const std::vector<store::open_log_row>& rows) {
    auto self = args_.self();
    for (const auto& row : rows) {
      auto run = run_of(row);
      run.owner = self;
      run.lease_holds = true;
      if (const auto* owned = env().shards) {
        auto now = owned->current();
        auto standing = now.of(row.log);
        if (standing != kit::standing::owned
            && standing != kit::standing::suspended)
          continue;
        run.lease_holds = standing == kit::standing::owned;
        auto claim = now.claim_of(row.log);
        run.shard = claim.shard;
        run.epoch = claim.epoch;
      }
      all->page.runs.push_back(std::move(run));
    }
    for (std::size_t i = 0; i < all->page.runs.size(); ++i) {
      const auto& run = all->page.runs[i];
      shannon::address where{run.kind + "/" + run.log.value};
      if (run.phase == "ended" || number_of(where) == 0)
        continue; // To ask would bring it to life.
      remote::DescribeRun question;
      question.set_run(run.log.value);
      ++all->missing;
      ask<remote::RunDescription>(
          where, std::move(question), args_.patience / 2,
          [this, all, i](const result<remote::RunDescription>& got) {
            // One that does not answer is told as its row has it.
            if (got)
              describe(all->page.runs[i], *got);
            described(*all);
          });
    }
    described(*all);
  }

  void described(run_look& all) {
    if (--all.missing != 0)
      return;
    if (const auto& phase = all.wanted.phase; !phase.empty())
      std::erase_if(all.page.runs,
                    [&](const auto& run) { return run.phase != phase; });
    reply(all.request, std::move(all.page));
  }

  // -- the whole tree ---------------------------------------------------------

  void begin_tree() {
    ask<tree_node>(
        {"supervisor/root"}, get_tree{}, args_.patience,
        [this](result<tree_node> got) {
          if (!got || !env().actors)
            return take_tree(std::move(got));
          auto tree = std::make_shared<tree_node>(std::move(*got));
          auto groups = std::make_shared<actor_groups>(env().actors->size());
          look_at_all([groups](const glance& who) { groups->take(who); },
                      [this, tree, groups] {
                        groups->into(*tree);
                        tell_rates(*tree, kit::coarse_now());
                        take_tree(std::move(*tree));
                        forget_rates();
                      });
        });
  }

  void tell_rates(tree_node& node, clock::time_point now) {
    if (node.number != 0) {
      auto up = std::chrono::duration_cast<clock::duration>(env().now()
                                                            - node.since);
      auto rate = rates_.told(node.number, node.messages_total, now - up, now);
      node.messages_per_s = rate.per_s;
      node.rate_over = rate.over;
    }
    for (auto& child : node.children)
      tell_rates(child, now);
  }

  void take_tree(result<tree_node> got) {
    if (got) {
      whole_ = std::move(*got);
      whole_at_ = clock::now();
    }
    for (const auto& mail : std::exchange(waiting_for_tree_, {}))
      got ? reply(mail, *whole_) : refuse(mail, got.error());
  }

  inspector_args args_;
  std::vector<envelope> waiting_for_tree_;
  std::optional<tree_node> whole_;
  clock::time_point whole_at_;
  rates rates_;
  bool forgetting_ = false;
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
