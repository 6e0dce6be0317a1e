#include "actors/store/append_check.hpp"

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

namespace shannon::store {

namespace {

constexpr std::size_t name_bytes_max = 1'024;
constexpr std::size_t hash_bytes = 32;

/// Of one append: its versions stay far below the column's limit.
constexpr std::size_t facts_max = 16'384;
constexpr log_version version_max
    = std::numeric_limits<std::int32_t>::max() - 2 * log_version{facts_max};

/// UTF-8 as PostgreSQL takes it: no zeros, no overlong forms, no surrogates.
bool is_text(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    auto byte = [&](std::size_t at) {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
    };
    auto lead = byte(i);
    std::size_t more = lead < 0x80                   ? 0
                       : lead >= 0xc2 && lead < 0xe0 ? 1
                       : lead >= 0xe0 && lead < 0xf0 ? 2
                       : lead >= 0xf0 && lead < 0xf5 ? 3
                                                     : 9;
    if (lead == 0 || more == 9)
      return false;
    for (std::size_t n = 1; n <= more; ++n)
      if ((byte(i + n) & 0xc0u) != 0x80u)
        return false;
    auto next = byte(i + 1);
    if ((lead == 0xe0 && next < 0xa0) || (lead == 0xed && next > 0x9f)
        || (lead == 0xf0 && next < 0x90) || (lead == 0xf4 && next > 0x8f))
      return false;
    i += more + 1;
  }
  return true;
}

bool is_name(std::string_view text) {
  return text.size() <= name_bytes_max && is_text(text);
}

} // namespace

result<void> check(const append& what) {
  auto bad = [&](const char* why) {
    return fail(errc::invalid_argument, std::string{"append: "} + why);
  };
  if (what.log.empty() || !is_name(what.log.value))
    return bad("the log's id is not text of 1 to 1024 bytes");
  if (what.facts.empty())
    return bad("there is no fact");
  if (what.expected.version < 0)
    return bad("the expected version is negative");
  if (what.expected.version > version_max || what.facts.size() > facts_max)
    return bad("a log takes 2^31 facts, an append 16384");
  if (what.birth) {
    const auto& birth = *what.birth;
    if (what.expected.version != 0)
      return bad("a log is born at version 0");
    for (const auto* text :
         {&birth.kind, &birth.parent.value, &birth.tenant.value,
          &birth.user.value, &birth.session.value})
      if (!is_name(*text))
        return bad("kind, parent, tenant, user or session is not text of at "
                   "most 1024 bytes");
  }
  if (what.opens) {
    const auto& opens = *what.opens;
    if (!what.birth)
      return bad("a session opens with the birth of its first task's log");
    if (opens.id.empty() || !is_name(opens.id))
      return bad("the session's id is not text of 1 to 1024 bytes");
    if (!is_text(opens.title) || !is_text(opens.context_json)
        || !is_text(opens.mode))
      return bad("the session's title, context or mode is not text");
  }
  if (what.base && *what.base >= what.facts.size())
    return bad("the base is not one of its facts");
  if (what.base && what.birth)
    return bad("a log that is born has nothing before it to begin anew from");
  if (what.attributes)
    for (const auto& [key, value] : *what.attributes)
      if (!is_name(key) || !is_name(value))
        return bad("an attribute is not text of at most 1024 bytes");
  if (what.references.size() > what.facts.size())
    return bad("there are references without a fact");
  for (const auto& refs : what.references)
    for (const auto& hash : refs)
      if (hash.size() != hash_bytes)
        return bad("a reference is not a hash of 32 bytes");
  for (const auto& body : what.blobs)
    if (body.hash.size() != hash_bytes)
      return bad("a body's hash has not 32 bytes");
  return {};
}

error not_ours(const kit::owned_shards::view& owned, const log_id& log) {
  if (owned.of(log) == kit::standing::elsewhere)
    return {errc::fenced, log.value + ": another node has its shard", false,
            std::nullopt};
  return {errc::unavailable, "this node does not hold its shards now", true,
          std::nullopt};
}

} // namespace shannon::store
