#include "overlay/compose/capture_rules.hpp"

namespace sluice::overlay {
namespace {

std::string set_of(const std::vector<std::uint16_t>& ports) {
  std::string out;
  for (const auto port : ports) out += (out.empty() ? "{ " : ", ") + std::to_string(port);
  return out + " }";
}

// Before Docker's own NAT (priority -100), which leads 127.0.0.11:53 to its name server.
constexpr const char* kCapture =
    R"(  # The program's TCP and names, before Docker's own rules for 127.0.0.11.
  chain capture {
    type nat hook output priority -110; policy accept;
    meta skuid 1337 return
    meta skuid 0 ip daddr != 127.0.0.0/8 th dport 53 return
    udp dport 53 redirect to :15053
    tcp dport 53 redirect to :15053
    ip daddr 127.0.0.11 meta l4proto tcp redirect to :15006
    oifname "lo" return
    meta l4proto tcp redirect to :15006
  }
)";

constexpr const char* kLeave =
    R"(  # What was not captured and is not the sidecar's is refused at once.
  chain leave {
    type filter hook output priority 0; policy drop;
    ip daddr 127.0.0.11 meta skuid != 1337 reject
    ct state established,related accept
    ct status dnat accept
)";

constexpr const char* kLeaveEnd = R"(    meta skuid 1337 meta l4proto tcp ct mark set 1337 accept
    meta skuid { 0, 1337 } meta l4proto { tcp, udp } th dport 53 ct mark set 1337 accept
    oifname "lo" accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    reject with icmpx admin-prohibited
  }
  # The last gate, packet by packet: a socket bound to a device goes past the routes.
  chain door {
    type filter hook postrouting priority 0; policy drop;
    oifname "lo" accept
    ct direction original meta skuid != { 0, 1337 } drop
    ct mark 1337 accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
  }
)";

constexpr const char* kEnter =
    R"(  # Nobody calls the program: other sidecars call this one, and Docker what is published.
  chain enter {
    type filter hook input priority 0; policy drop;
    iifname "lo" accept
    ct state established,related accept
)";

constexpr const char* kEnd = R"(    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
  }
  chain pass {
    type filter hook forward priority 0; policy drop;
  }
}
)";

// Its own sidecar's entrances are for others: through them the program would be somebody else.
std::string not_for_the_program(const Entrances& of) {
  auto ports = of.mesh;
  ports.insert(ports.end(), of.exports.begin(), of.exports.end());
  if (ports.empty()) return "";
  return "    meta skuid != 1337 tcp dport " + set_of(ports) + " reject with tcp reset\n";
}

} // namespace

std::string capture_rules(const Entrances& of) {
  std::string out = "table inet sluice\ndelete table inet sluice\ntable inet sluice {\n";
  if (of.program) out += kCapture + (kLeave + not_for_the_program(of)) + kLeaveEnd;
  out += kEnter;
  if (!of.mesh.empty()) out += "    tcp dport " + set_of(of.mesh) + " ct mark set 1337 accept\n";
  if (!of.exports.empty()) {
    out += "    iifname $outside tcp dport " + set_of(of.exports) + " ct mark set 1337 accept\n";
  }
  return out + kEnd;
}

} // namespace sluice::overlay
