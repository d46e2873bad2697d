// The program of a component: an image, a local path, a virtual machine, or one of sluice's
// built-in interposers. The same type holds what a manifest says and what a plan says (lowered):
// there, `when` and `each` of endpoints and mounts are gone already. Strings are templates;
// conditions are kept. Tested by tests/unit/overlay/parse_program_test.cpp.
#pragma once

#include "overlay/manifest/capability.hpp"
#include "overlay/manifest/template.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::overlay {

// An item of entrypoint or args: left out while `when` is absent or null, repeated for `each`.
struct CommandItem {
  enum class Form : std::uint8_t { arg, argv };
  std::optional<PathRef> when, each;
  Form form = Form::arg;
  std::vector<Template> words;     // one for arg
  std::optional<std::string> join; // with each and arg
  bool operator==(const CommandItem&) const = default;
};

struct EnvValue {
  std::optional<PathRef> when, each;
  Template value;
  std::optional<std::string> join; // exactly with each
  bool operator==(const EnvValue&) const = default;
};

enum class Protocol : std::uint8_t { http, https, tcp };

inline constexpr std::array kProtocols = {Word<Protocol>{"http", Protocol::http},
                                          Word<Protocol>{"https", Protocol::https},
                                          Word<Protocol>{"tcp", Protocol::tcp}};
std::optional<Protocol> protocol_named(std::string_view word) noexcept;

struct Endpoint {
  std::optional<PathRef> when, each;
  Template name;
  std::variant<std::uint16_t, Template> port = std::uint16_t{0};
  Template protocol; // a literal is one of kProtocols
  bool operator==(const Endpoint&) const = default;
};

struct MountSource {
  enum class Kind : std::uint8_t { config, slot, resource, framework };
  Kind kind = Kind::config;
  std::string name; // a path of the config, "": all of it; else a name
  bool operator==(const MountSource&) const = default;
};
// "config", "config.x", "slots.x", "resources.x", "framework.x".
std::optional<MountSource> parse_mount_source(std::string_view text, TemplateFault& fault);
std::string to_string(const MountSource& source);

struct Mount {
  std::optional<PathRef> when, each;
  std::optional<Template> name;
  Template path;
  Template from;                     // what it says when it is a literal is in `source`
  std::optional<MountSource> source; // nullopt while `from` is no literal
  bool operator==(const Mount&) const = default;
};

struct VirtualMachine {
  std::variant<std::uint32_t, Template> cpus = std::uint32_t{0};
  std::variant<std::uint32_t, Template> memory_mib = std::uint32_t{0};
  std::optional<Template> user_data, vendor_data;
  bool egress = false; // "optional" instead of "none"
  bool operator==(const VirtualMachine&) const = default;
};

struct Program {
  enum class Form : std::uint8_t { image, path, vm, builtin };
  Form form = Form::image;
  Template location;                // image, path, vm: the image or the path
  std::vector<CommandItem> command; // image: entrypoint; path: args
  std::map<std::string, EnvValue> env;
  bool has_network = false; // the section is written
  std::vector<Endpoint> endpoints;
  std::vector<Mount> mounts;
  std::optional<VirtualMachine> vm;
  std::optional<Builtin> builtin;
  std::optional<Json> builtin_config; // as written
  bool operator==(const Program&) const = default;
};

// The one endpoint of a built-in interposer, http; nobody writes its section.
inline constexpr std::string_view kBuiltinEndpoint = "builtin";

// The endpoint of that literal name; null when there is none.
const Endpoint* endpoint_named(const Program& program, std::string_view name) noexcept;
// Its name when it is a literal; nullopt while it is not known.
std::optional<std::string> literal_of(const Template& value);

} // namespace sluice::overlay
