#include "actors/browser/egress/proxy_rules.hpp"

#include "actors/kit/egress/url.hpp"

#include <algorithm>
#include <utility>

namespace shannon::browser {

namespace {

/// How kit::url writes this host, so that both sides of a comparison are
/// written by the same hand.
result<std::string> canonical_host(std::string_view text) {
  auto v6 = text.find(':') != std::string_view::npos;
  auto read = kit::parse_url(
      "http://" + (v6 ? "[" + std::string{text} + "]" : std::string{text}));
  // A port, a path or a user would have gone somewhere else than the host.
  if (!read || text.find_first_of("/?#@[]") != std::string_view::npos)
    return fail(errc::invalid_argument,
                "hosts of the browser: '" + std::string{text}
                    + "' is no host; expected a name, an address, "
                      "'*.' before a name, or '*'");
  return std::move(read->host);
}

} // namespace

result<host_list> host_list::parse(const std::vector<std::string>& patterns) {
  host_list out;
  for (std::string_view text : patterns) {
    if (text == "*") {
      out.all_ = true;
      continue;
    }
    bool below = text.substr(0, 2) == "*.";
    auto host = canonical_host(below ? text.substr(2) : text);
    if (!host)
      return tl::unexpected(std::move(host.error()));
    (below ? out.below_ : out.exact_).push_back(std::move(*host));
  }
  return out;
}

bool host_list::has(std::string_view host) const {
  auto is_below = [&](const std::string& name) {
    if (host.size() <= name.size())
      return host == name;
    auto start = host.size() - name.size();
    return host[start - 1] == '.' && host.substr(start) == name;
  };
  return all_ || std::find(exact_.begin(), exact_.end(), host) != exact_.end()
         || std::any_of(below_.begin(), below_.end(), is_below);
}

result<void> proxy_rules::check(std::string_view host) const {
  if (deny.has(host))
    return fail(errc::denied,
                std::string{host} + " is on the list of denied hosts");
  if (!allow.empty() && !allow.has(host))
    return fail(errc::denied,
                std::string{host} + " is not on the list of allowed hosts");
  return {};
}

} // namespace shannon::browser
