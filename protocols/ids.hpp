#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace shannon {

/// A string that names one kind of thing. Two kinds never mix by accident.
template <class Tag>
struct tagged_id {
  std::string value;

  tagged_id() = default;
  explicit tagged_id(std::string text) : value(std::move(text)) {
    // nop
  }

  bool empty() const noexcept {
    return value.empty();
  }
  friend auto operator<=>(const tagged_id&, const tagged_id&) = default;
};

/// One durable actor's log: `task-…` for a workflow, `<task>/<agent>` for an
/// agent of it.
using log_id = tagged_id<struct log_id_tag>;
using session_id = tagged_id<struct session_id_tag>;
using tenant_id = tagged_id<struct tenant_id_tag>;
using user_id = tagged_id<struct user_id_tag>;
using node_id = tagged_id<struct node_id_tag>;

/// `log/step/attempt`: what the far side of an effect can deduplicate by. A
/// crash between an effect and its record repeats the effect under this key.
using attempt_key = tagged_id<struct attempt_key_tag>;

/// Position of a fact in its log: 1, 2, 3 … without a gap. 0 is "before all".
using log_version = std::int64_t;

/// Raised each time a shard changes its owner; fences off the owner before.
using shard_epoch = std::int64_t;

} // namespace shannon

template <class Tag>
struct std::hash<shannon::tagged_id<Tag>> {
  std::size_t operator()(const shannon::tagged_id<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.value);
  }
};
