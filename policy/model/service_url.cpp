#include "policy/model/service_url.hpp"

#include <algorithm>
#include <utility>

namespace sluice::model {
namespace {

Error bad_url(std::string what) {
  return make_error(Origin::config, "url_invalid", std::move(what));
}

bool names_this_machine(const Host& host) {
  return host.is_address() ? is_loopback(host.address()) : host.text() == "localhost";
}

} // namespace

bool is_loopback(const IpAddress& address) {
  return address.classify() == AddressClass::loopback;
}

std::string ServiceUrl::text() const {
  return std::string(to_string(to.scheme)) + "://" + to.authority() + target;
}

Result<ServiceUrl> parse_service_url(std::string_view url) {
  const auto parsed = parse_target(url);
  if (!parsed || !parsed.value().absolute) return bad_url("not an http or https URL");
  ServiceUrl out{*parsed.value().absolute, parsed.value().raw_path};
  if (parsed.value().has_query) out.target += "?" + parsed.value().query;
  const bool visible =
      std::all_of(out.target.begin(), out.target.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!visible) return bad_url("a byte that no URL has");
  // Who stands on the way could take what is meant for the service, and answer in its place.
  if (out.to.scheme == Scheme::http && !names_this_machine(out.to.host)) {
    return bad_url("without TLS only to a loopback address or localhost");
  }
  return out;
}

} // namespace sluice::model
