#include "actors/workflow/engine/events.hpp"

#include "actors/kit/bytes_text.hpp"
#include "protocols/facts/fact.hpp"

#include <openssl/evp.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace shannon::workflow {

namespace {

constexpr std::size_t readable_max = 400;

} // namespace

std::string sha256(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(),
             nullptr);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

facts::Event event_of(std::string type, std::string message) {
  facts::Event event;
  event.set_type(std::move(type));
  event.set_message(std::move(message));
  return event;
}

std::string input_hash(std::string_view effect, std::string_view identity) {
  XXH64_canonical_t canonical;
  XXH64_canonicalFromHash(
      &canonical,
      XXH3_64bits_withSeed(identity.data(), identity.size(),
                           XXH3_64bits(effect.data(), effect.size())));
  return {reinterpret_cast<const char*>(canonical.digest),
          sizeof canonical.digest};
}

std::string old_input_hash(std::string_view effect, std::string_view identity) {
  auto text = std::string{effect} + '\n' + std::string{identity};
  return sha256(text).substr(0, old_input_hash_bytes);
}

std::string readable(std::string_view bytes) {
  std::string text{bytes.substr(0, readable_max)};
  std::replace_if(
      text.begin(), text.end(),
      [](unsigned char c) { return std::isprint(c) == 0; }, '.');
  if (bytes.size() > readable_max)
    text += "...";
  return text;
}

std::string recorded_text(const facts::Fact* fact,
                          const result<std::string>* outcome) {
  std::string text;
  if (fact) {
    auto told = *fact;
    facts::spell_out_event(told);
    text = ", told as " + told.event().type() + " \""
           + readable(told.event().message()) + '"';
    if (fact->has_step_failed())
      return text + ", failed: " + readable(fact->step_failed().error_text());
    const auto& output = fact->step_completed().output();
    return text + ", gave "
           + (output.at_case() == facts::Body::kBlob
                  ? "body " + kit::to_hex(output.blob())
                  : readable(output.inline_()));
  }
  if (!outcome)
    return text;
  return *outcome ? ", gave " + readable(**outcome)
                  : ", failed: " + readable(outcome->error().text);
}

} // namespace shannon::workflow
