#include "overlay/manifest/program.hpp"

#include <algorithm>
#include <utility>

namespace sluice::overlay {
namespace {

struct SourceWord {
  std::string_view prefix;
  MountSource::Kind kind;
};

constexpr std::array kMountSources = {SourceWord{"config", MountSource::Kind::config},
                                      SourceWord{"slots", MountSource::Kind::slot},
                                      SourceWord{"resources", MountSource::Kind::resource},
                                      SourceWord{"framework", MountSource::Kind::framework}};

} // namespace

std::optional<Protocol> protocol_named(std::string_view word) noexcept {
  for (const auto& one : kProtocols) {
    if (one.text == word) return one.value;
  }
  return std::nullopt;
}

std::optional<MountSource> parse_mount_source(std::string_view text, TemplateFault& fault) {
  const auto dot = text.find('.');
  const std::string_view name =
      dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
  const bool gap = name.empty() || name.front() == '.' || name.back() == '.' ||
                   name.find("..") != std::string_view::npos;
  for (const SourceWord& word : kMountSources) {
    if (text.substr(0, dot) != word.prefix) continue;
    const bool whole = dot == std::string_view::npos && word.kind == MountSource::Kind::config;
    const bool nested = word.kind != MountSource::Kind::config && name.find('.') != name.npos;
    if ((gap && !whole) || nested) break;
    return MountSource{word.kind, std::string(name)};
  }
  fault = {"manifest::invalid_mount_source", "nothing can be mounted from there",
           "write config, config.<path>, slots.<slot>, resources.<name> or framework.<name>"};
  return std::nullopt;
}

std::string to_string(const MountSource& source) {
  std::string out;
  for (const SourceWord& word : kMountSources) {
    if (word.kind == source.kind) out = word.prefix;
  }
  return source.name.empty() ? out : out + '.' + source.name;
}

std::optional<std::string> literal_of(const Template& value) {
  if (!value.is_literal()) return std::nullopt;
  return value.parts.empty() ? std::string() : value.parts.front().text;
}

const Endpoint* endpoint_named(const Program& program, std::string_view name) noexcept {
  const auto found =
      std::find_if(program.endpoints.begin(), program.endpoints.end(), [&](const Endpoint& one) {
        return one.name.parts.size() == 1 && one.name.is_literal() &&
               one.name.parts.front().text == name;
      });
  return found == program.endpoints.end() ? nullptr : &*found;
}

} // namespace sluice::overlay
