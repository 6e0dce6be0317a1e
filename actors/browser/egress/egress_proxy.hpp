#pragma once

#include "actors/browser/egress/proxy_rules.hpp"
#include "actors/browser/egress/proxy_session.hpp"
#include "actors/kit/egress/resolve.hpp"

#include <boost/asio/io_context.hpp>

#include <memory>

namespace shannon::browser {

/// EGRESS PROXY: the one way out of a browser session.
///
/// A browser runs where there is no network but this listener, so what it wants
/// of the world it must ask here: CONNECT (https, wss, ws) and `http://` URLs.
/// Each request is read strictly, its host looked up once, every address
/// checked by kit's egress policy, and the connection made to exactly those
/// addresses; redirects, sub-resources and downloads are requests like others.
/// What is refused is answered 4xx or 5xx with `X-Shannon-Egress: refused; WHY`
/// and kept in `counters`, which is where the reason of a failed https page is
/// found: browsers show none of what CONNECT was answered.
///
/// The browser must be told to send its requests for loopback here, too (a
/// bypass list of `<-loopback>`), else they go to its own namespace's loopback,
/// where nothing but such listeners is.
///
/// One loop, one thread. Both sides of a connection end together, a slow side
/// slows the other, and each buffer and wait has a limit (proxy_limits).
class egress_proxy {
public:
  /// Accepts on `listener`, a listening TCP socket, which is owned from here
  /// on; connections that wait there already are dropped, since they cannot be
  /// this session's: start it before a page is opened. `names` must answer on
  /// the same loop; its policy decides on addresses, ports and exceptions.
  /// Fails with failed if this is no such socket.
  static result<std::shared_ptr<egress_proxy>>
  start(boost::asio::io_context& loop, std::shared_ptr<kit::resolver> names,
        proxy_rules rules, int listener);

  ~egress_proxy();
  egress_proxy(const egress_proxy&) = delete;
  egress_proxy& operator=(const egress_proxy&) = delete;

  /// Ends the listener and every connection. Any thread; the loop must outlive
  /// this object.
  void close();

  /// Any thread.
  proxy_counters counters() const;

private:
  class listening;
  explicit egress_proxy(std::shared_ptr<listening> door);

  std::shared_ptr<listening> door_;
};

} // namespace shannon::browser
