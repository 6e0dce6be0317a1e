#include "actors/gateway/identity/api_key.hpp"
#include "actors/gateway/identity/scopes.hpp"
#include "actors/gateway/identity/secrets.hpp"
#include "actors/store/migrations.hpp"
#include "actors/store/pg_connection.hpp"
#include "actors/store/records/account_queries.hpp"
#include "actors/store/records/key_queries.hpp"
#include "config/units.hpp"
#include "nodes/commands/database.hpp"
#include "nodes/commands/server_commands.hpp"
#include "nodes/commands/start_up.hpp"
#include "protocols/accounts.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace shannon::commands {

namespace {

namespace records = store::records;

struct keys_options {
  std::string action = "list";
  std::string subject; ///< A key's id, a file or a user.
  database_options where;
  std::string secrets;
  std::string tenant = accounts::first_tenant;
  std::string user = accounts::first_user;
  std::string name = "admin";
  std::string scopes;
  std::string expires;
  std::string overlap = "24h";

  tenant_id tenant_of() const {
    return tenant_id{tenant};
  }
  user_id user_of() const {
    return user_id{user};
  }
};

/// The file that the nodes over this database use: as they look for it.
result<gateway::identity_secrets> secrets_of(const keys_options& options) {
  if (!options.secrets.empty())
    return gateway::read_secrets(options.secrets);
  auto settings = read_settings({}, {});
  if (!settings)
    return tl::unexpected(settings.error());
  if (!settings->identity.secrets_file.empty())
    return gateway::read_secrets(settings->identity.secrets_file);
  // Another file than the nodes' would make keys that open nothing.
  const auto& where = options.where;
  if (!where.dsn.empty()
      || (where.data.empty() && !settings->store.dsn.empty()))
    return fail(errc::invalid_argument,
                "name the file that the nodes' credentials are checked with: "
                "--secrets, or SHANNON_IDENTITY__SECRETS_FILE");
  auto path = secrets_path(where.data.empty() ? ".shannon" : where.data);
  if (auto made = gateway::make_secrets(path); !made)
    return tl::unexpected(made.error());
  return gateway::read_secrets(path);
}

/// All known ones unless some are named.
result<std::vector<std::string>> scopes_of(const std::string& list) {
  using namespace gateway;
  std::vector<std::string> out;
  for (std::size_t at = 0; at < list.size();) {
    auto end = std::min(list.find(',', at), list.size());
    out.push_back(list.substr(at, end - at));
    if (!scopes::is_known(out.back())) {
      std::string known;
      for (auto one : scopes::all)
        known.append(known.empty() ? "" : ", ").append(one);
      return fail(errc::invalid_argument,
                  "no scope \"" + out.back() + "\"; there are " + known);
    }
    at = end + 1;
  }
  if (out.empty())
    out.assign(scopes::all.begin(), scopes::all.end());
  return out;
}

std::string text_of(const std::optional<accounts::time_point>& at) {
  if (!at)
    return "never";
  auto seconds = std::chrono::system_clock::to_time_t(*at);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%SZ", &parts);
  return text;
}

/// The key alone on stdout, so that a script can take it.
exit_code show(const result<accounts::key_made>& made,
               const std::string& text) {
  if (!made)
    return report(made.error());
  std::printf("%s\n", text.c_str());
  std::fprintf(stderr, "shannon: key %s, \"%s\"; it is shown this once\n",
               made->key.id.c_str(), made->key.name.c_str());
  return exit_code::ok;
}

exit_code create(store::pg_connection& db, const keys_options& options) {
  auto secrets = secrets_of(options);
  if (!secrets)
    return report(secrets.error());
  auto scopes = scopes_of(options.scopes);
  if (!scopes)
    return report(scopes.error());
  auto made = gateway::make_api_key(secrets->pepper);
  made.kept.name = options.name;
  made.kept.scopes = std::move(*scopes);
  if (!options.expires.empty()) {
    auto lifetime = config::parse_duration(options.expires);
    if (!lifetime)
      return report(errc::invalid_argument,
                    "--expires: " + lifetime.error().text);
    made.kept.lifetime = *lifetime;
  }
  return show(records::make_key(
                  db, {options.tenant_of(), options.user_of(), made.kept}),
              made.text);
}

exit_code rotate(store::pg_connection& db, const keys_options& options) {
  auto secrets = secrets_of(options);
  if (!secrets)
    return report(secrets.error());
  auto overlap = config::parse_duration(options.overlap);
  if (!overlap)
    return report(errc::invalid_argument, "--overlap: " + overlap.error().text);
  auto made = gateway::make_api_key(secrets->pepper);
  return show(records::rotate_key(db, {options.tenant_of(), options.user_of(),
                                       options.subject, made.kept, *overlap}),
              made.text);
}

exit_code revoke(store::pg_connection& db, const keys_options& options) {
  auto got = records::revoke_key(
      db, {options.tenant_of(), options.user_of(), options.subject, {}});
  if (!got)
    return report(got.error());
  if (!got->found)
    return report(errc::not_found, options.subject
                                       + " is no key of this user, or revoked "
                                         "already");
  std::fprintf(stderr, "shannon: revoked; nodes take it for 5 s at most\n");
  return exit_code::ok;
}

exit_code list(store::pg_connection& db, const keys_options& options) {
  auto got = records::list_keys(db, {options.tenant_of(), options.user_of()});
  if (!got)
    return report(got.error());
  for (const auto& key : got->keys)
    std::printf(
        "%s  %s…  %-8s  used %-20s  %s\n", key.id.c_str(), key.prefix.c_str(),
        key.revoked_at ? "revoked"
        : key.expires_at && *key.expires_at < std::chrono::system_clock::now()
            ? "expired"
            : "good",
        text_of(key.last_used_at).c_str(), key.name.c_str());
  return exit_code::ok;
}

exit_code end_tokens(store::pg_connection& db, const keys_options& options) {
  auto got = records::raise_epoch(db, {options.tenant_of(), options.user_of()});
  if (!got)
    return report(got.error());
  if (!got->found)
    return report(errc::not_found,
                  "no user " + options.user + " in tenant " + options.tenant);
  std::fprintf(stderr, "shannon: all access tokens of the user end within "
                       "5 s\n");
  return exit_code::ok;
}

exit_code run(const keys_options& options) {
  auto needs_subject = options.action == "revoke" || options.action == "rotate"
                       || options.action == "secrets";
  if (needs_subject == options.subject.empty())
    return report(errc::invalid_argument,
                  needs_subject
                      ? options.action + ": name which"
                      : options.action + ": takes no " + options.subject);
  if (options.action == "secrets") {
    auto made = gateway::make_secrets(options.subject);
    return made ? exit_code::ok : report(made.error());
  }
  auto found = find_database(options.where);
  if (!found)
    return report_start(found.error());
  if (auto usable = store::check_database(found->dsn); !usable)
    return report_start(usable.error());
  store::pg_options how;
  how.dsn = found->dsn;
  auto db = store::pg_connection::open(std::move(how));
  if (!db)
    return report_start(db.error());
  if (options.action == "create")
    return create(*db, options);
  if (options.action == "rotate")
    return rotate(*db, options);
  if (options.action == "revoke")
    return revoke(*db, options);
  if (options.action == "end-tokens")
    return end_tokens(*db, options);
  return list(*db, options);
}

} // namespace

declared declare_keys(CLI::App& root, const global_options&) {
  auto options = std::make_shared<keys_options>();
  auto* app = root.add_subcommand("keys", "Make, list and revoke API keys");
  app->add_option("action", options->action,
                  "list (default), create, rotate ID, revoke ID,\n"
                  "end-tokens, secrets FILE")
      ->check(CLI::IsMember(
          {"list", "create", "rotate", "revoke", "end-tokens", "secrets"}));
  app->add_option("which", options->subject, "A key's id, or a file");
  add_database_options(*app, options->where);
  app->add_option("--secrets", options->secrets,
                  "The nodes' secrets file; else that of the\n"
                  "settings, else of the data directory")
      ->option_text("FILE");
  app->add_option("--tenant", options->tenant, "Whose; the first tenant's")
      ->option_text("ID");
  app->add_option("--user", options->user, "Whose; the first user's")
      ->option_text("ID");
  app->add_option("--key-name", options->name, "What people call the new key")
      ->option_text("TEXT");
  app->add_option("--scopes", options->scopes,
                  "What it allows, with commas; everything")
      ->option_text("LIST");
  app->add_option("--expires", options->expires, "After so long, such as 720h")
      ->option_text("TIME");
  app->add_option("--overlap", options->overlap,
                  "How long a rotated key still opens (24h)")
      ->option_text("TIME");
  app->footer("Works on the database itself, so the first key needs no key.\n"
              "create and rotate print the key, once, alone on stdout.\n"
              "end-tokens ends all access tokens of a user that are out.\n"
              "secrets makes the file that keys are checked with.\n"
              "\nExamples:\n"
              "  export SHANNON_API_KEY=$(shannon keys create)\n"
              "  shannon keys create --scopes workflows:read --expires 24h\n"
              "  shannon keys revoke 6f1c…");
  return {app, [options] { return run(*options); }};
}

} // namespace shannon::commands
