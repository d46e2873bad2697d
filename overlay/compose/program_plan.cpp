#include "overlay/compose/program_plan.hpp"

#include "overlay/config/evaluate.hpp"
#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::overlay {
namespace {

constexpr std::string_view kAtStart = "is known only when the scenario starts";

class Planner {
 public:
  Planner(const Scenario& scenario, const Prepared& prepared, const Unit& unit,
          const SecretTexts& secrets, Diagnostics& out)
      : scenario_(scenario), prepared_(prepared), unit_(unit), secrets_(secrets), out_(out),
        one_(scenario.at(unit.stands.front())), tree_(prepared.configs.at(one_.id)) {}

  std::optional<ProgramPlan> run() {
    const auto before = out_.size();
    if (one_.program->form != Program::Form::image) {
      tell("its program is a path, and containers are made of images",
           "give it an image; sluice overlay run starts programs that are a path");
      return std::nullopt;
    }
    collect_runtime_paths(tree_, needed_);
    if (needed_.empty()) {
      directly();
    } else {
      if (!literal_of(one_.program->location)) tell("its image " + std::string(kAtStart));
      plan_.image = literal_of(one_.program->location).value_or("");
      later_mounts();
      pack();
    }
    if (!plan_.packed && plan_.command.empty()) tell("its entrypoint is empty");
    if (out_.size() != before) return std::nullopt;
    return std::move(plan_);
  }

 private:
  void tell(std::string message, std::string hint = {}) {
    out_.push_back(run_problem(one_.moniker, std::move(message), std::move(hint)));
  }

  // ---- all is known ----------------------------------------------------------------------------

  void directly() {
    auto made = expand_unit(scenario_, prepared_, unit_, Json::object(), out_);
    if (!made) return;
    plan_.image = made->location;
    for (const ExpandedMount& one : made->mounts) mount(one.path, one.source, &one.content);
    const auto secret = [this](const std::string& text) { return holds_secret(text, secrets_); };
    const bool tells = std::any_of(made->command.begin(), made->command.end(), secret) ||
                       std::any_of(made->env.begin(), made->env.end(),
                                   [&](const auto& one) { return secret(one.second); });
    if (!literal_of(one_.program->location) && secret(plan_.image))
      tell("its image holds what a config calls a secret");
    if (tells) return pack();
    plan_.command = std::move(made->command);
    plan_.env = std::move(made->env);
  }

  // ---- something is not ------------------------------------------------------------------------

  void pack() {
    PackedProgram packed;
    packed.moniker = one_.moniker;
    packed.config = tree_;
    packed.schema = one_.config_schema;
    packed.program = *one_.program;
    packed.program.endpoints.clear();
    packed.program.mounts.clear();
    packed.program.has_network = false;
    for (const auto& [name, slot] : one_.slots) packed.slots[name] = slot_urls(unit_, name);
    packed.files = written_;
    const auto& root = scenario_.components.front().config_schema;
    if (root && !needed_.empty()) {
      packed.root_schema = schema_of_paths(&*root, needed_);
      plan_.inputs = inputs_of_paths(*root, needed_);
    }
    for (const RootInput& one : plan_.inputs) {
      if (one.secret) packed.secret_files[one.variable] = secret_path(one.path);
    }
    Json document = packed_json(packed);
    const Json cut = cut_secrets(document, secrets_);
    if (!cut.empty()) {
      document["cut_file"] = secret_path(unit_.name);
      plan_.secrets[unit_.name] = cut.dump(2) + '\n';
    }
    plan_.packed = true;
    plan_.files["program.json"] = document.dump(2) + '\n';
  }

  // ---- mounts ----------------------------------------------------------------------------------

  void later_mounts() {
    for (const Mount& one : one_.program->mounts) {
      const auto path = literal_of(one.path);
      if (!path || !one.source || one.when || one.each) {
        tell("a mount of its program " + std::string(kAtStart),
             "write its path and what it is from as they are, without when and each");
        continue;
      }
      mount(*path, *one.source, nullptr);
    }
  }

  static bool may_be_mounted(const std::string& path) {
    constexpr std::array<std::string_view, 5> kOurs = {"/sluice/", "/proc/", "/sys/", "/dev/",
                                                       "/run/secrets/"};
    const std::string folder = path.ends_with('/') ? path : path + '/';
    const bool absolute = path.starts_with('/') && folder != "/" &&
                          folder.find("//") == folder.npos && folder.find("/./") == folder.npos &&
                          folder.find("/../") == folder.npos;
    return absolute && std::none_of(kOurs.begin(), kOurs.end(),
                                    [&](auto one) { return folder.starts_with(one); });
  }

  void mount(const std::string& path, const MountSource& from, const std::string* content) {
    if (!may_be_mounted(path))
      return tell("a mount: " + path + " cannot be mounted on",
                  "it is the container's own, or no plain path");
    switch (from.kind) {
    case MountSource::Kind::config:
      return content != nullptr ? known_file(path, *content) : file(path, from.name);
    case MountSource::Kind::resource:
      plan_.mounts.push_back(
          {PlannedMount::Kind::volume, path, lasting_name("storage", one_, from.name)});
      return;
    case MountSource::Kind::slot:
    case MountSource::Kind::framework:
      tell("it mounts " + to_string(from) + ", which is not carried out here",
           "a program may mount its own resources and its config");
    }
  }

  void known_file(const std::string& path, const std::string& content) {
    const std::string number = std::to_string(plan_.mounts.size() + 1);
    if (holds_secret(content, secrets_)) {
      const std::string name = unit_.name + "-file-" + number;
      plan_.secrets[name] = content;
      plan_.mounts.push_back({PlannedMount::Kind::secret, path, name});
    } else {
      const std::string name = "file-" + number;
      plan_.files[name] = content;
      plan_.mounts.push_back({PlannedMount::Kind::file, path, unit_.name + '/' + name});
    }
  }

  const ConfigTree* at(const std::string& path) const {
    const ConfigTree* here = &tree_;
    for (std::string_view rest = path; !rest.empty();) {
      const auto dot = rest.find('.');
      const auto next = here->members.find(std::string(rest.substr(0, dot)));
      if (here->kind != ConfigTree::Kind::object || next == here->members.end()) return nullptr;
      here = &next->second;
      rest = dot == rest.npos ? std::string_view() : rest.substr(dot + 1);
    }
    return here;
  }

  // Of a config that is not known as a whole.
  void file(const std::string& path, const std::string& name) {
    std::set<std::string> unknown;
    const Json known = known_part(tree_, unknown);
    const Json* value = value_at_path(known, name);
    const std::string here = path_pointer(name);
    const bool open = std::any_of(unknown.begin(), unknown.end(), [&](const std::string& one) {
      return one == here || one.starts_with(here + '/') || here.starts_with(one + '/');
    });
    if (value != nullptr && !open) return known_file(path, text_of(*value));
    const ConfigTree* tree = at(name);
    const auto& root = scenario_.components.front().config_schema;
    if (tree != nullptr && tree->kind == ConfigTree::Kind::reference && root &&
        is_leaf(*root, tree->path) && root->is_secret(tree->path)) {
      plan_.mounts.push_back({PlannedMount::Kind::secret, path, tree->path});
    } else if (path.starts_with("/tmp/")) {
      written_[path] = name;
    } else {
      tell("what it mounts at " + path + ' ' + std::string(kAtStart),
           "mount it below /tmp, or from a property of the scenario's config that is secret");
    }
  }

  static bool is_leaf(const ConfigSchema& root, const std::string& path) {
    const auto leaves = root.leaves();
    return std::any_of(leaves.begin(), leaves.end(),
                       [&](const SchemaLeaf& one) { return one.path == path; });
  }

  const Scenario& scenario_;
  const Prepared& prepared_;
  const Unit& unit_;
  const SecretTexts& secrets_;
  Diagnostics& out_;
  const Component& one_;
  const ConfigTree& tree_;
  std::set<std::string> needed_; // of the root
  std::map<std::string, std::string> written_;
  ProgramPlan plan_;
};

} // namespace

std::string lasting_name(const std::string& what, const Component& of, const std::string& part) {
  constexpr std::size_t kDigits = 12, kMost = 30;
  const std::string who = of.provenance ? of.provenance->alias : of.moniker;
  // The place of an interposer in lists is in its moniker.
  const std::string name(of.provenance ? std::string_view() : local_name(of.moniker));
  const std::string shown = name + (part.empty() ? "" : "-" + part);
  std::string slug;
  for (const char c : shown) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain || (c == '-' && !slug.empty())) slug += c;
  }
  if (slug.size() > kMost) slug.resize(kMost);
  const auto digest = to_hex(sha256(who + '\0' + part)).substr(0, kDigits);
  return what + (slug.empty() ? "" : "-" + slug) + '-' + digest;
}

std::optional<ProgramPlan> plan_program(const Scenario& scenario, const Prepared& prepared,
                                        const Unit& unit, const SecretTexts& secrets,
                                        Diagnostics& out) {
  return Planner(scenario, prepared, unit, secrets, out).run();
}

} // namespace sluice::overlay
