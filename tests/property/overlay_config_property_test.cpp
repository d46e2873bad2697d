// What a program gets must not depend on when its config is known: configs composed level by level
// and then evaluated are those that one gets by filling in each level's values by hand.
#include "overlay/config/evaluate.hpp"
#include "overlay/manifest/template.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <random>

namespace {

using namespace sluice::overlay;

constexpr std::array kNames = {"a", "b", "c"};

class Writer {
 public:
  explicit Writer(std::mt19937& random) : random_(random) {}

  Json config() {
    Json out = Json::object();
    for (const char* name : kNames) {
      if (one_of(4) > 0) out[name] = value(2);
    }
    return out;
  }

  Json known(int depth) { // without references
    switch (one_of(depth > 0 ? 6 : 4)) {
    case 0: return one_of(100);
    case 1: return one_of(2) == 0;
    case 2: return nullptr;
    case 3: return "v" + std::to_string(one_of(10));
    case 4: return {known(depth - 1), known(depth - 1)};
    default: return {{kNames[one_of(3)], known(depth - 1)}};
    }
  }

 private:
  std::size_t one_of(std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_);
  }

  std::string path() {
    std::string out = kNames[one_of(3)];
    if (one_of(4) == 0) out += std::string(".") + kNames[one_of(3)];
    return out;
  }

  Json value(int depth) {
    switch (one_of(depth > 0 ? 7 : 4)) {
    case 0: return known(1);
    case 1:
    case 2: return "${config." + path() + '}';
    case 3: return "<${config." + path() + "}-${config." + path() + "}>";
    case 4: return {value(depth - 1), value(depth - 1)};
    default: return {{kNames[one_of(3)], value(depth - 1)}, {"z", value(depth - 1)}};
    }
  }

  std::mt19937& random_;
};

// nullopt: the oracle has no opinion.
std::optional<Json> filled(const Json& written, const Json& around) {
  if (written.is_string()) {
    TemplateFault none;
    const auto parts = parse_config_string(written.get<std::string>(), none);
    if (parts->parts.size() == 1 && !parts->is_literal()) {
      const Json* found = value_at_path(around, parts->parts[0].text);
      return found == nullptr ? std::nullopt : std::optional(*found);
    }
    std::string out;
    for (const TemplatePart& part : parts->parts) {
      const Json* found =
          part.kind == TemplatePart::Kind::literal ? nullptr : value_at_path(around, part.text);
      if (found == nullptr && part.kind != TemplatePart::Kind::literal) return std::nullopt;
      out += found == nullptr ? part.text : text_of(*found);
    }
    return out;
  }
  Json out = written;
  if (!written.is_structured()) return out;
  for (auto& item : out) {
    auto value = filled(item, around);
    if (!value) return std::nullopt;
    item = *std::move(value);
  }
  return out;
}

ConfigSchema any_schema() {
  Json text = {{"type", "object"}, {"properties", Json::object()}};
  for (const char* name : kNames) {
    text["properties"][name] = {
        {"type", {"object", "array", "string", "number", "boolean", "null"}},
        {"properties", Json::object()}};
    for (const char* inner : kNames) text["properties"][name]["properties"][inner] = Json::object();
  }
  std::vector<SchemaFault> faults;
  auto out = ConfigSchema::parse(std::move(text), faults);
  BOOST_TEST_REQUIRE(out.has_value(), (faults.empty() ? "" : faults[0].message));
  return *std::move(out);
}

BOOST_AUTO_TEST_CASE(composed_configs_are_those_of_each_level_filled_in) {
  std::mt19937 random(20260917);
  Writer writer(random);
  const ConfigSchema schema = any_schema();
  int compared = 0;
  for (int round = 0; round < 20'000; ++round) {
    Json values = Json::object();
    for (const char* name : kNames) values[name] = writer.known(2);
    ConfigTree tree = root_config(&schema);
    Json wanted = values;
    for (int level = 0; level < 9; ++level) { // those that do not compose leave it as it is
      const Json written = writer.config();
      ConfigBudget budget;
      std::vector<ConfigFault> faults;
      auto next = compose_config(&written, {&tree, &schema}, nullptr, budget, faults);
      auto by_hand = filled(written, wanted);
      if (!next || !by_hand) continue;
      tree = *std::move(next);
      wanted = *std::move(by_hand);
    }
    std::vector<ConfigFault> faults;
    const auto found = evaluate_config(tree, values, faults);
    if (!found) continue; // a list in a string
    ++compared;
    BOOST_TEST_REQUIRE((*found == wanted), shown_config(tree).dump() << '\n'
                                                                     << found->dump() << '\n'
                                                                     << wanted.dump());
  }
  BOOST_TEST(compared > 5000);
}

} // namespace
