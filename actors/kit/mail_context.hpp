#pragma once

#include "protocols/envelope.hpp"

#include <string>
#include <string_view>

namespace shannon::kit {

/// On whose behalf an actor works, and as part of which trace. What it sends
/// while it handles a mail says the same as that mail, and so does what it
/// sends in answer to that, or later by `after`: an actor need not pass it on.
struct mail_context {
  tenant_id tenant;
  std::string traceparent; ///< W3C Trace Context, level 1.

  /// 32 hex digits; empty if there is no trace.
  std::string_view trace_id() const noexcept;
  bool empty() const noexcept {
    return tenant.value.empty() && traceparent.empty();
  }
};

/// Of what is done on this thread now.
const mail_context& current_context() noexcept;

/// While it lives, this thread works so; then as before.
class in_context {
public:
  explicit in_context(mail_context now);
  /// As the sender of this mail did.
  explicit in_context(const envelope& mail)
      : in_context(mail_context{mail.tenant, mail.traceparent}) {}
  in_context(const in_context&) = delete;
  in_context& operator=(const in_context&) = delete;
  ~in_context();

private:
  mail_context before_;
};

/// The `traceparent` that a request came with, or one that begins a trace of
/// this id; empty if it is none: what strangers send must not spread.
std::string traceparent_of(std::string_view header, std::string_view trace_id);

} // namespace shannon::kit
