#include "proxy/wire/client_hello.hpp"

#include "proxy/wire/byte_reader.hpp"
#include "proxy/wire/grammar.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <optional>
#include <utility>

namespace sluice::wire {
namespace {

constexpr std::size_t kRecordHeader = 5;
constexpr std::size_t kMaxFragment = std::size_t{1} << 14; // RFC 8446 §5.1
constexpr std::size_t kMessageHeader = 4;
constexpr std::size_t kMaxServerName = 255;
constexpr std::size_t kMaxProtocols = 64; // clients offer two or three

constexpr std::uint16_t kSsl30 = 0x0300;
constexpr std::uint16_t kTls12 = 0x0303;
constexpr std::uint16_t kTls13 = 0x0304;

using Fault = std::optional<Malformed>;

// Judges as much of a record's header as is there. RFC 8446 §5.1: the minor version says nothing,
// an empty handshake fragment is forbidden, and nothing comes between two fragments.
Fault check_record_header(std::string_view record) {
  if (!record.empty() && byte_at(record, 0) != 0x16) {
    return Malformed{"a record that is not a handshake (RFC 8446 §5.1)"};
  }
  if (record.size() > 1 && byte_at(record, 1) != 3) {
    return Malformed{"not a TLS record version (RFC 8446 §5.1)"};
  }
  if (record.size() < kRecordHeader) return std::nullopt;
  const auto length = ByteReader(record.substr(3)).u16().value();
  if (length == 0) return Malformed{"an empty handshake record (RFC 8446 §5.1)"};
  if (length > kMaxFragment) return Malformed{"a record that is too long (RFC 8446 §5.1)"};
  return std::nullopt;
}

// How much of the handshake message the records so far have brought.
struct Progress {
  std::array<char, kMessageHeader> header{};
  std::size_t seen = 0;
  std::size_t size = 0; // of the message with its header; 0 until the header is there

  bool whole() const { return size != 0 && seen == size; }

  // `fragment` is what is there of a fragment of `declared` bytes.
  Fault add(std::string_view fragment, std::size_t declared) {
    for (std::size_t i = 0; i < fragment.size() && seen + i < header.size(); ++i) {
      header[seen + i] = fragment[i];
    }
    const std::string_view start(header.data(), header.size());
    const auto before = std::exchange(seen, seen + fragment.size());
    if (seen > 0 && start[0] != 1) {
      return Malformed{"a handshake that does not begin with ClientHello (RFC 8446 §4)"};
    }
    if (size == 0 && seen >= kMessageHeader) {
      size = kMessageHeader + ByteReader(start.substr(1)).u24().value();
      if (size > kMaxClientHello) return Malformed{"a ClientHello that is too long"};
    }
    // What a server does with a second message in this record is anyone's guess.
    if (size != 0 && before + declared > size) {
      return Malformed{"bytes behind the ClientHello in its record (RFC 8446 §5.1)"};
    }
    return std::nullopt;
  }
};

// The message of `size` bytes without the headers of its records, which have been judged.
std::string gather(std::string_view stream, std::size_t size) {
  std::string message;
  message.reserve(size);
  while (message.size() < size) {
    const auto fragment = ByteReader(stream.substr(3)).vector16().value();
    message += fragment;
    stream.remove_prefix(kRecordHeader + fragment.size());
  }
  return message;
}

// RFC 6066 §3. Only host_name was ever defined, and the bytes of another type cannot be skipped.
Fault read_server_name(std::string_view data, ClientHello& hello) {
  ByteReader extension(data);
  const auto list = extension.vector16();
  if (!list || list->empty() || !extension.empty()) {
    return Malformed{"a malformed server_name (RFC 6066 §3)"};
  }
  ByteReader entry(*list);
  if (entry.u8() != 0) return Malformed{"a server name of an unknown type (RFC 6066 §3)"};
  const auto name = entry.vector16();
  if (!name) return Malformed{"a malformed server_name (RFC 6066 §3)"};
  if (!entry.empty()) return Malformed{"more than one server name (RFC 6066 §3)"};
  if (name->empty() || name->size() > kMaxServerName) {
    return Malformed{"a server name that is empty or too long (RFC 6066 §3)"};
  }
  if (!all_are(kVisible, *name)) {
    return Malformed{"a server name with bytes that do not belong (RFC 6066 §3)"};
  }
  hello.server_name = *name;
  return std::nullopt;
}

// RFC 7301 §3.1.
Fault read_alpn(std::string_view data, ClientHello& hello) {
  ByteReader extension(data);
  const auto list = extension.vector16();
  if (!list || list->empty() || !extension.empty()) {
    return Malformed{"a malformed protocol list (RFC 7301 §3.1)"};
  }
  for (ByteReader names(*list); !names.empty();) {
    const auto name = names.vector8();
    if (!name || name->empty()) return Malformed{"a malformed protocol list (RFC 7301 §3.1)"};
    if (hello.alpn.size() == kMaxProtocols) return Malformed{"too many protocols (RFC 7301 §3.1)"};
    hello.alpn.emplace_back(*name);
  }
  return std::nullopt;
}

// RFC 8446 §4.2.1. Versions that we do not know, GREASE (RFC 8701) among them, are passed over.
Fault read_supported_versions(std::string_view data, ClientHello& hello) {
  ByteReader extension(data);
  const auto list = extension.vector8();
  if (!list || list->empty() || list->size() % 2 != 0 || !extension.empty()) {
    return Malformed{"malformed supported_versions (RFC 8446 §4.2.1)"};
  }
  hello.max_version = 0;
  for (ByteReader versions(*list); !versions.empty();) {
    const auto version = versions.u16().value();
    if (version < kSsl30 || version > kTls13) continue;
    hello.max_version = std::max(hello.max_version, version);
  }
  hello.supports_tls13 = hello.max_version == kTls13;
  return std::nullopt;
}

Fault read_extension(std::uint16_t type, std::string_view data, ClientHello& hello) {
  switch (type) {
  case 0: return read_server_name(data, hello);
  case 16: return read_alpn(data, hello);
  case 43: return read_supported_versions(data, hello);
  case 0xfe0d:
  case 0xffce: hello.ech = true; return std::nullopt;
  default: return std::nullopt;
  }
}

Fault read_extensions(std::string_view block, ClientHello& hello) {
  std::bitset<0x10000> met;
  for (ByteReader in(block); !in.empty();) {
    const auto type = in.u16();
    const auto data = in.vector16();
    if (!type || !data) return Malformed{"a malformed extension (RFC 8446 §4.2)"};
    if (met[*type]) return Malformed{"an extension that comes twice (RFC 8446 §4.2)"};
    met[*type] = true;
    if (auto fault = read_extension(*type, *data, hello)) return fault;
  }
  return std::nullopt;
}

// RFC 8446 §4.1.2, in the order of its structure.
ClientHelloScan read_hello(std::string_view body) {
  ByteReader in(body);
  ClientHello hello;
  const auto version = in.u16();
  if (!version || *version >> 8 != 3) return Malformed{"not a TLS version (RFC 8446 §4.1.2)"};
  // Without supported_versions nobody may take more than TLS 1.2 from this field (§4.2.1).
  hello.max_version = std::min(*version, kTls12);
  const auto random = in.take(32);
  const auto session_id = in.vector8();
  if (!random || !session_id || session_id->size() > 32) {
    return Malformed{"a malformed random or session id (RFC 8446 §4.1.2)"};
  }
  const auto suites = in.vector16();
  if (!suites || suites->empty() || suites->size() % 2 != 0) {
    return Malformed{"malformed cipher suites (RFC 8446 §4.1.2)"};
  }
  const auto compression = in.vector8();
  if (!compression || compression->empty()) {
    return Malformed{"malformed compression methods (RFC 8446 §4.1.2)"};
  }
  if (in.empty()) return hello; // RFC 5246 §7.4.1.2: a hello may end before its extensions
  const auto extensions = in.vector16();
  if (!extensions || !in.empty()) {
    return Malformed{"extensions that do not fill the message (RFC 8446 §4.1.2)"};
  }
  if (auto fault = read_extensions(*extensions, hello)) return *fault;
  return hello;
}

} // namespace

ClientHelloScan scan_client_hello(std::string_view bytes) {
  const auto stream = bytes.substr(0, kMaxClientHello); // never judge what is over it
  auto rest = stream;
  Progress progress;
  for (;;) {
    if (auto fault = check_record_header(rest)) return *fault;
    if (rest.size() < kRecordHeader) break;
    const std::size_t length = ByteReader(rest.substr(3)).u16().value();
    const auto fragment = rest.substr(kRecordHeader, length);
    if (auto fault = progress.add(fragment, length)) return *fault;
    if (progress.whole()) {
      return read_hello(std::string_view(gather(stream, progress.size)).substr(kMessageHeader));
    }
    if (fragment.size() < length) break;
    rest.remove_prefix(kRecordHeader + length);
  }
  if (bytes.size() >= kMaxClientHello) return Malformed{"a ClientHello that is too long"};
  return NeedMore{};
}

} // namespace sluice::wire
