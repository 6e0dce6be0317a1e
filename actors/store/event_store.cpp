#include "actors/store/event_store.hpp"

#include "actors/kit/log.hpp"
#include "actors/store/answering.hpp"
#include "actors/store/append_check.hpp"
#include "actors/store/append_writer.hpp"
#include "actors/store/log_queries.hpp"
#include "actors/store/membership_queries.hpp"
#include "actors/store/reader_pool.hpp"
#include "actors/store/session_queries.hpp"
#include "actors/store/tenant_wall.hpp"
#include "protocols/cluster.hpp"
#include "protocols/store.hpp"
#include "protocols/tenant_logs.hpp"

#include <caf/sec.hpp>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace shannon::store {

namespace {

using namespace std::chrono_literals;

/// Nobody waits for a log to be closed: those of so long share a commit.
constexpr auto close_pause = 100ms;
/// After one that failed.
constexpr auto close_retry = 1'000ms;

class event_store final : public kit::actor_base {
public:
  event_store(caf::actor_config& cfg, store_args args)
      : actor_base(cfg, args.env, {"store"},
                   std::size_t{args.settings.queue_max}
                       + args.settings.read_queue_max),
        args_(std::move(args)) {}

  const char* name() const override {
    return "event_store";
  }

protected:
  kit::handlers make_handlers() override {
    using kit::on;
    return {
        on<append>([this](const auto& mail, const auto&) { submit_(mail); }),
        on<open_log>([this](const auto& mail, const auto& msg) {
          take_open(mail, msg);
        }),
        on<close_log>([this](const auto&, const auto& msg) {
          closing_.push_back(msg.log);
          close_soon(close_pause);
        }),
        on<get_head>([this](const auto& mail, const auto& msg) {
          query<log_head>("get_head", mail, [msg](pg_connection& db) {
            return read_head(db, msg.log);
          });
        }),
        on<read_facts>([this](const auto& mail, const auto& msg) {
          query<fact_page>("read_facts", mail, [msg](pg_connection& db) {
            return read_page(db, msg);
          });
        }),
        on<get_tenant_head>([this](const auto& mail, const auto& msg) {
          tenant_query<log_head>(
              "get_tenant_head", mail, msg.tenant,
              [msg](pg_connection& db) { return read_head(db, msg); });
        }),
        on<read_tenant_facts>([this](const auto& mail, const auto& msg) {
          tenant_query<fact_page>(
              "read_tenant_facts", mail, msg.tenant,
              [msg](pg_connection& db) { return read_page(db, msg); });
        }),
        on<list_heads>([this](const auto& mail, const auto& msg) {
          tenant_query<head_page>(
              "list_heads", mail, msg.tenant,
              [msg](pg_connection& db) { return read_heads(db, msg); });
        }),
        on<sum_sessions>([this](const auto& mail, const auto& msg) {
          tenant_query<session_sums>(
              "sum_sessions", mail, msg.tenant,
              [msg](pg_connection& db) { return read_session_sums(db, msg); });
        }),
        on<list_unfinished>([this](const auto& mail, const auto& msg) {
          query<log_ids>("list_unfinished", mail, [msg](pg_connection& db) {
            return read_unfinished(db, msg);
          });
        }),
        on<list_due>([this](const auto& mail, const auto& msg) {
          query<due_logs>("list_due", mail, [msg](pg_connection& db) {
            return read_due(db, msg);
          });
        }),
        on<list_open>([this](const auto& mail, const auto& msg) {
          query<open_logs>("list_open", mail, [msg](pg_connection& db) {
            return read_open(db, msg);
          });
        }),
        on<list_active>([this](const auto& mail, const auto& msg) {
          query<log_states>("list_active", mail, [msg](pg_connection& db) {
            return read_active(db, msg);
          });
        }),
        on<get_blob>([this](const auto& mail, const auto& msg) {
          query<blob_body>("get_blob", mail, [msg](pg_connection& db) {
            return read_blob(db, msg.hash);
          });
        }),
        on<get_tenant_blob>([this](const auto& mail, const auto& msg) {
          tenant_query<blob_body>(
              "get_tenant_blob", mail, msg.tenant,
              [msg](pg_connection& db) { return read_blob(db, msg); });
        }),
        on<ping>([this](const auto& mail, const auto&) {
          query<pong>("ping", mail, ask_pong);
        }),
        on<cluster::join>([this](const auto& mail, const auto& msg) {
          member_query<cluster::joined>(
              "join", mail,
              [msg, shards = args_.settings.shards](pg_connection& db) {
                return store::join(db, msg, shards);
              });
        }),
        on<cluster::renew_lease>([this](const auto& mail, const auto& msg) {
          member_query<cluster::membership>(
              "renew_lease", mail,
              [msg](pg_connection& db) { return store::renew(db, msg); });
        }),
        on<cluster::read_shards>([this](const auto& mail, const auto&) {
          member_query<cluster::shard_rows>(
              "read_shards", mail,
              [shards = args_.settings.shards](pg_connection& db) {
                return store::read_shards(db, shards);
              });
        }),
        on<cluster::read_leases>([this](const auto& mail, const auto&) {
          query<cluster::leases>("read_leases", mail, store::read_leases);
        }),
        on<cluster::claim_shards>([this](const auto& mail, const auto& msg) {
          member_query<cluster::shards_changed>(
              "claim_shards", mail,
              [msg](pg_connection& db) { return store::claim(db, msg); });
        }),
        on<cluster::release_shards>([this](const auto& mail, const auto& msg) {
          member_query<cluster::shards_changed>(
              "release_shards", mail,
              [msg](pg_connection& db) { return store::release(db, msg); });
        }),
    };
  }

  void started() override {
    auto refused = [post = poster(), this](const error& why) {
      post([this, why] { end_for_schema(why); });
    };
    context_ = std::make_shared<const store_context>(
        store_context{args_.settings, args_.settings.dsn, args_.owned,
                      args_.metrics, std::move(refused)});
    readers_.emplace(context_);
    auto walled = *context_;
    walled.reader_role = "tenant_reader";
    walled.reader_sql = wall_sql;
    tenant_readers_.emplace(
        std::make_shared<const store_context>(std::move(walled)));
    auto quick = *context_;
    quick.settings.readers = 1;
    quick.settings.connect_timeout = 1s;
    quick.settings.statement_timeout = 2s;
    quick.settings.outage_wait = 2s;
    members_.emplace(std::make_shared<const store_context>(std::move(quick)));
    auto count = std::max(args_.settings.writers, 1u);
    writers_ = std::make_shared<writer_list>();
    for (std::uint32_t i = 0; i < count; ++i)
      writers_->push_back(std::make_unique<append_writer>(context_));
    submit_ = [writers = writers_,
               &addresses = env().addresses](const envelope& mail) {
      append_job job;
      job.body = mail.body; // shared, not copied
      job.deadline = mail.deadline;
      job.done = answering{addresses, mail};
      const auto& log = mail.body.get_if<append>()->log;
      auto which = shard_of(log, static_cast<std::uint32_t>(writers->size()));
      (*writers)[which]->submit(std::move(job));
    };
    // Nothing is decided here about an append: it goes from its sender's
    // thread to the writer's.
    env().addresses.bind_direct(
        self_address(), address(), typeid(append),
        [submit = submit_](const envelope_ptr& mail) { submit(*mail); });
  }

  /// Waits for the threads, since they use what this actor was given; at most
  /// 2 s, while a commit in flight ends.
  void stopping() override {
    // Who submits at this moment may hold them a little longer, and is refused.
    submit_ = nullptr;
    if (writers_)
      for (auto& writer : *writers_)
        writer->stop();
    writers_.reset();
    readers_.reset();
    tenant_readers_.reset();
    members_.reset();
  }

private:
  using writer_list = std::vector<std::unique_ptr<append_writer>>;

  // -- handlers, in protocol order --------------------------------------------

  void take_open(const envelope& mail, const open_log& msg) {
    auto owned = args_.owned->current();
    auto place = owned.find(msg.log);
    if (!place)
      return refuse(mail, not_ours(owned, msg.log));
    query<log_image>("open_log", mail,
                     [log = msg.log, place = *place](pg_connection& db) {
                       return open(db, log, place);
                     });
  }

  /// Whoever told this has gone: it is tried until it is done, since nobody
  /// says it again before the log's shard is claimed anew.
  void close_soon(std::chrono::milliseconds pause) {
    if (!closing_.empty() && !std::exchange(close_armed_, true))
      after(pause, [this] { close_all(); });
  }

  /// One statement at a time: what comes meanwhile is in the next.
  void close_all() {
    auto logs
        = std::make_shared<std::vector<log_id>>(std::exchange(closing_, {}));
    readers_->submit<logs_closed>(
        "close_logs", {},
        [logs](pg_connection& db) { return close_logs(db, *logs); },
        [this, logs, post = poster()](const result<logs_closed>& got) {
          post([this, logs, done = got.has_value()] {
            close_armed_ = false;
            if (!done)
              closing_.insert(closing_.end(), logs->begin(), logs->end());
            close_soon(done ? close_pause : close_retry);
          });
        });
  }

  template <class T>
  void query(const char* what, const envelope& mail,
             std::function<result<T>(pg_connection&)> run) {
    readers_->submit<T>(what, mail.deadline, std::move(run),
                        answering{env().addresses, mail});
  }

  /// Sees logs of this tenant alone, whatever `run` asks for.
  template <class T>
  void tenant_query(const char* what, const envelope& mail,
                    const tenant_id& tenant,
                    std::function<result<T>(pg_connection&)> run) {
    tenant_readers_->submit<T>(
        what, mail.deadline,
        [tenant, run = std::move(run)](pg_connection& db) -> result<T> {
          if (auto entered = enter_tenant(db, tenant); !entered)
            return tl::unexpected<error>{std::move(entered.error())};
          return run(db);
        },
        answering{env().addresses, mail});
  }

  /// A lease must not wait behind other queries.
  template <class T>
  void member_query(const char* what, const envelope& mail,
                    std::function<result<T>(pg_connection&)> run) {
    members_->submit<T>(what, mail.deadline, std::move(run),
                        answering{env().addresses, mail});
  }

  // -- the schema -------------------------------------------------------------

  void end_for_schema(const error& why) {
    kit::log::error("store-schema-refused",
                    "EVENT STORE ends: it cannot use the database",
                    {{"reason", why.text}});
    quit(caf::make_error(caf::sec::runtime_error, why.text));
  }

  store_args args_;
  std::shared_ptr<const store_context> context_;
  std::optional<reader_pool> readers_;
  std::optional<reader_pool> tenant_readers_;
  std::optional<reader_pool> members_;
  std::shared_ptr<writer_list> writers_;
  std::function<void(const envelope&)> submit_;
  std::vector<log_id> closing_;
  bool close_armed_ = false;
};

} // namespace

caf::actor spawn_store(caf::local_actor& parent, store_args args) {
  return parent.spawn<event_store>(std::move(args));
}

} // namespace shannon::store
