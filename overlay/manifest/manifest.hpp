// One Amber manifest as typed values: what parse_manifest.hpp has read and checked. One file, one
// component. Names, kinds and references are valid on their own; what they mean beyond this file
// (children's slots and exports, environments' resolvers) is not looked at. Strings of programs are
// taken apart, nothing is filled in. Maps are in the order of names, as Amber goes through them;
// lists keep the author's order.
//
// Elements carry no place. Who reports one says its pointer, and problem_at finds the line:
//   out.push_back(problem_at(manifest, "/bindings/2/from", "no such export"));
// Tested by tests/unit/overlay/parse_manifest_test.cpp.
#pragma once

#include "overlay/manifest/config_schema.hpp"
#include "overlay/manifest/json_value.hpp"
#include "overlay/manifest/program.hpp"
#include "overlay/manifest/selector.hpp"

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::overlay {

struct Version {
  std::uint32_t major = 0, minor = 0, patch = 0;
  auto operator<=>(const Version&) const = default;
};
std::string to_string(const Version& version);

enum class Feature : std::uint8_t { docker, kvm };
std::string_view to_string(Feature feature) noexcept;

struct ManifestRef {
  std::string url;                   // absolute, or relative to this manifest's own
  std::optional<std::string> digest; // "sha256:<base64>" of 32 bytes
  bool is_relative() const noexcept; // has no scheme
  bool operator==(const ManifestRef&) const = default;
};

struct ComponentDecl {
  ManifestRef manifest;
  std::optional<Json> config; // as written, its strings not taken apart; never null
  std::optional<std::string> environment;
  bool operator==(const ComponentDecl&) const = default;
};

// An overlay without a program: which edges of the scope get which built-in interposer. Referred to
// as "#<use>.apply".
struct DeclarativeOverlay {
  Builtin builtin = Builtin::policy;
  Selector select;
  std::optional<Json> config; // as written
  bool operator==(const DeclarativeOverlay&) const = default;
};
inline constexpr std::string_view kDeclarativeExport = "apply";

using UseDecl = std::variant<ComponentDecl, DeclarativeOverlay>;

struct Slot {
  Capability capability;
  bool optional = false;
  bool multiple = false;
  bool operator==(const Slot&) const = default;
};

struct Provide {
  Capability capability;
  std::optional<std::string> endpoint; // never absent in a manifest, where there is no storage
  bool operator==(const Provide&) const = default;
};

struct Resource { // kind storage, the only one
  std::optional<Template> size, retention, sharing;
  bool operator==(const Resource&) const = default;
};

// Where a capability comes from.
struct SourceRef {
  enum class Kind : std::uint8_t { child_export, provide, slot, resource, framework };
  Kind kind = Kind::child_export;
  std::string child; // of child_export
  std::string name;
  bool operator==(const SourceRef&) const = default;
};
std::string to_string(const SourceRef& source); // "#child.export", "slots.x", …

struct Binding { // to #child.slot
  std::string child;
  std::string slot;
  SourceRef from;
  bool weak = false;
  bool operator==(const Binding&) const = default;
};

struct OverlayRef {
  std::string use;
  std::string export_name;
  bool operator==(const OverlayRef&) const = default;
};

struct Environment {
  std::optional<std::string> extends;
  std::vector<std::string> resolvers;
  bool operator==(const Environment&) const = default;
};

// Read and valid, but of a kind that no stage of ours carries out.
struct Unsupported {
  std::string pointer;
  std::string what; // "a program in a virtual machine"
  bool operator==(const Unsupported&) const = default;
};

struct Manifest {
  std::shared_ptr<const Document> document; // what it was read from; null when it was made up
  Version version;
  std::set<Feature> features;
  std::optional<Program> program;
  std::map<std::string, ComponentDecl> components;
  std::map<std::string, UseDecl> uses;
  std::map<std::string, Environment> environments;
  std::optional<ConfigSchema> config_schema;
  std::map<std::string, Slot> slots;
  std::map<std::string, Provide> provides;
  std::map<std::string, Resource> resources;
  std::map<std::string, Json> child_templates; // as written
  std::vector<Binding> bindings;
  std::vector<OverlayRef> overlays;
  std::map<std::string, SourceRef> exports; // child_export, provide or slot
  std::optional<Json> metadata;
  std::vector<Unsupported> unsupported;
  std::string digest; // "sha256:<base64>" of manifest_json without metadata
};

struct Place {
  int line = 0, column = 0; // from 1; 0: unknown
};

// Of what a pointer (RFC 6901) names, or of the nearest thing around it that is there.
Place place_of(const Document& document, std::string_view pointer);
// The same for the key under which it stands.
Place place_of_key(const Document& document, std::string_view pointer);
Diagnostic problem_at(const Manifest& manifest, std::string pointer, std::string message,
                      std::string hint = {}, std::string code = {});

} // namespace sluice::overlay
