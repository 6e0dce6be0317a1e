#include "actors/link/peer_link.hpp"

#include "actors/kit/log.hpp"
#include "actors/kit/undelivered.hpp"
#include "actors/link/mail_codec.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace shannon::link {

namespace {

namespace log = kit::log;
using std::chrono::microseconds;

/// A frame that was larger is not kept for the next.
constexpr std::size_t frame_kept = 256 * 1024;
constexpr std::size_t reason_shown = 200;
/// Beyond `asks_max`, for asks that end or hold back work.
constexpr std::size_t control_asks = 1'000;

std::int64_t us_of(peer_link::clock::time_point at) {
  return std::chrono::duration_cast<microseconds>(at.time_since_epoch())
      .count();
}

std::int64_t us_of(std::chrono::milliseconds span) {
  return std::chrono::duration_cast<microseconds>(span).count();
}

/// What the peer takes, as far as we bear it; 0 is from a peer that says none.
template <class T>
std::uint64_t least(T ours, std::uint64_t theirs) {
  return theirs == 0 ? ours : std::min<std::uint64_t>(ours, theirs);
}

} // namespace

peer_link::peer_link(parts with, std::shared_ptr<connection> over,
                     node_id process, const Hello& theirs)
    : with_(with), over_(std::move(over)), process_(std::move(process)),
      began_(clock::now()), mail_bytes_max_(least(with_.settings.mail_bytes_max,
                                                  theirs.mail_bytes_max())),
      received_(with_.settings.window_mails, with_.settings.window_bytes),
      alive_(us_of(with_.settings.probe_after),
             us_of(with_.settings.dead_after), us_of(began_)),
      frame_(std::make_unique<Frame>()),
      window_({least(with_.settings.window_mails, theirs.window_mails()),
               least(with_.settings.window_bytes, theirs.window_bytes()),
               with_.settings.reserve_bytes}) {}

// -- sending ------------------------------------------------------------------

bool peer_link::send(const envelope_ptr& mail) {
  auto now = clock::now();
  bool has_deadline = mail->deadline != time_point{};
  if (!mail->is_reply && has_deadline && mail->deadline <= now)
    return true; // Who asked has been told `timeout`.
  auto frame = frame_of(*mail, process_, now);
  if (!frame) {
    cannot_cross(*mail, "body", frame.error());
    return true;
  }
  if (frame->size() > mail_bytes_max_) {
    cannot_cross(*mail, "size",
                 {errc::invalid_argument,
                  to_string(*mail) + " has " + std::to_string(frame->size())
                      + " bytes; between nodes at most "
                      + std::to_string(mail_bytes_max_)
                      + " cross (link.mail_bytes_max)",
                  false, std::nullopt});
    return true;
  }
  switch (try_send(*mail, *frame, false)) {
  case outcome::sent:
    return true;
  case outcome::gone:
    return false;
  case outcome::full:
    cannot_cross(*mail, mail->is_reply ? "reserve" : "window",
                 {mail->is_reply ? errc::unavailable : errc::overloaded,
                  process_.value
                      + " does not take what is on its way to it: the link's "
                        "window is full",
                  true, std::nullopt});
    return true;
  case outcome::too_many_asks:
    cannot_cross(*mail, "asks",
                 {errc::overloaded,
                  std::to_string(with_.settings.asks_max) + " asks to "
                      + process_.value
                      + " have no answer yet, the limit (link.asks_max)",
                  true, std::nullopt});
    return true;
  }
  return true;
}

std::uint64_t peer_link::room() const {
  std::lock_guard guard{mutex_};
  return ended_ ? 0 : window_.room();
}

peer_link::outcome peer_link::try_send(const envelope& mail,
                                       const std::string& frame,
                                       bool is_refusal) {
  {
    std::lock_guard guard{mutex_};
    if (ended_)
      return outcome::gone;
    bool is_control = mail.urgency == priority::control;
    bool room = is_refusal      ? window_.takes_refusal()
                : mail.is_reply ? window_.takes_reply()
                : is_control    ? window_.takes_control()
                                : window_.takes_mail();
    if (!room)
      return outcome::full;
    if (!mail.is_reply && mail.correlation != 0) {
      auto most = with_.settings.asks_max + (is_control ? control_asks : 0);
      if (asks_.size() >= most)
        return outcome::too_many_asks;
      asks_.add({mail.from, mail.to, mail.correlation}, mail.deadline);
    }
    window_.sent(frame.size());
  }
  bytes_sent_.fetch_add(frame.size(), std::memory_order_relaxed);
  with_.metrics.mail_sent(frame.size());
  over_->write(frame);
  return outcome::sent;
}

void peer_link::cannot_cross(const envelope& mail, const char* reason,
                             error why) {
  refused_.fetch_add(1, std::memory_order_relaxed);
  if (mail.is_reply) {
    with_.metrics.mail_refused(reason);
    return send_refusal(mail, std::move(why));
  }
  if (mail.correlation == 0)
    return with_.metrics.mail_dropped(reason);
  with_.metrics.mail_refused(reason);
  with_.addresses.deliver(
      std::make_shared<const envelope>(refusal_of(mail, std::move(why))));
}

/// Whoever asked over there is told at least that there is no answer.
void peer_link::send_refusal(const envelope& reply, error why) {
  auto instead = reply;
  instead.body = {};
  instead.status = std::move(why);
  auto frame = frame_of(instead, process_, clock::now());
  if (!frame || try_send(instead, *frame, true) != outcome::sent)
    with_.metrics.mail_dropped("reserve");
}

void peer_link::tell(const Frame& what) {
  over_->write(frame_of(what));
}

// -- receiving ----------------------------------------------------------------

void peer_link::frame(std::string_view bytes) {
  constexpr std::size_t bytes_max = std::numeric_limits<int>::max();
  auto& got = *frame_;
  if (bytes.size() > bytes_max
      || !got.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return leave("what came is no frame");
  switch (got.kind_case()) {
  case Frame::kMail:
    take(got.mail(), bytes.size() + length_bytes);
    break;
  case Frame::kCredit:
    take(got.credit());
    break;
  case Frame::kPing: {
    Frame answer;
    answer.mutable_pong()->set_sent_us(got.ping().sent_us());
    tell(answer);
    break;
  }
  case Frame::kPong: {
    auto sent = static_cast<std::int64_t>(got.pong().sent_us());
    auto took = us_of(clock::now()) - sent;
    if (sent > 0 && took >= 0) {
      rtt_us_ = took;
      with_.metrics.probed(microseconds{took});
    }
    break;
  }
  case Frame::kGoodbye:
    over_->close(
        {errc::unavailable,
         "the peer says: " + got.goodbye().reason().substr(0, reason_shown),
         true, std::nullopt});
    break;
  case Frame::kHello:
    leave("a second hello came");
    break;
  case Frame::KIND_NOT_SET:
    break; // Of a later version.
  }
  if (bytes.size() > frame_kept)
    frame_ = std::make_unique<Frame>();
}

void peer_link::take(const Mail& what, std::size_t bytes) {
  mails_received_.fetch_add(1, std::memory_order_relaxed);
  with_.metrics.mail_received(bytes);
  auto got = read_mail(what, process_, clock::now());
  auto& mail = got.mail;
  if (got.unreadable) {
    if (!std::exchange(told_unreadable_, true)) // Once: there may be many.
      log::warning(
          "link-body-unknown", "a message from a peer cannot be read",
          {{"peer", process_.value}, {"reason", got.unreadable->text}});
    if (mail.correlation == 0)
      with_.metrics.mail_dropped("body");
    else
      send(std::make_shared<const envelope>(
          refusal_of(mail, std::move(*got.unreadable))));
  } else {
    if (mail.is_reply) {
      std::lock_guard guard{mutex_};
      asks_.answered(mail.to, mail.correlation);
    }
    auto shared = std::make_shared<const envelope>(std::move(mail));
    if (!with_.addresses.deliver(shared)) {
      if (shared->is_reply || shared->correlation == 0) {
        with_.metrics.mail_dropped("nobody");
      } else {
        with_.metrics.mail_refused("nobody");
        send(std::make_shared<const envelope>(
            refusal_of(*shared, kit::undelivered(shared->to))));
      }
    }
  }
  received_.took(bytes);
  give_credit(false);
}

void peer_link::take(const Credit& what) {
  bool good = false;
  {
    std::lock_guard guard{mutex_};
    good = window_.credited(what.mails(), what.bytes());
  }
  if (!good)
    leave("credit came for more than was sent");
}

void peer_link::give_credit(bool idle) {
  auto now = received_.due(idle);
  if (!now)
    return;
  Frame credit;
  credit.mutable_credit()->set_mails(now->mails);
  credit.mutable_credit()->set_bytes(now->bytes);
  tell(credit);
}

// -- time, and the end --------------------------------------------------------

void peer_link::look(clock::time_point now) {
  alive_.heard(us_of(over_->heard()));
  switch (alive_.look(us_of(now))) {
  case liveness::next::nothing:
    break;
  case liveness::next::probe: {
    Frame ping;
    ping.mutable_ping()->set_sent_us(static_cast<std::uint64_t>(us_of(now)));
    tell(ping);
    break;
  }
  case liveness::next::dead:
    return over_->close({errc::unavailable,
                         "silent for "
                             + std::to_string(with_.settings.dead_after.count())
                             + " ms",
                         true, std::nullopt});
  }
  give_credit(true);
  std::lock_guard guard{mutex_};
  asks_.expire(now);
}

void peer_link::leave(const std::string& why) {
  Frame goodbye;
  goodbye.mutable_goodbye()->set_reason(why);
  tell(goodbye);
  over_->close_after_write({errc::unavailable, why, true, std::nullopt});
}

bool peer_link::ended(const error& why) {
  std::vector<ask_table::ask> open;
  {
    std::lock_guard guard{mutex_};
    if (std::exchange(ended_, true))
      return false;
    open = asks_.take_all();
  }
  with_.metrics.link_down(open.size());
  for (auto& one : open) {
    auto mail = std::make_shared<envelope>();
    mail->to = std::move(one.from);
    mail->from = std::move(one.to);
    mail->correlation = one.correlation;
    mail->is_reply = true;
    mail->status = {errc::unavailable,
                    "the link to " + process_.value + " went down (" + why.text
                        + "): the request may have been carried out",
                    true, std::nullopt};
    with_.addresses.deliver(mail);
  }
  return true;
}

void peer_link::fill(link_state& state) const {
  {
    std::lock_guard guard{mutex_};
    state.mails_in_flight = window_.mails();
    state.bytes_in_flight = window_.bytes();
    state.mails_sent = window_.mails_sent();
    state.asks_open = asks_.size();
  }
  state.rtt = microseconds{rtt_us_.load()};
  state.bytes_sent = bytes_sent_;
  state.bytes_received = over_->bytes_received();
  state.mails_received = mails_received_;
  state.refused = refused_;
}

} // namespace shannon::link
