#include "actors/browser/saved_files.hpp"

#include <utility>

namespace shannon::browser {

namespace {

bool is_picture(const attachment& file) {
  return file.type.starts_with("image/") || file.type == "application/pdf";
}

std::string folder_of(const attachment& file) {
  return is_picture(file) ? "screenshots" : "downloads";
}

/// Pages choose names of downloads.
std::string plain_name(const std::string& name) {
  std::string out;
  for (char c : name)
    out += c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20 ? '_'
                                                                         : c;
  while (out.starts_with('.'))
    out.erase(0, 1);
  constexpr std::size_t name_max = 120;
  if (out.size() > name_max)
    out.erase(0, out.size() - name_max);
  return out.empty() ? "file" : out;
}

result<std::string> put(const file_place& place,
                        const remote::EffectContext& owner,
                        const attachment& file) {
  auto inner = owner.session().empty() ? owner.task() : owner.session();
  return kit::workspace::open(place.root, {owner.tenant(), owner.user(), inner},
                              place.limits)
      .and_then([&](const kit::workspace& where) -> result<std::string> {
        auto path = folder_of(file) + "/" + plain_name(file.name);
        auto parts = kit::parse_path(path);
        if (!parts)
          return tl::unexpected(parts.error());
        auto put = where.write(*parts, file.bytes, false);
        if (!put)
          return tl::unexpected(put.error());
        return path;
      });
}

} // namespace

void save_files(
    const file_place& place, const remote::EffectContext& owner,
    std::vector<attachment> files,
    std::function<void(std::vector<remote::BrowserFile>, std::string error)>
        done) {
  auto work = [place, owner, files = std::move(files), done]() mutable {
    std::vector<remote::BrowserFile> out;
    std::string failure;
    for (auto& file : files) {
      remote::BrowserFile told;
      told.set_name(file.name);
      told.set_media_type(file.type);
      told.set_size(file.bytes.size());
      if (!owner.log().empty()) {
        auto path = put(place, owner, file);
        path ? told.set_name(*path) : (void)(failure = path.error().text);
      }
      if (owner.log().empty() || is_picture(file))
        told.set_data(std::move(file.bytes));
      out.push_back(std::move(told));
    }
    done(std::move(out), std::move(failure));
  };
  if (!place.disk->post(std::move(work)))
    done({}, "the disk is busy; the file was not kept");
}

} // namespace shannon::browser
