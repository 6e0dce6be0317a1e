#include "actors/gateway/resources/attachments.hpp"

#include "actors/gateway/text/json_fields.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace shannon::gateway {

namespace {

constexpr std::size_t decoded_bytes_max = 25ull * 1024 * 1024;
constexpr std::size_t attachments_max = 100;

constexpr std::array<std::string_view, 8> programs{
    "application/x-msdownload",
    "application/x-executable",
    "application/x-elf",
    "application/x-sh",
    "application/x-bat",
    "application/x-msdos-program",
    "application/x-mach-binary",
    "application/vnd.microsoft.portable-executable"};

/// Bytes behind a base64 text, padded or not; nothing if it is none.
std::optional<std::size_t> base64_size(std::string_view text) {
  for (int i = 0; i < 2 && !text.empty() && text.back() == '='; ++i)
    text.remove_suffix(1);
  auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
           || (c >= 'A' && c <= 'Z') || c == '+' || c == '/';
  };
  if (text.size() % 4 == 1 || !std::all_of(text.begin(), text.end(), fits))
    return std::nullopt;
  return text.size() / 4 * 3 + (text.size() % 4 * 3) / 4;
}

result<std::size_t> check_one(const json_in& item, const std::string& where) {
  auto refuse = [&](const std::string& what) {
    return fail(errc::invalid_argument, where + what);
  };
  if (!item.is_object())
    return refuse(" must be an object");
  auto media = read_string(item, "media_type", where + ".");
  if (!media)
    return tl::unexpected<error>(media.error());
  if (media->value_or("").empty())
    return refuse(".media_type is required");
  if (std::find(programs.begin(), programs.end(), **media) != programs.end())
    return refuse(".media_type is not accepted: " + **media);
  for (const auto* name : {"filename", "thumbnail"})
    if (auto text = read_string(item, name, where + "."); !text)
      return tl::unexpected<error>(text.error());
  auto data = read_string(item, "data", where + ".");
  if (!data)
    return tl::unexpected<error>(data.error());
  auto url = read_string(item, "url", where + ".");
  if (!url)
    return tl::unexpected<error>(url.error());
  if (data->value_or("").empty() && url->value_or("").empty())
    return refuse(" needs data or url");
  auto size = base64_size(data->value_or(""));
  if (!size)
    return refuse(".data is not valid base64");
  return *size;
}

} // namespace

result<void> check_attachments(const json_in& context) {
  auto all = context.find("attachments");
  if (all == context.end() || all->is_null())
    return {};
  if (!all->is_array())
    return fail(errc::invalid_argument, "context.attachments must be an array");
  if (all->size() > attachments_max)
    return fail(errc::invalid_argument,
                "context.attachments holds more than 100 files");
  std::size_t total = 0;
  for (std::size_t i = 0; i < all->size(); ++i) {
    auto size = check_one((*all)[i],
                          "context.attachments[" + std::to_string(i) + "]");
    if (!size)
      return tl::unexpected<error>(size.error());
    total += *size;
  }
  if (total > decoded_bytes_max)
    return fail(errc::invalid_argument,
                "context.attachments decode to more than 25 MiB");
  return {};
}

} // namespace shannon::gateway
