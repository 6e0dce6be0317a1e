#include "actors/gateway/resources/attachments.hpp"

#include "actors/gateway/text/identifiers.hpp"
#include "actors/gateway/text/json_fields.hpp"
#include "actors/kit/bytes_text.hpp"
#include "protocols/blobs.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shannon::gateway {

namespace {

constexpr std::size_t decoded_bytes_max = 25ull * 1024 * 1024;
constexpr std::size_t attachments_max = 100;
constexpr std::size_t thumbnail_bytes_max = 50 * 1024;
constexpr std::size_t id_digits = 12;

constexpr std::array<std::string_view, 8> programs{
    "application/x-msdownload",
    "application/x-executable",
    "application/x-elf",
    "application/x-sh",
    "application/x-bat",
    "application/x-msdos-program",
    "application/x-mach-binary",
    "application/vnd.microsoft.portable-executable"};

/// What is behind a base64 text, padded or not; nothing if it is none.
std::optional<std::string> decoded(std::string text) {
  while (text.size() % 4 != 0 && text.size() % 4 != 1)
    text += '=';
  return kit::from_base64(text);
}

/// One file as the client sends it.
struct file {
  std::string media_type;
  std::string name;
  std::string thumbnail;
  std::string url;
  std::optional<std::string> bytes;
};

result<file> read_file(const json_in& item, const std::string& where) {
  auto refuse = [&](const std::string& what) {
    return fail(errc::invalid_argument, where + what);
  };
  if (!item.is_object())
    return refuse(" must be an object");
  file out;
  std::string data;
  for (auto [name, into] : {std::pair{"media_type", &out.media_type},
                            {"filename", &out.name},
                            {"thumbnail", &out.thumbnail},
                            {"data", &data},
                            {"url", &out.url}}) {
    auto text = read_string(item, name, where + ".");
    if (!text)
      return tl::unexpected<error>(text.error());
    *into = std::move(*text).value_or("");
  }
  if (out.media_type.empty())
    return refuse(".media_type is required");
  if (std::find(programs.begin(), programs.end(), out.media_type)
      != programs.end())
    return refuse(".media_type is not accepted: " + out.media_type);
  if (data.empty() && out.url.empty())
    return refuse(" needs data or url");
  // Other schemes are this node's own, or nobody's.
  if (data.empty() && !out.url.starts_with("https://")
      && !out.url.starts_with("http://"))
    return refuse(".url must be an http or https address");
  if (data.empty())
    return out;
  out.bytes = decoded(std::move(data));
  if (!out.bytes)
    return refuse(".data is not valid base64");
  return out;
}

/// As clients are shown it, and as agents find it.
json_in keep(file what, remote::StartTask& into,
             std::vector<std::string>& hashes) {
  auto& kept = *into.mutable_input()->add_attachments();
  kept.set_media_type(what.media_type);
  kept.set_name(what.name);
  json_in shown{{"media_type", what.media_type}};
  if (!what.name.empty())
    shown["filename"] = what.name;
  if (!what.thumbnail.empty() && what.thumbnail.size() <= thumbnail_bytes_max)
    shown["thumbnail"] = std::move(what.thumbnail);
  if (!what.bytes) {
    kept.set_url(what.url);
    shown["id"] = content_hash(what.url).substr(0, id_digits);
    shown["url"] = std::move(what.url);
    return shown;
  }
  auto hash = content_hash(*what.bytes);
  auto key = std::string{store::blob_key_prefix} + hash;
  kept.set_url(key);
  shown["id"] = hash.substr(0, id_digits);
  shown["size_bytes"] = what.bytes->size();
  shown["blob"] = std::move(key);
  if (std::find(hashes.begin(), hashes.end(), hash) == hashes.end()) {
    hashes.push_back(std::move(hash));
    into.add_bodies(std::move(*what.bytes));
  }
  return shown;
}

} // namespace

result<void> take_attachments(json_in& context, remote::StartTask& into) {
  auto all = context.find("attachments");
  if (all == context.end() || all->is_null())
    return {};
  if (!all->is_array())
    return fail(errc::invalid_argument, "context.attachments must be an array");
  if (all->size() > attachments_max)
    return fail(errc::invalid_argument,
                "context.attachments holds more than 100 files");
  std::size_t total = 0;
  std::vector<std::string> hashes;
  for (std::size_t i = 0; i < all->size(); ++i) {
    auto& item = (*all)[i];
    auto what
        = read_file(item, "context.attachments[" + std::to_string(i) + "]");
    if (!what)
      return tl::unexpected<error>(what.error());
    total += what->bytes ? what->bytes->size() : 0;
    if (total > decoded_bytes_max)
      return fail(errc::invalid_argument,
                  "context.attachments decode to more than 25 MiB");
    item = keep(std::move(*what), into, hashes);
  }
  return {};
}

} // namespace shannon::gateway
