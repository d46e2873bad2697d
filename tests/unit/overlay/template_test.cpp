#include "overlay/manifest/template.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice::overlay;

// "lit(a) config(b)"
std::string shown(const std::optional<Template>& value) {
  if (!value) return "refused";
  std::string out;
  for (const TemplatePart& part : value->parts) {
    constexpr const char* kNames[] = {"lit", "config", "slot", "item", "symbolic"};
    out += (out.empty() ? "" : " ") + std::string(kNames[static_cast<int>(part.kind)]) + '(' +
           part.text + ')';
  }
  return out;
}

struct Row {
  std::string_view text, program, config;
};

BOOST_AUTO_TEST_SUITE(template_strings)

BOOST_AUTO_TEST_CASE(programs_and_config_read_the_same_references_and_differ_in_two_dollars) {
  const Row rows[] = {
      {"", "", ""},
      {"plain", "lit(plain)", "lit(plain)"},
      {"${config.a}", "config(a)", "config(a)"},
      {"${config.a.b_c}", "config(a.b_c)", "config(a.b_c)"},
      {"${config}", "config()", "config()"},
      {"${config.}", "config()", "config()"},
      {"${slots}", "slot()", "slot()"},
      {"${slots.s}", "slot(s)", "slot(s)"},
      {"${slots.s.url}", "slot(s.url)", "slot(s.url)"},
      {"${item}", "item()", "item()"},
      {"${item.url}", "item(url)", "item(url)"},
      {"a-${config.x}-b${slots.s.url}", "lit(a-) config(x) lit(-b) slot(s.url)",
       "lit(a-) config(x) lit(-b) slot(s.url)"},
      {"${config.x}${config.y}", "config(x) config(y)", "config(x) config(y)"},
      {"$", "lit($)", "lit($)"},
      {"$$ $5 $config", "lit($$ $5 $config)", "lit($$ $5 $config)"},
      {"}{", "lit(}{)", "lit(}{)"},
      {"$${config.x}", "lit($) config(x)", "symbolic(x)"},
      {"$${config}", "lit($) config()", "symbolic()"},
      {"$${config.}", "lit($) config()", "symbolic()"},
      {"$$${config.x}", "lit($$) config(x)", "refused"},
      {"x $${config.x}", "lit(x $) config(x)", "refused"},
      {"$${config.x} y", "lit($) config(x) lit( y)", "refused"},
      {"$${config.x}$${config.x}", "lit($) config(x) lit($) config(x)", "refused"},
      {"$${slots.a.url}", "lit($) slot(a.url)", "refused"},
      {"$${item}", "lit($) item()", "refused"},
      {"$${config.x", "refused", "refused"},
      {"${}", "refused", "refused"},
      {"${config.x", "refused", "refused"},
      {"${ config.x}", "refused", "refused"},
      {"${env.HOME}", "refused", "refused"},
      {"${Config.x}", "refused", "refused"},
      {"${config..x}", "refused", "refused"},
      {"${config.x.}", "refused", "refused"},
      {"${slots.}", "slot()", "slot()"},
      {"${slots..url}", "refused", "refused"},
      {"a ${${config.x}}", "refused", "refused"},
  };
  for (const Row& row : rows) {
    TemplateFault fault;
    const auto program = parse_program_string(row.text, fault);
    const auto config = parse_config_string(row.text, fault);
    BOOST_TEST(shown(program) == row.program, row.text);
    BOOST_TEST(shown(config) == row.config, row.text);
    if (row.program == "refused" || row.config == "refused") {
      BOOST_TEST(fault.code == "manifest::invalid_interpolation");
    }
    if (program) BOOST_TEST((parse_program_string(to_string(*program), fault) == program));
    if (config) BOOST_TEST((parse_config_string(to_string(*config), fault) == config));
  }
}

BOOST_AUTO_TEST_CASE(a_fault_shows_the_reference_and_nothing_around_it) {
  TemplateFault fault;
  BOOST_TEST(!parse_program_string("hunter2 ${confg.x} hunter2", fault));
  BOOST_TEST(fault.message == "${confg.x} is no interpolation");
  BOOST_TEST(!parse_config_string("hunter2 $${config.x}", fault));
  BOOST_TEST(fault.message.find("hunter2") == std::string::npos);
  BOOST_TEST(!parse_program_string("${" + std::string(1000, 'a') + "}", fault));
  BOOST_TEST(fault.message.size() < 100U);
}

BOOST_AUTO_TEST_CASE(conditions_name_a_path) {
  TemplateFault fault;
  for (const std::string_view text : {"config.a", "config.a.b", "slots.s", "slots.s.url"}) {
    const auto when = parse_when(text, fault);
    BOOST_TEST_REQUIRE(when.has_value(), text);
    BOOST_TEST(to_string(*when) == text);
  }
  for (const std::string_view text : {"", "config", "slots", "config.", "config..a", "item.x",
                                      "slots.", "resources.x", "${config.a}"}) {
    BOOST_TEST(!parse_when(text, fault), text);
    BOOST_TEST(fault.code == "manifest::invalid_when_path");
    BOOST_TEST(!parse_each(text, fault), text);
    BOOST_TEST(fault.code == "manifest::invalid_each_path");
  }
  BOOST_TEST(parse_each("slots.s", fault).has_value());
  BOOST_TEST(parse_each("config.a.b", fault).has_value());
  BOOST_TEST(!parse_each("slots.s.url", fault));
}

BOOST_AUTO_TEST_CASE(parts_of_lowered_programs_are_strict) {
  TemplateFault fault;
  const auto value = parse_program_string("a${config.x.y}${item}", fault);
  BOOST_TEST_REQUIRE(value.has_value());
  const Json json = parts_to_json(*value, 7);
  BOOST_TEST(json.dump() == R"([{"lit":"a"},{"config":"x.y"},{"item":""}])");
  BOOST_TEST((parts_from_json(json, fault) == value));
  BOOST_TEST(parts_to_json(*parse_program_string("${slots.s.url}", fault), 7).dump() ==
             R"([{"scope":7,"slot":"s.url"}])");
  for (const char* text :
       {"{}", R"(["a"])", R"([{}])", R"([{"lit":1}])", R"([{"lit":"a","x":1}])",
        R"([{"slot":"s","scope":1}])", R"([{"config":"a..b"}])", R"([{"env":"a"}])"}) {
    BOOST_TEST(!parts_from_json(Json::parse(text), fault), text);
  }
}

BOOST_AUTO_TEST_CASE(a_slot_query_is_a_name_and_a_field) {
  BOOST_TEST(slot_query("s").slot == "s");
  BOOST_TEST(slot_query("s").field == "");
  BOOST_TEST(slot_query("s.url").slot == "s");
  BOOST_TEST(slot_query("s.url").field == "url");
  BOOST_TEST(slot_query("").slot == "");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
