#pragma once

#include "protocols/envelope.hpp"

namespace shannon {

/// What stops or holds back work that is under way goes before all that makes
/// work: mail with such a body is `priority::control`. It is taken where other
/// mail is refused for want of room (a bounded reserve of mailboxes and links),
/// and an ask of it overtakes what waits in the mailbox. A tell does not: it
/// must not come before the ask that it is about.
priority urgency_of(const message_body& body) noexcept;

} // namespace shannon
