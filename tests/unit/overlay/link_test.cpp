#include "overlay/plan/request.hpp"
#include "tests/unit/overlay/scenario_support.hpp"

namespace {

using namespace sluice;
using namespace sluice::overlay;
using namespace sluice::overlay::test;

// `name`: an http provide that is exported.
std::string server(const std::string& name, const std::string& more = "") {
  return with(std::string(kServer) + "provides: {" + name + ": {kind: 'http', endpoint: 'e'}}, " +
              "exports: {" + name + ": '" + name + "'}, " + more);
}

// A program with slots.
std::string client(const std::string& slots) {
  return with(std::string(kServer) + "slots: {" + slots + "}");
}

std::string errors(const Texts& texts) {
  return told(try_link(texts).problems);
}

BOOST_AUTO_TEST_SUITE(linking)

// Reference §10, case 21.
BOOST_AUTO_TEST_CASE(edges_go_from_who_provides_to_who_consumes) {
  const Linked out =
      must_link({{"root", with(R"(components: {left: 'left', sink: 'sink', src: 'src'},
          bindings: [{to: '#sink.in', from: '#left.out'}, {to: '#left.in', from: '#src.api'}],
          exports: {api: '#left.out'}, use: {u: {builtin: 'record'}})")},
                 {"left", with(std::string(kServer) + R"(slots: {in: {kind: 'http'}},
          provides: {out: {kind: 'http', endpoint: 'e'}}, exports: {out: 'out'},
          components: {worker: 'worker'}, bindings: [{to: '#worker.needs', from: 'provides.out'}])")},
                 {"worker", client("needs: {kind: 'http'}")},
                 {"src", server("api")},
                 {"sink", client("in: {kind: 'http'}")}});
  BOOST_TEST(shown(out.scenario) == "/src.api -> /left.in\n/left.out -> /left/worker.needs\n"
                                    "/left.out -> /sink.in\napi <- /left.out\n");
  const Json request = request_of(out.scenario, scope_of(out.scenario, 1)).at("scope");
  BOOST_TEST(request.at("components").size() == 2U);
  BOOST_TEST(request.at("imports").at(0).at("id") == 0);
  BOOST_TEST(request.at("bindings").at(0).at("id") == 1);
  BOOST_TEST(request.at("exports").at(0).at("id") == 2);
  BOOST_TEST(request.at("exports").at(1).at("id") == 3);
  BOOST_TEST(out.scenario.components[2].children.empty());
  BOOST_TEST(out.scenario.components[1].folder == "/s");
}

BOOST_AUTO_TEST_CASE(slots_that_are_handed_on_make_edges_to_their_ends) {
  const std::string leaf = client("in: {kind: 'http'}");
  const auto forwarder = [](const std::string& program) {
    return with(program + R"(slots: {up: {kind: 'http'}}, components: {leaf: 'leaf'},
      bindings: [{to: '#leaf.in', from: 'slots.up', weak: true}])");
  };
  const std::string root = with(R"(components: {f: 'f', s: 's'},
    bindings: [{to: '#f.up', from: '#s.api'}])");
  const Texts plain{{"root", root}, {"f", forwarder("")}, {"leaf", leaf}, {"s", server("api")}};
  BOOST_TEST(shown(must_link(plain).scenario) == "/s.api -> /f/leaf.in weak\n");
  Texts both = plain;
  both["f"] = forwarder(std::string(kServer));
  BOOST_TEST(shown(must_link(both).scenario) == "/s.api -> /f.up\n/s.api -> /f/leaf.in weak\n");
}

BOOST_AUTO_TEST_CASE(an_export_of_a_slot_leads_to_who_fills_it) {
  const Linked out = must_link(
      {{"root", with(R"(components: {a: 'via', b: 'client', c: 's'}, exports: {x: '#a.through'},
          bindings: [{to: '#a.in', from: '#c.api'}, {to: '#b.in', from: '#a.through'}])")},
       {"via", with("slots: {in: {kind: 'http'}}, exports: {through: 'in'}")},
       {"client", client("in: {kind: 'http'}")},
       {"s", server("api")}});
  BOOST_TEST(shown(out.scenario) == "/c.api -> /b.in\nx <- /c.api\n");
}

BOOST_AUTO_TEST_CASE(several_bindings_keep_their_order) {
  const auto root = [](const std::string& more) {
    return with(R"(components: {c: 'c', z: 's', a: 's'},
      bindings: [{to: '#c.in', from: '#z.api'}, {to: '#c.in', from: '#a.api'}])" +
                more);
  };
  Texts texts{{"root", root("")},
              {"c", client("in: {kind: 'http', multiple: true}")},
              {"s", server("api")}};
  BOOST_TEST(shown(must_link(texts).scenario) == "/z.api -> /c.in\n/a.api -> /c.in\n");
  texts["c"] = client("in: {kind: 'http'}");
  BOOST_TEST(errors(texts) == "linker::duplicate_binding_target root:/bindings/1/to\n");
}

BOOST_AUTO_TEST_CASE(slots_of_the_root_are_filled_from_outside_and_weak) {
  const auto root = [](const std::string& weak) {
    return with(std::string(kServer) + R"(slots: {ext: {kind: 'http'}}, components: {c: 'mid'},
      bindings: [{to: '#c.in', from: 'slots.ext')" +
                weak + "}]");
  };
  Texts texts{{"root", root(", weak: true")},
              {"mid", with(R"(slots: {in: {kind: 'http'}}, components: {d: 'c'},
                 bindings: [{to: '#d.in', from: 'slots.in'}])")},
              {"c", client("in: {kind: 'http'}")}};
  BOOST_TEST(shown(must_link(texts).scenario) ==
             "slots.ext -> /.ext weak\nslots.ext -> /c/d.in weak\n");
  texts["root"] = root("");
  BOOST_TEST(errors(texts) == "linker::external_slot_requires_weak mid:/bindings/0\n");
}

BOOST_AUTO_TEST_CASE(every_wrong_connection_has_its_code) {
  struct Row {
    std::string root, wanted;
  };
  const std::string parts = "components: {c: 'c', s: 's', o: 'opt'}, slots: {m: {kind: 'http', "
                            "multiple: true}, t: {kind: 'mcp'}}, ";
  const auto bound = [&](const std::string& bindings) {
    return with(parts + "bindings: [" + bindings + "]");
  };
  const std::string fine = "{to: '#c.in', from: '#s.api'}";
  const Row rows[] = {
      {bound(""), "linker::unbound_slot root:/components/c\n"},
      {bound(fine + ", {to: '#c.no', from: '#s.api'}"),
       "linker::unknown_slot root:/bindings/1/to\n"},
      {bound("{to: '#c.in', from: '#s.no'}"), "linker::not_exported root:/bindings/0/from\n"},
      {bound("{to: '#c.in', from: 'slots.t', weak: true}"),
       "linker::type_mismatch root:/bindings/0/from\n"},
      {bound("{to: '#c.in', from: 'slots.m', weak: true}"),
       "linker::slot_range_mismatch root:/bindings/0/from\n"},
      {bound("{to: '#c.in', from: '#o.up'}"),
       "linker::slot_range_mismatch root:/bindings/0/from\n"},
      {with(parts + "exports: {x: '#s.no'}, bindings: [" + fine + "]"),
       "linker::not_exported root:/exports/x\n"},
      {with(parts + "exports: {x: '#o.up'}, bindings: [" + fine + "]"),
       "linker::export_unbound_slot root:/exports/x\n"},
      {with(parts + "exports: {x: 'slots.m'}, bindings: [" + fine + "]"),
       "linker::invalid_export root:/exports/x\n"},
  };
  for (const Row& row : rows) {
    BOOST_TEST(errors({{"root", row.root},
                       {"c", client("in: {kind: 'http'}")},
                       {"opt", with("slots: {up: {kind: 'http', optional: true}}, "
                                    "exports: {up: 'up'}")},
                       {"s", server("api")}}) == row.wanted,
               row.root);
  }
}

BOOST_AUTO_TEST_CASE(profiles_must_be_equal_too) {
  const auto with_profile = [](const std::string& profile) {
    return errors({{"root", with(R"(components: {c: 'c', s: 's'},
                     bindings: [{to: '#c.in', from: '#s.api'}])")},
                   {"c", client("in: {kind: 'http'" + profile + "}")},
                   {"s", server("api")}});
  };
  BOOST_TEST(with_profile("") == "");
  BOOST_TEST(with_profile(", profile: 'p'") == "linker::type_mismatch root:/bindings/0/from\n");
}

BOOST_AUTO_TEST_CASE(circles_are_told) {
  const std::string via = with("slots: {in: {kind: 'http'}}, exports: {through: 'in'}");
  BOOST_TEST(errors({{"root", with(R"(components: {a: 'via', b: 'via'}, bindings: [
                       {to: '#a.in', from: '#b.through'}, {to: '#b.in', from: '#a.through'}])")},
                     {"via", via}}) == "linker::slot_cycle via:/slots/in\n");
  const std::string both = with(std::string(kServer) + R"(slots: {in: {kind: 'http'}},
    provides: {out: {kind: 'http', endpoint: 'e'}}, exports: {out: 'out'})");
  const auto ring = [&](const std::string& weak) {
    return try_link({{"root", with(R"(components: {a: 'b', b: 'b', c: 'b', d: 'b'}, bindings: [
                        {to: '#a.in', from: '#b.out'}, {to: '#b.in', from: '#a.out')" +
                                   weak + R"(},
                        {to: '#c.in', from: '#d.out'}, {to: '#d.in', from: '#c.out'}])")},
                     {"b", both}});
  };
  const Diagnostics two = ring("").problems;
  BOOST_TEST_REQUIRE(two.size() == 2U, format(two));
  BOOST_TEST(two[0].code == "linker::dependency_cycle");
  BOOST_TEST(two[0].message.find("/a.out -> /b.in, /b.out -> /a.in") != std::string::npos);
  BOOST_TEST(two[1].message.find("/c.out -> /d.in") != std::string::npos);
  BOOST_TEST(ring(", weak: true").problems.size() == 1U);
}

BOOST_AUTO_TEST_CASE(what_no_stage_carries_out_is_refused) {
  BOOST_TEST(errors({{"root", with("components: {a: 'a', b: 'a'}")},
                     {"a", with("program: {vm: {image: 'i', cpus: 1, memory_mib: 1, cloud_init: "
                                "{user_data: 'x'}}}")}}) ==
             "linker::unsupported_feature a:/program/vm\n");
}

BOOST_AUTO_TEST_CASE(storage_is_one_programs) {
  const std::string user =
      with(std::string("program: {path: './p', mounts: [{path: '/d', from: 'slots.d'}]}, ") +
           "slots: {d: {kind: 'storage'}}");
  const auto root = [](const std::string& bindings) {
    return with("resources: {r: {kind: 'storage'}, q: {kind: 'storage'}}, slots: {x: {kind: "
                "'storage'}}, components: {a: 'u', b: 'u'}, bindings: [" +
                bindings + "]");
  };
  const auto linked = [&](const std::string& a, const std::string& b) {
    return errors({{"root", root("{to: '#a.d', from: '" + a +
                                 "', weak: true}, {to: '#b.d', from: '" + b + "', weak: true}")},
                   {"u", user}});
  };
  BOOST_TEST(linked("resources.r", "resources.q") == "");
  BOOST_TEST(linked("resources.r", "resources.r") ==
             "linker::storage_resource_fanout u:/program/mounts/0\n");
  BOOST_TEST(linked("resources.r", "slots.x") ==
             "linker::storage_mount_requires_resource u:/program/mounts/0\n");
}

BOOST_AUTO_TEST_CASE(configs_are_over_the_roots) {
  const std::string schema =
      "config_schema: {type: 'object', properties: {key: {type: 'string'}}}, ";
  const auto root = [&](const std::string& config) {
    return Texts{
        {"root", with(schema + "components: {m: {manifest: 'm', config: " + config + "}}")},
        {"m", with("config_schema: {type: 'object', properties: {k: {type: 'string'}}, "
                   "required: ['k']}, components: {l: {manifest: 'l', config: {v: "
                   "'<${config.k}>'}}}")},
        {"l", with("")}};
  };
  const Linked out = must_link(root("{k: '${config.key}'}"));
  BOOST_TEST(shown_config(out.configs[0]) == "${config}");
  BOOST_TEST((shown_config(out.configs[2]) == Json({{"v", "<${config.key}>"}})));
  BOOST_TEST(errors(root("{k: '${config.no}'}")) ==
             "linker::invalid_config root:/components/m/config/k\n");
  BOOST_TEST(errors(root("{}")) == "linker::invalid_config root:/components/m/config\n");
  BOOST_TEST(errors(root("{k: 1}")) == "linker::invalid_config root:/components/m/config/k\n");
}

BOOST_AUTO_TEST_CASE(long_chains_and_wide_fans_end) {
  std::string components, bindings;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "v" + std::to_string(i);
    components += name + ": 'via', ";
    bindings += "{to: '#" + name + ".in', from: '#v" + std::to_string(i + 1) + ".through'}, ";
  }
  components += "v1000: 'via', c: 'c'";
  bindings += "{to: '#c.in', from: '#v0.through'}";
  const std::string via =
      with("slots: {in: {kind: 'http', optional: true, multiple: true}}, exports: {through: 'in'}");
  const std::string client_text = client("in: {kind: 'http', optional: true, multiple: true}");
  const std::string chain =
      errors({{"root", with("components: {" + components + "}, bindings: [" + bindings + "]")},
              {"via", via},
              {"c", client_text}});
  BOOST_TEST(chain.find("linker::too_large") == 0U);
  components.clear();
  bindings.clear();
  for (int i = 0; i < 40; ++i) { // each hands on twice what it gets
    const std::string name = "v" + std::to_string(i), next = "#v" + std::to_string(i + 1);
    components += name + ": 'via', ";
    const std::string one = "{to: '#" + name + ".in', from: '" + next + ".through'}, ";
    bindings += one + one;
  }
  components += "v40: 'via', s: 's'";
  bindings += "{to: '#v40.in', from: '#s.api'}";
  const std::string fan =
      errors({{"root", with("components: {" + components + "}, bindings: [" + bindings + "]")},
              {"via", via},
              {"s", server("api")}});
  BOOST_TEST(fan.find("linker::too_large") == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
