#include "overlay/manifest/manifest_json.hpp"

#include "tests/unit/overlay/manifest_support.hpp"

namespace {

using namespace sluice;
using namespace sluice::overlay;
using namespace sluice::overlay::test;

constexpr const char* kAll = R"(
  experimental_features: ['docker'],
  config_schema: {type: 'object', properties: {a: {type: 'string', default: 'x'}, l: {type: 'array'}}},
  components: {c: 'https://example.com/c', d: {manifest: './d', config: {x: '${config.a}'}, environment: 'e'}},
  use: {u: './u', g: {builtin: 'limit', select: {kind: 'a2a', profile: [null, 'p'], component: 'c', edge: 'export'}, config: {}}},
  environments: {e: {extends: 'f', resolvers: ['r']}, f: {}},
  slots: {s: {kind: 'http', optional: true}, m: {kind: 'mcp', multiple: true}, k: {kind: 'component'}},
  provides: {p: {kind: 'llm', profile: 'x', endpoint: 'e'}},
  resources: {r: {kind: 'storage', params: {size: '1Gi'}}},
  child_templates: {t: {manifest: 'x'}},
  bindings: [{to: '#c.x', from: '#d.y'}, {to: '#c.x', from: 'slots.s', weak: true}, {to: '#d.s', from: 'resources.r'}],
  overlays: ['#u.a', '#g.apply'],
  exports: {a: '#c.x', b: 'p', c: 'slots.s'},
  program: {image: 'i', entrypoint: ['a', {when: 'config.a', argv: ['b']}, {each: 'slots.m', arg: '${item}', join: ','}],
    env: {A: 'x', B: {each: 'config.l', value: '${item}', join: ':'}},
    network: {endpoints: [{name: 'e', port: 80}, {when: 'config.a', name: 'f', port: '${config.a}', protocol: 'tcp'}]},
    mounts: [{path: '/a', from: 'config.a', name: 'n'}, {path: '/b', from: 'resources.r', when: 'config.a'}]})";

BOOST_AUTO_TEST_SUITE(manifest_json_tests)

BOOST_AUTO_TEST_CASE(what_is_written_reads_as_the_same_manifest) {
  for (const std::string& sections :
       {std::string(kAll), std::string(), std::string("program: {path: './p', args: 'a b'}"),
        std::string("program: {builtin: 'policy', config: {a: 1}}"),
        std::string("program: {vm: {image: 'i', cpus: '${config.a}', memory_mib: 5, cloud_init: "
                    "{user_data: 'x'}, network: {endpoints: [], egress: 'optional'}}},"
                    "config_schema: {type: 'object', properties: {a: {}}}")}) {
    const Manifest first = valid(with(sections));
    const Json json = manifest_json(first);
    const Manifest second = valid(canonical_json(json));
    BOOST_TEST(canonical_json(manifest_json(second)) == canonical_json(json));
    BOOST_TEST(first.digest == second.digest);
    BOOST_TEST((first.program == second.program));
    BOOST_TEST((first.uses == second.uses));
    BOOST_TEST((first.bindings == second.bindings));
    BOOST_TEST((first.exports == second.exports));
  }
}

BOOST_AUTO_TEST_CASE(the_digest_is_of_what_the_manifest_says) {
  const std::string digest = valid(with(kAll)).digest;
  BOOST_TEST(digest.starts_with("sha256:"));
  BOOST_TEST(digest.size() == 51U);
  // Spelling, order of keys, comments and metadata do not change it.
  BOOST_TEST(valid("{" + std::string(kAll).substr(1) +
                   ", metadata: {a: 1}, /* */ "
                   "\"manifest_version\": '0.4.0'}")
                 .digest == digest);
  BOOST_TEST(
      valid(with("components: {a: 'a', b: 'b'}, bindings: [{to: '#a.x', from: '#b.y'}]")).digest ==
      valid(with("components: {b: {url: 'b'}, a: {manifest: 'a'}}, bindings: [{to: '#a', slot: "
                 "'x', from: '#b', capability: 'y', weak: false}]"))
          .digest);
  // Anything else does.
  BOOST_TEST(valid(with("components: {a: 'a'}")).digest !=
             valid(with("components: {a: 'b'}")).digest);
  BOOST_TEST(valid("{manifest_version: '0.3.0'}").digest !=
             valid("{manifest_version: '0.4.0'}").digest);
  BOOST_TEST(valid(with("use: {a: 'a'}, overlays: ['#a.x', '#a.y']")).digest !=
             valid(with("use: {a: 'a'}, overlays: ['#a.y', '#a.x']")).digest);
}

BOOST_AUTO_TEST_CASE(the_digest_covers_the_files) {
  const std::string text = with("program: {path: '/p', args: [{file: 'x'}]}");
  BOOST_TEST(valid(text, files({{"x", "1"}})).digest != valid(text, files({{"x", "2"}})).digest);
  BOOST_TEST(valid(text, files({{"x", "1"}})).digest ==
             valid(with("program: {path: '/p', args: ['1']}")).digest);
}

BOOST_AUTO_TEST_CASE(parts_are_written_as_requests_have_them) {
  const Manifest out = valid(with(kAll));
  BOOST_TEST(slot_json(out.slots.at("s")).dump() ==
             R"({"kind":"http","multiple":false,"optional":true,"profile":null})");
  BOOST_TEST(provide_json(out.provides.at("p")).dump() ==
             R"({"endpoint":"e","kind":"llm","profile":"x"})");
  BOOST_TEST(resource_json(out.resources.at("r")).dump() ==
             R"({"kind":"storage","params":{"retention":null,"sharing":null,"size":"1Gi"}})");
  BOOST_TEST(
      program_json(valid(with("program: {path: './p', args: 'a b'}")).program.value()).dump() ==
      R"({"args":["a","b"],"path":"./p"})");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
