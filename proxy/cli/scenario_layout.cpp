#include "proxy/cli/scenario_layout.hpp"

#include "certs/authority.hpp"
#include "certs/identity_authority.hpp"
#include "overlay/config/evaluate.hpp"
#include "policy/engine/snapshot.hpp"
#include "policy/evidence/file.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <utility>

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;
using overlay::Unit;
using overlay::UnitId;

constexpr const char* kProgramHost = "program.box";
constexpr const char* kProgramAddress = "127.64.0.1"; // of no listener of ours
constexpr int kBacklog = 4096;
constexpr int kIdentityDays = 365; // no run is meant to last so long

struct BoundPort {
  UniqueFd fd;
  std::uint16_t port = 0;
};

Result<BoundPort> bind_loopback(std::uint16_t port) {
  BoundPort out;
  out.fd = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int yes = 1;
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  auto* address = reinterpret_cast<sockaddr*>(&at);
  const int fd = out.fd.get();
  const bool done = fd >= 0 && ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
                    ::bind(fd, address, size) == 0 && ::listen(fd, kBacklog) == 0 &&
                    ::getsockname(fd, address, &size) == 0;
  if (!done) {
    return make_error(Origin::config, "cannot_listen",
                      "127.0.0.1:" + std::to_string(port) + ": " + std::strerror(errno));
  }
  out.port = ntohs(at.sin_port);
  return out;
}

class Placement {
 public:
  Placement(const CompiledScenario& compiled, const overlay::Prepared& prepared,
            const ScenarioOptions& options, const RunFolder& folder, Diagnostics& out)
      : scenario_(compiled.passed->rewritten.scenario), values_(compiled.root_values),
        prepared_(prepared), options_(options), folder_(folder), out_(out) {}

  std::optional<PlacedScenario> run() {
    const auto& units = prepared_.deployment.units;
    for (const auto& one : options_.ports) check_export(one.first);
    for (UnitId id = 0; id < units.size() && !failed_; ++id) bind(id);
    auto tasks = failed_ ? BuiltinTasks() : builtin_tasks();
    if (failed_) return std::nullopt;
    const overlay::Sidecars sidecars(scenario_, prepared_.deployment, std::move(tasks), layout());
    mint(sidecars);
    for (UnitId id = 0; id < units.size() && !failed_; ++id) place(id, sidecars);
    if (failed_) return std::nullopt;
    return std::move(made_);
  }

 private:
  using BuiltinTasks = std::map<overlay::ComponentId, std::vector<overlay::BuiltinTask>>;

  void fail(const std::string& where, std::string message, std::string hint = {}) {
    failed_ = true;
    out_.push_back(overlay::run_problem(where, std::move(message), std::move(hint)));
  }
  template <class T> bool done(const std::string& where, const Result<T>& result) {
    if (result) return true;
    fail(where, result.error().detail);
    return false;
  }

  const std::string& moniker(UnitId id) const {
    return scenario_.at(prepared_.deployment.units[id].stands.front()).moniker;
  }
  std::string kept(const Unit& unit) const { return options_.directory + '/' + unit.name; }
  std::string secret(const Unit& unit) const { return folder_.path() + '/' + unit.name; }

  // ---- addresses -------------------------------------------------------------------------------

  void check_export(const std::string& name) {
    for (const auto& one : scenario_.exports) {
      if (one.name == name) return;
    }
    std::string known;
    for (const auto& one : scenario_.exports) known += (known.empty() ? "" : ", ") + one.name;
    fail(name, "the scenario has no export of this name",
         known.empty() ? "it has none" : "it has " + known);
  }

  std::uint16_t listen(UnitId id, const std::string& listener, std::uint16_t port) {
    auto bound = bind_loopback(port);
    if (!done(moniker(id), bound)) return 0;
    sockets_[id][listener] = bound.value().fd.get();
    made_.sockets.push_back(std::move(bound.value().fd));
    return bound.value().port;
  }

  void bind(UnitId id) {
    const Unit& unit = prepared_.deployment.units[id];
    for (std::size_t i = 0; i < unit.inlets.size(); ++i) {
      if (!unit.inlets[i].callers.empty()) mesh_[{id, i}] = listen(id, unit.inlets[i].name, 0);
    }
    for (const auto& one : unit.exports) {
      const auto wanted = options_.ports.find(one.name);
      const std::uint16_t port = wanted == options_.ports.end() ? std::uint16_t{0} : wanted->second;
      exports_[one.name] = listen(id, "export-" + one.name, port);
      made_.exports.push_back({one.name, moniker(id), url_of(one)});
    }
  }

  std::string url_of(const overlay::Export& one) const {
    return (one.http ? "http" : "tcp") + std::string("://127.0.0.1:") +
           std::to_string(exports_.at(one.name));
  }

  overlay::Layout layout() const {
    overlay::Layout out;
    out.host = [this](UnitId id) { return prepared_.deployment.units[id].name + ".mesh"; };
    out.mesh_port = [this](overlay::InletRef at) { return mesh_.at({at.unit, at.inlet}); };
    out.export_port = [this](const overlay::Export& one) { return exports_.at(one.name); };
    out.export_url = [this](const overlay::Export& one) { return url_of(one); };
    out.external_url = external_slot_url;
    out.mesh_address = out.export_address = "127.0.0.1";
    out.program_host = kProgramHost;
    out.resolve[kProgramHost] = {kProgramAddress};
    for (const Unit& one : prepared_.deployment.units)
      out.resolve[one.name + ".mesh"] = {"127.0.0.1"};
    out.evidence_dir = "evidence";
    out.roots = folder_.path() + '/' + std::string(certs::kMeshRootsFile);
    out.identity = [this](UnitId id) { return secret(prepared_.deployment.units[id]); };
    out.ca_dir = [this](UnitId id) { return secret(prepared_.deployment.units[id]) + ".ca"; };
    out.captures = true;
    return out;
  }

  // ---- values and keys -------------------------------------------------------------------------

  BuiltinTasks builtin_tasks() {
    BuiltinTasks out;
    for (const auto& [id, tasks] : prepared_.tasks) {
      for (const auto& one : tasks) {
        std::vector<overlay::ConfigFault> faults;
        auto config = overlay::evaluate_config(one.config, values_, faults);
        for (const auto& fault : faults)
          fail(scenario_.at(id).moniker, fault.pointer + ": " + fault.message);
        if (config) out[id].push_back(task_of(id, one.builtin, std::move(*config)));
      }
    }
    return out;
  }

  // What must not pass lies in files, as all secrets of a sidecar do.
  overlay::BuiltinTask task_of(overlay::ComponentId id, overlay::Builtin builtin,
                               overlay::Json config) {
    overlay::BuiltinTask out{builtin, std::move(config), {}};
    const auto terms = out.config.find("terms");
    if (terms == out.config.end()) return out;
    for (const auto& term : *terms) {
      const auto file = folder_.path() + "/term-" + std::to_string(id) + '-' +
                        std::to_string(out.term_files.size() + 1);
      const auto text = term.is_string() ? term.get<std::string>() : term.dump();
      if (!write_secret(file, text)) break;
      out.term_files.push_back(file);
    }
    out.config.erase("terms");
    return out;
  }

  bool write_secret(const std::string& file, const std::string& text) {
    return done(file, evidence::write_file_atomically(file, text));
  }

  void mint(const overlay::Sidecars& sidecars) {
    const SystemClock clock;
    std::vector<certs::NamedIdentity> wanted;
    for (UnitId id = 0; id < prepared_.deployment.units.size(); ++id)
      wanted.push_back({prepared_.deployment.units[id].name, sidecars.identity(id)});
    (void)done("identities", certs::mint_identities(folder_.path(), sidecars.trust_domain(), wanted,
                                                    kIdentityDays, clock));
  }

  // ---- one sidecar -----------------------------------------------------------------------------

  void place(UnitId id, const overlay::Sidecars& sidecars) {
    const Unit& unit = prepared_.deployment.units[id];
    SidecarTask task;
    task.moniker = moniker(id);
    task.config_file = kept(unit) + "/sluice.yaml";
    task.sockets = sockets_[id];
    task.hidden = {fs::path(folder_.path()).parent_path().string(), options_.directory};
    task.program_host = kProgramHost;
    for (const auto& one : unit.outlets) {
      if (!unit.builtin) task.slots[one.port] = one.name;
    }
    for (const auto& one : unit.inlets) task.awaited.push_back(one.program_port);
    for (const auto& one : unit.exports) task.awaited.push_back(one.program_port);
    write_files(id, sidecars);
    if (!unit.builtin) program_of(unit, task);
    made_.tasks.push_back(std::move(task));
  }

  void write_files(UnitId id, const overlay::Sidecars& sidecars) {
    const Unit& unit = prepared_.deployment.units[id];
    std::vector<overlay::DeployFault> faults;
    const auto files = sidecars.files_of(id, faults);
    for (const auto& one : faults) fail(one.where, one.message, one.hint);
    const SystemClock clock;
    (void)done(moniker(id), evidence::make_directory(kept(unit)));
    if (!unit.builtin)
      (void)done(moniker(id), certs::Authority::create(secret(unit) + ".ca", clock));
    judge(id, files.policy);
    (void)done(moniker(id), evidence::write_file_atomically(kept(unit) + "/sluice.yaml",
                                                            files.config.dump(2) + '\n'));
    (void)done(moniker(id), evidence::write_file_atomically(kept(unit) + "/policy.yaml",
                                                            files.policy.dump(2) + '\n'));
  }

  // In the words of the manifest: its author never saw the file.
  void judge(UnitId id, const overlay::Json& policy) {
    for (const auto& one : engine::load_policy_text(policy.dump(), "policy").diagnostics) {
      if (one.level == Diagnostic::Level::error)
        fail(moniker(id), "its policy, " + one.pointer + ": " + one.message, one.hint);
    }
  }

  void program_of(const Unit& unit, SidecarTask& task) {
    const auto& component = scenario_.at(unit.stands.front());
    if (component.program->form != overlay::Program::Form::path) {
      return fail(component.moniker, "only programs that are a path run here",
                  "sluice overlay compose makes containers of images");
    }
    const auto program = overlay::expand_unit(scenario_, prepared_, unit, values_, out_);
    if (!program) {
      failed_ = true;
      return;
    }
    if (!program->mounts.empty()) {
      return fail(component.moniker, "mounts are not made in a local run",
                  "sluice overlay compose has them");
    }
    task.command.push_back(
        (fs::path(component.folder) / program->location).lexically_normal().string());
    task.command.insert(task.command.end(), program->command.begin(), program->command.end());
    task.environment.insert(program->env.begin(), program->env.end());
    task.environment.emplace("AMBER_COMPONENT_MONIKER", component.moniker);
    task.environment.emplace("PATH", overlay::kProgramPath);
    task.environment.emplace("TMPDIR", "/var/tmp"); // its own, where /tmp may not be
    if (!component.folder.empty()) task.kept.push_back(component.folder);
  }

  const overlay::Scenario& scenario_;
  const overlay::Json& values_;
  const overlay::Prepared& prepared_;
  const ScenarioOptions& options_;
  const RunFolder& folder_;
  Diagnostics& out_;
  bool failed_ = false;
  std::map<UnitId, std::map<std::string, int>> sockets_; // listener -> descriptor
  std::map<std::pair<UnitId, std::size_t>, std::uint16_t> mesh_;
  std::map<std::string, std::uint16_t> exports_;
  PlacedScenario made_;
};

} // namespace

// Below one folder of the user, which no program of any run sees. What a run left that could not
// clean up, because it was killed, the next one removes.
Result<RunFolder> RunFolder::make() {
  std::error_code error;
  const auto base = fs::temp_directory_path(error);
  if (error) {
    return make_error(Origin::config, "cannot_write",
                      "no folder for temporary files: TMPDIR: " + error.message());
  }
  const auto parent = (base / ("sluice-run-" + std::to_string(::geteuid()))).string();
  struct stat about {};
  (void)::mkdir(parent.c_str(), 0700);
  if (::lstat(parent.c_str(), &about) != 0 || !S_ISDIR(about.st_mode) ||
      about.st_uid != ::geteuid() || (about.st_mode & 0077) != 0) {
    return make_error(Origin::config, "cannot_write", parent + " is not a folder of ours alone");
  }
  remove_abandoned(parent);
  auto path = parent + "/XXXXXX";
  RunFolder out;
  if (::mkdtemp(path.data()) == nullptr) {
    return make_error(Origin::config, "cannot_write", path + ": " + std::strerror(errno));
  }
  out.path_ = std::move(path);
  out.owner_ = ::getpid();
  out.lock_ = UniqueFd(::open(out.path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!out.lock_.valid() || ::flock(out.lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    return make_error(Origin::config, "cannot_write", out.path_ + ": " + std::strerror(errno));
  }
  return out;
}

// Sidecars hold the lock as long as they run, even when nobody waits for them.
void RunFolder::remove_abandoned(const std::string& parent) {
  constexpr auto kYoung = std::chrono::minutes(1); // made, and perhaps not locked yet
  std::error_code error;
  for (const auto& one : fs::directory_iterator(parent, error)) {
    const UniqueFd folder(
        ::open(one.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    struct stat about {};
    if (!folder.valid() || ::fstat(folder.get(), &about) != 0) continue;
    const auto age =
        std::chrono::seconds(SystemClock().unix_nanos() / 1'000'000'000 - about.st_mtime);
    if (age > kYoung && ::flock(folder.get(), LOCK_EX | LOCK_NB) == 0)
      fs::remove_all(one.path(), error);
  }
}

RunFolder::RunFolder(RunFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})), owner_(other.owner_), lock_(std::move(other.lock_)) {}

RunFolder::~RunFolder() {
  if (path_.empty() || owner_ != ::getpid()) return;
  std::error_code ignored; // nothing can be done, and it is 0700
  fs::remove_all(path_, ignored);
  fs::remove(fs::path(path_).parent_path(), ignored); // when no other run is there
}

std::optional<PlacedScenario> place_scenario(const CompiledScenario& compiled,
                                             const overlay::Prepared& prepared,
                                             const ScenarioOptions& options,
                                             const RunFolder& folder, Diagnostics& out) {
  return Placement(compiled, prepared, options, folder, out).run();
}

} // namespace sluice::cli
