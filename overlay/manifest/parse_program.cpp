#include "overlay/manifest/parse_context.hpp"
#include "overlay/manifest/shell_words.hpp"

#include <limits>
#include <set>

namespace sluice::overlay {
namespace {

constexpr Version kConditions{0, 2, 0};
constexpr Version kRepeats{0, 3, 0};

bool is_given(const Reader& at) {
  return at.present() && at.node()->kind != Node::Kind::null;
}

class ProgramParser {
 public:
  ProgramParser(ParseContext& context, Manifest& out, ProgramText text) noexcept
      : context_(context), out_(out), lowered_(text == ProgramText::lowered) {}

  std::optional<Program> parse(Reader& at) {
    Program program;
    if (!at.node()->is_map()) {
      at.finish(); // says so
      return std::nullopt;
    }
    Reader image = at.at("image"), path = at.at("path"), vm = at.at("vm"), own = at.at("builtin");
    const int forms = image.present() + path.present() + vm.present() + own.present();
    if (forms != 1) {
      at.error("a program is exactly one of image, path, vm or builtin");
      return std::nullopt;
    }
    if (image.present()) {
      program.form = Program::Form::image;
      parse_image(at, image, program);
    } else if (path.present()) {
      program.form = Program::Form::path;
      parse_path(at, path, program);
    } else if (vm.present()) {
      program.form = Program::Form::vm;
      parse_vm(at, vm, program);
    } else {
      program.form = Program::Form::builtin;
      parse_builtin(at, own, program);
    }
    at.finish();
    return program;
  }

 private:
  void parse_image(Reader& at, Reader& image, Program& out) {
    if (auto location = context_.inline_template(image)) out.location = std::move(*location);
    at.misplaced("args", "an image has an entrypoint");
    at.misplaced("config", "it belongs to a builtin");
    if (Reader entrypoint = at.at("entrypoint"); is_given(entrypoint)) {
      parse_command(entrypoint, out.command);
    }
    parse_common(at, out);
  }

  void parse_path(Reader& at, Reader& path, Program& out) {
    if (auto location = context_.inline_template(path)) out.location = std::move(*location);
    at.misplaced("entrypoint", "a path has args");
    at.misplaced("config", "it belongs to a builtin");
    if (Reader args = at.at("args"); is_given(args)) parse_command(args, out.command);
    parse_common(at, out);
  }

  void parse_common(Reader& at, Program& out) {
    for (auto& [name, value] : at.at("env").members()) parse_env(name, value, out);
    parse_network(at, out);
    parse_mounts(at, out);
  }

  void parse_builtin(Reader& at, Reader& own, Program& out) {
    out.builtin = own.one_of(kBuiltins);
    for (const char* key : {"entrypoint", "args", "env", "network", "mounts"}) {
      at.misplaced(key, "a builtin has a config only; its endpoint is named builtin");
    }
    if (Reader config = at.at("config"); is_given(config)) {
      if (!config.node()->is_map()) config.error("expected a map");
      out.builtin_config = to_json(*config.node());
    }
    Endpoint endpoint;
    endpoint.name = literal_template(std::string(kBuiltinEndpoint));
    endpoint.protocol = literal_template("http");
    out.endpoints.push_back(std::move(endpoint));
  }

  template <class Number>
  void parse_number(Reader at, std::int64_t max, const char* code,
                    std::variant<Number, Template>& out) {
    if (!at.present()) return;
    if (at.node()->kind == Node::Kind::string) {
      if (auto text = context_.program_template(at)) out = std::move(*text);
      return;
    }
    const auto number = at.integer(0, max);
    if (!number) return;
    if (*number == 0) context_.error(Phase::rest, at.pointer(), code, "the number is 0");
    out = static_cast<Number>(*number);
  }

  void parse_vm(Reader& at, Reader& vm, Program& out) {
    for (const char* key : {"entrypoint", "args", "env", "config"}) {
      at.misplaced(key, "a virtual machine starts by vm.cloud_init");
    }
    for (const char* key : {"network", "mounts"}) at.misplaced(key, "write it under vm");
    out.vm.emplace();
    Reader image = vm.required("image");
    if (auto location = context_.inline_template(image)) out.location = std::move(*location);
    constexpr auto kMost = std::numeric_limits<std::uint32_t>::max();
    parse_number(vm.required("cpus"), kMost, "invalid_vm_cpus", out.vm->cpus);
    parse_number(vm.required("memory_mib"), kMost, "invalid_vm_memory_mib", out.vm->memory_mib);
    parse_network(vm, out);
    parse_mounts(vm, out);
    if (lowered_) parse_egress(vm, out);
    Reader init = vm.at("cloud_init");
    Reader user = init.at("user_data"), vendor = init.at("vendor_data");
    if (is_given(user)) out.vm->user_data = context_.inline_template(user);
    if (is_given(vendor)) out.vm->vendor_data = context_.inline_template(vendor);
    init.finish();
    vm.finish();
    out_.unsupported.push_back({vm.pointer(), "a program in a virtual machine"});
  }

  // `when` and `each` of `map`; `item` is what the version gate points at.
  template <class Conditional>
  void parse_conditions(Reader& map, const std::string& item, Conditional& out) {
    TemplateFault fault;
    if (Reader when = map.at("when"); is_given(when)) {
      gate(item, kConditions, "when");
      if (const auto path = context_.text(when)) {
        out.when = parse_when(*path, fault);
        if (!out.when) context_.error(Phase::shape, when.pointer(), fault);
      }
    }
    if (Reader each = map.at("each"); is_given(each)) {
      gate(item, kRepeats, "each");
      if (const auto path = context_.text(each)) {
        out.each = parse_each(*path, fault);
        if (!out.each) context_.error(Phase::shape, each.pointer(), fault);
      }
    }
  }

  void gate(const std::string& item, const Version& needed, const char* key) {
    if (context_.version >= needed) return;
    context_.error(Phase::program_version, item, "program_syntax_requires_manifest_version",
                   std::string("\"") + key + "\" needs manifest_version " + to_string(needed) +
                       ", and this is " + to_string(context_.version),
                   "write manifest_version: \"" + to_string(needed) + "\" or higher");
  }

  void parse_words(Reader& at, std::vector<Template>& out) {
    const auto written = context_.inline_text(at);
    if (!written) return;
    const auto words = shell_words(*written);
    if (!words) {
      context_.error(Phase::shape, at.pointer(), "unclosed_quote", "a quote is not closed",
                     "or write the words as a list");
      return;
    }
    TemplateFault fault;
    for (const std::string& word : *words) {
      if (auto one = parse_program_string(word, fault)) {
        out.push_back(std::move(*one));
      } else {
        context_.error(Phase::shape, at.pointer(), fault);
      }
    }
  }

  void parse_command(Reader& at, std::vector<CommandItem>& out) {
    if (!at.node()->is_list()) {
      std::vector<Template> words;
      parse_words(at, words);
      for (Template& word : words) out.push_back(plain(std::move(word)));
      return;
    }
    for (Reader& item : at.items()) parse_command_item(item, out);
  }

  static CommandItem plain(Template word) {
    CommandItem out;
    out.words.push_back(std::move(word));
    return out;
  }

  void parse_command_item(Reader& item, std::vector<CommandItem>& out) {
    if (!item.node()->is_map() || item.node()->find("file") != nullptr) {
      if (auto word = context_.inline_template(item)) out.push_back(plain(std::move(*word)));
      return;
    }
    CommandItem made;
    parse_conditions(item, item.pointer(), made);
    Reader arg = item.at("arg"), argv = item.at("argv"), join = item.at("join");
    if (is_given(join)) made.join = context_.text(join);
    item.at("file");
    if (is_given(arg) == is_given(argv)) {
      item.error("an item is exactly one of arg or argv");
    } else if (is_given(arg)) {
      if (auto word = context_.inline_template(arg)) made.words.push_back(std::move(*word));
    } else {
      made.form = CommandItem::Form::argv;
      parse_argv(argv, made.words);
    }
    const bool repeated_arg = made.each && made.form == CommandItem::Form::arg;
    if (made.join && !repeated_arg) join.error("\"join\" goes with \"each\" and \"arg\"");
    item.finish();
    if (made.form == CommandItem::Form::argv || made.words.size() == 1) {
      out.push_back(std::move(made));
    }
  }

  void parse_argv(Reader& argv, std::vector<Template>& out) {
    if (!argv.node()->is_list()) return parse_words(argv, out);
    for (Reader& word : argv.items()) {
      if (auto one = context_.inline_template(word)) out.push_back(std::move(*one));
    }
  }

  void parse_env(const std::string& name, Reader& at, Program& out) {
    EnvValue made;
    if (name.empty() || name.find_first_of(std::string_view("=\0", 2)) != std::string::npos) {
      at.error("this is no name of an environment variable", "not empty, and without =");
      return;
    }
    if (!at.node()->is_map() || at.node()->find("file") != nullptr) {
      auto value = context_.inline_template(at);
      if (value) made.value = std::move(*value);
    } else {
      parse_conditions(at, at.pointer(), made);
      Reader value = at.required("value"), join = at.at("join");
      if (auto text = context_.inline_template(value)) made.value = std::move(*text);
      if (is_given(join)) made.join = context_.text(join);
      if (made.join && !made.each) join.error("\"join\" goes with \"each\"");
      if (made.each && !made.join) at.error("\"each\" needs \"join\" here", "write join: \",\"");
      at.finish();
    }
    out.env.emplace(name, std::move(made));
  }

  void parse_network(Reader& at, Program& out) {
    Reader network = at.at("network");
    if (!is_given(network)) return;
    out.has_network = true;
    for (Reader& endpoint : network.at("endpoints").items()) {
      if (lowered_) {
        parse_lowered_endpoint(endpoint, out);
      } else {
        parse_endpoint(endpoint, out);
      }
    }
    if (out.vm && !lowered_) parse_egress(network, out);
    network.finish();
  }

  static void parse_egress(Reader& at, Program& out) {
    constexpr std::array kEgress = {Word<bool>{"none", false}, Word<bool>{"optional", true}};
    out.vm->egress = at.at("egress").one_of(kEgress).value_or(false);
  }

  void parse_lowered_endpoint(Reader& at, Program& out) {
    Endpoint made;
    Reader name = at.required("name");
    if (auto text = name.string()) {
      if (!endpoint_names_.insert(*text).second) name.error("two endpoints have this name");
      made.name = literal_template(std::move(*text));
    }
    constexpr auto kMost = std::numeric_limits<std::uint16_t>::max();
    made.port = static_cast<std::uint16_t>(at.required("port").integer(0, kMost).value_or(0));
    const auto protocol = at.at("protocol").one_of(kProtocols).value_or(Protocol::http);
    made.protocol =
        literal_template(std::string(kProtocols.at(static_cast<std::size_t>(protocol)).text));
    at.finish();
    out.endpoints.push_back(std::move(made));
  }

  void parse_endpoint(Reader& at, Program& out) {
    Endpoint made;
    parse_conditions(at, at.pointer(), made);
    Reader name = at.required("name"), protocol = at.at("protocol");
    if (auto text = context_.program_template(name)) made.name = std::move(*text);
    parse_number(at.required("port"), 65535, "validation_error", made.port);
    made.protocol = literal_template("http");
    if (protocol.present()) {
      if (auto text = context_.program_template(protocol)) {
        if (text->is_literal()) protocol.one_of(kProtocols);
        made.protocol = std::move(*text);
      }
    }
    at.finish();
    out.endpoints.push_back(std::move(made));
  }

  void parse_mounts(Reader& at, Program& out) {
    for (Reader& mount : at.at("mounts").items()) {
      if (lowered_) {
        parse_lowered_mount(mount, out);
      } else {
        parse_mount(mount, out);
      }
    }
  }

  // Tagged by `kind`; only what is read from the config has paths in parts and conditions.
  void parse_lowered_mount(Reader& at, Program& out) {
    using Kind = MountSource::Kind;
    constexpr std::array kMountKinds = {
        Word<Kind>{"file", Kind::config}, Word<Kind>{"slot", Kind::slot},
        Word<Kind>{"resource", Kind::resource}, Word<Kind>{"framework", Kind::framework}};
    Mount made;
    const auto kind = at.required("kind").one_of(kMountKinds);
    if (!kind) return;
    if (*kind == Kind::config) {
      parse_conditions(at, at.pointer(), made);
      made.path = parse_parts(at.required("path"));
      parse_file_source(at.required("source"), made);
    } else {
      Reader path = at.required("path");
      if (auto text = context_.text(path)) made.path = literal_template(std::move(*text));
      Reader name = at.required(*kind == Kind::slot       ? "slot"
                                : *kind == Kind::resource ? "resource"
                                                          : "capability");
      made.source = MountSource{*kind, context_.text(name).value_or("")};
      made.from = literal_template(to_string(*made.source));
    }
    at.finish();
    out.mounts.push_back(std::move(made));
  }

  void parse_file_source(Reader at, Mount& out) {
    constexpr std::array kFileSources = {Word<bool>{"config", true}};
    at.required("kind").one_of(kFileSources);
    Reader path = at.required("path");
    Template named = parse_parts(path);
    at.finish();
    const auto literal = literal_of(named);
    if (!literal) {
      out.from = std::move(named);
      auto& parts = out.from.parts;
      if (parts[0].kind != TemplatePart::Kind::literal) parts.insert(parts.begin(), TemplatePart());
      parts[0].text.insert(0, "config.");
      return;
    }
    const std::string from = literal->empty() ? "config" : "config." + *literal;
    out.from = literal_template(from);
    TemplateFault fault;
    out.source = parse_mount_source(from, fault);
    if (!out.source) context_.error(Phase::shape, path.pointer(), fault);
  }

  Template parse_parts(Reader at) {
    Json parts = Json::array();
    bool whole = at.present() && at.node()->is_list();
    for (Reader& part : at.items()) {
      whole = is_part(part) && whole;
      parts.push_back(to_json(*part.node()));
    }
    if (!whole) return {}; // and something was said
    TemplateFault fault;
    auto out = parts_from_json(parts, fault);
    if (!out) context_.error(Phase::shape, at.pointer(), fault);
    return out.value_or(Template());
  }

  // One of a slot's parts has the shape of one; that it cannot be used is no matter of shape.
  bool is_part(Reader& part) {
    int sources = 0;
    bool texts = true;
    for (const char* key : {"lit", "config", "item", "slot"}) {
      Reader source = part.at(key);
      sources += source.present();
      texts = (!source.present() || context_.text(source)) && texts;
    }
    if (part.at("slot").present()) {
      constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
      texts = part.required("scope").integer(0, kMost) && texts;
    }
    part.finish();
    if (sources == 1 || !part.node()->is_map()) return texts && sources == 1;
    part.error("a part is exactly one of lit, config, item or slot");
    return false;
  }

  void parse_mount(Reader& at, Program& out) {
    Mount made;
    parse_conditions(at, at.pointer(), made);
    Reader name = at.at("name"), path = at.required("path"), from = at.required("from");
    if (is_given(name)) made.name = context_.program_template(name);
    if (auto text = context_.program_template(path)) made.path = std::move(*text);
    if (auto text = context_.program_template(from)) {
      made.from = std::move(*text);
      if (const auto literal = literal_of(made.from)) {
        TemplateFault fault;
        made.source = parse_mount_source(*literal, fault);
        if (!made.source) context_.error(Phase::shape, from.pointer(), fault);
      }
    }
    at.finish();
    out.mounts.push_back(std::move(made));
  }

  ParseContext& context_;
  Manifest& out_;
  bool lowered_;
  std::set<std::string> endpoint_names_; // of lowered ones
};

} // namespace

std::optional<Program> parse_program(Reader at, ParseContext& context, Manifest& out,
                                     ProgramText text) {
  return ProgramParser(context, out, text).parse(at);
}

} // namespace sluice::overlay
