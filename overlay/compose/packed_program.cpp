#include "overlay/compose/packed_program.hpp"

#include "overlay/config/evaluate.hpp"
#include "overlay/config/root_values.hpp"
#include "overlay/manifest/json5.hpp"
#include "overlay/manifest/manifest_json.hpp"
#include "overlay/manifest/parse_context.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::overlay {
namespace {

constexpr std::string_view kStartCode = "runtime::invalid_program";

void tell(Diagnostics& out, std::string pointer, std::string message, std::string hint = {}) {
  Diagnostic problem;
  problem.file = "program.json";
  problem.pointer = std::move(pointer);
  problem.message = std::move(message);
  problem.hint = std::move(hint);
  problem.code = kStartCode;
  out.push_back(std::move(problem));
}

void cut(Json& value, const std::string& at, const SecretTexts& secrets, Json& out) {
  if (value.is_structured()) {
    for (const auto& [key, inner] : value.items())
      cut(inner, at + '/' + pointer_token(key), secrets, out);
  } else if (!value.is_null() && holds_secret(text_of(value), secrets)) {
    out[at] = std::exchange(value, nullptr);
  }
}

void replace_all(std::string& text, std::string_view what, char by) {
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1))
    text.replace(at, what.size(), 1, by);
}

Json* member_of(Json& value, std::string token) {
  if (value.is_array()) {
    const bool number = !token.empty() && token.size() < 9 &&
                        token.find_first_not_of("0123456789") == std::string::npos;
    std::size_t index = 0;
    for (const char c : token) index = index * 10 + static_cast<std::size_t>(c - '0');
    return number && index < value.size() ? &value[index] : nullptr;
  }
  replace_all(token, "~1", '/'); // RFC 6901 §4: in this order
  replace_all(token, "~0", '~');
  return value.is_object() && value.contains(token) ? &value[token] : nullptr;
}

Json* place_of(Json& document, const std::string& pointer) {
  Json* here = &document;
  for (std::size_t at = 0; at < pointer.size() && here != nullptr;) {
    if (pointer[at] != '/') return nullptr;
    const auto end = std::min(pointer.find('/', at + 1), pointer.size());
    here = member_of(*here, pointer.substr(at + 1, end - at - 1));
    at = end;
  }
  return here;
}

// One key after the other; what nobody asked for is an error at the end.
class PackedParser {
 public:
  PackedParser(const Json& document, Diagnostics& out) : document_(document), out_(out) {}

  std::optional<PackedProgram> run() {
    const auto before = out_.size();
    PackedProgram made;
    if (!document_.is_object()) return tell(out_, "", "expected a map"), std::nullopt;
    made.moniker = text("moniker");
    made.cut_file = text("cut_file");
    auto tree = parse_tree(member("config"));
    if (!tree) tell(out_, "/config", "this is no config");
    made.config = std::move(tree).value_or(ConfigTree());
    made.schema = schema("schema");
    made.root_schema = schema("root_schema");
    made.program = program();
    made.secret_files = texts("secret_files");
    made.files = texts("files");
    slots(made);
    finish();
    if (out_.size() != before) return std::nullopt;
    return made;
  }

 private:
  const Json& member(const std::string& key) {
    static const Json kNothing;
    known_.insert(key);
    const auto found = document_.find(key);
    if (found != document_.end()) return *found;
    tell(out_, "", "the key " + key + " is missing");
    return kNothing;
  }

  std::string text(const std::string& key) {
    const Json& value = member(key);
    if (value.is_string()) return value.get<std::string>();
    tell(out_, '/' + key, "expected a text");
    return "";
  }

  std::map<std::string, std::string> texts(const std::string& key) {
    std::map<std::string, std::string> out;
    const Json& value = member(key);
    if (!value.is_object()) tell(out_, '/' + key, "expected a map");
    if (!value.is_object()) return out;
    for (const auto& [name, one] : value.items()) {
      if (!one.is_string()) tell(out_, '/' + key + '/' + pointer_token(name), "expected a text");
      if (one.is_string()) out[name] = one.get<std::string>();
    }
    return out;
  }

  std::optional<ConfigSchema> schema(const std::string& key) {
    const Json& value = member(key);
    if (value.is_null()) return std::nullopt;
    std::vector<SchemaFault> faults;
    auto out = ConfigSchema::parse(value, faults);
    for (const SchemaFault& one : faults) tell(out_, '/' + key + one.pointer, one.message);
    return out;
  }

  Program program() {
    Diagnostics found;
    const auto document = parse_json5(member("program").dump(), "program.json", found);
    std::optional<Program> out;
    if (document) {
      const ReadFile no_files;
      ParseContext context(*document, no_files, Quote::nothing);
      Manifest around;
      out = parse_program(context.root(), context, around);
      for (Diagnostic& one : context.take()) found.push_back(std::move(one));
    }
    for (Diagnostic& one : found) {
      if (one.level == Diagnostic::Level::error) tell(out_, "/program" + one.pointer, one.message);
    }
    if (!out && !has_errors(found)) tell(out_, "/program", "this is no program");
    return std::move(out).value_or(Program());
  }

  void slots(PackedProgram& made) {
    const Json& value = member("slots");
    if (!value.is_object()) return tell(out_, "/slots", "expected a map");
    for (const auto& [name, urls] : value.items()) {
      const bool texts = urls.is_array() && std::all_of(urls.begin(), urls.end(),
                                                        [](auto& one) { return one.is_string(); });
      if (!texts) tell(out_, "/slots/" + pointer_token(name), "expected a list of texts");
      if (texts) made.slots[name] = urls.template get<std::vector<std::string>>();
    }
  }

  void finish() {
    if (const Json& version = member("version"); version != 1)
      tell(out_, "/version", "this version is not known", "make the files anew");
    for (const auto& [key, value] : document_.items()) {
      if (!known_.contains(key))
        tell(out_, '/' + pointer_token(key), "nothing is known by this key");
    }
  }

  const Json& document_;
  Diagnostics& out_;
  std::set<std::string> known_;
};

// Of the root, with all that is needed; what is wrong with them is told.
Json values_of(const PackedProgram& packed, const std::map<std::string, std::string>& variables,
               Diagnostics& out) {
  const auto* root = packed.root_schema ? &*packed.root_schema : nullptr;
  auto read = read_root_values(root, variables);
  for (const ConfigFault& one : read.faults)
    tell(out, "", "config" + one.pointer + ": " + one.message);
  std::set<std::string> needed;
  collect_runtime_paths(packed.config, needed);
  const auto missing =
      root != nullptr ? missing_inputs(*root, read.values, needed) : std::vector<RootInput>();
  if (!missing.empty()) tell(out, "", "these inputs have no value: " + shown_inputs(missing));
  return std::move(read.values);
}

ExpandInput input_of(const PackedProgram& packed, const Json& config) {
  std::vector<std::string> names;
  for (const auto& one : packed.slots) names.push_back(one.first);
  return {config, std::move(names), [&packed](const std::string& slot) {
            const auto found = packed.slots.find(slot);
            return found == packed.slots.end() ? std::vector<std::string>() : found->second;
          }};
}

} // namespace

// Of less than three bytes everything would be one.
bool holds_secret(std::string_view text, const SecretTexts& secrets) {
  constexpr std::size_t kShortest = 3;
  return std::any_of(secrets.begin(), secrets.end(), [text](const std::string& one) {
    return one.size() < kShortest ? text == one : text.find(one) != std::string_view::npos;
  });
}

Json packed_json(const PackedProgram& of) {
  Json slots = Json::object();
  for (const auto& [name, urls] : of.slots) slots[name] = urls;
  return {{"version", 1},
          {"moniker", of.moniker},
          {"config", tree_json(of.config)},
          {"schema", of.schema ? of.schema->json() : Json(nullptr)},
          {"root_schema", of.root_schema ? of.root_schema->json() : Json(nullptr)},
          {"program", program_json(of.program)},
          {"slots", std::move(slots)},
          {"secret_files", Json(of.secret_files)},
          {"files", Json(of.files)},
          {"cut_file", of.cut_file}};
}

Json cut_secrets(Json& document, const SecretTexts& secrets) {
  Json out = Json::object();
  for (const char* key : {"config", "schema", "root_schema", "program"}) {
    if (const auto found = document.find(key); found != document.end())
      cut(*found, std::string("/") + key, secrets, out);
  }
  return out;
}

std::optional<Json> put_back(Json document, const Json& cut_out) {
  if (!cut_out.is_object()) return std::nullopt;
  for (const auto& [pointer, value] : cut_out.items()) {
    Json* here = place_of(document, pointer);
    if (here == nullptr || !here->is_null()) return std::nullopt;
    *here = value;
  }
  return document;
}

std::optional<PackedProgram> parse_packed(const Json& document, Diagnostics& out) {
  return PackedParser(document, out).run();
}

std::optional<StartedProgram> start_of(const PackedProgram& packed,
                                       const std::map<std::string, std::string>& variables,
                                       Diagnostics& out) {
  const auto before = out.size();
  const auto values = values_of(packed, variables, out);
  if (out.size() != before) return std::nullopt;
  std::vector<ConfigFault> faults;
  const auto* schema = packed.schema ? &*packed.schema : nullptr;
  const auto config = evaluate_config(packed.config, values, schema, faults);
  StartedProgram made;
  if (config) {
    if (auto program = expand_program(packed.program, input_of(packed, *config), faults))
      made.program = std::move(*program);
    for (const auto& [path, from] : packed.files) {
      if (const Json* value = value_at_path(*config, from)) {
        made.files[path] = text_of(*value);
      } else {
        std::string why = "config.";
        why.append(from).append(" has no value and is mounted at ").append(path);
        faults.push_back({"", std::move(why), ""});
      }
    }
  }
  for (const ConfigFault& one : faults) tell(out, one.pointer, one.message, one.hint);
  if (out.size() != before) return std::nullopt;
  return made;
}

} // namespace sluice::overlay
