#include "actors/link/mail_codec.hpp"

#include "actors/link/frame_reader.hpp"
#include "protocols/wire_bodies.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace shannon::link {

namespace {

using std::chrono::microseconds;

/// `gateway@n1#12` for `n1#12` is its `gateway`.
std::string_view local_part(const address& to, const node_id& peer) {
  std::string_view text{to.value};
  auto at = text.rfind('@');
  if (at != std::string_view::npos && text.substr(at + 1) == peer.value)
    text = text.substr(0, at);
  return text;
}

Priority to_wire(priority what) {
  switch (what) {
  case priority::batch:
    return BATCH;
  case priority::interactive:
    return INTERACTIVE;
  case priority::control:
    return CONTROL;
  }
  return INTERACTIVE;
}

priority from_wire(Priority what) {
  if (what == BATCH)
    return priority::batch;
  return what == CONTROL ? priority::control : priority::interactive;
}

void write_status(const error& from, Status& to) {
  auto code = to_string(from.code);
  to.set_code(code.data(), code.size());
  to.set_text(from.text);
  to.set_retryable(from.retryable);
  if (from.retry_after)
    to.set_retry_after_ms(static_cast<std::uint64_t>(
        std::max<std::int64_t>(from.retry_after->count(), 0)));
}

error read_status(const Status& from) {
  // Beyond this it would not be waited for anyway.
  constexpr std::uint64_t wait_ms_max = 24ull * 3'600 * 1'000;
  error out{errc_from_string(from.code()), from.text(), from.retryable(),
            std::nullopt};
  if (from.has_retry_after_ms())
    out.retry_after = std::chrono::milliseconds{static_cast<std::int64_t>(
        std::min(from.retry_after_ms(), wait_ms_max))};
  return out;
}

} // namespace

std::string frame_of(const Frame& what) {
  auto size = what.ByteSizeLong();
  std::string out;
  out.reserve(length_bytes + size);
  append_length(out, static_cast<std::uint32_t>(size));
  out.resize(length_bytes + size);
  what.SerializeWithCachedSizesToArray(
      reinterpret_cast<std::uint8_t*>(out.data() + length_bytes));
  return out;
}

result<std::string> frame_of(const envelope& mail, const node_id& peer,
                             time_point now) {
  Frame frame;
  auto& out = *frame.mutable_mail();
  bool refuses = mail.is_reply && mail.status.code != errc::ok;
  if (!refuses) {
    auto name = wire_name(mail.body);
    if (name.empty())
      return fail(errc::invalid_argument,
                  to_string(mail)
                      + " cannot cross nodes: only messages of package "
                        "shannon.remote do");
    out.set_type(name.data(), name.size());
    if (!mail.body.wire()->SerializeToString(out.mutable_body()))
      return fail(errc::invalid_argument,
                  to_string(mail) + " cannot be written");
  } else {
    write_status(mail.status, *out.mutable_status());
  }
  auto to = local_part(mail.to, peer);
  out.set_to(to.data(), to.size());
  out.set_from(mail.from.value);
  out.set_correlation(mail.correlation);
  out.set_is_reply(mail.is_reply);
  if (mail.deadline != time_point{}) {
    auto left = std::chrono::duration_cast<microseconds>(mail.deadline - now);
    // 0 would be for ever.
    out.set_deadline_left_us(
        static_cast<std::uint64_t>(std::max<std::int64_t>(left.count(), 1)));
  }
  out.set_traceparent(mail.traceparent);
  out.set_tenant(mail.tenant.value);
  out.set_priority(to_wire(mail.urgency));
  return frame_of(frame);
}

incoming read_mail(const Mail& what, const node_id& peer, time_point now) {
  // Longer is as good as for ever, and fits the clock.
  constexpr std::uint64_t left_us_max = 30ull * 24 * 3'600 * 1'000'000;
  incoming got;
  auto& mail = got.mail;
  mail.to.value = what.to();
  if (!what.from().empty())
    mail.from.value = what.from() + '@' + peer.value;
  mail.correlation = what.correlation();
  mail.is_reply = what.is_reply();
  mail.sent = now; // Its sender's clock is another.
  if (what.deadline_left_us() != 0)
    mail.deadline = now
                    + microseconds{static_cast<std::int64_t>(
                        std::min(what.deadline_left_us(), left_us_max))};
  mail.traceparent = what.traceparent();
  mail.tenant = tenant_id{what.tenant()};
  mail.urgency = from_wire(what.priority());
  if (what.has_status()) {
    mail.status = read_status(what.status());
    if (mail.status.code != errc::ok)
      return got;
  }
  auto body = body_from_wire(what.type(), what.body());
  if (body) {
    mail.body = std::move(*body);
    return got;
  }
  error why{errc::invalid_argument, peer.value + ": " + body.error().text,
            false, std::nullopt};
  if (mail.is_reply)
    mail.status = {errc::failed, "the answer cannot be read: " + why.text,
                   false, std::nullopt};
  else
    got.unreadable = std::move(why);
  return got;
}

envelope refusal_of(const envelope& mail, error why) {
  envelope out;
  out.to = mail.from;
  out.from = mail.to;
  out.correlation = mail.correlation;
  out.is_reply = true;
  out.traceparent = mail.traceparent;
  out.status = std::move(why);
  return out;
}

} // namespace shannon::link
