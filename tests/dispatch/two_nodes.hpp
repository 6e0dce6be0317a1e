#pragma once

#include "tests/kit/actor_fixture.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace shannon::test {

/// Outlives the actors, so it stands before the fixture.
struct second_node {
  kit::directory second_addresses;
  kit::actor_env second_env{second_addresses};
};

/// Two nodes in one world of virtual time, with a link between them that can
/// be cut. The first is `n1#1`, the second `n2#1`.
class two_nodes : public second_node, public kit::actor_fixture {
public:
  two_nodes() {
    addresses.route_by(std::make_shared<wire>(*this, "n1#1", second_addresses));
    second_addresses.route_by(std::make_shared<wire>(*this, "n2#1", addresses));
  }
  ~two_nodes() {
    addresses.route_by(nullptr);
    second_addresses.clear();
  }

  bool cut = false;
  /// Mail that went over, by type.
  std::map<std::string, int> carried;

  /// As a link that goes down: asks without an answer are refused.
  void cut_link() {
    cut = true;
    for (const auto& [key, back] : std::exchange(open_, {}))
      back.first->deliver(back.second);
  }

private:
  using refusal = std::pair<kit::directory*, envelope_ptr>;

  class wire final : public kit::outbound {
  public:
    wire(two_nodes& world, std::string self, kit::directory& other)
        : world_(world), self_(std::move(self)), other_(other) {}

    verdict carry(const envelope_ptr& mail) override {
      auto at = mail->to.value.find('@');
      if (at == std::string::npos)
        return verdict::here;
      if (world_.cut)
        return verdict::lost;
      auto there = std::make_shared<envelope>(*mail);
      there->to.value.resize(at);
      there->from.value += "@" + self_;
      ++world_.carried[mail->body.empty() ? "refusal"
                                          : mail->body.wire()->GetTypeName()];
      if (mail->is_reply)
        world_.open_.erase({mail->to.value, mail->correlation});
      else if (mail->correlation != 0)
        world_.remember(*mail, self_);
      other_.deliver(there);
      return verdict::carried;
    }

  private:
    two_nodes& world_;
    std::string self_;
    kit::directory& other_;
  };

  void remember(const envelope& mail, const std::string& self) {
    auto no = std::make_shared<envelope>();
    no->to = mail.from;
    no->correlation = mail.correlation;
    no->is_reply = true;
    no->status = {errc::unavailable, "the link is down", true, std::nullopt};
    auto& home = self == "n1#1" ? addresses : second_addresses;
    open_[{mail.from.value + "@" + self, mail.correlation}] = {&home, no};
  }

  std::map<std::pair<std::string, std::uint64_t>, refusal> open_;
};

} // namespace shannon::test
