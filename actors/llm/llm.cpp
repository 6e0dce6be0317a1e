#include "actors/llm/llm.hpp"

#include "actors/kit/log.hpp"
#include "actors/llm/local/local_provider.hpp"
#include "actors/llm/provider.hpp"
#include "actors/llm/router.hpp"

#include <stdexcept>
#include <utility>

namespace shannon::llm {

namespace {

kit::child_spec provider_child(const llm_args& args,
                               const provider_entry& entry) {
  provider_args one{args.env,     args.settings, args.loop.context(),
                    args.metrics, args.models,   &entry};
  if (entry.is_local())
    return {provider_address(entry.name).value,
            [one](caf::local_actor& parent) {
              return spawn_local_provider(parent, one);
            }};
  return {provider_address(entry.name).value, [one](caf::local_actor& parent) {
            return spawn_provider(parent, one);
          }};
}

} // namespace

result<kit::supervisor_spec> llm_tree(llm_args args) {
  if (!args.models) {
    auto loaded = load_catalogue(args.settings.models_file);
    if (!loaded)
      return tl::unexpected<error>(std::move(loaded.error()));
    args.models = std::make_shared<const catalogue>(std::move(*loaded));
  }
  kit::supervisor_spec tree;
  tree.name = "llm";
  for (const auto& entry : args.models->providers) {
    if (!entry.is_usable())
      continue;
    tree.children.push_back(provider_child(args, entry));
    kit::log::info("llm-provider-usable", "LLM ROUTER may use provider",
                   {{"provider", entry.name},
                    {"host", entry.url.host},
                    {"has_key", !entry.api_key.empty()}});
  }
  tree.children.push_back(
      {"llm", [args](caf::local_actor& parent) {
         return spawn_router(parent, {args.env, args.settings, args.models});
       }});
  return tree;
}

caf::actor spawn_llm(caf::local_actor& parent, llm_args args) {
  auto& env = args.env;
  auto tree = llm_tree(std::move(args));
  if (!tree)
    throw std::runtime_error{tree.error().text};
  return kit::spawn_supervisor(parent, env, std::move(*tree));
}

} // namespace shannon::llm
