// What a Socks5Server makes of some bytes, as text, however the bytes are cut: "send 0500; connect
// domain a.example 443; rest 16" or "refuse 05ff ...". The bytes that are there and not consumed
// are given in a heap block of their exact size, so that a sanitizer sees every byte read beyond
// it.
#pragma once

#include "policy/base/bytes.hpp"
#include "proxy/wire/socks5.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::test {

struct SocksClient {
  bool require_password = false;
  bool accept_password = true;
  std::size_t piece = 4096; // bytes that arrive at once
};

class SocksTranscript {
 public:
  explicit SocksTranscript(const SocksClient& how) : how_(how), server_(how.require_password) {}

  std::string of(std::string_view stream) {
    std::string_view arriving = stream;
    while (!arriving.empty() && !over_) {
      const auto piece = arriving.substr(0, how_.piece);
      arriving.remove_prefix(piece.size());
      pending_.insert(pending_.end(), piece.begin(), piece.end());
      feed_all();
    }
    if (connected_) {
      text_ += "rest " + to_hex({pending_.data(), pending_.size()}) + to_hex(arriving);
    } else if (!over_) {
      text_ += "need more";
    }
    return text_;
  }

 private:
  void feed_all() {
    while (!over_) {
      std::string_view in(pending_.data(), pending_.size());
      auto event = server_.feed(in);
      pending_ = std::vector<char>(in.begin(), in.end());
      if (std::holds_alternative<wire::NeedMore>(event)) return;
      note(event);
    }
  }
  void note(const wire::SocksEvent& event) {
    if (const auto* send = std::get_if<wire::SocksSend>(&event)) {
      text_ += "send " + to_hex(send->bytes) + "; ";
    } else if (const auto* ask = std::get_if<wire::SocksAuthenticate>(&event)) {
      text_ += "user " + to_hex(ask->user.reveal()) + " " + to_hex(ask->password.reveal()) + "; ";
      note(server_.authenticated(how_.accept_password));
    } else if (const auto* connect = std::get_if<wire::SocksConnect>(&event)) {
      constexpr const char* kKinds[] = {"domain ", "v4 ", "v6 "};
      text_ += "connect ";
      text_ += kKinds[static_cast<int>(connect->kind)] + connect->host + " ";
      text_ += std::to_string(connect->port) + "; ";
      over_ = connected_ = true;
    } else if (const auto* refusal = std::get_if<wire::SocksRefuse>(&event)) {
      text_ += "refuse " + to_hex(refusal->reply) + " " + std::string(refusal->phrase);
      over_ = true;
    }
  }

  SocksClient how_;
  wire::Socks5Server server_;
  std::vector<char> pending_;
  std::string text_;
  bool over_ = false, connected_ = false;
};

inline std::string socks_transcript(std::string_view stream, const SocksClient& how = {}) {
  return SocksTranscript(how).of(stream);
}

} // namespace sluice::test
