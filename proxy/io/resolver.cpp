#include "proxy/io/resolver.hpp"

#include <boost/asio/post.hpp>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>

namespace sluice::io {
namespace {

// getaddrinfo tells no TTL; short enough that a moved name is found, long enough to serve a burst.
constexpr auto kCacheFor = std::chrono::seconds(30);
constexpr std::size_t kCacheSize = 1024;
constexpr std::size_t kMaxAsked = 128; // of one worker; an agent must not queue names without end

using Addresses = std::vector<model::IpAddress>;

struct Lookup { // shared by the waiting coroutine and the thread that may answer too late
  explicit Lookup(const Executor& executor) : answered(executor) {}
  Signal answered;
  bool done = false;
  Addresses addresses;
};

void add_address(const addrinfo& entry, Addresses& out) {
  model::IpAddress address;
  if (entry.ai_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, entry.ai_addr, sizeof v4);
    address = model::IpAddress::v4(ntohl(v4.sin_addr.s_addr));
  } else if (entry.ai_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, entry.ai_addr, sizeof v6);
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    address = model::IpAddress::v6(bytes);
  } else {
    return;
  }
  if (std::find(out.begin(), out.end(), address) == out.end()) out.push_back(address);
}

Addresses system_lookup(const std::string& name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  Addresses out;
  if (::getaddrinfo(name.c_str(), nullptr, &hints, &list) != 0) return out;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    add_address(*entry, out);
  }
  ::freeaddrinfo(list);
  return out;
}

// `asked` outlives the executor's context.
void start_lookup(net::thread_pool& pool, const Executor& executor, std::shared_ptr<Lookup> lookup,
                  std::string name, std::size_t& asked) {
  ++asked;
  net::post(pool, [executor, lookup = std::move(lookup), name = std::move(name), &asked]() mutable {
    auto found = system_lookup(name);
    net::post(executor, [lookup = std::move(lookup), found = std::move(found), &asked]() mutable {
      --asked;
      lookup->addresses = std::move(found);
      lookup->done = true;
      lookup->answered.notify();
    });
  });
}

} // namespace

Resolver::Resolver(const Executor& executor, net::thread_pool& lookups, const Settings& settings)
    : executor_(executor), lookups_(lookups), settings_(settings) {}

Task<Result<Addresses>> Resolver::resolve(const model::Host& host) {
  if (host.is_address()) {
    Addresses literal(1, host.address());
    co_return literal;
  }
  if (const auto fixed = settings_.static_hosts.find(host.text());
      fixed != settings_.static_hosts.end()) {
    co_return fixed->second;
  }
  const auto now = std::chrono::steady_clock::now();
  if (const auto hit = cache_.find(host.text()); hit != cache_.end()) {
    if (hit->second.until > now) co_return hit->second.addresses;
    cache_.erase(hit);
  }
  if (asked_ >= kMaxAsked) {
    co_return make_error(Origin::upstream, "resolver_failed", "too many names are being resolved");
  }
  auto lookup = std::make_shared<Lookup>(executor_);
  start_lookup(lookups_, executor_, lookup, host.text(), asked_);
  co_await lookup->answered.wait(settings_.limits.resolve_timeout);
  if (!lookup->done) {
    co_return make_error(Origin::upstream, "resolver_failed",
                         "the resolver did not answer in time");
  }
  if (lookup->addresses.empty()) {
    co_return make_error(Origin::upstream, std::string(kNameNotFound), "the name has no address");
  }
  if (cache_.size() >= kCacheSize) cache_.clear();
  cache_[host.text()] = Cached{lookup->addresses, now + kCacheFor};
  co_return lookup->addresses;
}

} // namespace sluice::io
