#include "proxy/wire/dns_message.hpp"

#include "policy/base/bytes.hpp"

#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace {

using namespace sluice;
using namespace sluice::wire;
using namespace std::string_literals;
using namespace std::string_view_literals;

// Written by hand in the form dig sends: A with an OPT and a cookie, AAAA without; the case of the
// letters is 0x20's.
const std::string kDig = *from_hex("1a2b01200001000000000001076578616d706c6503636f6d0000010001"
                                   "00002904d000000000000c000a0008f0e1d2c3b4a59687");
const std::string kPlain =
    *from_hex("beef0100000100000000000003417757074578614d706c4503434f4d00001c0001");

std::string with(std::string bytes, std::size_t at, std::string_view replacement) {
  return bytes.replace(at, replacement.size(), replacement);
}
std::string query(std::string_view name, std::string_view rest = "\x00\x01\x00\x01"sv) {
  return "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"s.append(name).append(rest);
}
std::string with_opt(std::string_view opt) {
  return with(query("\x01z\x00"sv), 10, "\x00\x01"sv).append(opt);
}

DnsQuery parsed(std::string_view message) {
  const auto result = parse_dns_query(message);
  BOOST_REQUIRE(std::holds_alternative<DnsQuery>(result));
  return std::get<DnsQuery>(result);
}
bool has(std::string_view message, DnsError error) {
  const auto result = parse_dns_query(message);
  return std::holds_alternative<DnsError>(result) && std::get<DnsError>(result) == error;
}
bool wrong(std::string_view message) {
  return has(message, DnsError::format_error);
}

const DnsAddress kV4 = DnsAddress::v4({10, 1, 2, 3});
const DnsAddress kV6 = DnsAddress::v6({0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});

} // namespace

BOOST_AUTO_TEST_SUITE(dns_message)

BOOST_AUTO_TEST_CASE(queries_as_clients_send_them) {
  const auto dig = parsed(kDig);
  BOOST_TEST(dig.id == 0x1a2b);
  BOOST_TEST(dig.name == "example.com");
  BOOST_TEST(dig.name_is_plain);
  BOOST_TEST(dig.type == kDnsTypeA);
  BOOST_TEST(dig.klass == kDnsClassIn);
  BOOST_TEST(dig.recursion_desired);
  BOOST_TEST(dig.has_opt);
  BOOST_TEST(dig.udp_size == 1232);
  const auto plain = parsed(kPlain);
  BOOST_TEST(plain.name == "aww.example.com");
  BOOST_TEST(plain.type == kDnsTypeAaaa);
  BOOST_TEST(!plain.has_opt);
  BOOST_TEST(plain.udp_size == 512);
  BOOST_TEST(to_hex(plain.raw_question) == to_hex(std::string_view(kPlain).substr(12)));
}

BOOST_AUTO_TEST_CASE(every_truncation_is_wrong) {
  for (const auto& whole : {kDig, kPlain}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      BOOST_TEST(wrong(std::string_view(whole).substr(0, size)), size);
    }
    BOOST_TEST(wrong(whole + "x"));
  }
}

BOOST_AUTO_TEST_CASE(every_changed_byte_is_answered_or_refused) {
  for (auto bytes : {kDig, kPlain}) {
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      const char was = bytes[at];
      for (int c = 0; c < 256; ++c) {
        bytes[at] = static_cast<char>(c);
        const auto result = parse_dns_query(bytes);
        if (const auto* ok = std::get_if<DnsQuery>(&result)) {
          BOOST_TEST((std::string_view(bytes).substr(12).starts_with(ok->raw_question)));
          BOOST_TEST(dns_answer(*ok, DnsRcode::refused).size() >= 12U);
        }
      }
      bytes[at] = was;
    }
  }
}

BOOST_AUTO_TEST_CASE(header) {
  const auto good = query("\x01z\x00"sv);
  BOOST_TEST(parsed(good).name == "z");
  BOOST_TEST(!parsed(with(good, 2, "\x00"sv)).recursion_desired);
  BOOST_TEST(parsed(with(good, 3, "\x30"sv)).name == "z"); // AD, CD
  BOOST_TEST(wrong(with(good, 2, "\x81")));                // a response
  BOOST_TEST(wrong(with(good, 2, "\x03")));                // truncated
  for (const auto opcode : {"\x08"sv, "\x10"sv, "\x20"sv, "\x28"sv, "\x78"sv}) {
    BOOST_TEST(has(with(good, 2, opcode), DnsError::not_implemented));
  }
  for (const std::size_t count : {4U, 6U, 8U, 10U}) {
    BOOST_TEST(wrong(with(good, count, "\x00\x02"sv)), count);
    BOOST_TEST(wrong(with(good, count, "\xff\xff"sv)), count);
  }
  BOOST_TEST(wrong(with(good, 4, "\x00\x00"sv)));
}

BOOST_AUTO_TEST_CASE(names) {
  BOOST_TEST(parsed(query("\x00"sv)).name.empty());
  BOOST_TEST(parsed(query("\x00"sv)).name_is_plain);
  const auto odd = parsed(query("\x05"
                                "a.\x00\xff\\\x02_B\x00"sv));
  BOOST_TEST(odd.name == "a\\046\\000\\255\\092._b");
  BOOST_TEST(!odd.name_is_plain);
  BOOST_TEST(parsed(query("\x04_a-9\x00"sv)).name_is_plain);
  const auto label = "\x3f" + std::string(63, 'a');
  const auto longest = label + label + label + "\x3d" + std::string(61, 'b') + '\0';
  BOOST_TEST(longest.size() == 255U);
  BOOST_TEST(parsed(query(longest)).name.size() == 253U);
  BOOST_TEST(wrong(query(label + label + label + "\x3e" + std::string(62, 'b') + '\0')));
  BOOST_TEST(wrong(query("\x40" + std::string(64, 'a') + '\0')));
  BOOST_TEST(wrong(query("\x80" + std::string(128, 'a') + '\0')));
  BOOST_TEST(wrong(query("\xc0\x0c"sv)));      // to itself
  BOOST_TEST(wrong(query("\x01z\xc0\x00"sv))); // into the header
  BOOST_TEST(wrong(query("\x01z"sv, "")));
}

BOOST_AUTO_TEST_CASE(opt_records) {
  const auto size_for = [](std::string_view size) {
    return parsed(with_opt("\x00\x00\x29"s.append(size).append("\x00\x00\x80\x00\x00\x00"sv)))
        .udp_size;
  };
  BOOST_TEST(size_for("\x00\x00"sv) == 512);
  BOOST_TEST(size_for("\x02\x01"sv) == 513);
  BOOST_TEST(size_for("\x04\xd0"sv) == 1232);
  BOOST_TEST(size_for("\xff\xff"sv) == 1232);
  for (const auto bad : {
           "\x01z\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"sv,            // a name
           "\xc0\x0c\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"sv,         // a pointer
           "\x00\x00\x01\x04\xd0\x00\x00\x00\x00\x00\x00"sv,             // A instead of OPT
           "\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x00"sv,             // TSIG
           "\x00\x00\x29\x04\xd0\x00\x01\x00\x00\x00\x00"sv,             // version 1
           "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x01"sv,             // no such byte
           "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x03\x00\x0a\x00"sv, // half an option
           "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x05\x00\x0a\x00\x02z"sv,
       }) {
    BOOST_TEST(wrong(with_opt(bad)));
  }
}

BOOST_AUTO_TEST_CASE(answers_only_the_asked_type) {
  const std::vector<DnsAddress> both{kV6, kV4};
  BOOST_TEST(to_hex(dns_answer(parsed(kDig), DnsRcode::no_error, both, 60)) ==
             "1a2b81800001000100000001076578616d706c6503636f6d0000010001"
             "c00c000100010000003c00040a010203"
             "00002904d0000000000000");
  BOOST_TEST(to_hex(dns_answer(parsed(kPlain), DnsRcode::no_error, both, 0xffffffff)) ==
             "beef8180000100010000000003417757074578614d706c4503434f4d00001c0001"
             "c00c001c00017fffffff001020010db8000000000000000000000001");
  const auto none = [&](const std::string& bytes, DnsRcode rcode) {
    return dns_answer(parsed(bytes), rcode, both, 60).substr(6, 2) == "\x00\x00"sv;
  };
  BOOST_TEST(none(query("\x01z\x00"sv, "\x00\x41\x00\x01"sv), DnsRcode::no_error)); // HTTPS
  BOOST_TEST(none(query("\x01z\x00"sv, "\x00\x01\x00\x03"sv), DnsRcode::no_error)); // CHAOS
  BOOST_TEST(none(kDig, DnsRcode::name_error));
}

BOOST_AUTO_TEST_CASE(rcodes) {
  const auto flags = [](DnsRcode rcode) {
    return to_hex(dns_answer(parsed(kPlain), rcode).substr(2, 2));
  };
  BOOST_TEST(flags(DnsRcode::name_error) == "8183");
  BOOST_TEST(flags(DnsRcode::refused) == "8185");
  BOOST_TEST(flags(DnsRcode::server_failure) == "8182");
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_left_out_and_said) {
  const auto truncated = [](const std::string& answer) { return (answer[2] & 0x02) != 0; };
  const auto count = [](const std::string& answer) {
    return static_cast<unsigned char>(answer[6]) * 256 + static_cast<unsigned char>(answer[7]);
  };
  const auto plain = parsed(kPlain);
  const std::size_t fit = (512 - kPlain.size()) / 28;
  const auto all = dns_answer(plain, DnsRcode::no_error, std::vector(fit, kV6), 1);
  BOOST_TEST(!truncated(all));
  BOOST_TEST(count(all) == static_cast<int>(fit));
  const auto some = dns_answer(plain, DnsRcode::no_error, std::vector(fit + 1, kV6), 1);
  BOOST_TEST(truncated(some));
  BOOST_TEST(count(some) == static_cast<int>(fit));
  BOOST_TEST(some.size() <= 512U);
  const auto dig = dns_answer(parsed(kDig), DnsRcode::no_error, std::vector(500, kV4), 1);
  BOOST_TEST(truncated(dig));
  BOOST_TEST(dig.size() <= 1232U);
  BOOST_TEST(dig.size() > 1232U - 16);
  BOOST_TEST(to_hex(dig.substr(dig.size() - 11)) == "00002904d0000000000000");
  const auto tcp = DnsTransport::tcp;
  const auto over_tcp = dns_answer(plain, DnsRcode::no_error, std::vector(500, kV6), 1, tcp);
  BOOST_TEST(!truncated(over_tcp));
  BOOST_TEST(count(over_tcp) == 500);
  const auto too_many = dns_answer(plain, DnsRcode::no_error, std::vector(5000, kV6), 1, tcp);
  BOOST_TEST(truncated(too_many));
  BOOST_TEST(dns_frame(too_many).size() <= 65537U);
}

BOOST_AUTO_TEST_CASE(errors_without_a_question) {
  BOOST_TEST(to_hex(dns_format_error(kDig)) == "1a2b81010000000000000000");
  BOOST_TEST(to_hex(dns_error(with(kDig, 2, "\x29"), DnsError::not_implemented)) ==
             "1a2ba9040000000000000000");
  BOOST_TEST(to_hex(dns_format_error(kDig.substr(0, 12) + "garbage")) ==
             "1a2b81010000000000000000");
  BOOST_TEST(dns_format_error(kDig.substr(0, 11)).empty());
  BOOST_TEST(dns_format_error("").empty());
  BOOST_TEST(dns_format_error(with(kDig, 2, "\x81")).empty()); // or two servers talk for ever
}

BOOST_AUTO_TEST_CASE(frames_of_tcp) {
  const auto stream = dns_frame(kDig) + dns_frame("") + dns_frame(kPlain);
  std::string_view in = stream;
  BOOST_TEST((take_dns_frame(in).value() == kDig));
  BOOST_TEST(take_dns_frame(in).value().empty());
  BOOST_TEST((take_dns_frame(in).value() == kPlain));
  BOOST_TEST(in.empty());
  for (std::size_t size = 0; size < kDig.size() + 2; ++size) {
    in = std::string_view(stream).substr(0, size);
    BOOST_TEST(!take_dns_frame(in));
    BOOST_TEST(in.size() == size);
  }
  BOOST_TEST(dns_frame(std::string(65535, 'x')).size() == 65537U);
  BOOST_CHECK_THROW(dns_frame(std::string(65536, 'x')), std::logic_error);
}

BOOST_AUTO_TEST_SUITE_END()
