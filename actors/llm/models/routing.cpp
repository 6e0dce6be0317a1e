#include "actors/llm/models/routing.hpp"

#include <algorithm>
#include <cstdlib>
#include <tuple>

namespace shannon::llm {

namespace {

error no_key(const provider_entry& of) {
  return {errc::denied,
          "provider " + of.name + " cannot be used: "
              + (of.api_key_env.empty() ? "no key" : of.api_key_env)
              + " is not set",
          false, std::nullopt};
}

result<std::vector<candidate>> named_model(const catalogue& all,
                                           const remote::LlmRequest& request) {
  const auto* known = all.model(request.model());
  if (known == nullptr && request.provider().empty())
    return fail(errc::not_found, "model " + request.model() + ": not listed");
  const auto& name = known && request.provider().empty() ? known->provider
                                                         : request.provider();
  const auto* provider = all.provider(name);
  if (provider == nullptr)
    return fail(errc::not_found, "provider " + name + ": not listed");
  if (known != nullptr && known->provider != name)
    return fail(errc::invalid_argument, "model " + known->id + " is of "
                                            + known->provider + ", not of "
                                            + name);
  if (known == nullptr && provider->is_local())
    return fail(errc::not_found, "model " + request.model() + ": not listed");
  if (known == nullptr && request.cost_nanousd_max() > 0)
    return fail(errc::denied, "model " + request.model()
                                  + ": no price is listed, so no budget can be "
                                    "kept with it");
  if (!provider->is_usable())
    return tl::unexpected<error>(no_key(*provider));
  candidate one;
  if (known != nullptr)
    one.model = *known;
  one.model.id = request.model();
  one.model.provider = name;
  one.provider = provider;
  return std::vector<candidate>{std::move(one)};
}

} // namespace

result<std::vector<candidate>> candidates(const catalogue& all,
                                          const remote::LlmRequest& request) {
  auto wanted = tier::medium;
  if (!request.tier().empty()) {
    auto named = parse_tier(request.tier());
    if (!named)
      return fail(errc::invalid_argument,
                  "tier " + request.tier()
                      + ": small, medium or large expected");
    wanted = *named;
  }
  if (!request.model().empty())
    return named_model(all, request);
  if (!request.provider().empty()) {
    const auto* provider = all.provider(request.provider());
    if (provider == nullptr)
      return fail(errc::not_found,
                  "provider " + request.provider() + ": not listed");
    if (!provider->is_usable())
      return tl::unexpected<error>(no_key(*provider));
  }
  std::vector<candidate> out;
  for (const auto& model : all.models) {
    const auto* provider = all.provider(model.provider);
    bool fits
        = request.provider().empty() || model.provider == request.provider();
    if (fits && provider != nullptr && provider->is_usable())
      out.push_back({model, provider});
  }
  bool others = std::any_of(out.begin(), out.end(), [](const auto& x) {
    return !x.provider->is_local();
  });
  if (others)
    std::erase_if(out, [](const auto& x) { return x.provider->is_local(); });
  if (out.empty())
    return fail(errc::not_found, "no model can be used");
  auto rank = [wanted](const candidate& x) {
    auto distance
        = std::abs(static_cast<int>(x.model.size) - static_cast<int>(wanted));
    return std::tuple{distance, x.model.priority};
  };
  std::stable_sort(out.begin(), out.end(), [&](const auto& a, const auto& b) {
    return rank(a) < rank(b);
  });
  return out;
}

} // namespace shannon::llm
