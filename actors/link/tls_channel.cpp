#include "actors/link/tls_channel.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <new>
#include <utility>

namespace shannon::link {

namespace {

struct general_names_free {
  void operator()(GENERAL_NAMES* names) const {
    GENERAL_NAMES_free(names);
  }
};

/// Compared as bytes: no wildcards, no subject, no end at a zero byte.
std::vector<std::string> dns_names(const X509* certificate) {
  std::vector<std::string> out;
  if (!certificate)
    return out;
  std::unique_ptr<GENERAL_NAMES, general_names_free> names{
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(
          certificate, NID_subject_alt_name, nullptr, nullptr))};
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS)
      continue;
    const auto* text = name->d.dNSName;
    out.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                     static_cast<std::size_t>(ASN1_STRING_length(text)));
  }
  return out;
}

std::string openssl_text() {
  std::array<char, 256> text{};
  auto code = ERR_get_error();
  ERR_clear_error();
  if (code == 0)
    return "no reason given";
  if (const auto* reason = ERR_reason_error_string(code))
    return reason;
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

tl::unexpected<error> unreadable(const char* what, const std::string& file) {
  return fail(errc::invalid_argument,
              std::string{"tls."} + what + ": " + file + ": " + openssl_text());
}

} // namespace

// -- context ------------------------------------------------------------------

result<std::shared_ptr<const tls_context>>
tls_context::load(const std::string& ca, const std::string& cert,
                  const std::string& key) {
  ERR_clear_error();
  std::shared_ptr<tls_context> made{new tls_context};
  auto* raw = made->raw_ = SSL_CTX_new(TLS_method());
  if (!raw)
    throw std::bad_alloc{};
  SSL_CTX_set_min_proto_version(raw, TLS1_3_VERSION);
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                     nullptr);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 0);
  // Idle links keep no buffers.
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  if (SSL_CTX_load_verify_locations(raw, ca.c_str(), nullptr) != 1)
    return unreadable("ca", ca);
  if (SSL_CTX_use_certificate_chain_file(raw, cert.c_str()) != 1)
    return unreadable("cert", cert);
  if (SSL_CTX_use_PrivateKey_file(raw, key.c_str(), SSL_FILETYPE_PEM) != 1)
    return unreadable("key", key);
  if (SSL_CTX_check_private_key(raw) != 1)
    return unreadable("key", key);
  const auto* own = SSL_CTX_get0_certificate(raw);
  if (X509_cmp_current_time(X509_get0_notAfter(own)) < 0)
    return fail(errc::invalid_argument,
                "tls.cert: " + cert
                    + " has expired: issue a new one with `shannon certs "
                      "issue`");
  made->names_ = dns_names(own);
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(own), &end) == 1)
    made->ends_ = std::chrono::system_clock::from_time_t(::timegm(&end));
  return std::shared_ptr<const tls_context>{std::move(made)};
}

tls_context::~tls_context() {
  SSL_CTX_free(raw_);
}

// -- channel ------------------------------------------------------------------

tls_channel::tls_channel(std::shared_ptr<const tls_context> context, side which)
    : context_(std::move(context)), raw_(SSL_new(context_->raw())) {
  if (!raw_)
    throw std::bad_alloc{};
  auto* in = BIO_new(BIO_s_mem());
  auto* out = BIO_new(BIO_s_mem());
  if (!in || !out)
    throw std::bad_alloc{};
  // What is empty now may not be at its end.
  BIO_set_mem_eof_return(in, -1);
  BIO_set_mem_eof_return(out, -1);
  SSL_set_bio(raw_, in, out);
  if (which == side::accepts)
    SSL_set_accept_state(raw_);
  else
    SSL_set_connect_state(raw_);
}

tls_channel::~tls_channel() {
  SSL_free(raw_);
}

bool tls_channel::established() const noexcept {
  return SSL_is_init_finished(raw_) == 1;
}

result<void> tls_channel::take(std::string_view wire, std::string& plain) {
  ERR_clear_error();
  // Memory takes all of it.
  BIO_write(SSL_get_rbio(raw_), wire.data(), static_cast<int>(wire.size()));
  return read(plain);
}

result<void> tls_channel::read(std::string& plain) {
  constexpr std::size_t record_max = 16 * 1024;
  auto status = 1;
  if (!established())
    status = SSL_do_handshake(raw_);
  while (status > 0) {
    auto before = plain.size();
    plain.resize(before + record_max);
    status = SSL_read(raw_, plain.data() + before, record_max);
    plain.resize(before + static_cast<std::size_t>(std::max(status, 0)));
  }
  auto why = SSL_get_error(raw_, status);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
    return {};
  if (why == SSL_ERROR_ZERO_RETURN)
    return fail(errc::unavailable, "the peer has closed the connection", true);
  auto verified = SSL_get_verify_result(raw_);
  if (!established() && verified != X509_V_OK) {
    ERR_clear_error();
    return fail(errc::denied, std::string{"the peer's certificate is refused: "}
                                  + X509_verify_cert_error_string(verified));
  }
  return fail(errc::denied, "TLS: " + openssl_text());
}

result<void> tls_channel::put(std::string_view plain) {
  ERR_clear_error();
  while (!plain.empty()) {
    constexpr std::size_t piece_max = 1u << 30;
    auto piece = plain.substr(0, piece_max);
    auto n = SSL_write(raw_, piece.data(), static_cast<int>(piece.size()));
    if (n <= 0)
      return fail(errc::failed, "TLS: " + openssl_text());
    plain.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

bool tls_channel::has_output() const noexcept {
  return BIO_ctrl_pending(SSL_get_wbio(raw_)) > 0;
}

void tls_channel::drain(std::string& wire) {
  auto* out = SSL_get_wbio(raw_);
  auto ready = BIO_ctrl_pending(out);
  auto before = wire.size();
  wire.resize(before + ready);
  auto n = ready == 0
               ? 0
               : BIO_read(out, wire.data() + before, static_cast<int>(ready));
  wire.resize(before + static_cast<std::size_t>(std::max(n, 0)));
}

std::vector<std::string> tls_channel::peer_names() const {
  return dns_names(SSL_get0_peer_certificate(raw_));
}

} // namespace shannon::link
