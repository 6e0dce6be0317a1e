#include "actors/llm/named_bodies.hpp"

#include "actors/kit/bytes_text.hpp"
#include "actors/kit/text.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <utility>

namespace shannon::llm {

namespace {

constexpr std::size_t hash_bytes = 32;

/// What every provider's models take.
constexpr std::array<std::string_view, 5> shown{
    "image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"};

/// Texts that do not say so by `text/`.
constexpr std::array<std::string_view, 6> texts{
    "application/json",       "application/xml",    "application/yaml",
    "application/javascript", "application/x-yaml", "application/sql"};

template <class List>
bool holds(const List& all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

/// Without parameters such as `; charset=utf-8`.
std::string_view bare_type(std::string_view media_type) {
  media_type = media_type.substr(0, media_type.find(';'));
  return media_type.substr(0, media_type.find_last_not_of(' ') + 1);
}

bool is_text(std::string_view type) {
  return type.starts_with("text/") || type.ends_with("+json")
         || type.ends_with("+xml") || holds(texts, type);
}

/// Empty if the bytes are elsewhere.
store::blob_hash hash_in(const remote::Attachment& what) {
  std::string_view url = what.url();
  if (!url.starts_with(store::blob_key_prefix))
    return {};
  auto hash = kit::from_hex(url.substr(store::blob_key_prefix.size()));
  return hash && hash->size() == hash_bytes ? *hash : store::blob_hash{};
}

std::string name_of(const remote::Attachment& what) {
  return what.name().empty() ? "a file" : what.name();
}

/// A text as the model is told it, behind the message's own words.
std::string told(const remote::Attachment& what, std::string_view text,
                 std::size_t& room) {
  auto part = kit::utf8_prefix(text, room);
  room -= part.size();
  auto out = "\n\n[" + name_of(what) + "]\n" + std::string{part};
  if (part.size() < text.size())
    out += "\n[the rest of " + std::to_string(text.size())
           + " bytes was left out]";
  return out;
}

void show_files(remote::ChatMessage& message,
                const std::map<store::blob_hash, std::string>& bodies,
                std::size_t& room) {
  std::vector<remote::Attachment> kept;
  for (auto& what : *message.mutable_attachments()) {
    auto type = std::string{bare_type(what.media_type())};
    auto at = bodies.find(hash_in(what));
    if (at == bodies.end()) {
      // Where a provider does not look for it, the model may.
      if (!what.url().empty() && !type.empty() && !type.starts_with("image/")
          && !holds(shown, type))
        message.mutable_text()->append("\n\n[" + name_of(what) + " (" + type
                                       + ") is at " + what.url() + "]");
      else
        kept.push_back(std::move(what));
    } else if (holds(shown, type)) {
      what.set_media_type(type);
      what.set_data_base64(kit::to_base64(at->second));
      what.clear_url();
      kept.push_back(std::move(what));
    } else if (is_text(type)) {
      message.mutable_text()->append(told(what, at->second, room));
    } else {
      message.mutable_text()->append(
          "\n\n[" + name_of(what) + " (" + type + ", "
          + std::to_string(at->second.size())
          + " bytes) is attached, but cannot be shown to a model]");
    }
  }
  message.clear_attachments();
  for (auto& what : kept)
    *message.add_attachments() = std::move(what);
}

struct reading {
  tenant_id tenant;
  remote::LlmRequest request;
  std::vector<store::blob_hash> left;
  std::map<store::blob_hash, std::string> bodies;
  body_asker ask;
  std::function<void(result<remote::LlmRequest>)> then;
};

error unread(const error& why) {
  if (why.code == errc::not_found)
    return {errc::failed, "a file of the task is kept no longer", false, {}};
  return {errc::overloaded,
          "a file of the task cannot be read: " + why.text,
          true,
          {}};
}

void read_next(const std::shared_ptr<reading>& job) {
  if (job->left.empty())
    return job->then(with_bodies(std::move(job->request), job->bodies));
  auto hash = std::move(job->left.back());
  job->left.pop_back();
  job->ask({job->tenant, hash}, [job, hash](result<store::blob_body> got) {
    if (!got)
      return job->then(tl::unexpected<error>{unread(got.error())});
    job->bodies.emplace(hash, std::move(got->bytes));
    read_next(job);
  });
}

} // namespace

std::vector<store::blob_hash> bodies_named(const remote::LlmRequest& request) {
  std::vector<store::blob_hash> all;
  for (const auto& message : request.messages())
    for (const auto& what : message.attachments())
      if (auto hash = hash_in(what); !hash.empty() && !holds(all, hash))
        all.push_back(std::move(hash));
  return all;
}

remote::LlmRequest
with_bodies(remote::LlmRequest request,
            const std::map<store::blob_hash, std::string>& bodies) {
  auto room = file_text_bytes_max;
  for (auto& message : *request.mutable_messages())
    show_files(message, bodies, room);
  return request;
}

void read_bodies(const remote::LlmCall& call, body_asker ask,
                 std::function<void(result<remote::LlmRequest>)> then) {
  auto job = std::make_shared<reading>();
  job->tenant = tenant_id{call.context().tenant()};
  job->request = call.request();
  job->left = bodies_named(call.request());
  job->ask = std::move(ask);
  job->then = std::move(then);
  read_next(job);
}

} // namespace shannon::llm
