#include "actors/link/link_hub.hpp"

#include "actors/kit/backoff.hpp"
#include "actors/kit/log.hpp"
#include "actors/link/connection.hpp"
#include "actors/link/greeting.hpp"
#include "actors/link/mail_codec.hpp"
#include "actors/link/own_certificate.hpp"
#include "actors/link/peer_link.hpp"
#include "protocols/schema_hash.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <fcntl.h>
#include <future>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <shared_mutex>
#include <utility>

namespace shannon::link {

namespace {

namespace asio = boost::asio;
namespace log = kit::log;
using asio::ip::tcp;
using boost::system::error_code;
using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr int backlog = 128;
/// How often time is looked at, at most.
constexpr std::chrono::milliseconds tick_max = 50ms;
/// After a failed accept: there may be no descriptors for a while.
constexpr auto accept_pause = 50ms;
/// The last words of all links.
constexpr auto stop_patience = 1s;
/// Also without a new connection it is known when the certificate ends.
constexpr auto certificate_look_every = 60s;
/// Lines about refused connections in a second: strangers may be many.
constexpr std::uint32_t refusal_lines_max = 10;

error unavailable(std::string why) {
  return {errc::unavailable, std::move(why), true, std::nullopt};
}

result<tcp::endpoint> endpoint_of(const hub_args& args) {
  const auto& text = args.settings.listen;
  auto where = config::parse_endpoint(text);
  if (!where)
    return tl::unexpected<error>{where.error()};
  error_code failed;
  auto host = where->host == "localhost" ? "127.0.0.1" : where->host;
  auto address = asio::ip::make_address(host, failed);
  if (failed)
    return fail(errc::invalid_argument, "link.listen: cannot listen on " + text
                                            + ": the host must be an address");
  if (!address.is_loopback() && args.tls.empty() && !args.insecure)
    return fail(errc::denied,
                "link.listen: other hosts reach " + text
                    + ": give tls a ca, cert and key, use a loopback address, "
                      "or say insecure: true");
  return tcp::endpoint{address, where->port};
}

class hub final : public link_hub, public std::enable_shared_from_this<hub> {
public:
  hub(kit::io_loop& loop, hub_args args, own_certificate shown)
      : io_(loop.context()), args_(std::move(args)),
        encrypts_(shown.context() != nullptr), acceptor_(io_), timer_(io_),
        pause_(io_), shown_(std::move(shown)) {
    me_.cluster = args_.cluster;
    me_.schema = wire_schema_hash();
    me_.build = args_.build;
    me_.window_mails = args_.settings.window_mails;
    me_.window_bytes = args_.settings.window_bytes;
    me_.mail_bytes_max = args_.settings.mail_bytes_max;
    calm_tick_ = std::max<std::chrono::milliseconds>(
        args_.settings.probe_after / 4, 5ms);
    tick_ = std::min(calm_tick_, tick_max);
  }

  result<void> open(const tcp::endpoint& where) {
    error_code failed;
    acceptor_.open(where.protocol(), failed);
    if (!failed) {
      ::fcntl(acceptor_.native_handle(), F_SETFD, FD_CLOEXEC);
      acceptor_.set_option(asio::socket_base::reuse_address(true), failed);
    }
    if (!failed)
      acceptor_.bind(where, failed);
    if (!failed)
      acceptor_.listen(backlog, failed);
    if (!failed)
      bound_ = acceptor_.local_endpoint(failed);
    if (failed)
      return fail(errc::unavailable, "link.listen: cannot listen on "
                                         + args_.settings.listen + ": "
                                         + failed.message());
    if (!encrypts_ && !bound_.address().is_loopback())
      log::warning("links-insecure",
                   "whoever reaches this port can give orders to the node: "
                   "links are neither encrypted nor authenticated",
                   {{"listen", args_.settings.listen}});
    return {};
  }

  void start() {
    asio::post(io_, [self = shared_from_this()] {
      self->accept();
      self->arm();
    });
  }

  // -- any thread -------------------------------------------------------------

  std::string address() const override {
    auto host = bound_.address().is_unspecified()
                    ? args_.host
                    : bound_.address().to_string();
    return config::to_string(config::endpoint{host, bound_.port()});
  }

  void set_peers(node_id self, std::vector<cluster::peer> peers) override {
    asio::post(io_, [hub = shared_from_this(), self = std::move(self),
                     peers = std::move(peers)]() mutable {
      hub->take_peers(std::move(self), peers);
    });
  }

  bool send(const node_id& process, const envelope_ptr& mail) override {
    auto link = find(process);
    return link && link->send(mail);
  }

  std::uint64_t room(const node_id& process) const override {
    auto link = find(process);
    return link ? link->room() : 0;
  }

  void watch(std::function<void(const link_event&)> seen) override {
    asio::post(io_,
               [self = shared_from_this(), seen = std::move(seen)]() mutable {
                 self->watchers_.push_back(std::move(seen));
               });
  }

  link_states states() const override {
    link_states out;
    out.listens = address();
    out.tls = encrypts_;
    std::shared_lock guard{mutex_};
    out.self = me_.process;
    for (const auto& [name, peer] : peers_) {
      link_state state;
      state.process = peer.process;
      state.up = peer.link != nullptr;
      state.since = peer.since;
      state.last_error = peer.last_error;
      if (peer.link)
        peer.link->fill(state);
      out.links.push_back(std::move(state));
    }
    return out;
  }

  void stop() override {
    auto done = std::make_shared<std::promise<void>>();
    auto waiting = done->get_future();
    asio::post(io_, [self = shared_from_this(), done]() mutable {
      self->close_all(std::move(done));
    });
    // The loop may have ended before: then nothing is left to close.
    waiting.wait_for(stop_patience);
  }

private:
  /// A peer as its cluster knows it. Guarded by `mutex_`: changed on the loop
  /// alone, so that it may be read there without.
  struct peer_state {
    node_id process;
    std::string address;
    std::shared_ptr<peer_link> link;
    std::chrono::system_clock::time_point since
        = std::chrono::system_clock::now();
    std::string last_error;
    // Who dials:
    std::uint32_t failures = 0;
    clock::time_point dial_at{};
    bool dialling = false;
  };

  /// A connection before, and then under, its link.
  struct guest {
    std::shared_ptr<connection> over;
    std::optional<std::string> dialled;
    clock::time_point until;
    std::shared_ptr<peer_link> link; ///< Once the hello is judged.
    refusal why = refusal::none;     ///< Why we end it.
    std::string text;
    bool unwanted = false; ///< The peer has said why it ends it.
  };
  using guest_ptr = std::shared_ptr<guest>;

  struct dial {
    explicit dial(asio::io_context& io) : resolver(io), socket(io) {}
    std::string name;
    clock::time_point until;
    tcp::resolver resolver;
    tcp::socket socket;
    bool over = false;
  };
  using dial_ptr = std::shared_ptr<dial>;

  std::shared_ptr<peer_link> find(const node_id& process) const {
    std::shared_lock guard{mutex_};
    auto at = peers_.find(cluster::name_of(process));
    if (at == peers_.end() || !at->second.link
        || at->second.link->process() != process)
      return nullptr;
    return at->second.link;
  }

  template <class F>
  void change(F how) {
    std::unique_lock guard{mutex_};
    how();
  }

  // -- who there is -----------------------------------------------------------

  void take_peers(node_id self, const std::vector<cluster::peer>& peers) {
    if (stopping_)
      return;
    std::vector<std::shared_ptr<peer_link>> leave;
    change([&] {
      bool renamed = !me_.process.empty() && me_.process != self;
      me_.process = self;
      std::set<std::string, std::less<>> named;
      for (const auto& one : peers) {
        auto name = cluster::name_of(one.process);
        if (name == cluster::name_of(self))
          continue;
        named.emplace(name);
        auto& mine = peers_[std::string{name}];
        // A hello may have told of a newer process.
        if (parts_of(one.process).incarnation
            < parts_of(mine.process).incarnation)
          continue;
        if (mine.process != one.process || mine.address != one.link) {
          mine.failures = 0;
          mine.dial_at = {};
        }
        mine.process = one.process;
        mine.address = one.link;
        if (mine.link && (renamed || mine.link->process() != one.process))
          leave.push_back(mine.link);
      }
      for (auto& [name, mine] : peers_)
        if (!named.contains(name) && mine.link)
          leave.push_back(mine.link);
      std::erase_if(
          peers_, [&](const auto& one) { return !named.contains(one.first); });
    });
    // Whoever is not in the table any more is told of here, not later.
    for (const auto& link : leave)
      unlink(link, unavailable(link->process().value
                               + " is no member of the cluster any more"));
    dial_all(clock::now());
  }

  /// Ends a link that the table may still have.
  void unlink(const std::shared_ptr<peer_link>& link, const error& why) {
    link->leave(why.text);
    down(link, why);
  }

  // -- connections ------------------------------------------------------------

  void accept() {
    acceptor_.async_accept(
        [self = shared_from_this()](error_code failed, tcp::socket socket) {
          if (self->stopping_)
            return;
          if (failed) {
            self->pause_.expires_after(accept_pause);
            self->pause_.async_wait([self](error_code cancelled) {
              if (!cancelled && !self->stopping_)
                self->accept();
            });
            return;
          }
          self->accepted(std::move(socket));
          self->accept();
        });
  }

  void accepted(tcp::socket socket) {
    auto waiting
        = std::count_if(guests_.begin(), guests_.end(), [](const auto& one) {
            return !one->link && !one->dialled;
          });
    if (waiting >= static_cast<std::ptrdiff_t>(args_.settings.handshakes_max))
      return refused(refusal::busy, "somebody",
                     std::to_string(waiting)
                         + " connections have not said hello, the limit "
                           "(link.handshakes_max)");
    greet(std::move(socket), std::nullopt);
  }

  void greet(tcp::socket socket, std::optional<std::string> dialled) {
    auto who = std::make_shared<guest>();
    auto side = dialled ? tls_channel::side::dials : tls_channel::side::accepts;
    shown_.look();
    who->over = std::make_shared<connection>(
        std::move(socket), shown_.context(), side, hello_bytes_max);
    who->dialled = std::move(dialled);
    who->until = clock::now() + args_.settings.handshake_timeout;
    guests_.insert(who);
    auto self = shared_from_this();
    // They end with the connection.
    who->over->start({
        [self, who] {
          if (who->dialled)
            who->over->write(self->hello());
        },
        [self, who](std::string_view bytes) {
          if (who->link)
            who->link->frame(bytes);
          else
            self->hear(who, bytes);
        },
        [self, who](const error& why) { self->closed(who, why); },
    });
  }

  std::string hello() const {
    Frame out;
    *out.mutable_hello() = hello_of(me_);
    return frame_of(out);
  }

  void refuse(const guest_ptr& who, refusal why, std::string text) {
    who->why = why;
    who->text = text;
    Frame goodbye;
    goodbye.mutable_goodbye()->set_reason(text);
    who->over->write(frame_of(goodbye));
    who->over->close_after_write(unavailable(std::move(text)));
  }

  /// The first frame.
  void hear(const guest_ptr& who, std::string_view bytes) {
    Frame got;
    if (!got.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))
        || (!got.has_hello() && !got.has_goodbye()))
      return refuse(who, refusal::garbage,
                    "expected a hello, found " + std::to_string(bytes.size())
                        + " bytes of something else");
    if (got.has_goodbye()) {
      who->unwanted = true;
      who->text = "the peer says: " + got.goodbye().reason();
      return who->over->close(unavailable(who->text));
    }
    const auto& theirs = got.hello();
    circumstances how{
        who->dialled, std::nullopt,
        [this](std::string_view name) -> std::optional<std::uint64_t> {
          auto at = peers_.find(name);
          if (at == peers_.end())
            return std::nullopt;
          return parts_of(at->second.process).incarnation;
        }};
    if (who->over->encrypted())
      how.certified = who->over->certified();
    auto [why, text] = judge(theirs, me_, how);
    if (why != refusal::none)
      return refuse(who, why, std::move(text));
    if (!who->dialled)
      who->over->write(hello());
    up(who, theirs);
  }

  void up(const guest_ptr& who, const Hello& theirs) {
    node_id process{theirs.process()};
    who->over->limit(args_.settings.mail_bytes_max);
    who->link = std::make_shared<peer_link>(
        peer_link::parts{args_.settings, args_.addresses, args_.metrics},
        who->over, process, theirs);
    args_.metrics.link_up();
    std::shared_ptr<peer_link> before;
    change([&] {
      auto& peer = peers_.find(cluster::name_of(process))->second;
      before = std::exchange(peer.link, who->link);
      peer.process = process;
      peer.dialling = false;
      peer.since = std::chrono::system_clock::now();
    });
    if (before)
      unlink(before, unavailable("replaced by a newer connection"));
    log::info("link-up", "node is linked to a peer",
              {{"peer", process.value},
               {"at", who->over->peer()},
               {"tls", who->over->encrypted()},
               {"build", theirs.build()},
               {"same_schema", theirs.schema() == me_.schema}});
    tell({process, true, {}});
  }

  void closed(const guest_ptr& who, const error& why) {
    guests_.erase(who);
    if (who->link) {
      down(who->link, why);
    } else {
      auto text = who->text.empty() ? why.text : who->text;
      auto reason = who->why;
      if (reason == refusal::none)
        reason = who->over->encrypted() && who->over->certified().empty()
                     ? refusal::handshake
                     : refusal::garbage;
      // A peer that only hangs up, or says why, has refused us.
      bool ours = !who->unwanted
                  && (!who->dialled || reason != refusal::garbage
                      || who->why != refusal::none);
      if (who->dialled)
        dial_failed(*who->dialled, text);
      if (ours && !stopping_)
        refused(reason, who->over->peer(), text);
    }
    if (stopping_ && guests_.empty())
      stopped();
  }

  void refused(refusal why, const std::string& whom, const std::string& text) {
    args_.metrics.connection_refused(std::string{to_string(why)});
    auto second = std::chrono::floor<std::chrono::seconds>(clock::now());
    if (second != std::exchange(lines_second_, second))
      lines_ = 0;
    if (++lines_ > refusal_lines_max)
      return;
    log::warning("link-refused", "a connection did not become a link",
                 {{"peer", whom},
                  {"why", to_string(why)},
                  {"reason", text},
                  {"more_not_shown", lines_ == refusal_lines_max}});
  }

  void down(const std::shared_ptr<peer_link>& link, const error& why) {
    const auto& process = link->process();
    change([&] {
      auto at = peers_.find(cluster::name_of(process));
      if (at == peers_.end() || at->second.link != link)
        return;
      auto& peer = at->second;
      peer.link = nullptr;
      peer.since = std::chrono::system_clock::now();
      peer.last_error = why.text;
      bool lasted = clock::now() - link->began() > args_.settings.reconnect_max;
      peer.failures = lasted ? 0 : peer.failures + 1;
      peer.dial_at = clock::now();
      if (!lasted)
        peer.dial_at += pause_after(peer.failures);
    });
    if (!link->ended(why))
      return; // Told already; now its connection is closed, too.
    log::warning("link-down", "node lost its link to a peer",
                 {{"peer", process.value}, {"reason", why.text}});
    tell({process, false, why.text});
  }

  void tell(const link_event& what) {
    for (const auto& seen : watchers_)
      seen(what);
  }

  // -- dialling ---------------------------------------------------------------

  std::chrono::milliseconds pause_after(std::uint32_t failures) {
    kit::backoff pauses{args_.settings.reconnect_min,
                        args_.settings.reconnect_max};
    return pauses.delay(failures, chance_(random_));
  }

  void dial_all(clock::time_point now) {
    if (me_.process.empty() || stopping_)
      return;
    for (auto& [name, peer] : peers_)
      if (!peer.link && !peer.dialling && !peer.address.empty()
          && peer.dial_at <= now && dials(cluster::name_of(me_.process), name))
        dial_one(name, peer, now);
  }

  void dial_one(const std::string& name, peer_state& peer,
                clock::time_point now) {
    change([&] { peer.dialling = true; });
    auto where = config::parse_endpoint(peer.address);
    if (!where)
      return dial_failed(name, where.error().text);
    auto call = std::make_shared<dial>(io_);
    call->name = name;
    call->until = now + args_.settings.connect_timeout;
    dials_.insert(call);
    call->resolver.async_resolve(
        where->host, std::to_string(where->port),
        [self = shared_from_this(),
         call](error_code failed, const tcp::resolver::results_type& found) {
          if (call->over)
            return;
          if (failed || found.empty())
            return self->end_dial(call,
                                  failed ? failed.message() : "no such host");
          auto first = *found.begin();
          call->socket.async_connect(first, [self, call](error_code refused) {
            if (call->over)
              return;
            if (refused)
              return self->end_dial(call, refused.message());
            self->dials_.erase(call);
            call->over = true;
            self->greet(std::move(call->socket), call->name);
          });
        });
  }

  void end_dial(const dial_ptr& call, const std::string& why) {
    dials_.erase(call);
    call->over = true;
    call->resolver.cancel();
    error_code ignored;
    call->socket.close(ignored);
    dial_failed(call->name, why);
  }

  void dial_failed(const std::string& name, const std::string& why) {
    auto at = peers_.find(name);
    if (at == peers_.end())
      return;
    auto& peer = at->second;
    bool news = peer.failures == 0 || peer.last_error != why;
    change([&] {
      peer.dialling = false;
      peer.last_error = why;
      ++peer.failures;
      peer.dial_at = clock::now() + pause_after(peer.failures);
    });
    if (news && !stopping_)
      log::warning("link-dial-failed",
                   "a peer cannot be linked, and is dialled "
                   "again",
                   {{"peer", peer.process.value},
                    {"at", peer.address},
                    {"reason", why}});
  }

  // -- time -------------------------------------------------------------------

  void arm() {
    timer_.expires_after(is_calm() ? calm_tick_ : tick_);
    timer_.async_wait([self = shared_from_this()](error_code cancelled) {
      if (cancelled || self->stopping_)
        return;
      self->look();
      self->arm();
    });
  }

  /// Nobody is dialled or to be dialled: only the silence of peers counts.
  bool is_calm() const {
    return dials_.empty()
           && std::all_of(peers_.begin(), peers_.end(), [](const auto& one) {
                return one.second.link != nullptr;
              });
  }

  void look() {
    auto now = clock::now();
    auto guests = guests_; // Some may end meanwhile.
    for (const auto& who : guests) {
      if (who->link)
        who->link->look(now);
      else if (now >= who->until)
        late(who);
    }
    auto calls = dials_;
    for (const auto& call : calls)
      if (!call->over && now >= call->until)
        end_dial(call,
                 "no connection within "
                     + std::to_string(args_.settings.connect_timeout.count())
                     + " ms");
    dial_all(now);
    if (now - certificate_looked_ < certificate_look_every)
      return;
    certificate_looked_ = now;
    shown_.look();
  }

  void late(const guest_ptr& who) {
    if (who->why == refusal::none) {
      who->why = refusal::late;
      who->text = "no hello within "
                  + std::to_string(args_.settings.handshake_timeout.count())
                  + " ms";
    }
    who->over->close(unavailable(who->text));
  }

  // -- the end ----------------------------------------------------------------

  void close_all(std::shared_ptr<std::promise<void>> done) {
    if (std::exchange(stopping_, true))
      return done->set_value();
    done_ = std::move(done);
    error_code ignored;
    acceptor_.close(ignored);
    timer_.cancel();
    pause_.cancel();
    for (const auto& call : dials_) {
      call->over = true;
      call->resolver.cancel();
      call->socket.close(ignored);
    }
    dials_.clear();
    auto guests = guests_;
    for (const auto& who : guests) {
      if (who->link)
        unlink(who->link, unavailable("the node ends"));
      else
        who->over->close(unavailable("the node ends"));
    }
    if (guests_.empty())
      stopped();
  }

  void stopped() {
    if (auto done = std::exchange(done_, nullptr))
      done->set_value();
    watchers_.clear();
  }

  asio::io_context& io_;
  hub_args args_;
  const bool encrypts_;
  tcp::endpoint bound_;

  mutable std::shared_mutex mutex_;
  identity me_;
  std::map<std::string, peer_state, std::less<>> peers_;

  // -- the loop alone ---------------------------------------------------------

  tcp::acceptor acceptor_;
  asio::steady_timer timer_;
  asio::steady_timer pause_;
  std::chrono::milliseconds tick_{tick_max};
  std::chrono::milliseconds calm_tick_{tick_max};
  own_certificate shown_;
  clock::time_point certificate_looked_ = clock::now();
  std::set<guest_ptr> guests_;
  std::set<dial_ptr> dials_;
  std::vector<std::function<void(const link_event&)>> watchers_;
  std::mt19937_64 random_{std::random_device{}()};
  std::uniform_real_distribution<double> chance_{0, 1};
  std::uint32_t lines_ = 0;
  std::chrono::time_point<clock, std::chrono::seconds> lines_second_{};
  bool stopping_ = false;
  std::shared_ptr<std::promise<void>> done_;
};

} // namespace

result<std::shared_ptr<link_hub>> link_hub::listen(kit::io_loop& loop,
                                                   hub_args args) {
  auto where = endpoint_of(args);
  if (!where)
    return tl::unexpected<error>{where.error()};
  auto shown = own_certificate::load(args.tls, args.name, args.metrics);
  if (!shown)
    return tl::unexpected<error>{shown.error()};
  auto made = std::make_shared<hub>(loop, std::move(args), std::move(*shown));
  if (auto open = made->open(*where); !open)
    return tl::unexpected<error>{open.error()};
  made->start();
  return std::shared_ptr<link_hub>{std::move(made)};
}

} // namespace shannon::link
