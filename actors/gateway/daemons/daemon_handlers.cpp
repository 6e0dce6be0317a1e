#include "actors/gateway/daemons/daemon_handlers.hpp"

#include "actors/gateway/daemons/daemon.hpp"
#include "actors/gateway/text/identifiers.hpp"
#include "actors/gateway/text/json_fields.hpp"
#include "protocols/cluster.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <atomic>
#include <utility>

namespace shannon::gateway {

namespace {

using namespace std::chrono_literals;

/// A reply that cannot be stored now is tried again after this.
constexpr auto store_again = 1'000ms;

/// Daemons that come and go together are told of together.
constexpr auto tell_after = 50ms;
/// Who is silent for so long has none: others say so every second.
constexpr auto silent_max = 6s;

/// Numbers DAEMONs over all lives of the GATEWAY.
std::atomic<std::uint64_t> daemons_started{0};
/// Likewise what was connected at one time.
std::atomic<std::uint64_t> serials{0};

shannon::address gateway_of(const node_id& node) {
  return {"gateway@" + node.value};
}

/// Whose mail it is; empty: this node's.
node_id sender_of(const envelope& mail) {
  auto at = mail.from.value.find('@');
  return node_id{at == std::string::npos ? std::string{}
                                         : mail.from.value.substr(at + 1)};
}

daemons::owner owner_of(const identity& who) {
  return {who.tenant, who.user};
}

result<daemons::message> read_message(const http_request& request,
                                      std::uint32_t depth_max) {
  auto body = body_object(request, depth_max);
  if (!body)
    return tl::unexpected<error>{std::move(body.error())};
  daemons::message out;
  const std::pair<const char*, std::string*> fields[]{
      {"message_id", &out.id},
      {"tenant_id", &out.whose.tenant.value},
      {"user_id", &out.whose.user.value},
      {"channel", &out.channel},
      {"thread_id", &out.thread},
      {"sender", &out.sender},
      {"text", &out.text},
      {"agent_name", &out.agent_name},
      {"source", &out.source}};
  for (const auto& [name, into] : fields) {
    auto text = read_string(*body, name, "");
    if (!text)
      return tl::unexpected<error>{std::move(text.error())};
    *into = text->value_or("");
  }
  if (out.whose.tenant.value.empty() || out.whose.user.value.empty()
      || out.text.empty())
    return fail(errc::invalid_argument,
                "tenant_id, user_id and text are required");
  if (out.id.empty())
    out.id = random_uuid();
  // The run's id holds it, and is no task's.
  if (!is_identifier(out.id) || daemons::run_of(out.id) == out.id
      || !is_identifier(daemons::run_of(out.id)))
    return fail(errc::invalid_argument, "Invalid message_id format");
  return out;
}

} // namespace

void daemon_handlers::add_to(handler_table& table) {
  table.set(endpoint::daemon_ws, [this](auto& call) { open(call); });
  table.set(endpoint::daemon_status, [this](auto& call) { status(call); });
  table.set(endpoint::send_to_daemons, [this](auto& call) { send(call); });
}

void daemon_handlers::drain() {
  for (auto& [number, one] : open_)
    gateway_.tell({"daemon/" + std::to_string(number)}, cluster::drain{});
}

void daemon_handlers::stop() {
  for (auto& [number, one] : open_)
    caf::anon_send_exit(one.who, caf::exit_reason::user_shutdown);
  open_.clear();
}

void daemon_handlers::open(const call_ptr& request) {
  if (gateway_.is_draining())
    return request->answer(
        error{errc::unavailable, "the node is draining", true, std::nullopt});
  // Nobody is counted who only looks.
  if (!request->request().has("sec-websocket-key"))
    return request->answer(error_answer(400, "expected a WebSocket handshake"));
  auto number = ++daemons_started;
  auto greeted = hub_.add(number, owner_of(request->who()));
  if (!greeted) {
    auto refused = error_answer(429, greeted.error().text);
    refused.fields.emplace_back("Retry-After", "60");
    return request->answer(std::move(refused));
  }
  daemons::daemon_args args{gateway_.env()};
  args.number = number;
  auto ticket = gateway_.keep_open(request, [this, number] {
    if (auto at = open_.find(number); at != open_.end())
      caf::anon_send_exit(at->second.who, caf::exit_reason::user_shutdown);
  });
  args.client = request->release();
  args.message_bytes_max = settings_.message_bytes_max;
  args.ask_timeout = gateway_.settings().ask_timeout;
  args.ended = [this, post = gateway_.poster()](std::uint64_t ended) {
    post([this, ended] {
      if (auto at = open_.find(ended); at != open_.end()) {
        gateway_.let_go(at->second.ticket);
        open_.erase(at);
        changed();
      }
      carry_out(hub_.remove(ended));
    });
  };
  open_[number] = {daemons::spawn_daemon(gateway_, std::move(args)), ticket,
                   owner_of(request->who())};
  changed();
  carry_out(std::move(*greeted));
}

void daemon_handlers::status(const call_ptr& request) {
  json_out body;
  body["connected_daemons"] = hub_.count(owner_of(request->who()));
  request->answer(200, body);
}

/// The message's run is on disk before anybody hears of the message.
void daemon_handlers::send(const call_ptr& request) {
  auto what
      = read_message(request->request(), gateway_.settings().json_depth_max);
  if (!what)
    return request->answer(what.error());
  if (hub_.count(what->whose) == 0)
    return request->answer(error_answer(404, "no daemon connected"));
  what->sent_at = timestamp(gateway_.env().now());
  auto run = daemons::run_of(what->id);
  remote::StartRun start;
  start.set_run(run);
  start.set_program("daemon");
  start.set_input(std::to_string(settings_.reply_wait.count()));
  start.set_tenant(what->whose.tenant.value);
  start.set_user(what->whose.user.value);
  gateway_.ask_run<remote::RunAccepted>(
      {"workflow/" + run}, std::move(start),
      [this, request, run,
       what = std::move(*what)](const result<remote::RunAccepted>& got) {
        if (!got)
          return request->answer(got.error());
        auto id = what.id;
        auto whose = what.whose;
        auto sent = hub_.dispatch(what, gateway_.clock_now());
        if (!sent)
          return request->answer(sent.error());
        carry_out(std::move(*sent));
        json_out body;
        body["message_id"] = id;
        body["workflow_id"] = run;
        body["connected_daemons"] = hub_.count(whose);
        request->answer(200, body);
      });
}

void daemon_handlers::heard(const envelope& mail,
                            const shannon::daemons::heard& what) {
  gateway_.reply(mail, shannon::daemons::taken{});
  if (open_.count(what.from) == 0)
    return;
  auto out = hub_.heard(what.from, what.text, gateway_.clock_now());
  bool close = out.close;
  carry_out(std::move(out));
  if (close)
    gateway_.tell({"daemon/" + std::to_string(what.from)}, cluster::drain{});
}

void daemon_handlers::carry_out(daemons::outcome what) {
  for (auto& one : what.says) {
    if (one.to.is_here()) {
      gateway_.tell({"daemon/" + std::to_string(one.to.number)},
                    shannon::daemons::say{std::move(one.text)});
      continue;
    }
    remote::DaemonSay msg;
    msg.set_number(one.to.number);
    msg.set_text(std::move(one.text));
    msg.set_about(std::move(one.about));
    gateway_.tell(gateway_of(one.to.node), std::move(msg));
  }
  for (auto& one : what.passes) {
    remote::DaemonHeard msg;
    msg.set_number(one.from);
    msg.set_text(std::move(one.text));
    gateway_.tell(gateway_of(one.home), std::move(msg));
  }
  for (auto& told : what.words)
    told.is_strange ? find_owner(told) : store(told);
  if (!hub_.idle() && !std::exchange(watching_, true))
    watch_times();
}

/// A message of before: its run says whose it is.
void daemon_handlers::find_owner(const daemons::word& told) {
  gateway_.ask_store<store::log_head>(
      store::get_tenant_head{told.whose.tenant, log_id{told.signal.task()}},
      [this, told](const result<store::log_head>& got) {
        if (got && got->birth.tenant == told.whose.tenant
            && got->birth.user == told.whose.user)
          store(told);
      });
}

void daemon_handlers::store(const daemons::word& told) {
  gateway_.ask_run<remote::SignalAck>(
      {"workflow/" + told.signal.task()}, told.signal,
      [this, told](const result<remote::SignalAck>& got) {
        if (!told.is_reply)
          return;
        bool may_come = !got && got.error().code != errc::not_found;
        if (may_come && hub_.waits_for(told.message_id))
          return gateway_.after(store_again, [this, told] { store(told); });
        carry_out(
            hub_.settled(told, got ? result<void>{}
                                   : result<void>{tl::unexpect, got.error()}));
      });
}

void daemon_handlers::watch_times() {
  auto often
      = std::clamp(settings_.claim_lifetime / 4, config::milliseconds{10},
                   config::milliseconds{1'000});
  gateway_.after(often, [this] {
    watching_ = false;
    carry_out(hub_.tick(gateway_.clock_now()));
  });
}

// -- other nodes --------------------------------------------------------------

void daemon_handlers::members_are(const cluster::members_changed& all) {
  std::set<node_id> others;
  for (const auto& one : all.members)
    if (one.id != all.self && !one.link.empty())
      others.insert(one.id);
  remote::DaemonsHere again;
  again.set_serial(serial_);
  for (const auto& node : others)
    if (!open_.empty())
      gateway_.tell(gateway_of(node), again);
  others_ = std::move(others);
  std::vector<node_id> gone;
  for (const auto& [node, what] : known_)
    if (others_.count(node) == 0 || gateway_.clock_now() - what.at > silent_max)
      gone.push_back(node);
  for (const auto& node : gone)
    forget(node);
}

/// Soon, and once for all that come and go until then.
void daemon_handlers::changed() {
  serial_ = ++serials;
  if (std::exchange(telling_, true))
    return;
  gateway_.after(tell_after, [this] {
    telling_ = false;
    auto all = all_here();
    for (const auto& node : others_)
      gateway_.tell(gateway_of(node), all);
  });
}

remote::DaemonsHere daemon_handlers::all_here() const {
  remote::DaemonsHere msg;
  msg.set_serial(serial_);
  msg.set_whole(true);
  for (const auto& [number, one] : open_) {
    auto& daemon = *msg.add_daemons();
    daemon.set_number(number);
    daemon.set_tenant(one.whose.tenant.value);
    daemon.set_user(one.whose.user.value);
  }
  return msg;
}

void daemon_handlers::forget(const node_id& node) {
  known_.erase(node);
  carry_out(hub_.lose(node));
}

void daemon_handlers::told(const envelope& mail,
                           const remote::DaemonsHere& msg) {
  auto node = sender_of(mail);
  if (node.empty())
    return;
  auto now = gateway_.clock_now();
  if (!msg.whole()) {
    auto at = known_.find(node);
    if (at != known_.end() && at->second.serial == msg.serial())
      at->second.at = now;
    else
      gateway_.tell(gateway_of(node), remote::ListDaemons{});
    return;
  }
  daemons::hub::others all;
  for (const auto& one : msg.daemons())
    all.emplace_back(one.number(), daemons::owner{tenant_id{one.tenant()},
                                                  user_id{one.user()}});
  known_[node] = {msg.serial(), now};
  carry_out(hub_.see(node, all));
}

void daemon_handlers::told(const envelope& mail, const remote::ListDaemons&) {
  gateway_.tell(gateway_of(sender_of(mail)), all_here());
}

void daemon_handlers::told(const envelope& mail, const remote::DaemonSay& msg) {
  auto at = open_.find(msg.number());
  if (at == open_.end())
    return; // It has left; its node says so.
  if (!msg.about().empty()) {
    hub_.lies_with(sender_of(mail), msg.about(), gateway_.clock_now());
    carry_out({});
  }
  gateway_.tell({"daemon/" + std::to_string(msg.number())},
                shannon::daemons::say{msg.text()});
}

void daemon_handlers::told(const envelope& mail,
                           const remote::DaemonHeard& msg) {
  daemons::connection who{msg.number(), sender_of(mail)};
  if (!who.is_here() && hub_.knows(who))
    carry_out(hub_.heard(who, msg.text(), gateway_.clock_now()));
}

void daemon_handlers::told(const envelope& mail,
                           const remote::SendToDaemons& msg) {
  daemons::message what;
  what.id = msg.message_id();
  what.run = msg.run();
  what.whose = {tenant_id{msg.tenant()}, user_id{msg.user()}};
  what.channel = msg.channel();
  what.thread = msg.thread_id();
  what.sender = msg.sender();
  what.text = msg.text();
  what.agent_name = msg.agent_name();
  what.source = msg.source();
  what.sent_at = timestamp(gateway_.env().now());
  auto whose = what.whose;
  auto now = gateway_.clock_now();
  if (hub_.count(whose) == 0 && now - begun_ < silent_max)
    return gateway_.refuse(mail, {errc::unavailable,
                                  "who is connected is not known yet", true,
                                  1'000ms});
  auto sent = hub_.dispatch(std::move(what), now);
  if (!sent)
    return gateway_.refuse(mail, std::move(sent.error()));
  carry_out(std::move(*sent));
  remote::SentToDaemons answer;
  answer.set_daemons(static_cast<std::uint32_t>(hub_.count(whose)));
  answer.set_reply_wait_ms(settings_.reply_wait.count());
  gateway_.reply(mail, std::move(answer));
}

} // namespace shannon::gateway
