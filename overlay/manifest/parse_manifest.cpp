#include "overlay/manifest/parse_manifest.hpp"

#include "overlay/manifest/json5.hpp"
#include "overlay/manifest/manifest_json.hpp"
#include "overlay/manifest/parse_context.hpp"
#include "policy/base/bytes.hpp"

#include <array>
#include <charconv>
#include <iterator>

namespace sluice::overlay {
namespace {

constexpr Version kFirstVersion{0, 1, 0};
constexpr Version kEndVersion{1, 0, 0};

struct WrittenVersion {
  Version version;
  bool prerelease = false;
};

// semver.org 2.0.0 §2, §9, §10.
std::optional<WrittenVersion> read_version(std::string_view text) {
  WrittenVersion out;
  for (std::uint32_t* part : {&out.version.major, &out.version.minor, &out.version.patch}) {
    if (part != &out.version.major) {
      if (text.empty() || text.front() != '.') return std::nullopt;
      text.remove_prefix(1);
    }
    if (text.size() > 1 && text[0] == '0' && is_digit(text[1])) return std::nullopt;
    if (text.empty() || !is_digit(text[0])) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *part);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  if (text.empty()) return out;
  out.prerelease = text.front() == '-';
  constexpr std::string_view kLetters =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-.+";
  const bool marked = text.front() == '-' || text.front() == '+';
  const bool known = text.find_first_not_of(kLetters) == std::string_view::npos;
  if (!marked || text.size() == 1 || !known) return std::nullopt;
  return out;
}

void parse_version(Reader& root, ParseContext& context, Manifest& out) {
  Reader at = root.required("manifest_version");
  const auto text = at.string();
  if (!text) return;
  const auto version = read_version(*text);
  if (!version) {
    at.error(at.quoted() + " is not a version", "write one such as \"0.4.0\"");
    return;
  }
  const bool in_range = version->version >= kFirstVersion && version->version < kEndVersion;
  if (!in_range || version->prerelease) {
    context.error(Phase::version, at.pointer(), "unsupported_version",
                  "the version " + quoted_name(*text) + " is not read",
                  "known: from 0.1.0 to below 1.0.0");
  }
  out.version = context.version = version->version;
}

void parse_features(Reader& root, Manifest& out) {
  constexpr std::array kFeatures = {Word<Feature>{"docker", Feature::docker},
                                    Word<Feature>{"kvm", Feature::kvm}};
  for (Reader& at : root.at("experimental_features").items()) {
    const Node* node = at.node();
    if (node->text == "governance" || node->text == "policies") {
      at.error(at.quoted() + " is not one of docker or kvm",
               "it was renamed: overlays need no feature, only manifest_version 0.4.0");
    } else if (const auto feature = at.one_of(kFeatures);
               feature && out.features.insert(*feature).second) {
      out.unsupported.push_back({at.pointer(), "the experimental feature " + node->text});
    }
  }
}

void parse_environments(Reader& root, ParseContext& context, Manifest& out) {
  for (auto& [name, at] : root.at("environments").members()) {
    context.check_name(Phase::environment_names, at.pointer(), "environment", name);
    Environment made;
    Reader extends = at.at("extends");
    if (extends.present() && extends.node()->kind != Node::Kind::null) {
      made.extends = extends.string();
    }
    made.resolvers = at.at("resolvers").strings();
    at.finish();
    out.environments.emplace(name, std::move(made));
  }
}

void parse_config_schema(Reader& root, ParseContext& context, Manifest& out) {
  Reader at = root.at("config_schema");
  if (!at.present() || at.node()->kind == Node::Kind::null) return;
  std::vector<SchemaFault> faults;
  out.config_schema = ConfigSchema::parse(to_json(*at.node()), faults);
  for (SchemaFault& fault : faults) {
    context.error(Phase::config_schema, at.pointer() + fault.pointer, "invalid_config_schema",
                  std::move(fault.message), std::move(fault.hint));
  }
}

void refuse_old_names(Reader& root) {
  root.renamed("policies", "overlays");
}

Manifest read_all(Reader& root, ParseContext& context) {
  Manifest out;
  parse_version(root, context, out);
  parse_features(root, out);
  if (Reader program = root.at("program");
      program.present() && program.node()->kind != Node::Kind::null) {
    out.program = parse_program(program, context, out);
  }
  parse_config_schema(root, context, out);
  parse_components(root, context, out);
  parse_environments(root, context, out);
  parse_capabilities(root, context, out);
  parse_wiring(root, context, out);
  if (Reader metadata = root.at("metadata");
      metadata.present() && metadata.node()->kind != Node::Kind::null) {
    out.metadata = to_json(*metadata.node());
  }
  refuse_old_names(root);
  root.finish();
  return out;
}

} // namespace

std::optional<Manifest> parse_manifest(Document document, const ReadFile& read_file,
                                       Diagnostics& out) {
  const auto kept = std::make_shared<const Document>(std::move(document));
  ParseContext context(*kept, read_file);
  Reader root = context.root();
  if (!kept->root.is_map()) {
    root.error("a manifest is an object", "begin with { manifest_version: \"0.4.0\" }");
  }
  Manifest manifest = kept->root.is_map() ? read_all(root, context) : Manifest();
  manifest.document = kept;
  if (kept->root.is_map()) check_manifest(context, manifest);
  Diagnostics found = context.take();
  const bool refused = has_errors(found);
  std::move(found.begin(), found.end(), std::back_inserter(out));
  if (refused) return std::nullopt;
  lint_manifest(context, manifest);
  found = context.take();
  std::move(found.begin(), found.end(), std::back_inserter(out));
  manifest.digest = manifest_digest(manifest);
  return manifest;
}

std::optional<Manifest> parse_manifest(std::string_view text, std::string file,
                                       const ReadFile& read_file, Diagnostics& out) {
  auto document = parse_json5(text, std::move(file), out);
  if (!document) return std::nullopt;
  return parse_manifest(std::move(*document), read_file, out);
}

} // namespace sluice::overlay
