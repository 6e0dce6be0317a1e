#pragma once

#include "actors/store/tenant_wall.hpp"
#include "protocols/envelope.hpp"
#include "protocols/errc.hpp"

#include <functional>
#include <string_view>
#include <typeindex>
#include <utility>
#include <vector>

namespace shannon::store {

class pg_connection;

namespace records {

/// One message that RECORD STORE takes: its type, its name in the metrics, and
/// the query that answers it. Queries run on any thread, and again if the
/// connection is lost: they must be safe to repeat, so who makes a row brings
/// its id.
struct line {
  std::type_index type;
  const char* what;
  std::function<result<message_body>(pg_connection&, const envelope&)> run;
};

/// What belongs together: the lines of one file of protocols/.
using subject = std::vector<line>;

/// A message that names its tenant: its query sees that tenant's rows alone,
/// whatever its text says.
template <class Message, class Answer>
line within_tenant(const char* what,
                   result<Answer> (*query)(pg_connection&, const Message&)) {
  return {
      typeid(Message), what,
      [query](pg_connection& db, const envelope& mail) -> result<message_body> {
        const auto& msg = *mail.body.get_if<Message>();
        if (auto entered = enter_tenant(db, msg.tenant); !entered)
          return tl::unexpected<error>{std::move(entered.error())};
        return query(db, msg).map(
            [](Answer&& got) { return message_body{std::move(got)}; });
      }};
}

/// A message that is asked before anybody knows whose it is, or by the node
/// for all tenants: its query sees all rows. There are few, and each says why.
template <class Message, class Answer>
line across_tenants(const char* what,
                    result<Answer> (*query)(pg_connection&, const Message&)) {
  return {
      typeid(Message), what,
      [query](pg_connection& db, const envelope& mail) -> result<message_body> {
        if (auto left = leave_tenants(db); !left)
          return tl::unexpected<error>{std::move(left.error())};
        return query(db, *mail.body.get_if<Message>()).map([](Answer&& got) {
          return message_body{std::move(got)};
        });
      }};
}

} // namespace records

} // namespace shannon::store
