// sluice.yaml as typed values that cannot be wrong: ports are ports, hosts are canonical, paths are
// relative to the file they stand in. Reports every problem at once. Never holds a secret: only
// where to read it. Tested by tests/socket/config_test.cpp.
#pragma once

#include "certs/identity.hpp"
#include "certs/trust.hpp"
#include "policy/base/diagnostic.hpp"
#include "policy/base/schema.hpp"
#include "policy/base/secret_source.hpp"
#include "policy/engine/engine.hpp"
#include "policy/evidence/log.hpp"
#include "policy/model/service_url.hpp"
#include "proxy/io/admin_server.hpp"
#include "proxy/io/settings.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::runtime {

struct AdoptedSocket { // made and bound elsewhere, for a listener that is `adopted`
  enum class Role : std::uint8_t { tcp_accept, udp };
  std::string listener;
  int fd = -1; // owned by whoever takes the Config
  Role role = Role::tcp_accept;
};

struct Place { // in the file, from 1; 0: unknown
  int line = 0, column = 0;
};

struct Anchor { // who gets each checkpoint: one of the two, or nobody
  std::vector<std::string> command;
  std::optional<model::ServiceUrl> url;
  bool present() const noexcept { return !command.empty() || url; }
};

struct Config {
  std::string file;
  std::map<std::string, Place> places; // by JSON pointer: of what is looked at only when it runs
  io::Settings settings;               // agent.run_id is "" unless the file gives one
  std::string policy_file;
  bool require_signature = false;               // of the policy, by one of
  std::vector<std::string> trusted_policy_keys; // files of public keys
  engine::EngineKind engine = engine::EngineKind::reference;
  std::string ca_dir; // "": no interception
  certs::UpstreamRoots upstream_roots = certs::UpstreamRoots::system;
  std::vector<std::string> extra_roots;
  std::optional<certs::IdentityFiles> identity; // who this sidecar is to others
  std::vector<SecretSource> secrets;
  evidence::LogConfig log;
  Anchor anchor;
  std::vector<AdoptedSocket> adopted;
  std::vector<std::string> policy_parents; // pinned: the only files a policy may inherit
  bool policy_folder_pinned = false; // a reload reads from the same folder as the start, or not
  std::vector<io::AdminAddress> admin;
};

struct ConfigLoad {
  std::optional<Config> config; // nullopt when there are errors
  Diagnostics diagnostics;
};

ConfigLoad load_config_file(const std::string& path);
ConfigLoad load_config_text(std::string_view text, const std::string& file_name);

// Every key there is, in a document that loads (complete_config.yaml).
extern const std::string_view kCompleteConfig;
Schema config_schema(); // of such documents: `sluice check --schema config` prints it

struct DefaultValue {
  std::string key, value, meaning;
};
std::vector<DefaultValue> config_defaults(); // the table `sluice check --defaults` prints

} // namespace sluice::runtime
