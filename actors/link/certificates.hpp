#pragma once

#include "protocols/errc.hpp"

#include <chrono>
#include <string>

/// The CA of a cluster and the certificates of its nodes, as PEM files of one
/// directory: EC keys over P-256, which only their owner may read. No file is
/// ever written over.
namespace shannon::link {

struct certificate_files {
  std::string cert;
  std::string key;
};

using days = std::chrono::duration<int, std::ratio<86'400>>;

/// `ca.pem` and `ca.key`. The directory is made if it is missing, for its
/// owner alone.
result<certificate_files> make_ca(const std::string& dir, days lifetime);

/// `NAME.pem` and `NAME.key`, signed by that CA, for both ends of a link. Its
/// one SAN is the node's name. Never valid for longer than its CA.
result<certificate_files> issue(const std::string& dir, const std::string& name,
                                days lifetime);

} // namespace shannon::link
