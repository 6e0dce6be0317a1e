#include "actors/store/records/record_store.hpp"

#include "actors/kit/log.hpp"
#include "actors/store/answering.hpp"
#include "actors/store/log_queries.hpp"
#include "actors/store/reader_pool.hpp"
#include "protocols/store.hpp"

#include <caf/sec.hpp>

#include <memory>
#include <string>
#include <utility>

namespace shannon::store {

namespace {

result<pong> answer_ping(pg_connection& db, const ping&) {
  return ask_pong(db);
}

/// A subject's lines and its own, in one list.
records::subject lines_of(std::vector<records::subject> subjects) {
  records::subject all;
  for (auto& one : subjects)
    for (auto& line : one)
      all.push_back(std::move(line));
  // Whoever asks whether the database answers asks for nobody.
  all.push_back(records::across_tenants("ping_records", answer_ping));
  return all;
}

class record_store final : public kit::actor_base {
public:
  record_store(caf::actor_config& cfg, record_store_args args)
      : actor_base(cfg, args.env, {"records"}, args.settings.read_queue_max),
        lines_(lines_of(std::move(args.subjects))),
        settings_(std::move(args.settings)), metrics_(args.metrics) {}

  const char* name() const override {
    return "record_store";
  }

protected:
  /// A line of the table for each line of a subject: mail that came before the
  /// direct way was open.
  kit::handlers make_handlers() override {
    kit::handlers table;
    for (const auto& line : lines_)
      table.push_back({line.type, [this, &line](const envelope& mail) {
                         submit(*pool_, env().addresses, line,
                                std::make_shared<const envelope>(mail));
                       }});
    return table;
  }

  void started() override {
    auto refused = [post = poster(), this](const error& why) {
      post([this, why] { end_for_schema(why); });
    };
    auto settings = settings_;
    settings.readers = settings_.record_connections;
    auto context = std::make_shared<store_context>(store_context{
        settings, settings.dsn, nullptr, metrics_, std::move(refused)});
    context->reader_role = "records";
    context->reader_sql = wall_sql;
    pool_ = std::make_shared<reader_pool>(std::move(context));
    for (const auto& line : lines_)
      env().addresses.bind_direct(self_address(), address(), line.type,
                                  [pool = pool_, &addresses = env().addresses,
                                   line](const envelope_ptr& mail) {
                                    submit(*pool, addresses, line, mail);
                                  });
  }

  /// Waits for the threads, since they answer through the directory.
  void stopping() override {
    if (pool_)
      pool_->stop();
    pool_.reset();
  }

private:
  static void submit(reader_pool& pool, const kit::directory& addresses,
                     const records::line& line, envelope_ptr mail) {
    auto deadline = mail->deadline;
    answering done{addresses, *mail};
    pool.submit<message_body>(
        line.what, deadline,
        [run = line.run, mail = std::move(mail)](pg_connection& db) {
          return run(db, *mail);
        },
        std::move(done));
  }

  void end_for_schema(const error& why) {
    kit::log::error("records-schema-refused",
                    "RECORD STORE ends: it cannot use the database",
                    {{"reason", why.text}});
    quit(caf::make_error(caf::sec::runtime_error, why.text));
  }

  const records::subject lines_;
  const config::store_settings settings_;
  metrics::store_metrics& metrics_;
  std::shared_ptr<reader_pool> pool_;
};

} // namespace

caf::actor spawn_record_store(caf::local_actor& parent,
                              record_store_args args) {
  return parent.spawn<record_store>(std::move(args));
}

} // namespace shannon::store
