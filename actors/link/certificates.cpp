#include "actors/link/certificates.hpp"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace shannon::link {

namespace {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* what) const {
    Free(what);
  }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using cert_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free>>;
using number_ptr = std::unique_ptr<BIGNUM, freed_by<BN_free>>;
using extension_ptr
    = std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>>;

/// Clocks of the nodes may differ by this much.
constexpr long early_seconds = 300;
constexpr long day_seconds = 86'400;
constexpr int serial_bits = 127;
constexpr std::size_t name_max = 64;

tl::unexpected<error> openssl_failed(const char* what) {
  auto code = ERR_get_error();
  ERR_clear_error();
  const auto* reason = ERR_reason_error_string(code);
  return fail(errc::failed,
              std::string{what} + ": " + (reason ? reason : "no reason given"));
}

/// A new file of this mode. One that is there is left alone.
result<void> write_new(const std::string& file, std::string_view text,
                       mode_t mode) {
  auto fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0)
    return errno == EEXIST
               ? fail(errc::conflict,
                      file + " is there already, and is not written over")
               : fail(errc::failed, file + ": " + std::strerror(errno));
  // Whatever the umask says: neither more nor less.
  auto good = ::fchmod(fd, mode) == 0;
  for (auto left = text; good && !left.empty();) {
    auto n = ::write(fd, left.data(), left.size());
    good = n > 0 || (n < 0 && errno == EINTR);
    left.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : 0);
  }
  auto why = errno;
  good = ::close(fd) == 0 && good;
  if (good)
    return {};
  ::unlink(file.c_str());
  return fail(errc::failed, file + ": " + std::strerror(why));
}

std::string text_of(BIO* memory) {
  char* bytes = nullptr;
  auto size = BIO_get_mem_data(memory, &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

result<certificate_files> write_pair(const std::string& stem, X509* cert,
                                     EVP_PKEY* key) {
  bio_ptr cert_text{BIO_new(BIO_s_mem())};
  bio_ptr key_text{BIO_new(BIO_s_secmem())};
  if (PEM_write_bio_X509(cert_text.get(), cert) != 1
      || PEM_write_bio_PrivateKey(key_text.get(), key, nullptr, nullptr, 0,
                                  nullptr, nullptr)
             != 1)
    return openssl_failed("a certificate cannot be written");
  certificate_files files{stem + ".pem", stem + ".key"};
  if (auto done = write_new(files.key, text_of(key_text.get()), 0600); !done)
    return tl::unexpected<error>{done.error()};
  if (auto done = write_new(files.cert, text_of(cert_text.get()), 0644);
      !done) {
    ::unlink(files.key.c_str());
    return tl::unexpected<error>{done.error()};
  }
  return files;
}

bool extend(X509* cert, X509* issuer, int what, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  extension_ptr made{X509V3_EXT_conf_nid(nullptr, &context, what, value)};
  return made && X509_add_ext(cert, made.get(), -1) == 1;
}

/// A certificate for `key` that still lacks its issuer and its extensions.
cert_ptr draft(const std::string& subject, EVP_PKEY* key, days lifetime) {
  cert_ptr cert{X509_new()};
  number_ptr serial{BN_new()};
  auto* name = X509_get_subject_name(cert.get());
  bool good
      = X509_set_version(cert.get(), X509_VERSION_3) == 1
        && BN_rand(serial.get(), serial_bits, BN_RAND_TOP_ANY,
                   BN_RAND_BOTTOM_ANY)
               == 1
        && BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(cert.get()))
        && X509_gmtime_adj(X509_getm_notBefore(cert.get()), -early_seconds)
        && X509_gmtime_adj(X509_getm_notAfter(cert.get()),
                           lifetime.count() * day_seconds)
        && X509_NAME_add_entry_by_txt(
               name, "CN", MBSTRING_ASC,
               reinterpret_cast<const unsigned char*>(subject.c_str()), -1, -1,
               0)
               == 1
        && X509_set_pubkey(cert.get(), key) == 1;
  return good ? std::move(cert) : nullptr;
}

bool sign(X509* cert, X509* issuer, EVP_PKEY* key) {
  return X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1
         && X509_sign(cert, key, EVP_sha256()) > 0;
}

result<bio_ptr> open_file(const std::string& file) {
  bio_ptr in{BIO_new_file(file.c_str(), "r")};
  if (!in) {
    ERR_clear_error();
    return fail(errc::not_found, file
                                     + " cannot be read: make a CA with "
                                       "`shannon certs init`");
  }
  return in;
}

bool is_name(const std::string& text) {
  return !text.empty() && text.size() <= name_max
         && std::all_of(text.begin(), text.end(), [](unsigned char c) {
              return std::isalnum(c) || c == '-' || c == '_' || c == '.';
            });
}

result<void> check(days lifetime) {
  constexpr days most{36'500};
  if (lifetime.count() < 1 || lifetime > most)
    return fail(errc::invalid_argument,
                "expected a lifetime of 1 to 36500 days, found "
                    + std::to_string(lifetime.count()));
  return {};
}

} // namespace

result<certificate_files> make_ca(const std::string& dir, days lifetime) {
  if (auto good = check(lifetime); !good)
    return tl::unexpected<error>{good.error()};
  if (::mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(errc::failed, dir + ": " + std::strerror(errno));
  ERR_clear_error();
  key_ptr key{EVP_EC_gen("P-256")};
  auto cert = key ? draft("shannon cluster CA", key.get(), lifetime) : nullptr;
  auto* raw = cert.get();
  bool made
      = raw
        && extend(raw, raw, NID_basic_constraints, "critical,CA:TRUE,pathlen:0")
        && extend(raw, raw, NID_key_usage, "critical,keyCertSign,cRLSign")
        && extend(raw, raw, NID_subject_key_identifier, "hash")
        && sign(raw, raw, key.get());
  if (!made)
    return openssl_failed("a CA cannot be made");
  return write_pair(dir + "/ca", raw, key.get());
}

result<certificate_files> issue(const std::string& dir, const std::string& name,
                                days lifetime) {
  if (auto good = check(lifetime); !good)
    return tl::unexpected<error>{good.error()};
  if (!is_name(name) || name == "ca")
    return fail(errc::invalid_argument,
                "expected a node's name of 1 to 64 letters, digits, - _ ., "
                "other than ca");
  ERR_clear_error();
  auto ca_text = open_file(dir + "/ca.pem");
  if (!ca_text)
    return tl::unexpected<error>{ca_text.error()};
  auto ca_key_text = open_file(dir + "/ca.key");
  if (!ca_key_text)
    return tl::unexpected<error>{ca_key_text.error()};
  cert_ptr ca{PEM_read_bio_X509(ca_text->get(), nullptr, nullptr, nullptr)};
  key_ptr ca_key{
      PEM_read_bio_PrivateKey(ca_key_text->get(), nullptr, nullptr, nullptr)};
  if (!ca || !ca_key || X509_check_private_key(ca.get(), ca_key.get()) != 1)
    return openssl_failed("ca.pem and ca.key are no CA");
  if (X509_cmp_current_time(X509_get0_notAfter(ca.get())) < 0)
    return fail(errc::failed, dir + "/ca.pem has expired");
  key_ptr key{EVP_EC_gen("P-256")};
  auto cert = key ? draft(name, key.get(), lifetime) : nullptr;
  auto* raw = cert.get();
  bool made
      = raw && extend(raw, ca.get(), NID_basic_constraints, "critical,CA:FALSE")
        && extend(raw, ca.get(), NID_key_usage, "critical,digitalSignature")
        && extend(raw, ca.get(), NID_ext_key_usage, "serverAuth,clientAuth")
        && extend(raw, ca.get(), NID_subject_key_identifier, "hash")
        && extend(raw, ca.get(), NID_authority_key_identifier, "keyid")
        && extend(raw, ca.get(), NID_subject_alt_name, ("DNS:" + name).c_str());
  if (made
      && ASN1_TIME_compare(X509_get0_notAfter(raw),
                           X509_get0_notAfter(ca.get()))
             > 0)
    made = X509_set1_notAfter(raw, X509_get0_notAfter(ca.get())) == 1;
  if (!made || !sign(raw, ca.get(), ca_key.get()))
    return openssl_failed("a certificate cannot be made");
  return write_pair(dir + "/" + name, raw, key.get());
}

} // namespace shannon::link
