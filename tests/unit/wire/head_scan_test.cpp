#include "proxy/wire/head_scan.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace {

using namespace sluice::wire;
using Progress = HeadScan::Progress;

Progress scan(std::string_view bytes, Section section = Section::request_head) {
  return HeadScan(section, Limits{}).scan(bytes);
}

constexpr std::string_view kHead = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";

} // namespace

BOOST_AUTO_TEST_SUITE(head_scan)

BOOST_AUTO_TEST_CASE(finds_the_end_and_counts) {
  HeadScan scan(Section::request_head, Limits{});
  const std::string bytes = std::string(kHead) + "\n\x01 not ours to judge";
  BOOST_TEST((scan.scan(bytes) == Progress::complete));
  BOOST_TEST(scan.size() == kHead.size());
  BOOST_TEST(scan.field_count() == 2U);
  scan.restart();
  BOOST_TEST((scan.scan(kHead) == Progress::complete));
  BOOST_TEST(scan.field_count() == 2U);
}

BOOST_AUTO_TEST_CASE(every_prefix_needs_more) {
  for (std::size_t size = 0; size < kHead.size(); ++size) {
    BOOST_TEST((scan(kHead.substr(0, size)) == Progress::need_more), size);
  }
}

BOOST_AUTO_TEST_CASE(does_not_wait_when_the_bytes_are_already_wrong) {
  for (const auto* bytes : {"\x16", "\n", "GET\n", "GET / HTTP/1.1\n", "GET / HTTP/1.1\rX", "\x7f",
                            "GET / HTTP/1.1\r\nHost: a\x01", "get / HTTP/1.1\r\n"}) {
    BOOST_TEST((scan(bytes) == Progress::refused), bytes);
  }
  BOOST_TEST((scan(std::string_view("\0", 1)) == Progress::refused));
}

BOOST_AUTO_TEST_CASE(stays_refused) {
  HeadScan one(Section::request_head, Limits{});
  BOOST_TEST((one.scan("\n") == Progress::refused));
  BOOST_TEST((one.scan(kHead) == Progress::refused));
  BOOST_TEST(!one.error().detail.empty());
}

BOOST_AUTO_TEST_CASE(every_byte_value_in_a_field_value) {
  for (int c = 0; c < 256; ++c) {
    std::string bytes = "GET / HTTP/1.1\r\nX: a?b\r\n\r\n";
    bytes[bytes.find('?')] = static_cast<char>(c);
    const bool fine = c == '\t' || (c >= 0x20 && c != 0x7f);
    BOOST_TEST((scan(bytes) == (fine ? Progress::complete : Progress::refused)), c);
  }
}

BOOST_AUTO_TEST_CASE(every_byte_value_in_a_name_and_a_target) {
  const std::string_view token =
      "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (int c = 0; c < 256; ++c) {
    const char byte = static_cast<char>(c);
    std::string name = "GET / HTTP/1.1\r\nXa?b: c\r\n\r\n";
    name[name.find('?')] = byte;
    const bool in_name = c == ':' || token.find(byte) != std::string_view::npos;
    BOOST_TEST((scan(name) == (in_name ? Progress::complete : Progress::refused)), c);
    std::string target = "GET /a?b HTTP/1.1\r\nX: c\r\n\r\n";
    target[target.find('?')] = byte;
    const bool in_target = c > 0x20 && c < 0x7f;
    BOOST_TEST((scan(target) == (in_target ? Progress::complete : Progress::refused)), c);
  }
}

BOOST_AUTO_TEST_CASE(trailers_have_no_start_line) {
  BOOST_TEST((scan("\r\n", Section::trailers) == Progress::complete));
  BOOST_TEST((scan("X: y\r\n\r\n", Section::trailers) == Progress::complete));
  BOOST_TEST((scan("GET / HTTP/1.1\r\n\r\n", Section::trailers) == Progress::refused));
}

BOOST_AUTO_TEST_CASE(append_fields_trims) {
  Fields out;
  append_fields("X: \t y z \t\r\nEmpty:\r\n\r\n", out);
  BOOST_TEST(out.all().size() == 2U);
  BOOST_TEST(out.only("x").value() == "y z");
  BOOST_TEST(out.only("empty").value() == "");
}

BOOST_AUTO_TEST_SUITE_END()
