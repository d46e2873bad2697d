#include "overlay/plan/interposer_config.hpp"

#include "overlay/manifest/template.hpp"
#include "policy/base/diagnostic.hpp"

#include <optional>
#include <set>
#include <utility>

namespace sluice::overlay {
namespace {

// Takes every string apart, and remembers which are known only when the scenario runs.
class ConfigStrings {
 public:
  ConfigStrings(const ConfigSchema* parent, const std::set<std::string>& root_paths) noexcept
      : parent_(parent), root_paths_(root_paths) {}

  void walk(const Json& value, const std::string& at) { // as deep as a document is
    if (value.is_string()) return check(value.get_ref<const std::string&>(), at);
    if (value.is_array()) {
      for (std::size_t i = 0; i < value.size(); ++i) walk(value[i], at + '/' + std::to_string(i));
    } else if (value.is_object()) {
      for (const auto& [key, item] : value.items()) walk(item, at + '/' + pointer_token(key));
    }
  }

  const std::set<std::string>& unknown() const noexcept { return unknown_; }
  std::vector<ConfigFault> take_faults() { return std::move(faults_); }

 private:
  static constexpr const char* kOnlyConfig = "write ${config.<path>}";

  void add(const std::string& at, std::string message, std::string hint = {}) {
    faults_.push_back({at, std::move(message), std::move(hint)});
  }

  void check(const std::string& text, const std::string& at) {
    if (!has_interpolation(text)) return;
    unknown_.insert(at);
    TemplateFault fault;
    const auto parts = parse_config_string(text, fault);
    if (!parts) return add(at, unquoted_message(fault), fault.hint);
    for (const TemplatePart& part : parts->parts) check_part(part, at);
  }

  void check_part(const TemplatePart& part, const std::string& at) {
    switch (part.kind) {
    case TemplatePart::Kind::literal: return;
    case TemplatePart::Kind::slot:
      return add(at, "${slots.…} has no meaning in a config", kOnlyConfig);
    case TemplatePart::Kind::item:
      return add(at, "${item.…} has no meaning in a config", kOnlyConfig);
    case TemplatePart::Kind::config:
    case TemplatePart::Kind::symbolic: break;
    }
    if (root_paths_.contains(part.text)) return;
    if (parent_ == nullptr) {
      return add(at, "the scope's component has no config_schema, and so no config to read");
    }
    if (const auto why = parent_->why_no_path(part.text)) {
      add(at, "in the scope's component " + *why);
    }
  }

  const ConfigSchema* parent_;
  const std::set<std::string>& root_paths_;
  std::set<std::string> unknown_;
  std::vector<ConfigFault> faults_;
};

} // namespace

std::vector<ConfigFault> check_interposer_config(const std::optional<Json>& config,
                                                 const ConfigSchema& schema,
                                                 const ConfigSchema* parent,
                                                 const ConfigChecks& checks) {
  Json value = config.value_or(Json::object());
  ConfigStrings strings(parent, checks.root_paths);
  strings.walk(value, "");
  auto faults = strings.take_faults();
  if (!faults.empty()) return faults;
  // Which keys there are is known, even where their values are not: none may be left out.
  schema.fill_defaults(value);
  ValidateOptions how;
  how.unknown = &strings.unknown();
  for (SchemaFault& one : schema.validate(value, how)) {
    faults.push_back({std::move(one.pointer), std::move(one.message), std::move(one.hint)});
  }
  if (faults.empty() && config && checks.compose) return checks.compose(*config, schema);
  return faults;
}

} // namespace sluice::overlay
