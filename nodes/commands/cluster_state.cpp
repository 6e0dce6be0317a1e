#include "nodes/commands/cluster_state.hpp"

#include "actors/store/pg_connection.hpp"
#include "config/keys.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <map>
#include <set>
#include <utility>

namespace shannon::commands {

namespace {

using store::pg_statement;

constexpr pg_statement nodes_sql{"cluster_nodes", R"sql(
select n.name, n.name || '#' || n.incarnation, n.cluster, n.roles, n.host,
  n.api, n.admin, n.version, n.schema,
  (extract(epoch from n.expires_at - now()) * 1000)::int8,
  (extract(epoch from now() - n.joined_at) * 1000)::int8,
  n.settles_at <= now(),
  (select count(*) from shards s where s.owner = n.name || '#' || n.incarnation),
  n.link, n.settings
from nodes n order by n.name)sql"};

constexpr pg_statement shards_sql{"cluster_shards", R"sql(
select count(*), count(*) filter (where owner = ''),
  count(*) filter (where owner <> '' and not exists (select from nodes n
    where n.name || '#' || n.incarnation = owner and n.expires_at > now()))
from shards)sql"};

std::string listed(const std::vector<std::string>& all) {
  std::string text;
  for (const auto& one : all)
    text += (text.empty() ? "" : ", ") + one;
  return text;
}

bool same(std::vector<std::string> one, std::vector<std::string> other) {
  std::sort(one.begin(), one.end());
  std::sort(other.begin(), other.end());
  return one == other;
}

/// Port 0 takes any: what was taken is right.
bool differs(const std::string& wanted, const std::string& found) {
  auto where = config::parse_endpoint(wanted);
  return where && where->port != 0 && wanted != found;
}

/// Where peers would dial it, as its links would say. A host's name stands for
/// whatever address it has over there.
std::string link_of(const config::settings& wanted, const std::string& found) {
  auto where = config::parse_endpoint(wanted.link.listen);
  if (!where)
    return wanted.link.listen;
  if (where->host == "0.0.0.0" || where->host == "::")
    where->host = wanted.node.host;
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  bool is_name = inet_pton(AF_INET, where->host.c_str(), bytes.data()) != 1
                 && inet_pton(AF_INET6, where->host.c_str(), bytes.data()) != 1;
  if (auto there = config::parse_endpoint(found); is_name && there)
    where->host = there->host;
  return config::to_string(*where);
}

/// A plan that names more shows less.
constexpr std::size_t settings_shown = 5;

/// The settings that the manifest has otherwise, each as it is and as it will
/// be; empty if there are none.
std::string other_settings(const seen_node& found,
                           const config::settings& wanted) {
  std::map<std::string, std::pair<std::string, std::string>> all;
  auto split = [](const std::string& line) {
    auto at = line.find('=');
    return std::pair{line.substr(0, at), line.substr(at + 1)};
  };
  for (const auto& line : found.settings) {
    auto [key, value] = split(line);
    all[key].first = value;
  }
  for (const auto& line : config::chosen_settings(wanted)) {
    auto [key, value] = split(line);
    all[key].second = value;
  }
  std::erase_if(all, [](const auto& one) {
    return one.second.first == one.second.second;
  });
  std::string text;
  std::size_t shown = 0;
  for (const auto& [key, values] : all) {
    if (shown++ == settings_shown)
      return text + ", and " + std::to_string(all.size() - settings_shown)
             + " more";
    auto or_default = [](const std::string& value) {
      return value.empty() ? "the default" : value;
    };
    text += (text.empty() ? "goes by " : ", ") + key + " "
            + or_default(values.first) + "; the manifest says "
            + or_default(values.second);
  }
  return text;
}

plan_line line_for(const config::settings& wanted, const seen_node* found,
                   const std::string& build) {
  const auto& name = wanted.node.name;
  if (!found)
    return {plan_step::start, name, "is not running"};
  if (!found->live())
    return {plan_step::start, name,
            "is gone: its lease ended " + std::to_string(-found->left.count())
                + " ms ago"};
  auto restart = [&](std::string why) {
    return plan_line{plan_step::restart, name, std::move(why)};
  };
  if (!same(found->roles, wanted.node.roles))
    return restart("plays " + listed(found->roles) + "; the manifest says "
                   + listed(wanted.node.roles));
  if (differs(wanted.http.listen, found->api))
    return restart("listens on " + found->api + "; the manifest says "
                   + wanted.http.listen);
  if (differs(wanted.http.admin_listen, found->admin))
    return restart("serves health on " + found->admin + "; the manifest says "
                   + wanted.http.admin_listen);
  if (wanted.link.listen.empty() != found->link.empty()
      || differs(link_of(wanted, found->link), found->link))
    return restart(
        (found->link.empty() ? std::string{"has no links"}
                             : "is linked at " + found->link)
        + "; the manifest says "
        + (wanted.link.listen.empty() ? "none" : wanted.link.listen));
  if (auto why = other_settings(*found, wanted); !why.empty())
    return restart(std::move(why));
  if (found->version != build)
    return restart("runs build " + found->version + "; this is " + build);
  return {plan_step::keep, name,
          "runs, with " + std::to_string(found->shards) + " shards"};
}

} // namespace

const seen_node* cluster_state::find(const std::string& name) const {
  auto at = std::find_if(nodes.begin(), nodes.end(),
                         [&](const auto& one) { return one.name == name; });
  return at == nodes.end() ? nullptr : &*at;
}

result<cluster_state> read_cluster(const std::string& dsn) {
  store::pg_options options;
  options.dsn = dsn;
  auto db = store::pg_connection::open(std::move(options));
  if (!db)
    return tl::unexpected(db.error());
  auto sent = db->queue(nodes_sql, {}).and_then([&] {
    return db->queue(shards_sql, {});
  });
  if (!sent)
    return tl::unexpected(sent.error());
  auto got = db->sync();
  if (!got)
    return tl::unexpected(got.error());
  cluster_state out;
  const auto& rows = (*got)[0];
  for (int i = 0; i < rows.size(); ++i) {
    seen_node one;
    one.name = rows.text(i, 0);
    one.process = rows.text(i, 1);
    one.cluster = rows.text(i, 2);
    for (auto role : store::pg::to_elements(rows.bytes(i, 3)))
      one.roles.emplace_back(role);
    one.host = rows.text(i, 4);
    one.api = rows.text(i, 5);
    one.admin = rows.text(i, 6);
    one.version = rows.text(i, 7);
    one.schema = rows.text(i, 8);
    one.left = std::chrono::milliseconds{rows.int8(i, 9)};
    one.up = std::chrono::milliseconds{rows.int8(i, 10)};
    one.settled = rows.bytes(i, 11) == std::string_view{"\1", 1};
    one.shards = static_cast<std::uint32_t>(rows.int8(i, 12));
    one.link = rows.text(i, 13);
    for (auto line : store::pg::to_elements(rows.bytes(i, 14)))
      one.settings.emplace_back(line);
    out.nodes.push_back(std::move(one));
  }
  const auto& counts = (*got)[1];
  out.shards = static_cast<std::uint32_t>(counts.int8(0, 0));
  out.free = static_cast<std::uint32_t>(counts.int8(0, 1));
  out.orphaned = static_cast<std::uint32_t>(counts.int8(0, 2));
  return out;
}

std::vector<plan_line> plan_of(const config::manifest& wanted,
                               const cluster_state& found,
                               const std::string& build) {
  std::vector<plan_line> out;
  std::set<std::string> named;
  for (const auto& one : wanted.nodes) {
    named.insert(one.node.name);
    out.push_back(line_for(one, found.find(one.node.name), build));
  }
  for (const auto& one : found.nodes)
    if (one.live() && named.count(one.name) == 0)
      out.push_back({plan_step::end, one.name,
                     "runs on " + one.host + ", and is not in the manifest"});
  return out;
}

} // namespace shannon::commands
