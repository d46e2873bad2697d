#include "proxy/cli/exec_box.hpp"

#include "policy/engine/snapshot.hpp"
#include "policy/evidence/file.hpp"
#include "proxy/runtime/config_urls.hpp"
#include "proxy/runtime/file_state.hpp"
#include "proxy/runtime/policy_source.hpp"
#include "proxy/runtime/secrets.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <utility>

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

Result<contain::User> named_user(const std::string& name) {
  if (const auto uid = number(name)) {
    const passwd* known = ::getpwuid(*uid);
    return contain::User{*uid, known != nullptr ? known->pw_gid : *uid};
  }
  const passwd* known = ::getpwnam(name.c_str());
  if (known == nullptr) return make_error(Origin::config, "no_such_user", "no user " + name);
  return contain::User{known->pw_uid, known->pw_gid};
}

std::optional<std::uint32_t> number_variable(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? std::nullopt : number(text);
}

Result<std::optional<contain::User>> user_of_command(const std::string& wanted) {
  if (!wanted.empty()) {
    if (::geteuid() != 0)
      return make_error(Origin::config, "not_root", "only root can run CMD as another user");
    SLUICE_TRY(auto&& user, named_user(wanted));
    return std::optional<contain::User>(user);
  }
  const auto uid = number_variable("SUDO_UID"), gid = number_variable("SUDO_GID");
  if (::geteuid() == 0 && uid.value_or(0) != 0 && gid)
    return std::optional<contain::User>(contain::User{*uid, *gid});
  return std::optional<contain::User>();
}

// Those that secrets, logins and keys are read from, as far as they are there.
std::vector<std::string> secret_files(const runtime::Config& config) {
  std::vector<SecretSource> sources(config.secrets);
  if (const auto policy = runtime::PolicySource(config).read().snapshot) {
    for (const auto& one : policy->credentials) {
      for (auto& source : runtime::sources_of(one, runtime::folder_of(config.policy_file)))
        sources.push_back(std::move(source));
    }
  }
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& one : sources) {
    const bool is_file = one.from == SecretSource::From::file;
    if (is_file && fs::is_regular_file(one.words.front(), error)) out.push_back(one.words.front());
  }
  for (const auto& file : runtime::card_keys(config.settings.listeners)) {
    if (fs::is_regular_file(file, error)) out.push_back(file);
  }
  return out;
}

// Whole folders below the policy's, so that none of them can be renamed and made anew.
void hide_parents(const runtime::Config& config, contain::BoxOptions& options) {
  const auto folder = runtime::folder_of(config.policy_file);
  for (const auto& name : config.policy_parents) {
    const auto path = folder + name.substr(0, name.find('/'));
    if (std::find(options.hidden.begin(), options.hidden.end(), path) == options.hidden.end())
      options.hidden.push_back(path);
  }
}

// What the command could use against the sidecar: keys, records, the policy, the admin socket.
Result<> hide_ours(const runtime::Config& config, const BoxWish& wish,
                   contain::BoxOptions& options) {
  // What is not there yet cannot be hidden.
  SLUICE_TRY(evidence::make_directory(config.log.directory));
  options.hidden = {config.log.directory, config.policy_file};
  for (const auto& file : secret_files(config)) options.hidden.push_back(file);
  if (config.identity && fs::exists(config.identity->key))
    options.hidden.push_back(config.identity->key);
  hide_parents(config, options);
  if (!config.ca_dir.empty()) options.hidden.push_back(config.ca_dir);
  if (!config.file.empty()) options.hidden.push_back(config.file);
  if (!wish.state_folder.empty()) options.hidden.push_back(wish.state_folder);
  options.hidden.insert(options.hidden.end(), wish.hidden.begin(), wish.hidden.end());
  // Made later, if it is not there: so its folder, and only where CMD is the same user.
  if (!config.log.key_file.empty() && ::geteuid() != 0) {
    options.hidden.push_back(fs::absolute(config.log.key_file).parent_path().string());
  }
  for (const auto& one : config.admin) {
    const auto* path = std::get_if<std::string>(&one);
    if (path == nullptr) continue; // loopback of the outside is not the box's
    options.admin_socket = fs::absolute(*path).string();
    // It is made later, so only its folder can be covered; and only where CMD is the same user is
    // its mode not enough. The probe tries to connect.
    if (::geteuid() == 0) continue;
    options.hidden.push_back(fs::path(options.admin_socket).parent_path().string());
  }
  const auto here = fs::current_path().string() + "/";
  for (const auto& path : options.hidden) {
    std::error_code error;
    const auto folder = fs::canonical(path, error).string() + "/";
    // Not a machine that cannot contain, which has a fallback: a wish that cannot be granted.
    if (!error && fs::is_directory(path) && here.starts_with(folder)) {
      return make_error(Origin::config, "nothing_left_to_see",
                        "the working directory lies in " + path +
                            ", which the command must not see: give it a folder of its own");
    }
  }
  if (!wish.trust_bundle.empty())
    options.readable = {wish.trust_bundle, wish.trust_bundle + ".p12"};
  return success();
}

// The sockets of the box become listeners of the sidecar.
void hand_over(runtime::Config& config, const BoxWish& wish,
               std::vector<contain::BoxSocket> sockets) {
  using Role = contain::BoxSocket::Role;
  using Adopted = runtime::AdoptedSocket;
  const auto name_of = [](Role role) {
    return role == Role::tcp ? "box" : role == Role::proxy ? "box-proxy" : "box-dns";
  };
  const std::pair<Role, call::ListenerKind> kinds[] = {
      {Role::tcp, call::ListenerKind::transparent},
      {Role::proxy, call::ListenerKind::forward},
      {Role::dns_udp, call::ListenerKind::dns},
  };
  for (const auto& [role, kind] : kinds) {
    io::ListenerSettings listener;
    listener.name = name_of(role);
    listener.kind = kind;
    listener.adopted = true;
    config.settings.listeners.push_back(std::move(listener));
  }
  for (auto& one : sockets) {
    if (one.role == Role::slot) {
      config.adopted.push_back(
          {wish.slots.at(one.port), one.fd.release(), Adopted::Role::tcp_accept});
      continue;
    }
    const auto as = one.role == Role::dns_udp ? Adopted::Role::udp : Adopted::Role::tcp_accept;
    config.adopted.push_back({name_of(one.role), one.fd.release(), as});
  }
}

} // namespace

Result<std::unique_ptr<contain::Box>> make_box(runtime::Config& config, const BoxWish& wish) {
  contain::BoxOptions options;
  SLUICE_TRY(auto&& user, user_of_command(wish.user));
  options.user = user;
  config.policy_parents = engine::load_policy_file(config.policy_file).parents;
  SLUICE_TRY(hide_ours(config, wish, options));
  options.workers = config.settings.workers;
  options.door = wish.door;
  options.own_files = wish.own_files;
  options.kept = wish.kept;
  for (const auto& slot : wish.slots) options.slot_ports.push_back(slot.first);
  SLUICE_TRY(auto&& box, contain::Box::create(options));
  hand_over(config, wish, box->take_sockets());
  config.policy_folder_pinned = true; // CMD may be able to rename what is above it
  return std::move(box);
}

Json to_json(const contain::ProbeReport& report) {
  Json checks = Json::array();
  for (const auto& one : report.checks) {
    checks.push_back(
        {{"name", one.name}, {"expected", one.expected}, {"got", one.got}, {"ok", one.ok}});
  }
  return checks;
}

Result<contain::ProbeReport> probe_box(contain::Box& box, runtime::Runtime& runtime) {
  SLUICE_TRY(auto&& report, box.probe());
  SLUICE_TRY(runtime.record("containment_probe", {{"checks", to_json(report).dump()},
                                                  {"failures", report.failures()},
                                                  {"holds", report.holds() ? "true" : "false"},
                                                  {"kind", std::string(box.kind())}}));
  return std::move(report);
}

Result<> prove_box(contain::Box& box, runtime::Runtime& runtime) {
  SLUICE_TRY(auto&& report, probe_box(box, runtime));
  for (const auto& note : report.notes) std::cerr << "note: " << note << "\n";
  if (!report.holds())
    return make_error(Origin::config, "containment_not_proven", report.failures());
  std::cerr << "contained: " << box.kind() << ", " << report.checks.size() << " checks hold"
            << std::endl;
  return success();
}

} // namespace sluice::cli
