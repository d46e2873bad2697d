#include "overlay/manifest/config_schema.hpp"
#include "overlay/manifest/config_schema_body.hpp"
#include "policy/base/diagnostic.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sluice::overlay {
namespace {

constexpr std::size_t kMaxJudgements = 5'000'000; // one value by one schema or word of it
constexpr int kMaxValueDepth = 128;

std::size_t characters(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

// 1.0 is an integer (2020-12 Core §4.2.3).
bool is_whole(const Json& value) {
  if (value.is_number_integer()) return true;
  return value.is_number_float() && std::trunc(value.get<double>()) == value.get<double>();
}

bool is_of_type(const Json& value, std::string_view type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_boolean();
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "number") return value.is_number();
  if (type == "string") return value.is_string();
  return is_whole(value);
}

bool is_of_any_type(const Json& value, const Json& types) {
  if (types.is_string()) return is_of_type(value, types.get_ref<const std::string&>());
  return std::any_of(types.begin(), types.end(), [&](const Json& one) {
    return is_of_type(value, one.get_ref<const std::string&>());
  });
}

std::string words_of(const Json& types) {
  if (types.is_string()) return types.get<std::string>();
  std::string out;
  for (const Json& one : types) out += (out.empty() ? "" : " or ") + one.get<std::string>();
  return out;
}

// Exact for every number: nlohmann's own comparison takes large unsigned ones for negative.
long double exact(const Json& number) {
  if (number.is_number_unsigned()) return number.get<std::uint64_t>();
  if (number.is_number_integer()) return number.get<std::int64_t>();
  return number.get<double>();
}

bool is_same(const Json& a, const Json& b) {
  return a.is_number() && b.is_number() ? exact(a) == exact(b) : a == b;
}

bool is_multiple(const Json& value, const Json& of) {
  if (value.is_number_integer() && of.is_number_integer()) {
    return std::fmod(exact(value), exact(of)) == 0;
  }
  const double times = value.get<double>() / of.get<double>();
  return std::isfinite(times) && std::fabs(times - std::round(times)) <= 1e-9 * std::fabs(times);
}

bool has_twins(const Json& list) {
  std::vector<const Json*> items;
  for (const Json& one : list) items.push_back(&one);
  std::sort(items.begin(), items.end(), [](const Json* a, const Json* b) { return *a < *b; });
  return std::adjacent_find(items.begin(), items.end(),
                            [](const Json* a, const Json* b) { return *a == *b; }) != items.end();
}

class ValueCheck {
 public:
  ValueCheck(const ConfigSchema::Body& body, const ValidateOptions& how) noexcept
      : body_(body), how_(how) {}

  std::vector<SchemaFault> run(const Json& value) {
    judge(value, body_.json, "", 0);
    if (spent_ > kMaxJudgements) faults_.push_back({"", "the value takes too long to check", ""});
    return std::move(faults_);
  }

 private:
  void add(const std::string& pointer, std::string message, std::string hint = {}) {
    ++found_;
    if (quiet_ == 0 && faults_.size() < kMaxSchemaFaults) {
      faults_.push_back({pointer, std::move(message), std::move(hint)});
    }
  }

  // Whether it, or something in it, is not known yet.
  bool is_open(const std::string& at) const {
    if (how_.unknown == nullptr || how_.unknown->empty()) return false;
    if (how_.unknown->contains(at)) return true;
    const auto below = how_.unknown->lower_bound(at + '/');
    return below != how_.unknown->end() && below->starts_with(at + '/');
  }

  void judge(const Json& value, const Json& schema, const std::string& at, int depth) {
    if (++spent_ > kMaxJudgements) return;
    if (how_.unknown != nullptr && how_.unknown->contains(at)) return;
    if (depth > kMaxValueDepth) return add(at, "the value is nested too deeply");
    if (schema.is_boolean()) {
      if (!schema.get<bool>()) add(at, "no value may stand here");
      return;
    }
    const SchemaNodes applied = applied_schemas(body_.json, {&schema});
    spent_ += applied.size();
    for (const Json* one : applied) {
      if (one->is_boolean()) {
        if (!one->get<bool>()) add(at, "no value may stand here");
        continue;
      }
      judge_any(value, *one, at);
      if (value.is_object()) judge_object(value, *one, at, depth);
      if (value.is_array()) judge_list(value, *one, at, depth);
      if (value.is_string()) judge_string(value, *one, at);
      if (value.is_number()) judge_number(value, *one, at);
    }
  }

  bool is_one_of(const Json& value, const Json& list) {
    spent_ += list.size();
    return std::any_of(list.begin(), list.end(),
                       [&](const Json& one) { return is_same(one, value); });
  }

  void judge_any(const Json& value, const Json& schema, const std::string& at) {
    if (const Json* types = keyword(schema, "type"); types && !is_of_any_type(value, *types)) {
      add(at, "expected " + words_of(*types) + ", found " + std::string(value.type_name()));
    }
    if (is_open(at)) return; // what is compared as a whole
    if (const Json* list = keyword(schema, "enum"); list && !is_one_of(value, *list)) {
      add(at, "the value is not one of those in enum");
    }
    if (const Json* only = keyword(schema, "const"); only && !is_same(*only, value)) {
      add(at, "the value is not the one in const");
    }
  }

  // A count against two keywords.
  void judge_count(std::size_t count, const Json& schema, const char* least, const char* most,
                   const std::string& what, const std::string& at) {
    if (const Json* min = keyword(schema, least);
        min && static_cast<long double>(count) < exact(*min)) {
      add(at, "must have at least " + min->dump() + ' ' + what);
    }
    if (const Json* max = keyword(schema, most);
        max && static_cast<long double>(count) > exact(*max)) {
      add(at, "must have at most " + max->dump() + ' ' + what);
    }
  }

  void judge_object(const Json& value, const Json& schema, const std::string& at, int depth) {
    judge_count(value.size(), schema, "minProperties", "maxProperties", "properties", at);
    if (const Json* required = keyword(schema, "required"); required && !how_.ignore_required) {
      spent_ += required->size();
      for (const Json& name : *required) {
        const auto& key = name.get_ref<const std::string&>();
        if (!value.contains(key)) add(at, "the property \"" + key.substr(0, 40) + "\" is missing");
      }
    }
    const Json* properties = keyword(schema, "properties");
    const Json* additional = keyword(schema, "additionalProperties");
    const bool closed = additional != nullptr && !additional->get<bool>();
    for (const auto& [name, item] : value.items()) {
      const std::string here = at + '/' + pointer_token(name);
      const Json* property = nullptr;
      if (properties != nullptr) {
        const auto found = properties->find(name);
        if (found != properties->end()) property = &*found;
      }
      if (property != nullptr) {
        judge(item, *property, here, depth + 1);
      } else if (closed) {
        add(here, "the schema has no such property");
      }
    }
  }

  void judge_list(const Json& value, const Json& schema, const std::string& at, int depth) {
    judge_count(value.size(), schema, "minItems", "maxItems", "items", at);
    if (const Json* unique = keyword(schema, "uniqueItems");
        unique && unique->get<bool>() && !is_open(at) && has_twins(value)) {
      add(at, "two items are the same");
    }
    const Json* first = keyword(schema, "prefixItems");
    const Json* rest = keyword(schema, "items");
    const std::size_t fixed = first == nullptr ? 0 : first->size();
    for (std::size_t i = 0; i < value.size(); ++i) {
      const std::string here = at + '/' + std::to_string(i);
      if (i < fixed) {
        judge(value[i], (*first)[i], here, depth + 1);
      } else if (rest != nullptr) {
        judge(value[i], *rest, here, depth + 1);
      }
    }
    if (const Json* one = keyword(schema, "contains"))
      judge_contains(value, schema, *one, at, depth);
  }

  void judge_contains(const Json& value, const Json& schema, const Json& one, const std::string& at,
                      int depth) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const std::string here = at + '/' + std::to_string(i);
      // What is not known yet may be the one.
      if (is_open(here)) return;
      if (matches(value[i], one, here, depth + 1)) ++count;
    }
    const Json* least = keyword(schema, "minContains");
    if (least == nullptr ? count == 0 : static_cast<long double>(count) < exact(*least)) {
      add(at, "too few items are as contains wants them");
    }
    if (const Json* most = keyword(schema, "maxContains");
        most && static_cast<long double>(count) > exact(*most)) {
      add(at, "too many items are as contains describes them");
    }
  }

  bool matches(const Json& value, const Json& schema, const std::string& at, int depth) {
    const std::size_t before = found_;
    ++quiet_;
    judge(value, schema, at, depth);
    --quiet_;
    const bool fits = found_ == before;
    found_ = before;
    return fits;
  }

  void judge_string(const Json& value, const Json& schema, const std::string& at) {
    const auto& text = value.get_ref<const std::string&>();
    judge_count(characters(text), schema, "minLength", "maxLength", "characters", at);
    if (const Json* pattern = keyword(schema, "pattern")) {
      const auto compiled = body_.patterns.find(pattern->get_ref<const std::string&>());
      if (compiled == body_.patterns.end() || !re2::RE2::PartialMatch(text, *compiled->second)) {
        add(at, "the value does not match the pattern");
      }
    }
  }

  void judge_number(const Json& value, const Json& schema, const std::string& at) {
    const auto want = [&](const char* name, const char* words, auto holds) {
      const Json* bound = keyword(schema, name);
      if (bound != nullptr && !holds(value, *bound)) add(at, words + bound->dump());
    };
    want("minimum", "must be at least ",
         [](const Json& a, const Json& b) { return exact(a) >= exact(b); });
    want("maximum", "must be at most ",
         [](const Json& a, const Json& b) { return exact(a) <= exact(b); });
    want("exclusiveMinimum", "must be above ",
         [](const Json& a, const Json& b) { return exact(a) > exact(b); });
    want("exclusiveMaximum", "must be below ",
         [](const Json& a, const Json& b) { return exact(a) < exact(b); });
    want("multipleOf", "must be a multiple of ", is_multiple);
  }

  const ConfigSchema::Body& body_;
  const ValidateOptions& how_;
  std::vector<SchemaFault> faults_;
  std::size_t found_ = 0; // quiet ones, too
  std::size_t spent_ = 0;
  int quiet_ = 0;
};

} // namespace

std::vector<SchemaFault> ConfigSchema::validate(const Json& value,
                                                const ValidateOptions& how) const {
  return ValueCheck(*body_, how).run(value);
}

} // namespace sluice::overlay
