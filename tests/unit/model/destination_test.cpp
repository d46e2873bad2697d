#include "policy/model/destination.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice::model;

struct Row {
  std::string_view text;
  std::string_view expected; // "" when refused
};

BOOST_AUTO_TEST_SUITE(destination)

BOOST_AUTO_TEST_CASE(a_host_has_one_canonical_form) {
  const std::string long_label(63, 'a');
  const std::string too_long_label(64, 'a');
  const std::string longest =
      long_label + '.' + long_label + '.' + long_label + '.' + std::string(61, 'b');
  const std::string dotted = longest + '.';
  const std::string too_long = longest + 'b';
  const Row rows[] = {
      {"example.com", "example.com"},
      {"EXAMPLE.Com", "example.com"},
      {"example.com.", "example.com"},
      {"example.com..", ""},
      {".", ""},
      {"", ""},
      {".example.com", ""},
      {"a..b", ""},
      {"localhost", "localhost"},
      {"my_service", "my_service"},
      {"-a.com", ""},
      {"a-.com", ""},
      {"a--b.com", "a--b.com"},
      {long_label, long_label},
      {too_long_label, ""},
      {longest, longest},
      {dotted, longest},
      {too_long, ""},
      {"exa mple.com", ""},
      {" example.com", ""},
      {"example.com\t", ""},
      {"example.com\n", ""},
      {std::string_view("exa\0mple.com", 12), ""},
      {std::string_view("example.com\0", 12), ""},
      {"example.com\x7f", ""},
      {"user@example.com", ""},
      {"example.com/", ""},
      {"example.com\\", ""},
      {"example.com?", ""},
      {"example.com#", ""},
      {"ex%61mple.com", ""},
      {"example.com:80", ""},
      {"ex*mple.com", ""},
      {"a,b.com", ""},
      {"a;b.com", ""},
      {"bücher.example", "xn--bcher-kva.example"},
      {"BÜCHER.example", "xn--bcher-kva.example"},
      {"bu\xcc\x88"
       "cher.example",
       "xn--bcher-kva.example"},
      {"xn--bcher-kva.example", "xn--bcher-kva.example"},
      {"XN--BCHER-KVA.example", "xn--bcher-kva.example"},
      {"faß.de", "xn--fa-hia.de"},
      {"xn--a.example", ""},
      {"xn--.example", ""},
      {"xn--example-.com", ""},
      {"еxample.com", "xn--xample-2of.com"},
      {"ｅｘａｍｐｌｅ.com", "example.com"},
      {"example。com", "example.com"},
      {"a\xe2\x80\x8b"
       "b.com",
       "ab.com"},
      {"a\xef\xbc\x8f"
       "b.com",
       ""},
      {"\xff.com", ""},
      {"１２７.0.0.1", "127.0.0.1"},
      {"127.0.0.1", "127.0.0.1"},
      {"127.0.0.1.", "127.0.0.1"},
      {"127.1", "127.0.0.1"},
      {"2130706433", "127.0.0.1"},
      {"0x7f000001", "127.0.0.1"},
      {"0X7F.0.0.1", "127.0.0.1"},
      {"0177.0.0.1", "127.0.0.1"},
      {"0xa9fea9fe", "169.254.169.254"},
      {"256.0.0.1", ""},
      {"1.2.3.4.5", ""},
      {"example.1", ""},
      {"example.0x1", ""},
      {"example.09", ""},
      {"1.2.3.0x", ""},
      {"1.example", "1.example"},
      {"0x7f.example", "0x7f.example"},
      {"example.0xg", "example.0xg"},
      {"[::1]", "::1"},
      {"::1", "::1"},
      {"[::ffff:127.0.0.1]", "127.0.0.1"},
      {"[2001:DB8:0::1]", "2001:db8::1"},
      {"[fe80::1%25eth0]", ""},
      {"[fe80::1%eth0]", ""},
      {"[127.0.0.1]", ""},
      {"[::1", ""},
      {"::1]", ""},
      {"[]", ""},
      {"[", ""},
      {"[v1.fe80::a]", ""},
  };
  for (const Row& row : rows) {
    const auto host = Host::parse(row.text);
    BOOST_TEST((host ? host.value().text() : "") == row.expected, row.text);
    if (!host) {
      BOOST_TEST(host.error().code == "host_invalid");
      BOOST_TEST((host.error().origin == sluice::Origin::downstream));
    } else {
      BOOST_TEST(Host::parse(host.value().text()).value().text() == host.value().text());
    }
  }
}

BOOST_AUTO_TEST_CASE(an_authority_is_host_and_port) {
  struct PortRow {
    std::string_view text, host;
    int port; // 0: none
  };
  const PortRow good[] = {
      {"a.com", "a.com", 0},     {"a.com:1", "a.com", 1}, {"a.com:65535", "a.com", 65535},
      {"[::1]:443", "::1", 443}, {"[::1]", "::1", 0},     {"127.1:80", "127.0.0.1", 80}};
  for (const PortRow& row : good) {
    const auto parsed = parse_host_port(row.text);
    BOOST_TEST_REQUIRE(parsed.has_value(), row.text);
    BOOST_TEST(parsed.value().host.text() == row.host);
    BOOST_TEST(parsed.value().port.value_or(0) == row.port);
  }
  for (const std::string_view bad :
       {"",          ":80",       "a.com:",   "a.com:0",   "a.com:65536", "a.com:99999",
        "a.com:080", "a.com:+80", "a.com:8o", "a.com: 80", "a.com:80:80", "::1",
        "::1:80",    "[::1]80",   "[::1]:",   "[::1",      "[::1]:0",     "u@a.com:80",
        "a.com:-1",  "a.com:0x50"}) {
    BOOST_TEST(!parse_host_port(bad).has_value(), bad);
  }
}

BOOST_AUTO_TEST_CASE(a_path_is_normalised_once_or_refused) {
  const Row rows[] = {
      {"/", "/"},
      {"/a/b", "/a/b"},
      {"/a/b/", "/a/b/"},
      {"/a/./b", "/a/b"},
      {"/a/../b", "/b"},
      {"/../../a", "/a"},
      {"/a/b/..", "/a/"},
      {"/a/b/.", "/a/b/"},
      {"/..", "/"},
      {"/.", "/"},
      {"/a/../", "/"},
      {"/...", "/..."},
      {"/a..b", "/a..b"},
      {"/.git", "/.git"},
      {"/%41%62", "/Ab"},
      {"/%7Euser", "/~user"},
      {"/a%2db", "/a-b"},
      {"/a%3ab", "/a%3Ab"},
      {"/a%20b", "/a%20b"},
      {"/caf%c3%a9", "/caf%C3%A9"},
      {"/a%25b", "/a%25b"},
      {"/100%25", "/100%25"},
      {"/a;v=1/b", "/a;v=1/b"},
      {"/a:b@c!$&'()*+,=", "/a:b@c!$&'()*+,="},
      {"", ""},
      {"a", ""},
      {"*", ""},
      {"//", ""},
      {"//a", ""},
      {"/a//b", ""},
      {"/a%2fb", "/a%2Fb"},
      {"/a%2Fb", "/a%2Fb"},
      {"/a%5cb", ""},
      {"/a\\b", ""},
      {"/a%00", ""},
      {"/a%0d%0ab", ""},
      {"/a%7f", ""},
      {"/%2e", ""},
      {"/%2e%2e/a", ""},
      {"/.%2E/a", ""},
      {"/..;/a", ""},
      {"/.;x=1", ""},
      {"/%252e%252e/a", ""},
      {"/a%2541", ""},
      {"/a%252f", ""},
      {"/a%", ""},
      {"/a%4", ""},
      {"/a%zz", ""},
      {"/a%4g", ""},
      {"/a b", ""},
      {"/a\tb", ""},
      {"/a\x01", ""},
      {"/caf\xc3\xa9", ""},
      {"/a?b", ""},
      {"/a#b", ""},
      {std::string_view("/a\0b", 4), ""},
  };
  for (const Row& row : rows) {
    const auto path = normalise_path(row.text);
    BOOST_TEST((path ? path.value() : "") == row.expected, row.text);
    if (!path) BOOST_TEST(path.error().code == "path_ambiguous");
    if (path) BOOST_TEST(normalise_path(path.value()).value() == path.value(), row.text);
  }
}

BOOST_AUTO_TEST_CASE(a_path_has_every_reading_a_server_may_give_it) {
  using Readings = std::vector<std::string>;
  const auto readings = [](std::string_view path) { return other_readings(path).value(); };
  BOOST_TEST((readings("/a/b") == Readings{}));
  BOOST_TEST((readings("/@scope%2Fname") == Readings{"/@scope/name"}));
  BOOST_TEST((readings("/admin;x/y;z=1") == Readings{"/admin/y"}));
  BOOST_TEST((readings("/a;b%2Fc") == Readings{"/a;b/c", "/a", "/a/c"}));
  BOOST_TEST((readings("/x/a%3Ab") == Readings{"/x/a:b"}));
  BOOST_TEST(
      (readings("/%40evil/%21%24%26%27%28%29%2A%2B%2C%3D") == Readings{"/@evil/!$&'()*+,="}));
  BOOST_TEST((readings("/a%3Bb/c") == Readings{"/a;b/c", "/a/c"}));
  BOOST_TEST((readings("/a%20b/%C3%BC") == Readings{}));
  for (const auto* text :
       {"/a%2F..%2Fb", "/a%2F.", "/a%2F%2Fb", "/%2Fa", "/a/;x/b", "/a%2F..;/b"}) {
    const auto refused = other_readings(text);
    BOOST_TEST(!refused.has_value(), text);
    if (!refused) BOOST_TEST(refused.error().code == "path_ambiguous", text);
  }
  BOOST_TEST((parse_target("http://a.com/x%2Fy?z").value().other_paths == Readings{"/x/y"}));
}

BOOST_AUTO_TEST_CASE(targets_are_taken_apart) {
  const auto origin = parse_target("/a/../b?x=%2F&y");
  BOOST_TEST_REQUIRE(origin.has_value());
  BOOST_TEST(!origin.value().absolute.has_value());
  BOOST_TEST(origin.value().path == "/b");
  BOOST_TEST(origin.value().raw_path == "/a/../b");
  BOOST_TEST(origin.value().query == "x=%2F&y");
  BOOST_TEST(origin.value().has_query);

  const auto absolute = parse_target("HTTP://Example.COM:8080?");
  BOOST_TEST_REQUIRE(absolute.has_value());
  BOOST_TEST(absolute.value().absolute->authority() == "example.com:8080");
  BOOST_TEST(absolute.value().path == "/");
  BOOST_TEST(absolute.value().raw_path == "/");
  BOOST_TEST(absolute.value().has_query);
  BOOST_TEST(absolute.value().query == "");

  BOOST_TEST(parse_target("https://[::1]/x").value().absolute->host_port() == "[::1]:443");
  BOOST_TEST(parse_target("https://a.com/x").value().absolute->authority() == "a.com");
  BOOST_TEST(parse_target("*").value().path == "*");
}

BOOST_AUTO_TEST_CASE(targets_that_can_be_read_in_two_ways_are_refused) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"", "protocol_unsupported"},
      {"a.com:443", "protocol_unsupported"},
      {"ftp://a.com/", "protocol_unsupported"},
      {"file:///etc/passwd", "protocol_unsupported"},
      {"http:/a.com", "protocol_unsupported"},
      {"http://", "host_invalid"},
      {"http:///x", "host_invalid"},
      {"http://u:p@a.com/", "host_invalid"},
      {"http://a.com\\@b.com/", "host_invalid"},
      {"http://a.com:0/", "host_invalid"},
      {"http://a.com:/", "host_invalid"},
      {"/a#b", "path_ambiguous"},
      {"/a?b#c", "path_ambiguous"},
      {"/a?b c", "path_ambiguous"},
      {"/a?b\r\nc", "path_ambiguous"},
      {"//evil.com/x", "path_ambiguous"},
      {"/a/%2e%2e/b", "path_ambiguous"},
  };
  for (const auto& [target, code] : rows) {
    const auto parsed = parse_target(target);
    BOOST_TEST_REQUIRE(!parsed.has_value(), target);
    BOOST_TEST(parsed.error().code == code, target);
  }
}

BOOST_AUTO_TEST_CASE(names_of_things) {
  BOOST_TEST(to_string(Scheme::https) == "https");
  BOOST_TEST(default_port(Scheme::tcp) == 0);
  const Destination to{Scheme::tcp, Host::parse("db").value(), 5432};
  BOOST_TEST(to.authority() == "db:5432");
  BOOST_TEST(Host().empty());
  BOOST_TEST(Host::parse("::1").value().uri_text() == "[::1]");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
