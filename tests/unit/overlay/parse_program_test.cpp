#include "overlay/manifest/shell_words.hpp"
#include "tests/unit/overlay/manifest_support.hpp"

namespace {

using namespace sluice;
using namespace sluice::overlay;
using namespace sluice::overlay::test;

constexpr const char* kSchema =
    "config_schema: {type: 'object', properties: {a: {}, l: {type: 'array'}}},"
    "slots: {s: {kind: 'http'}, m: {kind: 'mcp', multiple: true}},";

Program program(std::string_view text, const ReadFile& read_file = files({})) {
  return *valid(with(std::string(kSchema) + "program: " + std::string(text)), read_file).program;
}

std::string found(std::string_view text, const ReadFile& read_file = files({})) {
  return codes(with(std::string(kSchema) + "program: " + std::string(text)), read_file);
}

std::string words(const std::vector<CommandItem>& command) {
  std::string out;
  for (const CommandItem& item : command) {
    for (const Template& word : item.words) out += '[' + to_string(word) + ']';
  }
  return out;
}

BOOST_AUTO_TEST_SUITE(parse_program_tests)

BOOST_AUTO_TEST_CASE(an_image_has_an_entrypoint) {
  const Program out = program(R"({image: 'i:${config.a}', entrypoint: ['a b', '${config.a}', ''],
    env: {A: '${slots.s.url}', B: '', C: {when: 'config.a', value: 'x'},
          D: {each: 'slots.m', value: '${item.url}', join: ','}},
    network: {endpoints: [{name: 'e', port: 80}, {name: 'f', port: '${config.a}', protocol: 'tcp'}]},
    mounts: [{path: '/c', from: 'config.a', name: 'n'}, {path: '/${config.a}', from: 'config'}]})");
  BOOST_TEST((out.form == Program::Form::image));
  BOOST_TEST(to_string(out.location) == "i:${config.a}");
  BOOST_TEST(words(out.command) == "[a b][${config.a}][]");
  BOOST_TEST(out.env.at("B").value.parts.empty());
  BOOST_TEST(to_string(*out.env.at("C").when) == "config.a");
  BOOST_TEST(*out.env.at("D").join == ",");
  BOOST_TEST(endpoint_named(out, "e") == &out.endpoints[0]);
  BOOST_TEST(endpoint_named(out, "g") == nullptr);
  BOOST_TEST(std::get<std::uint16_t>(out.endpoints[0].port) == 80);
  BOOST_TEST(to_string(out.endpoints[0].protocol) == "http");
  BOOST_TEST(to_string(std::get<Template>(out.endpoints[1].port)) == "${config.a}");
  BOOST_TEST((out.mounts[0].source == MountSource{MountSource::Kind::config, "a"}));
  BOOST_TEST((out.mounts[1].source == MountSource{MountSource::Kind::config, ""}));
}

BOOST_AUTO_TEST_CASE(a_path_has_args) {
  const Program out = program(R"({path: './bin/x', args: ['a', {when: 'config.a', argv: ['b', 'c']},
    {when: 'slots.s.url', argv: '--d "e f"'}, {each: 'config.l', arg: '${item}', join: '+'},
    {each: 'slots.m', argv: ['--m', '${item.url}']}]})");
  BOOST_TEST((out.form == Program::Form::path));
  BOOST_TEST(words(out.command) == "[a][b][c][--d][e f][${item}][--m][${item.url}]");
  BOOST_TEST(out.command.size() == 5U);
  BOOST_TEST((out.command[1].form == CommandItem::Form::argv));
  BOOST_TEST(*out.command[3].join == "+");
  BOOST_TEST(words(program("{path: '/x', args: 'a \\'b c\\' ${config.a}'}").command) ==
             "[a][b c][${config.a}]");
  BOOST_TEST(program("{path: '/x'}").command.empty());
}

BOOST_AUTO_TEST_CASE(strings_may_stand_in_files_beside_the_manifest) {
  const auto all = files({{"./x.py", "print('${config.a}')\n"},
                          {"sub/y", "-a 'b c'"},
                          {"nul", std::string("a\0b", 3)},
                          {"latin", "\xe9"},
                          {"big", std::string(kMaxSidecarBytes + 1, 'x')},
                          {"mib", std::string(kMaxSidecarBytes, 'x')}});
  const Program out = program(R"({path: '/p', args: ['-c', {file: './x.py'},
    {when: 'config.a', argv: {file: 'sub/y'}}], env: {A: {file: 'sub/y'}}})",
                              all);
  BOOST_TEST(words(out.command) == "[-c][print('${config.a}')\n][-a][b c]");
  BOOST_TEST(to_string(out.env.at("A").value) == "-a 'b c'");
  for (const char* name :
       {"/etc/passwd", "../x", "a/../../x", "..", "a/..", "gone", "nul", "latin", "big"}) {
    BOOST_TEST(found("{path: '/p', args: [{file: '" + std::string(name) + "'}]}", all) ==
                   "program_file_reference /program/args/0/file\n",
               name);
  }
  BOOST_TEST(found("{path: '/p', args: [{file: 'sub/y'}]}", nullptr) ==
             "program_file_reference /program/args/0/file\n");
  BOOST_TEST(found("{path: '/p', args: [{file: 'sub/y', when: 'config.a'}, {file: 1}]}", all) ==
             "validation_error /program/args/0/when\nvalidation_error /program/args/1/file\n");
  std::string nine = "{path: '/p', args: [";
  for (int i = 0; i < 9; ++i) nine += "{file: 'mib'},";
  BOOST_TEST(found(nine + "]}", all) == "program_file_reference /program/args/8/file\n");
}

BOOST_AUTO_TEST_CASE(every_wrong_program_is_refused) {
  struct Row {
    std::string_view text, codes;
  };
  const Row rows[] = {
      {"{}", "validation_error /program\n"},
      {"{image: 'i', path: '/p'}", "validation_error /program\n"},
      {"{image: 'i', args: []}", "validation_error /program/args\nempty_entrypoint "
                                 "/program/entrypoint\n"},
      {"{path: '/p', entrypoint: []}", "validation_error /program/entrypoint\n"},
      {"{image: 'i'}", "empty_entrypoint /program/entrypoint\n"},
      {"{image: 'i', entrypoint: ''}", "empty_entrypoint /program/entrypoint\n"},
      {"{path: ''}", "empty_program_path /program/path\n"},
      {"{path: ' '}", "empty_program_path /program/path\n"},
      {"{path: 'server'}", "validation_error /program/path\n"},
      {"{path: '/p', args: 'a \"b'}", "unclosed_quote /program/args\n"},
      {"{path: '/p', args: [1]}", "validation_error /program/args/0\n"},
      {"{path: '/p', args: ['${env.x}']}", "invalid_interpolation /program/args/0\n"},
      {"{path: '/p', env: {A: '${'}}", "invalid_interpolation /program/env/A\n"},
      {"{path: '/p', env: {A: 1}}", "validation_error /program/env/A\n"},
      {"{path: '/p', env: {'A=B': ''}}", "validation_error /program/env/A=B\n"},
      {"{path: '/p', args: [{when: 'config.a'}]}", "validation_error /program/args/0\n"},
      {"{path: '/p', args: [{arg: 'a', argv: []}]}", "validation_error /program/args/0\n"},
      {"{path: '/p', args: [{arg: 'a', join: ','}]}", "validation_error /program/args/0/join\n"},
      {"{path: '/p', args: [{each: 'slots.m', argv: [], join: ','}]}",
       "validation_error /program/args/0/join\n"},
      {"{path: '/p', args: [{when: 'item.x', arg: 'a'}]}",
       "invalid_when_path /program/args/0/when\n"},
      {"{path: '/p', args: [{each: 'slots.m.url', arg: 'a'}]}",
       "invalid_each_path /program/args/0/each\n"},
      {"{path: '/p', env: {A: {each: 'slots.m', value: 'x'}}}",
       "validation_error /program/env/A\n"},
      {"{path: '/p', env: {A: {value: 'x', join: ','}}}", "validation_error /program/env/A/join\n"},
      {"{path: '/p', env: {A: {when: 'config.a'}}}", "validation_error /program/env/A\n"},
      {"{path: '/p', network: {endpoints: [{name: 'e'}]}}",
       "validation_error /program/network/endpoints/0\n"},
      {"{path: '/p', network: {endpoints: [{name: 'e', port: 0}]}}",
       "validation_error /program/network/endpoints/0/port\n"},
      {"{path: '/p', network: {endpoints: [{name: 'e', port: 65536}]}}",
       "validation_error /program/network/endpoints/0/port\n"},
      {"{path: '/p', network: {endpoints: [{name: 'e', port: 1, protocol: 'udp'}]}}",
       "validation_error /program/network/endpoints/0/protocol\n"},
      {"{path: '/p', network: {egress: 'none'}}", "validation_error /program/network/egress\n"},
      {"{path: '/p', mounts: [{path: '/a', from: 'secret.x'}]}",
       "invalid_mount_source /program/mounts/0/from\n"},
      {"{path: '/p', mounts: [{path: '/a', from: 'slots'}]}",
       "invalid_mount_source /program/mounts/0/from\n"},
      {"{path: '/p', mounts: [{path: '/a', from: 'config.'}]}",
       "invalid_mount_source /program/mounts/0/from\n"},
      {"{path: '/p', wrong: 1}", "validation_error /program/wrong\n"},
      {"{vm: {image: 'i', cpus: 1}}", "validation_error /program/vm\n"},
      {"{vm: {image: '', cpus: 0, memory_mib: 0}}",
       "invalid_vm_cpus /program/vm/cpus\ninvalid_vm_memory_mib /program/vm/memory_mib\n"
       "empty_vm_image /program/vm/image\n"},
      {"{vm: {image: 'i', cpus: 1, memory_mib: 1}, env: {}}", "validation_error /program/env\n"},
      {"{vm: {image: 'i', cpus: 1, memory_mib: 1}, network: {}}",
       "validation_error /program/network\n"},
      {"{builtin: 'mask'}", "validation_error /program/builtin\n"},
      {"{builtin: 'redact', env: {}}", "validation_error /program/env\n"},
      {"{builtin: 'redact', config: []}", "validation_error /program/config\n"},
      {"'x'", "validation_error /program\n"},
  };
  for (const Row& row : rows) BOOST_TEST(found(row.text) == row.codes, row.text);
}

BOOST_AUTO_TEST_CASE(conditions_need_their_versions) {
  const auto old = [](std::string_view version, std::string_view sections) {
    return codes("{manifest_version: '" + std::string(version) + "', " + kSchema +
                 std::string(sections) + "}");
  };
  constexpr const char* kWhen = "program: {path: '/p', args: [{when: 'config.a', arg: 'x'}],"
                                "env: {A: {when: 'config.a', value: ''}},"
                                "mounts: [{when: 'config.a', path: '/m', from: 'config'}],"
                                "network: {endpoints: [{when: 'config.a', name: 'e', port: 1}]}}";
  constexpr const char* kCode = "program_syntax_requires_manifest_version /program/";
  const std::string code = kCode;
  BOOST_TEST(old("0.2.0", kWhen) == "");
  BOOST_TEST(old("0.1.0", kWhen) == code + "args/0\n" + code + "env/A\n" + code +
                                        "network/endpoints/0\n" + code + "mounts/0\n");
  constexpr const char* kEach = "program: {path: '/p', args: [{each: 'slots.m', arg: 'x'}]}";
  BOOST_TEST(old("0.3.0", kEach) == "");
  BOOST_TEST(old("0.2.9", kEach) == code + "args/0\n");
}

BOOST_AUTO_TEST_CASE(a_builtin_has_one_endpoint_of_its_own) {
  const Manifest out = valid(with("program: {builtin: 'redact', config: {terms: ['x']}},"
                                  "provides: {out: {kind: 'a2a', endpoint: 'builtin'}}"));
  BOOST_TEST((out.program->builtin == Builtin::redact));
  BOOST_TEST(out.program->builtin_config->dump() == R"({"terms":["x"]})");
  BOOST_TEST(endpoint_named(*out.program, kBuiltinEndpoint) != nullptr);
}

BOOST_AUTO_TEST_CASE(commands_are_split_as_a_shell_does) {
  struct Row {
    std::string_view text, words;
  };
  const Row rows[] = {
      {"", ""},
      {"a b\tc\nd", "a|b|c|d|"},
      {"'a b' \"c d\"", "a b|c d|"},
      {"a'b'\"c\"d", "abcd|"},
      {"''", "|"},
      {"a\\ b", "a b|"},
      {"\"\\$\\\\\\n\"", "$\\\\n|"},
      {"'\\n'", "\\n|"},
      {"a # b\nc", "a|c|"},
      {"a#b", "a#b|"},
      {"a\\\nb", "ab|"},
      {"$HOME *", "$HOME|*|"},
  };
  for (const Row& row : rows) {
    const auto words = shell_words(row.text);
    BOOST_TEST_REQUIRE(words.has_value(), row.text);
    std::string shown;
    for (const std::string& word : *words) shown += word + '|';
    BOOST_TEST(shown == row.words, row.text);
  }
  for (const char* text : {"'", "\"", "a\\", "\"\\", "'a\"", "\"a'"}) {
    BOOST_TEST(!shell_words(text).has_value(), text);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
