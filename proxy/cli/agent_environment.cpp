#include "proxy/cli/agent_environment.hpp"

#include "certs/trust.hpp"

#include <unistd.h>

#include <filesystem>

namespace sluice::cli {

Variables proxy_variables(const std::string& address, const std::string& exempt) {
  Variables out;
  for (const char* name :
       {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"}) {
    out[name] = "http://" + address;
  }
  out["NO_PROXY"] = out["no_proxy"] = exempt;
  out["NODE_USE_ENV_PROXY"] = "1";
  return out;
}

// Before the box is made, because the bundle lies in a folder that the box hides.
Result<Variables> trust_environment(const runtime::Config& config, std::string& bundle) {
  Variables out;
  if (config.ca_dir.empty()) return out;
  const SystemClock clock;
  SLUICE_TRY(auto&& authority, certs::Authority::load(config.ca_dir, clock));
  bundle = std::filesystem::absolute(authority.info().certificate_file + ".bundle.pem").string();
  SLUICE_TRY(auto&& variables, certs::write_trust_bundle(authority, bundle));
  for (const auto& variable : variables) out[variable.name] = variable.value;
  return out;
}

std::vector<std::string> merged_environment(const Variables& ours) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text(*entry);
    if (ours.count(text.substr(0, text.find('='))) == 0) all.push_back(text);
  }
  for (const auto& [name, value] : ours) all.emplace_back(name).append("=").append(value);
  return all;
}

} // namespace sluice::cli
