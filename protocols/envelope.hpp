#pragma once

#include "protocols/errc.hpp"
#include "protocols/ids.hpp"

#include <google/protobuf/message.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeindex>
#include <utility>

namespace shannon {

/// Where an actor is reached: `kind/id`, for instance `workflow/task-…`, or a
/// bare kind for the one actor of that kind on a node (`store`). Addresses are
/// plain text: no actor handle ever stands in a message.
struct address {
  std::string value;

  std::string_view kind() const noexcept {
    return std::string_view{value}.substr(0, value.find('/'));
  }
  /// What follows the first slash; empty for a bare kind.
  std::string_view id() const noexcept {
    auto at = value.find('/');
    return at == std::string::npos ? std::string_view{}
                                   : std::string_view{value}.substr(at + 1);
  }
  bool empty() const noexcept {
    return value.empty();
  }
  friend auto operator<=>(const address&, const address&) = default;
};

/// An immutable message of any type declared in `protocols/`. Copies share it.
/// A Protobuf message can cross nodes; a plain struct stays on its node.
class message_body {
public:
  message_body() = default;

  template <class T, class = std::enable_if_t<
                         !std::is_same_v<std::decay_t<T>, message_body>>>
  message_body(T&& value) // NOLINT(google-explicit-constructor)
      : type_(typeid(std::decay_t<T>)) {
    using type = std::decay_t<T>;
    auto ptr = std::make_shared<const type>(std::forward<T>(value));
    if constexpr (std::is_base_of_v<google::protobuf::Message, type>)
      wire_ = ptr.get();
    value_ = std::move(ptr);
  }

  /// A message whose type is known at run time only: what another node sent.
  static message_body
  of_wire(std::shared_ptr<const google::protobuf::Message> message) {
    message_body out;
    out.type_ = typeid(*message);
    out.wire_ = message.get();
    // Where the whole object begins, as `get_if` takes it.
    const auto* whole = dynamic_cast<const void*>(message.get());
    out.value_ = std::shared_ptr<const void>{std::move(message), whole};
    return out;
  }

  std::type_index type() const noexcept {
    return type_;
  }
  bool empty() const noexcept {
    return value_ == nullptr;
  }

  /// The message, if it is a `T`; else null.
  template <class T>
  const T* get_if() const noexcept {
    return type_ == typeid(T) ? static_cast<const T*>(value_.get()) : nullptr;
  }

  /// The message as Protobuf, or null if it is a plain struct.
  const google::protobuf::Message* wire() const noexcept {
    return wire_;
  }

private:
  std::type_index type_{typeid(void)};
  std::shared_ptr<const void> value_;
  const google::protobuf::Message* wire_ = nullptr;
};

/// What goes first where mail must wait.
enum class priority : std::uint8_t { batch, interactive, control };

/// The one thing actors send each other.
struct envelope {
  address to;
  address from;
  /// Names the ask that this answers or that an answer must name; 0 for a tell.
  std::uint64_t correlation = 0;
  bool is_reply = false;
  /// In a reply: `ok`, or why `body` is empty.
  error status{errc::ok, {}, false, std::nullopt};
  /// After this moment nobody waits for the answer any more; zero for never.
  std::chrono::steady_clock::time_point deadline{};
  /// When it was sent on this node, to some milliseconds; zero: not known.
  std::chrono::steady_clock::time_point sent{};
  /// W3C trace context, passed on unread.
  std::string traceparent;
  /// On whose behalf; empty for the node's own.
  tenant_id tenant;
  priority urgency = priority::interactive;
  message_body body;
};

using envelope_ptr = std::shared_ptr<const envelope>;

/// For log lines: `workflow/task-1 <- gateway shannon.remote.StartTask`.
std::string to_string(const envelope& mail);

} // namespace shannon
