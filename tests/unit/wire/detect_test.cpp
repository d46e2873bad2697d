#include "proxy/wire/detect.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>

namespace {

using namespace sluice::wire;
using namespace std::string_view_literals;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// The answer at the first prefix that has one; every longer prefix must give the same.
Protocol settled(std::string_view bytes, std::size_t& at) {
  Protocol answer = Protocol::need_more;
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const auto now = detect(bytes.substr(0, size));
    if (answer == Protocol::need_more) {
      at = size;
      answer = now;
    }
    BOOST_TEST((now == answer), bytes << " at " << size);
  }
  return answer;
}
Protocol settled(std::string_view bytes) {
  std::size_t at = 0;
  return settled(bytes, at);
}
std::size_t bytes_needed(std::string_view bytes) {
  std::size_t at = 0;
  settled(bytes, at);
  return at;
}

} // namespace

BOOST_AUTO_TEST_SUITE(detect_protocol)

BOOST_AUTO_TEST_CASE(tls) {
  BOOST_TEST((settled("\x16\x03\x01\x02\x00\x01"sv) == Protocol::tls));
  BOOST_TEST((settled("\x16\x03"sv) == Protocol::tls));
  for (const auto bytes : {"\x16\x02"sv, "\x16G"sv, "\x80\x2e\x01\x00\x02"sv, "\x15\x03\x01"sv}) {
    BOOST_TEST((settled(bytes) == Protocol::opaque));
  }
}

BOOST_AUTO_TEST_CASE(http1_requests) {
  for (const auto* bytes :
       {"GET / HTTP/1.1\r\n", "GET /", "POST http://a/", "GET HTTPS://A/", "OPTIONS * HTTP/1.1",
        "CONNECT example.com:443 HTTP/1.1", "CONNECT 10.0.0.1:443", "CONNECT [::1]:443",
        "M-SEARCH * HTTP/1.1", "VERSION-CONTROL /x", "UPDATEREDIRECTREF /x",
        "UPDATEREDIRECTREF https://example.com/", "BASELINE-CONTROL http://example.com/",
        "GET ws+unix://x", "X_Y.Z!1 /", "ABCDEFGHIJKLMNOPQRST /"}) {
    BOOST_TEST((settled(bytes) == Protocol::http1), bytes);
  }
}

// The strict reader refuses these and records it; a lenient server might not.
BOOST_AUTO_TEST_CASE(malformed_requests_are_http1_all_the_same) {
  for (const auto* bytes : {"get / HTTP/1.1", "GET /\n", "GET /\x01", "PRI * HTTP/1.1\r\n",
                            "PRI * HTTP/2.0\r\n\r\nSM\r\nX", "PRI /"}) {
    BOOST_TEST((settled(bytes) == Protocol::http1), bytes);
  }
}

BOOST_AUTO_TEST_CASE(http2) {
  BOOST_TEST((settled(kPreface) == Protocol::http2_preface));
  BOOST_TEST((settled(std::string(kPreface) + "frames") == Protocol::http2_preface));
  BOOST_TEST(bytes_needed(kPreface) == kPreface.size());
}

BOOST_AUTO_TEST_CASE(socks5) {
  for (const auto bytes : {"\x05\x01\x00"sv, "\x05\x02\x00\x02"sv, "\x05\x03\x00\x01\x02rest"sv,
                           "\x05\x01\x80"sv, "\x05\x01\x01"sv}) {
    BOOST_TEST((settled(bytes) == Protocol::socks5));
  }
  const std::string most = "\x05\x10" + std::string(16, '\x02');
  BOOST_TEST((settled(most) == Protocol::socks5));
  BOOST_TEST(bytes_needed(most) == most.size());
  for (const auto bytes : {"\x05\x00"sv, "\x05\x11\x00"sv, "\x05\x01\x0a"sv, "\x05\x01\xff"sv,
                           "\x05\x02\x00\x7f"sv, "\x04\x01\x00\x50\x0a\x00\x00\x01\x00"sv}) {
    BOOST_TEST((settled(bytes) == Protocol::opaque));
  }
}

BOOST_AUTO_TEST_CASE(clients_of_other_protocols) {
  for (const auto bytes :
       {"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u2\r\n"sv,
        "SSH-2.0-Go\r\n"sv,
        "SSH-1.99-x /"sv,
        "EHLO localhost\r\n"sv,
        "EHLO a-host.of.a.rather.long.name.example\r\n"sv,
        "HELO 10.0.0.1\r\n"sv,
        "MAIL FROM:<a@b>\r\n"sv,
        "USER anonymous\r\n"sv,
        "QUIT\r\n"sv,
        "*1\r\n$4\r\nPING\r\n"sv,
        "PING\r\n"sv,
        "SET key value\r\n"sv,
        "get key\r\n"sv,
        "\x00\x00\x00\x08\x04\xd2\x16\x2f"sv,             // Postgres SSLRequest
        "\x00\x00\x00\x21\x00\x03\x00\x00user\x00me"sv,   // Postgres startup
        "\x20\x00\x00\x01\x85\xa6\x3f\x20\x00\x00\x00"sv, // MySQL login behind the greeting
        "\x10\x2f\x00\x04MQTT\x04"sv,
        "AMQP\x00\x00\x09\x01"sv,
        "\x03\x00\x00\x13\x0e\xe0"sv,
        "CONNECT {\"verbose\":false}\r\n"sv,
        "CONNECT\naccept-version:1.2\n"sv,
        "003egit-upload-pack /p.git\0host=a\0"sv,
        "NICK agent\r\nUSER a 0 * :a\r\n"sv,
        "@RSYNCD: 31.0\n"sv,
        "\x13"
        "BitTorrent protocol"sv,
        "INVITE sip:a@b SIP/2.0\r\n"sv,
        "\r\nGET / HTTP/1.1\r\n"sv,
        " GET / HTTP/1.1\r\n"sv,
        "GET  / HTTP/1.1\r\n"sv,
        "GET\t/ HTTP/1.1\r\n"sv,
        "GET ?x HTTP/1.1\r\n"sv,
        "GET a HTTP/1.1\r\n"sv,
        "\xff\xfb\x1f"sv,
        "{\"a\":1}"sv,
        "<?xml"sv}) {
    BOOST_TEST((settled(bytes) == Protocol::opaque), bytes);
  }
}

BOOST_AUTO_TEST_CASE(decides_as_soon_as_it_can) {
  BOOST_TEST(bytes_needed("GET / HTTP/1.1") == 5U);
  BOOST_TEST(bytes_needed("SSH-2.0-x") == 4U);
  BOOST_TEST(bytes_needed("EHLO localhost\r\n") == 15U);
  BOOST_TEST(bytes_needed("PING\r\n") == 5U);
  BOOST_TEST(bytes_needed("\x00\x00\x00\x08"sv) == 1U);
  BOOST_TEST(bytes_needed("\x16\x03\x01"sv) == 2U);
  BOOST_TEST(bytes_needed("ABCDEFGHIJKLMNOPQRSTU /") == 21U);
  BOOST_TEST(bytes_needed("GET http://a/") == 11U);
}

BOOST_AUTO_TEST_CASE(always_decides_within_the_bound) {
  // Every byte in every place of texts that keep the machine waiting as long as possible.
  const std::string waiting[] = {std::string(kPreface), "GET aaaaaaaaaaaaaaaaaaaa",
                                 "ABCDEFGHIJKLMNOPQRST htt", "\x05\x10" + std::string(22, '\0'),
                                 "BASELINE-CONTROL https:/"};
  for (const auto& text : waiting) {
    BOOST_TEST(text.size() == kDetectBytes);
    for (std::size_t at = 0; at < text.size(); ++at) {
      for (int c = 0; c < 256; ++c) {
        auto bytes = text;
        bytes[at] = static_cast<char>(c);
        BOOST_TEST((settled(bytes) != Protocol::need_more));
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
