#include "certs/identity.hpp"

#include "certs/ossl_error.hpp"
#include "certs/spiffe_id.hpp"
#include "certs/x509_parts.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <memory>
#include <string_view>
#include <utility>

namespace sluice::certs {
namespace {

struct AltNamesDeleter {
  void operator()(GENERAL_NAMES* p) const noexcept { GENERAL_NAMES_free(p); }
};
using AltNamesPtr = std::unique_ptr<GENERAL_NAMES, AltNamesDeleter>;

Error no_identity(std::string why) {
  ERR_clear_error();
  return make_error(Origin::downstream, "no_identity", std::move(why));
}

Result<> check_key_file(const std::string& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0)
    return make_error(Origin::config, "key", file + " is not there");
  if ((status.st_mode & 077) != 0)
    return make_error(Origin::config, "key", file + " is open to others: chmod 600");
  return success();
}

Result<> check_time(X509* certificate, const std::string& file, const Clock& clock) {
  const std::int64_t now = clock.unix_nanos() / kSecond;
  if (now < time_seconds(X509_get0_notAfter(certificate)) &&
      now >= time_seconds(X509_get0_notBefore(certificate))) {
    return success();
  }
  return make_error(Origin::config, "certificate",
                    file + " is not valid now: from " +
                        time_text(X509_get0_notBefore(certificate)) + " to " +
                        time_text(X509_get0_notAfter(certificate)));
}

bool never_resumes(SSL_CTX* ctx) {
  static constexpr unsigned char kMeshContext[] = "sluice-mesh";
  SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  return SSL_CTX_set_num_tickets(ctx, 0) == 1 && SSL_CTX_set_max_early_data(ctx, 0) == 1 &&
         SSL_CTX_set_session_id_context(ctx, kMeshContext, sizeof kMeshContext - 1) == 1;
}

// What is sent is what the file holds: OpenSSL would add roots to it.
Result<SslCtxPtr> mesh_context(const SSL_METHOD* method, const IdentityFiles& files,
                               EVP_PKEY* key) {
  SslCtxPtr context(SSL_CTX_new(method));
  SSL_CTX* ctx = context.get();
  if (ctx == nullptr || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 || !never_resumes(ctx)) {
    return ossl_error(Origin::internal, "certificate", "no TLS context");
  }
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(ctx, files.certificate.c_str()) != 1)
    return ossl_error(Origin::config, "certificate", files.certificate);
  if (SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1) {
    return ossl_error(Origin::config, "key",
                      files.key + " does not belong to " + files.certificate);
  }
  if (SSL_CTX_load_verify_file(ctx, files.roots.c_str()) != 1)
    return ossl_error(Origin::config, "roots", "no certificates can be read from " + files.roots);
  return context;
}

} // namespace

Result<Identity> Identity::load(const IdentityFiles& files, const Clock& clock) {
  Identity loaded;
  const auto certificate = read_certificate(files.certificate);
  if (!certificate) {
    return ossl_error(Origin::config, "certificate",
                      "no certificate can be read from " + files.certificate);
  }
  auto id = identity_of(certificate.get());
  if (!id) {
    return make_error(Origin::config, "certificate", files.certificate + ": " + id.error().detail);
  }
  loaded.id_ = std::move(id.value());
  SLUICE_TRY(check_time(certificate.get(), files.certificate, clock));
  SLUICE_TRY(check_key_file(files.key));
  const auto key = read_key(files.key);
  if (!key) return ossl_error(Origin::config, "key", "no key can be read from " + files.key);
  SLUICE_TRY(loaded.server_, mesh_context(TLS_server_method(), files, key.get()));
  SLUICE_TRY(loaded.client_, mesh_context(TLS_client_method(), files, key.get()));
  return loaded;
}

Result<std::string> identity_of(X509* certificate) {
  if (X509_check_ca(certificate) != 0) return no_identity("it is the certificate of a CA");
  int critical = -1;
  const AltNamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, nullptr)));
  if (!names) return no_identity("it has no name that can be read");
  std::string found;
  int uris = 0;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    ++uris;
    const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
    found.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                 static_cast<std::size_t>(ASN1_STRING_length(uri)));
  }
  if (uris != 1) {
    return no_identity("it has " + std::to_string(uris) +
                       " URI names, and an identity is exactly one");
  }
  if (const auto fault = spiffe_id_fault(found); !fault.empty())
    return no_identity("its URI name is no identity: " + std::string(fault));
  return found;
}

Result<std::string> peer_identity(SSL* ssl) {
  // The caller's handshake failed without either; asked again, because all hangs on it.
  if (SSL_get_verify_result(ssl) != X509_V_OK) return no_identity("its chain was not verified");
  const X509Ptr certificate(SSL_get1_peer_certificate(ssl));
  if (!certificate) return no_identity("it showed no certificate");
  return identity_of(certificate.get());
}

} // namespace sluice::certs
