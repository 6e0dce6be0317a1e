#include "actors/link/greeting.hpp"

#include <algorithm>
#include <charconv>

namespace shannon::link {

namespace {

/// A stranger's text in a log line.
std::string shown(const std::string& text) {
  constexpr std::size_t most = 80;
  std::string out;
  for (auto c : text.substr(0, most))
    out.push_back(c >= ' ' && c <= '~' ? c : '?');
  return '"' + out + '"';
}

} // namespace

std::string_view to_string(refusal why) noexcept {
  switch (why) {
  case refusal::none:
    return "none";
  case refusal::busy:
    return "busy";
  case refusal::garbage:
    return "garbage";
  case refusal::late:
    return "late";
  case refusal::handshake:
    return "handshake";
  case refusal::not_joined:
    return "not_joined";
  case refusal::wrong_cluster:
    return "wrong_cluster";
  case refusal::wrong_version:
    return "wrong_version";
  case refusal::unknown_name:
    return "unknown_name";
  case refusal::not_certified:
    return "not_certified";
  case refusal::wrong_way:
    return "wrong_way";
  case refusal::older:
    return "older";
  }
  return "none";
}

process_name parts_of(const node_id& process) {
  std::string_view text{process.value};
  auto at = text.find('#');
  process_name out{text.substr(0, at), 0};
  if (at == std::string_view::npos)
    return out;
  auto digits = text.substr(at + 1);
  auto [end, failed] = std::from_chars(
      digits.data(), digits.data() + digits.size(), out.incarnation);
  if (failed != std::errc{} || end != digits.data() + digits.size())
    out.incarnation = 0;
  return out;
}

Hello hello_of(const identity& self) {
  Hello out;
  out.set_cluster(self.cluster);
  out.set_version(self.version);
  out.set_lowest(self.lowest);
  out.set_schema(self.schema);
  out.set_process(self.process.value);
  out.set_build(self.build);
  out.set_window_mails(self.window_mails);
  out.set_window_bytes(self.window_bytes);
  out.set_mail_bytes_max(self.mail_bytes_max);
  return out;
}

judgement judge(const Hello& theirs, const identity& self,
                const circumstances& how) {
  node_id process{theirs.process()};
  auto [name, incarnation] = parts_of(process);
  if (self.process.empty())
    return {refusal::not_joined, "this node has not joined its cluster yet"};
  if (theirs.cluster() != self.cluster)
    return {refusal::wrong_cluster, "expected a node of cluster "
                                        + shown(self.cluster) + ", found "
                                        + shown(theirs.cluster())};
  if (theirs.version() < self.lowest || self.version < theirs.lowest())
    return {refusal::wrong_version,
            "this build speaks versions " + std::to_string(self.lowest) + " to "
                + std::to_string(self.version)
                + " of the link protocol, the peer "
                + std::to_string(theirs.lowest()) + " to "
                + std::to_string(theirs.version())};
  if (name.empty() || incarnation == 0)
    return {refusal::garbage,
            "expected NAME#INCARNATION, found " + shown(theirs.process())};
  if (how.certified
      && std::find(how.certified->begin(), how.certified->end(), name)
             == how.certified->end()) {
    std::string names;
    for (const auto& one : *how.certified)
      names += (names.empty() ? "" : ", ") + shown(one);
    return {refusal::not_certified,
            "the certificate is for " + (names.empty() ? "nobody" : names)
                + ", not for " + shown(std::string{name})};
  }
  if (how.dialled && name != *how.dialled)
    return {refusal::unknown_name, "dialled " + shown(*how.dialled) + ", found "
                                       + shown(theirs.process())};
  auto known = how.known(name);
  if (!known)
    return {refusal::unknown_name,
            shown(theirs.process()) + " is no member of this cluster"};
  if (!how.dialled && !dials(name, parts_of(self.process).name))
    return {refusal::wrong_way,
            shown(std::string{name}) + " is to be dialled, and has dialled"};
  if (incarnation < *known)
    return {refusal::older, shown(theirs.process())
                                + " is an older process: incarnation "
                                + std::to_string(*known) + " has its name"};
  return {};
}

} // namespace shannon::link
