#include "certs/trust.hpp"

#include "certs/files.hpp"
#include "certs/java_trust_store.hpp"
#include "certs/ossl_error.hpp"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

namespace sluice::certs {
namespace {

constexpr const char* kSystemBundle = "/etc/ssl/certs/ca-certificates.crt";
constexpr unsigned char kOffered[] = "\x08http/1.1";

// Every client looks elsewhere. SSL_CERT_DIR is left alone: whoever reads it (OpenSSL, Go, rustls)
// reads SSL_CERT_FILE too and takes both together, so a folder adds nothing, would need a hashed
// link for each root, and one that names our CA alone would take the system's roots from Go.
constexpr const char* kVariables[] = {"SSL_CERT_FILE",
                                      "REQUESTS_CA_BUNDLE",
                                      "CURL_CA_BUNDLE",
                                      "NODE_EXTRA_CA_CERTS",
                                      "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
                                      "GIT_SSL_CAINFO",
                                      "DENO_CERT",
                                      "AWS_CA_BUNDLE",
                                      "PIP_CERT",
                                      "CARGO_HTTP_CAINFO",
                                      "NPM_CONFIG_CAFILE"};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

// By path, not by SSL_CTX_set_default_verify_paths: that one lets SSL_CERT_FILE in the environment
// decide whom we believe, and inside `sluice run` that variable names our own bundle.
bool load_system_roots(SSL_CTX* ctx) {
  if (std::filesystem::exists(kSystemBundle)) {
    return SSL_CTX_load_verify_file(ctx, kSystemBundle) == 1;
  }
  return SSL_CTX_load_verify_dir(ctx, X509_get_default_cert_dir()) == 1;
}

} // namespace

Result<SslCtxPtr> make_upstream_context(UpstreamRoots roots,
                                        const std::vector<std::string>& extra_roots) {
  SslCtxPtr context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* ctx = context.get();
  if (ctx == nullptr || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1) {
    return ossl_error(Origin::internal, "tls_failed", "no TLS context");
  }
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Sessions are kept by the upstream pool, by destination and address.
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  if (SSL_CTX_set_alpn_protos(ctx, kOffered, sizeof kOffered - 1) != 0) { // 0 is success here
    return ossl_error(Origin::internal, "tls_failed", "no ALPN");
  }
  if (roots == UpstreamRoots::system && !load_system_roots(ctx)) {
    return ossl_error(Origin::config, "root_unreadable", "the system's roots");
  }
  for (const auto& file : extra_roots) {
    if (SSL_CTX_load_verify_file(ctx, file.c_str()) != 1) {
      return ossl_error(Origin::config, "root_unreadable", file);
    }
  }
  return context;
}

Result<> expect_peer(SSL* ssl, std::string_view canonical_host, bool is_address) {
  const std::string host(canonical_host);
  X509_VERIFY_PARAM* expected = SSL_get0_param(ssl);
  // RFC 9110 §4.3.4: the common name is no evidence; RFC 9525 §6.3: no wildcard within a label.
  X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                                X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  // An empty name would switch the check off.
  bool set = !host.empty();
  if (is_address) {
    set = set && X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1;
  } else {
    set = set && X509_VERIFY_PARAM_set1_host(expected, host.data(), host.size()) == 1 &&
          SSL_set_tlsext_host_name(ssl, host.c_str()) == 1; // RFC 6066 §3: names only
  }
  if (!set) return ossl_error(Origin::internal, "tls_failed", "no peer name");
  return success();
}

std::string verification_failure(SSL* ssl) {
  const long result = SSL_get_verify_result(ssl);
  return result == X509_V_OK ? std::string() : X509_verify_cert_error_string(result);
}

std::vector<EnvironmentVariable> trust_variables(const std::string& bundle_file) {
  std::vector<EnvironmentVariable> out;
  for (const char* name : kVariables) out.push_back({name, bundle_file});
  out.push_back({"JAVA_TOOL_OPTIONS", java_tool_options(bundle_file + ".p12")});
  return out;
}

Result<std::vector<EnvironmentVariable>> write_trust_bundle(const Authority& authority,
                                                            const std::string& bundle_file) {
  std::string bundle = read_file(kSystemBundle); // empty where the system has none: ours alone
  if (!bundle.empty() && bundle.back() != '\n') bundle += '\n';
  bundle += authority.certificate_pem();
  const auto path = std::filesystem::absolute(bundle_file).lexically_normal().string();
  const auto java_file = path + ".p12";
  // Java's store takes a tenth of a second to make: it stays as long as the roots do. The PEM file
  // is written last, so that one that is there says that both are.
  if (read_file(path) != bundle || !std::filesystem::exists(java_file)) {
    SLUICE_TRY(auto&& java_store, java_trust_store(bundle));
    for (const auto& [file, content] :
         {std::pair(java_file, java_store), std::pair(path, bundle)}) {
      if (auto written = replace_file(file, content, 0644); !written) {
        return make_error(Origin::config, "bundle_unwritable", written.error().detail);
      }
    }
  }
  return trust_variables(path);
}

} // namespace sluice::certs
