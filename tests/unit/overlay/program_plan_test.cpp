#include "tests/unit/overlay/compose_support.hpp"

namespace {

using namespace sluice;
using namespace sluice::overlay;
using sluice::overlay::test::ComposeInput;
using sluice::overlay::test::with;
using Kind = PlannedMount::Kind;

constexpr std::string_view kRoot = R"(
  config_schema: {type: 'object', required: ['need'], properties: {
    code: {type: 'string', secret: true, default: 'sword-by-default'},
    key: {type: 'string', secret: true}, need: {type: 'string'}, may: {type: 'integer', default: 3},
    inner: {type: 'object', properties: {deep: {type: 'string', secret: true}}}}},
  components: {a: {manifest: './a', config: CONFIG}})";

ComposeInput one(const std::string& config, const std::string& component) {
  std::string root(kRoot);
  root.replace(root.find("CONFIG"), 6, config);
  return ComposeInput({{"root", with(root)}, {"a", with(component)}});
}

std::string image(const std::string& more, const std::string& schema = "{}") {
  return "config_schema: {type: 'object', properties: " + schema +
         "}, resources: {data: {kind: 'storage'}}, slots: {disk: {kind: 'storage', optional: "
         "true}}, "
         "program: {image: 'i:1', entrypoint: ['run', '--all'], " +
         more + "}";
}

BOOST_AUTO_TEST_SUITE(program_plan)

BOOST_AUTO_TEST_CASE(what_is_known_is_given_directly) {
  const auto plan =
      one("{x: 'plain'}", image("env: {X: '${config.x}', Y: 'y'}", "{x: {}}")).plan("/a");
  BOOST_TEST(!plan.packed);
  BOOST_TEST(plan.image == "i:1");
  BOOST_TEST(plan.command == (std::vector<std::string>{"run", "--all"}),
             boost::test_tools::per_element());
  BOOST_TEST(plan.env.at("X") == "plain");
  BOOST_TEST(plan.files.empty());
  BOOST_TEST(plan.secrets.empty());
}

BOOST_AUTO_TEST_CASE(what_is_not_known_is_put_in_at_the_start) {
  const auto plan = one("{x: '${config.need}-${config.may}', s: '${config.code}'}",
                        image("env: {X: '${config.x}', S: '${config.s}'}", "{x: {}, s: {}}"))
                        .plan("/a");
  BOOST_TEST(plan.packed);
  BOOST_TEST(plan.command.empty());
  BOOST_TEST(plan.env.empty());
  std::string inputs;
  for (const auto& input : plan.inputs) inputs += input.path + (input.secret ? "! " : " ");
  BOOST_TEST(inputs == "code! may need ");
  const auto document = Json::parse(plan.files.at("program.json"));
  BOOST_TEST(document["secret_files"].dump() == R"({"AMBER_CONFIG_CODE":"/run/secrets/code"})");
  // The root's default of a secret is an author's, too.
  BOOST_TEST(plan.files.at("program.json").find("sword-by-default") == std::string::npos);
  BOOST_TEST(
      plan.secrets.at(one("{}", image("env: {}")).unit("/a").name).find("sword-by-default") !=
      std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_secret_that_was_typed_is_in_a_file) {
  const auto input = one("{s: 'typed-0815', plain: 'p'}",
                         image("env: {X: 'say ${config.s}', P: '${config.plain}'}",
                               "{s: {type: 'string', secret: true}, plain: {}}"));
  const auto plan = input.plan("/a");
  BOOST_TEST(plan.packed);
  const std::string& text = plan.files.at("program.json");
  BOOST_TEST(text.find("typed-0815") == std::string::npos);
  const auto& name = input.unit("/a").name;
  BOOST_TEST(plan.secrets.at(name).find("typed-0815") != std::string::npos);
  BOOST_TEST(Json::parse(text)["cut_file"] == "/run/secrets/" + name);
  // The two together are the program again.
  auto whole = put_back(Json::parse(text), Json::parse(plan.secrets.at(name)));
  BOOST_TEST_REQUIRE(whole.has_value());
  Diagnostics problems;
  const auto packed = parse_packed(*whole, problems);
  BOOST_TEST_REQUIRE(packed.has_value(), format(problems));
  const auto started = start_of(*packed, {}, problems);
  BOOST_TEST_REQUIRE(started.has_value(), format(problems));
  BOOST_TEST(started->program.env.at("X") == "say typed-0815");
}

BOOST_AUTO_TEST_CASE(what_was_typed_as_a_secret_is_one_everywhere) {
  const auto input =
      one("{s: 'typed-0815', copy: 'has typed-0815 in it'}",
          image("env: {X: '${config.copy}', L: '${config.list}'}",
                "{s: {type: 'string', secret: true}, copy: {}, list: {type: 'array', "
                "default: ['in-a-list-1'], items: {type: 'string', secret: true}}}"));
  BOOST_TEST(input.secrets().contains("typed-0815"));
  BOOST_TEST(input.secrets().contains("in-a-list-1"));
  BOOST_TEST(input.secrets().contains("sword-by-default"));
  const auto plan = input.plan("/a");
  for (const auto& file : plan.files) {
    BOOST_TEST(file.second.find("typed-0815") == std::string::npos, file.first);
    BOOST_TEST(file.second.find("in-a-list-1") == std::string::npos, file.first);
  }
}

BOOST_AUTO_TEST_CASE(mounts) {
  const auto input = one("{x: 'plain', s: 'typed-0815', c: '${config.code}', n: '${config.need}'}",
                         image("mounts: [{path: '/data', from: 'resources.data'}, {path: '/etc/x', "
                               "from: 'config.x'}, {path: '/etc/s', from: 'config.s'}, {path: "
                               "'/etc/c', from: 'config.c'}, {path: '/tmp/n', from: 'config.n'}]",
                               "{x: {}, s: {type: 'string', secret: true}, c: {}, n: {}}"));
  const auto plan = input.plan("/a");
  const auto& name = input.unit("/a").name;
  BOOST_TEST_REQUIRE(plan.mounts.size() == 4U);
  BOOST_TEST((plan.mounts[0].kind == Kind::volume));
  BOOST_TEST(plan.mounts[0].source.starts_with("storage-a-data-"));
  BOOST_TEST((plan.mounts[1].kind == Kind::file && plan.mounts[1].source == name + "/file-2"));
  BOOST_TEST(plan.files.at("file-2") == "plain");
  BOOST_TEST((plan.mounts[2].kind == Kind::secret && plan.mounts[2].source == name + "-file-3"));
  BOOST_TEST(plan.secrets.at(name + "-file-3") == "typed-0815");
  BOOST_TEST((plan.mounts[3].kind == Kind::secret && plan.mounts[3].source == "code"));
  BOOST_TEST(Json::parse(plan.files.at("program.json"))["files"].dump() == R"({"/tmp/n":"n"})");
}

BOOST_AUTO_TEST_CASE(refusals) {
  const std::string unknown = "{n: '${config.need}'}", schema = "{n: {}}";
  const auto mount = [](const std::string& text) {
    return image("mounts: [" + text + "]", "{n: {}}");
  };
  BOOST_TEST(
      one(unknown, mount("{path: '/etc/n', from: 'config.n'}")).refusal("/a").find("below /tmp") !=
      std::string::npos);
  BOOST_TEST(one(unknown, mount("{path: '/tmp/${config.n}', from: 'config.n'}"))
                 .refusal("/a")
                 .find("known only when") != std::string::npos);
  BOOST_TEST(one(unknown, "config_schema: {type: 'object', properties: {n: {type: 'string'}}}, "
                          "program: {image: 'i:${config.n}', entrypoint: ['x']}")
                 .refusal("/a")
                 .find("its image is known only") != std::string::npos);
  BOOST_TEST(one("{}", "config_schema: {type: 'object'}, program: {path: '/bin/x'}")
                 .refusal("/a")
                 .find("/a: its program is a path") != std::string::npos);
  for (const char* path : {"/", "/sluice/x", "/proc/x", "/run/secrets/x", "/dev/x", "/sys"}) {
    BOOST_TEST(
        one("{}", image("mounts: [{path: '" + std::string(path) + "', from: 'resources.data'}]"))
                .refusal("/a")
                .find("cannot be mounted") != std::string::npos,
        path);
  }
}

BOOST_AUTO_TEST_CASE(names_last) {
  Component one;
  one.moniker = "/team/Agent \"x\" $y\nünïcode";
  const auto name = lasting_name("storage", one, "my.data");
  BOOST_TEST(
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") ==
      std::string::npos);
  BOOST_TEST(name == lasting_name("storage", one, "my.data"));
  BOOST_TEST(name != lasting_name("storage", one, "mydata"));
  one.provenance.emplace();
  one.provenance->alias = "mask-1234";
  one.moniker = "/__overlay_0_0";
  const auto first = lasting_name("storage", one, "d");
  one.moniker = "/__overlay_1_0";
  BOOST_TEST(lasting_name("storage", one, "d") == first);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
