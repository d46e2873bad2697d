// Any bytes as a manifest: no crash, and either a manifest or an error. A manifest written out
// reads as itself, with its digest.
#include "overlay/manifest/manifest_json.hpp"
#include "overlay/manifest/parse_manifest.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace sluice;

void require(bool holds) {
  if (!holds) std::abort();
}

Result<std::string> sidecar(const std::string& name) {
  if (name.size() > 8) return make_error(Origin::config, "not_found", "no such file");
  return "-c '" + name + "' ${config.a}";
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Diagnostics problems;
  const auto manifest = overlay::parse_manifest(text, "m", sidecar, problems);
  require(manifest.has_value() == !has_errors(problems));
  if (!manifest) return 0;
  const std::string written = overlay::canonical_json(overlay::manifest_json(*manifest));
  problems.clear();
  const auto again = overlay::parse_manifest(written, "m", sidecar, problems);
  require(again.has_value());
  require(again->digest == manifest->digest);
  require(again->program == manifest->program);
  if (!manifest->config_schema) return 0;
  overlay::Json value = overlay::Json::object();
  manifest->config_schema->fill_defaults(value);
  (void)manifest->config_schema->validate(value);
  for (const auto& leaf : manifest->config_schema->leaves()) {
    require(manifest->config_schema->has_path(leaf.path));
    (void)manifest->config_schema->subschema(leaf.path);
  }
  return 0;
}
