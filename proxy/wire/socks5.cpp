#include "proxy/wire/socks5.hpp"

#include "proxy/wire/byte_reader.hpp"
#include "proxy/wire/grammar.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

namespace sluice::wire {
namespace {

using namespace std::string_view_literals;

constexpr std::uint8_t kVersion = 5;
constexpr std::uint8_t kNoAuthentication = 0x00;
constexpr std::uint8_t kUserPassword = 0x02;
constexpr std::uint8_t kConnect = 0x01;

std::string method_reply(std::uint8_t method) {
  return {static_cast<char>(kVersion), static_cast<char>(method)};
}

bool has_control_byte(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

// Four or sixteen bytes as text. inet_ntop because the address parser of policy/model is not for
// this layer; whoever takes the text parses and classifies it there.
std::string address_text(std::string_view bytes) {
  char text[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

// DST.ADDR of RFC 1928 §4 and §5, from behind ATYP, which has been judged. Nothing when it is
// not whole.
std::optional<SocksConnect> read_address(std::uint8_t type, ByteReader& in) {
  SocksConnect connect;
  std::optional<std::string_view> bytes;
  switch (type) {
  case 1:
    connect.kind = SocksConnect::Kind::v4;
    bytes = in.take(4);
    break;
  case 4:
    connect.kind = SocksConnect::Kind::v6;
    bytes = in.take(16);
    break;
  default: bytes = in.vector8(); break;
  }
  if (!bytes) return std::nullopt;
  connect.host =
      connect.kind == SocksConnect::Kind::domain ? std::string(*bytes) : address_text(*bytes);
  return connect;
}

struct Fault {
  SocksReply reply;
  std::string_view phrase;
};

// As much of a request as is there, in the order of its bytes (RFC 1928 §4).
std::optional<Fault> check_request(std::string_view in) {
  const auto is_not = [&](std::size_t at, std::uint8_t wanted) {
    return in.size() > at && byte_at(in, at) != wanted;
  };
  if (is_not(0, kVersion)) return Fault{SocksReply::general_failure, "not SOCKS 5 (RFC 1928 §4)"};
  if (is_not(1, kConnect)) {
    return Fault{SocksReply::command_not_supported, "a command other than CONNECT (RFC 1928 §4)"};
  }
  if (is_not(2, 0)) {
    return Fault{SocksReply::general_failure, "a reserved byte that is not zero (RFC 1928 §4)"};
  }
  if (in.size() < 4) return std::nullopt;
  const auto type = byte_at(in, 3);
  if (type != 1 && type != 3 && type != 4) {
    return Fault{SocksReply::address_type_not_supported, "an unknown address type (RFC 1928 §5)"};
  }
  if (type != 3 || in.size() < 5) return std::nullopt;
  const auto domain = in.substr(5, byte_at(in, 4));
  if (byte_at(in, 4) == 0) {
    return Fault{SocksReply::general_failure, "a domain name that is empty (RFC 1928 §5)"};
  }
  if (!all_are(kVisible, domain)) {
    return Fault{SocksReply::general_failure,
                 "a domain name with bytes that do not belong (RFC 1928 §5)"};
  }
  return std::nullopt;
}

} // namespace

std::string encode_socks_reply(SocksReply reply) {
  std::string bytes("\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"sv);
  bytes[1] = static_cast<char>(reply);
  return bytes;
}

SocksEvent Socks5Server::feed(std::string_view& in) {
  switch (state_) {
  case State::greeting: return read_greeting(in);
  case State::password: return read_password(in);
  case State::request: return read_request(in);
  case State::refused: return refusal_;
  case State::verdict:
  case State::connected: break;
  }
  return NeedMore{};
}

// RFC 1928 §3.
SocksEvent Socks5Server::read_greeting(std::string_view& in) {
  ByteReader reader(in);
  const auto version = reader.u8();
  if (!version) return NeedMore{};
  if (*version != kVersion) return refuse("", "not SOCKS 5 (RFC 1928 §3)");
  const auto methods = reader.vector8();
  if (!methods) return NeedMore{};
  const auto offered = [&](std::uint8_t method) {
    return methods->find(static_cast<char>(method)) != std::string_view::npos;
  };
  if (!require_password_ && offered(kNoAuthentication)) {
    state_ = State::request;
  } else if (offered(kUserPassword)) {
    state_ = State::password;
  } else {
    return refuse(method_reply(0xff), "no acceptable authentication method (RFC 1928 §3)");
  }
  in = reader.rest();
  return SocksSend{method_reply(state_ == State::request ? kNoAuthentication : kUserPassword)};
}

// RFC 1929 §2.
SocksEvent Socks5Server::read_password(std::string_view& in) {
  const std::string failure = "\x01\x01";
  ByteReader reader(in);
  const auto version = reader.u8();
  if (!version) return NeedMore{};
  if (*version != 1) return refuse(failure, "not version 1 (RFC 1929 §2)");
  if (in.size() > 1 && byte_at(in, 1) == 0) return refuse(failure, "no user (RFC 1929 §2)");
  const auto user = reader.vector8();
  if (!user) return NeedMore{};
  const auto password = reader.vector8();
  if (!password) return NeedMore{};
  if (has_control_byte(*user) || has_control_byte(*password)) {
    return refuse(failure, "a user or password with control bytes (RFC 1929 §2)");
  }
  state_ = State::verdict;
  in = reader.rest();
  return SocksAuthenticate{Secret(std::string(*user)), Secret(std::string(*password))};
}

SocksEvent Socks5Server::authenticated(bool accepted) {
  if (state_ != State::verdict) throw std::logic_error("Socks5Server: nobody asked");
  if (!accepted) return refuse("\x01\x01", "authentication failed (RFC 1929 §2)");
  state_ = State::request;
  return SocksSend{std::string("\x01\x00"sv)};
}

SocksEvent Socks5Server::read_request(std::string_view& in) {
  if (const auto fault = check_request(in)) return refuse(fault->reply, fault->phrase);
  constexpr std::size_t kType = 3;
  if (in.size() <= kType) return NeedMore{};
  ByteReader reader(in.substr(kType + 1));
  auto connect = read_address(byte_at(in, kType), reader);
  if (!connect) return NeedMore{};
  const auto port = reader.u16();
  if (!port) return NeedMore{};
  if (*port == 0) return refuse(SocksReply::general_failure, "port 0 (RFC 1928 §4)");
  connect->port = *port;
  state_ = State::connected;
  in = reader.rest();
  return std::move(*connect);
}

SocksEvent Socks5Server::refuse(std::string reply, std::string_view phrase) {
  state_ = State::refused;
  refusal_ = {std::move(reply), phrase};
  return refusal_;
}

SocksEvent Socks5Server::refuse(SocksReply reply, std::string_view phrase) {
  return refuse(encode_socks_reply(reply), phrase);
}

} // namespace sluice::wire
