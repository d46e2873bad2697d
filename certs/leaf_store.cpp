#include "certs/leaf_store.hpp"

#include "certs/ossl_error.hpp"

#include <openssl/ssl.h>

#include <utility>

namespace sluice::certs {
namespace {

constexpr unsigned char kHttp11[] = "\x08http/1.1";

// RFC 7301 §3.2. Without http/1.1 among the offers the connection goes on without ALPN and the
// framing gate has the last word.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned offered_size, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kHttp11, sizeof kHttp11 - 1, offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

Result<SslCtxPtr> make_server_context(const Authority& authority, const Leaf& leaf) {
  static constexpr unsigned char kSessionContext[] = "sluice";
  SslCtxPtr context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* ctx = context.get();
  if (ctx == nullptr || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
      SSL_CTX_use_certificate(ctx, leaf.certificate.get()) != 1 ||
      SSL_CTX_use_PrivateKey(ctx, leaf.key.get()) != 1 ||
      SSL_CTX_add1_chain_cert(ctx, authority.certificate()) != 1 ||
      SSL_CTX_set_session_id_context(ctx, kSessionContext, sizeof kSessionContext - 1) != 1) {
    return ossl_error(Origin::internal, "leaf_failed", "no TLS context");
  }
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS); // idle connections hold no record buffers
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Tickets resume without state here; a session cache per name would be memory without bound.
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, nullptr);
  return context;
}

} // namespace

void SslCtxDeleter::operator()(SSL_CTX* p) const noexcept {
  SSL_CTX_free(p);
}

LeafStore::LeafStore(const Authority& authority, const Clock& clock, std::size_t capacity)
    : authority_(authority), clock_(clock), capacity_(capacity == 0 ? 1 : capacity) {}

Result<SSL_CTX*> LeafStore::context_for(std::string_view canonical_host) {
  const std::string host(canonical_host);
  const std::int64_t now = clock_.unix_nanos();
  if (const auto known = by_host_.find(host); known != by_host_.end()) {
    if (now < known->second->renew_at_unix_nanos) {
      entries_.splice(entries_.begin(), entries_, known->second);
      return known->second->context.get();
    }
    entries_.erase(known->second);
    by_host_.erase(known);
  }
  SLUICE_TRY(auto&& leaf, authority_.mint(host, clock_));
  SLUICE_TRY(auto&& context, make_server_context(authority_, leaf));
  Entry entry;
  entry.host = host;
  entry.context = std::move(context);
  entry.renew_at_unix_nanos = now + (leaf.expires_unix_nanos - now) / 2;
  entries_.push_front(std::move(entry));
  by_host_[host] = entries_.begin();
  if (entries_.size() > capacity_) {
    by_host_.erase(entries_.back().host);
    entries_.pop_back();
  }
  return entries_.front().context.get();
}

} // namespace sluice::certs
