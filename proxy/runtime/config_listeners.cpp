#include "proxy/runtime/config_listeners.hpp"

#include "certs/spiffe_id.hpp"
#include "proxy/runtime/config_urls.hpp"

#include <array>
#include <set>
#include <utility>

namespace sluice::runtime {
namespace {

using call::ListenerKind;
constexpr std::array<Word<ListenerKind>, 5> kKinds = {{{"forward", ListenerKind::forward},
                                                       {"reverse", ListenerKind::reverse},
                                                       {"transparent", ListenerKind::transparent},
                                                       {"tcp", ListenerKind::tcp},
                                                       {"dns", ListenerKind::dns}}};
enum class Capture { redirect, tproxy };
constexpr std::array<Word<Capture>, 2> kCaptures = {
    {{"redirect", Capture::redirect}, {"tproxy", Capture::tproxy}}};

std::optional<model::Destination> tcp_upstream(Reader upstream) {
  const auto text = upstream.string();
  if (!text) return std::nullopt;
  const auto parsed = model::parse_host_port(*text);
  if (!parsed || !parsed.value().port) {
    upstream.error("not an upstream", "write host:port");
    return std::nullopt;
  }
  return model::Destination{model::Scheme::tcp, parsed.value().host, *parsed.value().port};
}

std::optional<model::Destination> url_upstream(Reader upstream) {
  const auto text = upstream.string();
  if (!text) return std::nullopt;
  const auto target = model::parse_target(*text);
  if (!target || !target.value().absolute || target.value().path != "/" ||
      target.value().has_query) {
    upstream.error("not an upstream", "write http://host:port or https://host:port");
    return std::nullopt;
  }
  return target.value().absolute;
}

std::string spiffe_id(Reader at) {
  const auto text = at.string();
  if (!text) return {};
  if (const auto fault = certs::spiffe_id_fault(*text); !fault.empty()) {
    at.error("not an identity: " + std::string(fault), "write spiffe://trust.domain/path");
    return {};
  }
  return *text;
}

} // namespace

std::vector<io::ListenerSettings>
ListenerReader::read(Reader at, const std::filesystem::path& folder, bool has_identity) {
  folder_ = folder;
  has_identity_ = has_identity;
  std::vector<io::ListenerSettings> all;
  std::set<std::string> names;
  for (Reader& item : at.items(EmptyList::refuse)) {
    io::ListenerSettings listener;
    auto name = item.required("name");
    listener.name = name.string().value_or("");
    if (!listener.name.empty() && !names.insert(listener.name).second) {
      name.error("two listeners have this name");
    }
    kind(item, listener);
    bind(item.required("bind"), listener);
    item.finish();
    all.push_back(std::move(listener));
  }
  return all;
}

void ListenerReader::kind(Reader& item, io::ListenerSettings& listener) const {
  const auto parsed = item.required("kind").one_of(kKinds);
  if (!parsed) {
    for (const char* key : {"upstream", "capture", "urls", "peers", "upstream_peer", "outside"})
      (void)item.at(key);
    return;
  }
  listener.kind = *parsed;
  if (listener.kind == ListenerKind::transparent) {
    listener.tproxy = item.at("capture").one_of(kCaptures) == Capture::tproxy;
  } else {
    item.unsupported("capture", "only a transparent listener captures");
  }
  if (listener.kind != ListenerKind::reverse)
    item.unsupported("urls", "only a reverse listener rewrites addresses");
  if (listener.kind == ListenerKind::reverse) {
    listener.upstream = url_upstream(item.required("upstream"));
    read_urls(item.at("urls"), folder_, listener);
  } else if (listener.kind == ListenerKind::tcp) {
    listener.upstream = tcp_upstream(item.required("upstream"));
  } else {
    item.unsupported("upstream", "where calls go is not fixed for this kind of listener");
  }
  peers(item, listener);
}

void ListenerReader::peers(Reader& item, io::ListenerSettings& listener) const {
  const bool tcp = listener.kind == ListenerKind::tcp;
  if (!tcp && listener.kind != ListenerKind::reverse) {
    for (const char* key : {"peers", "upstream_peer", "outside"})
      item.unsupported(key, "only reverse and tcp listeners stand between two sidecars");
    return;
  }
  auto callers = item.at("peers"), upstream = item.at("upstream_peer");
  for (const Reader& one : callers.items(EmptyList::refuse))
    listener.peers.push_back(spiffe_id(one));
  if (upstream.present()) listener.upstream_peer = spiffe_id(upstream);
  auto outside = item.at("outside");
  listener.outside = outside.boolean().value_or(false);
  if (listener.outside && callers.present())
    outside.error("peers prove who they are", "leave out one of the two");
  for (const Reader* key : {&callers, &upstream}) {
    if (!key->present() || has_identity_) continue;
    key->error("this sidecar has no identity to show to another one",
               "write identity: {certificate: FILE, key: FILE, roots: FILE}");
  }
  if (upstream.present() && !tcp && listener.upstream &&
      listener.upstream->scheme != model::Scheme::https) {
    upstream.error("nobody proves who is there without TLS", "write upstream: https://host:port");
  }
}

void ListenerReader::bind(Reader at, io::ListenerSettings& listener) {
  const auto text = at.string();
  if (!text) return;
  // Port 0 lets the kernel choose, which the host parser rightly refuses as a destination.
  const bool any_port = text->ends_with(":0");
  const auto parsed = model::parse_host_port(any_port ? text->substr(0, text->size() - 2) : *text);
  if (!parsed || !parsed.value().host.is_address() || (!any_port && !parsed.value().port)) {
    at.error("not an address to listen on", "write 127.0.0.1:15001 or [::1]:15001");
    return;
  }
  listener.address = parsed.value().host.address();
  listener.port = any_port ? 0 : *parsed.value().port;
  alone(at, {listener.address, listener.port}, "listener " + listener.name);
}

// The kernel would let two of ours share a port (SO_REUSEPORT), and either take half of the
// calls.
void ListenerReader::alone(const Reader& at, const io::Endpoint& here, const std::string& name) {
  for (const auto& [other, owner] : bound_) {
    if (!io::overlap(here, other)) continue;
    at.error(owner + " is bound to " + other.text() + " already",
             "give each an address or a port of its own");
    break;
  }
  bound_.emplace_back(here, name);
}

} // namespace sluice::runtime
