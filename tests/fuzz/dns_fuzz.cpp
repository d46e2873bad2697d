// Invariants, for any datagram: nothing beyond it is read; a name of a query is printable and its
// labels are those of the question, whose bytes are the datagram's; an answer fits where it must
// and repeats id and question; whatever is answered is a response, so that it is never answered
// again. An input is a datagram as it is.
#include "proxy/wire/dns_message.hpp"
#include "proxy/wire/dns_shape.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace {

using namespace sluice::wire;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_response(std::string_view query, const std::string& answer) {
  require(answer.size() >= 12);
  require(answer.substr(0, 2) == query.substr(0, 2));
  require((static_cast<unsigned char>(answer[2]) & 0x80) != 0);
  require(dns_format_error(answer).empty());
  const auto again = parse_dns_query(answer);
  require(std::holds_alternative<DnsError>(again));
}

void check_query(std::string_view datagram, const DnsQuery& query) {
  require(query.name.size() <= 4 * 255);
  require(std::all_of(query.name.begin(), query.name.end(),
                      [](char c) { return c > ' ' && c < 0x7f && (c < 'A' || c > 'Z'); }));
  require((query.name.find('\\') == std::string::npos) == query.name_is_plain);
  require(datagram.substr(12).starts_with(query.raw_question));
  require(query.udp_size >= kDnsUdpSize && query.udp_size <= kDnsUdpSizeMax);
  static const std::vector<DnsAddress> addresses(100, DnsAddress::v4({10, 0, 0, 1}));
  const auto answer = dns_answer(query, DnsRcode::no_error, addresses, 60);
  require(answer.size() <= query.udp_size);
  require(std::string_view(answer).substr(12).starts_with(query.raw_question));
  check_response(datagram, answer);
  classify(query.type);
  looks_like_tunnelling(query);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view datagram(reinterpret_cast<const char*>(data), size);
  const auto result = parse_dns_query(datagram);
  if (const auto* query = std::get_if<DnsQuery>(&result)) check_query(datagram, *query);
  if (const auto* error = std::get_if<DnsError>(&result)) {
    const auto answer = dns_error(datagram, *error);
    if (!answer.empty()) check_response(datagram, answer);
  }
  std::string_view in = datagram;
  for (auto frame = take_dns_frame(in); frame; frame = take_dns_frame(in)) {
    require(frame->size() + in.size() + 2 <= datagram.size());
  }
  return 0;
}
