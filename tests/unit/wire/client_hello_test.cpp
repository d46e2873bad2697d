#include "proxy/wire/client_hello.hpp"

#include "policy/base/bytes.hpp"
#include "tests/support/client_hello_text.hpp"
#include "tests/support/client_hello_vectors.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <variant>

namespace {

using namespace sluice;
using namespace sluice::wire;
using namespace std::string_view_literals;
using test::describe;

std::string number(std::size_t value, int size) {
  std::string out;
  for (int i = size - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}
std::string vector(int length_size, std::string_view bytes) {
  return number(bytes.size(), length_size).append(bytes);
}
std::string extension(std::size_t type, std::string_view data) {
  return number(type, 2) + vector(2, data);
}
std::string name_entry(std::string_view name, char type = 0) {
  return std::string(1, type) + vector(2, name);
}
std::string server_name(std::string_view entries) {
  return extension(0, vector(2, entries));
}
std::string message(std::string_view body, char type = 1) {
  return std::string(1, type) + vector(3, body);
}
std::string record(std::string_view fragment, std::string_view header = "\x16\x03\x01") {
  return std::string(header) + vector(2, fragment);
}
std::string records(std::string_view bytes, std::size_t size) {
  std::string out;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) {
    out += record(bytes.substr(0, size));
  }
  return out;
}

const std::string kBeforeExtensions = "\x03\x03" + std::string(32, 'r') + vector(1, "session") +
                                      vector(2, "\x13\x01") + "\x01" + std::string(1, '\0');

std::string body(std::string_view extensions) {
  return kBeforeExtensions + vector(2, extensions);
}
std::string stream(std::string_view extensions) {
  return record(message(body(extensions)));
}
std::string fragment_of(std::string_view captured) {
  return std::string(captured.substr(5)); // all of ours came in one record
}

ClientHello hello_of(std::string_view bytes) {
  const auto scan = scan_client_hello(bytes);
  BOOST_REQUIRE_MESSAGE(std::holds_alternative<ClientHello>(scan), describe(scan));
  return std::get<ClientHello>(scan);
}
std::string text_of(std::string_view bytes) {
  return describe(scan_client_hello(bytes));
}
bool malformed(std::string_view bytes) {
  return std::holds_alternative<Malformed>(scan_client_hello(bytes));
}
bool needs_more(std::string_view bytes) {
  return std::holds_alternative<NeedMore>(scan_client_hello(bytes));
}

const std::string* captured() {
  static const std::string all[] = {
      *from_hex(test::kCurlHello), *from_hex(test::kPythonHello), *from_hex(test::kGoHello),
      *from_hex(test::kNodeHello), *from_hex(test::kTls12Hello),  *from_hex(test::kNamelessHello),
  };
  return all;
}
constexpr std::size_t kCaptured = 6;

} // namespace

BOOST_AUTO_TEST_SUITE(client_hello)

BOOST_AUTO_TEST_CASE(hellos_of_real_clients) {
  const char* expected[kCaptured] = {
      "hello name=example.com alpn=2:h28:http/1.1 ech=0 tls13=1 max=772",
      "hello name=api.example.com alpn=8:http/1.1 ech=0 tls13=1 max=772",
      "hello name=go.example.com alpn=2:h28:http/1.1 ech=0 tls13=1 max=772",
      "hello name=node.example.com alpn= ech=0 tls13=1 max=772",
      "hello name=example.com alpn= ech=0 tls13=0 max=771",
      "hello name= alpn= ech=0 tls13=1 max=772",
  };
  for (std::size_t i = 0; i < kCaptured; ++i) BOOST_TEST(text_of(captured()[i]) == expected[i]);
}

BOOST_AUTO_TEST_CASE(every_prefix_needs_more) {
  for (std::size_t i = 0; i < kCaptured; ++i) {
    const std::string_view whole = captured()[i];
    for (std::size_t size = 0; size < whole.size(); ++size) {
      BOOST_TEST(needs_more(whole.substr(0, size)), i << " " << size);
    }
  }
}

BOOST_AUTO_TEST_CASE(neither_records_nor_pieces_change_the_answer) {
  for (std::size_t i = 0; i < kCaptured; ++i) {
    const auto whole = text_of(captured()[i]);
    const auto bytes = fragment_of(captured()[i]);
    for (const std::size_t size : {1U, 2U, 3U, 5U, 100U, 511U}) {
      const auto in_records = records(bytes, size);
      BOOST_TEST(text_of(in_records) == whole);
      BOOST_TEST(test::scan_in_pieces(in_records, 1) == whole);
      BOOST_TEST(test::scan_in_pieces(in_records, 7) == whole);
    }
  }
}

BOOST_AUTO_TEST_CASE(every_changed_byte_has_one_answer) {
  for (std::size_t i = 0; i < kCaptured; ++i) {
    auto bytes = captured()[i];
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      const char was = bytes[at];
      for (const int change : {0x01, 0x02, 0x40, 0x80, 0xff}) {
        bytes[at] = static_cast<char>(was ^ change);
        BOOST_TEST(test::scan_in_pieces(bytes, bytes.size() / 3) == text_of(bytes));
      }
      bytes[at] = was;
    }
  }
}

BOOST_AUTO_TEST_CASE(what_follows_the_hello_is_not_judged) {
  const auto hello = stream(server_name(name_entry("a.example")));
  BOOST_TEST(hello_of(hello + "early data or anything").server_name == "a.example");
  BOOST_TEST(hello_of(hello + std::string(kMaxClientHello, 'x')).server_name == "a.example");
}

BOOST_AUTO_TEST_CASE(no_extensions_at_all) {
  const auto hello = hello_of(record(message(kBeforeExtensions)));
  BOOST_TEST(hello.server_name.empty());
  BOOST_TEST(hello.max_version == 0x0303);
  BOOST_TEST(!hello.supports_tls13);
  BOOST_TEST(hello_of(stream("")).alpn.empty());
}

BOOST_AUTO_TEST_CASE(versions) {
  const auto offering = [](std::string_view list) {
    return hello_of(stream(extension(43, vector(1, list))));
  };
  BOOST_TEST(offering("\x03\x04").supports_tls13);
  BOOST_TEST(offering("\x03\x04\x03\x03\x03\x02").max_version == 0x0304);
  BOOST_TEST(offering("\x03\x02\x03\x03").max_version == 0x0303);
  BOOST_TEST(!offering("\x03\x03").supports_tls13);
  const auto grease = offering("\xda\xda\x7f\x1c\x03\x05");
  BOOST_TEST(grease.max_version == 0);
  BOOST_TEST(!grease.supports_tls13);
  // The old field alone never means TLS 1.3 (RFC 8446 §4.2.1).
  auto old = body("");
  old[1] = 4;
  BOOST_TEST(hello_of(record(message(old))).max_version == 0x0303);
  old[1] = 1;
  BOOST_TEST(hello_of(record(message(old))).max_version == 0x0301);
  for (const auto& bad : {vector(1, ""), vector(1, "\x03"), vector(1, "\x03\x04") + "x",
                          std::string("\x04\x03\x04"), std::string()}) {
    BOOST_TEST(malformed(stream(extension(43, bad))));
  }
}

BOOST_AUTO_TEST_CASE(encrypted_hellos_are_seen) {
  BOOST_TEST(hello_of(stream(extension(0xfe0d, "whatever"))).ech);
  BOOST_TEST(hello_of(stream(extension(0xffce, ""))).ech);
  BOOST_TEST(!hello_of(stream(extension(0xfe0c, ""))).ech);
}

BOOST_AUTO_TEST_CASE(protocol_lists) {
  const auto offering = [](std::string_view list) {
    return stream(extension(16, vector(2, list)));
  };
  const auto hello = hello_of(offering("\x02h2\x01\xff\x03\x00\n,"sv));
  BOOST_TEST(hello.alpn.size() == 3U);
  BOOST_TEST(hello.alpn[1] == "\xff");
  BOOST_TEST(hello.alpn[2] == "\0\n,"sv);
  for (const auto bad : {""sv, "\x00"sv, "\x02h"sv, "\x02h2\x00"sv, "\x01"sv}) {
    BOOST_TEST(malformed(offering(bad)));
  }
  BOOST_TEST(malformed(stream(extension(16, vector(2, "\x02h2") + "x"))));
  BOOST_TEST(malformed(stream(extension(16, ""))));
  std::string many;
  for (int i = 0; i < 64; ++i) many += "\x01z";
  BOOST_TEST(hello_of(offering(many)).alpn.size() == 64U);
  BOOST_TEST(malformed(offering(many + "\x01z")));
}

BOOST_AUTO_TEST_CASE(names_as_sent) {
  const auto name_of = [](std::string_view name) {
    return hello_of(stream(server_name(name_entry(name)))).server_name;
  };
  for (const auto* name : {"EXAMPLE.com", "example.com.", "10.0.0.1", "::1", "a_b", "*"}) {
    BOOST_TEST(name_of(name) == name);
  }
  BOOST_TEST(name_of(std::string(255, 'a')).size() == 255U);
}

BOOST_AUTO_TEST_CASE(every_byte_value_in_a_name) {
  for (int c = 0; c < 256; ++c) {
    const auto bytes = stream(server_name(name_entry("a" + std::string(1, static_cast<char>(c)))));
    BOOST_TEST(malformed(bytes) == (c <= 0x20 || c >= 0x7f), c);
  }
}

BOOST_AUTO_TEST_CASE(names_that_are_refused) {
  const auto one = name_entry("a.example");
  for (const auto& entries :
       {one + one, one + name_entry("b.example"), one + "x", std::string(), name_entry(""),
        name_entry(std::string(256, 'a')), name_entry("a", 1), one + name_entry("b", 1),
        std::string(1, '\0'), one.substr(0, one.size() - 1)}) {
    BOOST_TEST(malformed(stream(server_name(entries))));
  }
  BOOST_TEST(malformed(stream(extension(0, ""))));
  BOOST_TEST(malformed(stream(extension(0, vector(2, one) + "x"))));
}

BOOST_AUTO_TEST_CASE(extensions_that_are_refused) {
  const auto name = server_name(name_entry("a.example"));
  BOOST_TEST(malformed(stream(name + name)));
  BOOST_TEST(malformed(stream(extension(0x1234, "") + name + extension(0x1234, "y"))));
  BOOST_TEST(!malformed(stream(extension(0x1234, "") + name + extension(0x1235, "y"))));
  for (std::size_t size = 1; size < name.size(); ++size) {
    BOOST_TEST(malformed(stream(name.substr(0, size))), size);
  }
}

BOOST_AUTO_TEST_CASE(lengths_that_do_not_meet) {
  const auto good = body(server_name(name_entry("a.example")));
  BOOST_TEST(malformed(record(message(good + "x")))); // garbage behind the extensions
  for (std::size_t size = 0; size < good.size(); ++size) {
    if (size == kBeforeExtensions.size()) continue; // a hello without extensions
    BOOST_TEST(malformed(record(message(good.substr(0, size)))), size);
  }
  BOOST_TEST(malformed(record(message(good) + "x"))); // garbage behind the message
  BOOST_TEST(malformed(record(message(good) + message(good))));
  const auto start = "\x03\x03" + std::string(32, 'r');
  for (const auto& bad :
       {start + vector(1, std::string(33, 's')) + vector(2, "\x13\x01") + vector(1, "x"),
        start + vector(1, "") + vector(2, "") + vector(1, "x"),
        start + vector(1, "") + vector(2, "\x13") + vector(1, "x"),
        start + vector(1, "") + vector(2, "\x13\x01") + vector(1, ""), "\x02" + good.substr(1)}) {
    BOOST_TEST(malformed(record(message(bad))));
  }
}

BOOST_AUTO_TEST_CASE(does_not_wait_when_the_headers_are_already_wrong) {
  for (const auto bad :
       {"G"sv, "\x15"sv, "\x80\x2e\x01"sv, "\x16\x02"sv, "\x16\x03\x01\x00\x00"sv,
        "\x16\x03\x01\x40\x01"sv, "\x16\x03\x01\x00\x05\x02"sv,
        "\x16\x03\x01\x00\x05\x01\x00\x00\x00"sv, "\x16\x03\x01\x40\x00\x01\x00\xff\xfd"sv,
        "\x16\x03\x01\x00\x04\x01\x00\x00\x09\x17"sv}) {
    BOOST_TEST(malformed(bad), to_hex(bad));
  }
  BOOST_TEST(needs_more("\x16\x03\x01\x40\x00\x01\x00\xff\xfc"sv));
}

BOOST_AUTO_TEST_CASE(bounded) {
  // As long as the stream may be, in full records; then one byte of message more.
  const std::size_t overhead = 4 + 4 * 5;
  const std::size_t room = kMaxClientHello - overhead - body(extension(21, "")).size();
  const auto largest = records(message(body(extension(21, std::string(room, 'p')))), 1 << 14);
  BOOST_TEST(largest.size() == kMaxClientHello);
  BOOST_TEST(hello_of(largest).max_version == 0x0303);
  BOOST_TEST(needs_more(std::string_view(largest).substr(0, kMaxClientHello - 1)));
  const auto over = records(message(body(extension(21, std::string(room + 1, 'p')))), 1 << 14);
  BOOST_TEST(malformed(over));
  BOOST_TEST(needs_more(std::string_view(over).substr(0, kMaxClientHello - 1)));
  // Headers count too: a hello drawn out over records of one byte ends all the same.
  const auto drawn_out = records(message(std::string(60000, 'x')), 1);
  BOOST_TEST(malformed(drawn_out));
  BOOST_TEST(malformed(std::string_view(drawn_out).substr(0, kMaxClientHello)));
}

BOOST_AUTO_TEST_SUITE_END()
