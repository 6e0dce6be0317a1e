#include "actors/link/links.hpp"

#include "protocols/cluster.hpp"
#include "protocols/link.hpp"

#include <utility>

namespace shannon::link {

namespace {

class links final : public kit::actor_base {
public:
  links(caf::actor_config& cfg, links_args args)
      : actor_base(cfg, args.env, {"links"}), args_(std::move(args)) {}

  const char* name() const override {
    return "links";
  }

protected:
  kit::handlers make_handlers() override {
    return {
        kit::on<cluster::peers_changed>([this](auto&, auto& msg) {
          args_.hub->set_peers(msg.self, msg.peers);
        }),
        kit::on<get_links>(
            [this](auto& mail, auto&) { reply(mail, args_.hub->states()); }),
    };
  }

private:
  links_args args_;
};

} // namespace

caf::actor spawn_links(caf::local_actor& parent, links_args args) {
  return parent.spawn<links>(std::move(args));
}

} // namespace shannon::link
