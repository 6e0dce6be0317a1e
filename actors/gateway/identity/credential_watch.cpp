#include "actors/gateway/identity/credential_watch.hpp"

#include "actors/gateway/identity/credential.hpp"
#include "actors/gateway/identity/digest.hpp"

#include <utility>

namespace shannon::gateway {

namespace {

/// Whatever `credential_of` reads.
http_request shown_by(const http_request& request) {
  http_request out;
  out.method = request.method;
  out.peer = request.peer;
  out.client = request.client;
  out.came_by = request.came_by;
  for (const auto& field : request.fields)
    if (field.first == "x-api-key" || field.first == "authorization")
      out.fields.push_back(field);
  // A long query is kept only where the credential stands in it.
  if (out.fields.empty())
    out.query = request.query;
  return out;
}

} // namespace

std::uint64_t credential_watch::add(const http_request& request,
                                    const route& line, end ends) {
  auto ticket = ++last_ticket_;
  auto text = credential_of(request, line.who == access::stream_client).text;
  key which{sha256(text), &line};
  auto [at, is_new] = held_.try_emplace(which);
  if (is_new) {
    at->second.shown = shown_by(request);
    at->second.line = &line;
  }
  at->second.open.emplace(ticket, std::move(ends));
  by_ticket_.emplace(ticket, std::move(which));
  return ticket;
}

void credential_watch::remove(std::uint64_t ticket) {
  auto known = by_ticket_.find(ticket);
  if (known == by_ticket_.end())
    return;
  auto at = held_.find(known->second);
  at->second.open.erase(ticket);
  if (at->second.open.empty())
    held_.erase(at);
  by_ticket_.erase(known);
}

void credential_watch::look() {
  // Who is judged at once may end, and be gone from here.
  std::vector<key> all;
  all.reserve(held_.size());
  for (const auto& [which, one] : held_)
    all.push_back(which);
  for (const auto& which : all) {
    auto at = held_.find(which);
    if (at == held_.end() || std::exchange(at->second.asking, true))
      continue;
    auto shown = at->second.shown;
    entrance_.check(shown, *which.second,
                    [this, which](const authenticator::verdict& got) {
                      judged(which, got);
                    });
  }
}

void credential_watch::judged(const key& which,
                              const authenticator::verdict& got) {
  auto at = held_.find(which);
  if (at == held_.end())
    return;
  at->second.asking = false;
  if (got || got.error().status >= 500)
    return;
  auto open = std::move(at->second.open);
  held_.erase(at);
  for (const auto& [ticket, ends] : open)
    by_ticket_.erase(ticket);
  for (const auto& [ticket, ends] : open)
    ends();
}

} // namespace shannon::gateway
