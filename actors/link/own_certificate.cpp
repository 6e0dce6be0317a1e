#include "actors/link/own_certificate.hpp"

#include "actors/kit/log.hpp"

#include <algorithm>
#include <ratio>
#include <sys/stat.h>
#include <utility>

namespace shannon::link {

namespace {

namespace log = kit::log;

using days = std::chrono::duration<int, std::ratio<86'400>>;
/// A certificate that ends sooner is warned of.
constexpr days certificate_days_min{30};

} // namespace

result<own_certificate> own_certificate::load(config::tls_settings files,
                                              std::string name,
                                              metrics::link_metrics& metrics) {
  own_certificate made{std::move(files), std::move(name), metrics};
  if (made.files_.empty())
    return made;
  made.seen_ = made.now();
  if (auto taken = made.take(); !taken)
    return tl::unexpected<error>{taken.error()};
  return made;
}

void own_certificate::look() {
  if (files_.empty())
    return;
  auto found = now();
  if (found == seen_)
    return;
  seen_ = found; // Before they are read: what changes then is seen again.
  if (auto taken = take(); taken)
    log::info("link-certificate-renewed",
              "new links use what the files of tls hold now",
              {{"cert", files_.cert}});
  else
    log::warning(
        "link-certificate-unusable",
        "the files of tls have changed and cannot be used; links go on "
        "with what they held before",
        {{"reason", taken.error().text}});
}

own_certificate::stamps own_certificate::now() const {
  stamps out{};
  std::size_t i = 0;
  for (const auto& file : {files_.ca, files_.cert, files_.key}) {
    struct stat what {};
    if (auto& one = out[i++]; ::stat(file.c_str(), &what) == 0)
      one = {static_cast<std::int64_t>(what.st_dev),
             static_cast<std::int64_t>(what.st_ino), what.st_size,
             what.st_ctim.tv_sec, what.st_ctim.tv_nsec};
  }
  return out;
}

result<void> own_certificate::take() {
  auto made = tls_context::load(files_.ca, files_.cert, files_.key);
  if (!made)
    return tl::unexpected<error>{made.error()};
  const auto& names = (*made)->names();
  if (std::find(names.begin(), names.end(), name_) == names.end())
    return fail(errc::invalid_argument,
                "tls.cert: " + files_.cert + " does not name node " + name_
                    + ": issue one with `shannon certs issue " + name_ + "`");
  context_ = std::move(*made);
  auto ends = context_->ends();
  metrics_->certified_until(ends);
  auto left = std::chrono::floor<days>(ends - std::chrono::system_clock::now());
  if (left < certificate_days_min)
    log::warning("link-certificate-ends",
                 "issue this node a new certificate, under the same names of "
                 "files",
                 {{"cert", files_.cert}, {"days_left", left.count()}});
  return {};
}

} // namespace shannon::link
