// The limits of sluice.yaml as tables: key, member, bounds and meaning stand in one place, so that
// the loader, the printed defaults and the README cannot differ.
#pragma once

#include "proxy/io/settings.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace sluice::runtime {

using std::chrono::milliseconds;

struct DurationLimit {
  std::string_view key;
  milliseconds io::Limits::*member;
  std::string_view meaning;
};
inline constexpr std::array kDurationLimits = {
    DurationLimit{"header_timeout", &io::Limits::header_timeout,
                  "from the first byte of a request head to its end"},
    DurationLimit{"idle_timeout", &io::Limits::idle_timeout,
                  "without a byte, inside a body or between calls"},
    DurationLimit{"first_byte", &io::Limits::first_byte,
                  "from the request's end to the first byte of the answer"},
    DurationLimit{"connect_timeout", &io::Limits::connect_timeout,
                  "to connect to an upstream, TLS included"},
    DurationLimit{"resolve_timeout", &io::Limits::resolve_timeout, "for the resolver to answer"},
    DurationLimit{"detect_timeout", &io::Limits::detect_timeout,
                  "for a captured client to speak before its server is asked to"},
    DurationLimit{"drain", &io::Limits::drain, "for running calls to end after SIGTERM"},
};

struct SizeLimit {
  std::string_view key;
  std::uint64_t io::Limits::*member;
  std::string_view meaning;
};
inline constexpr std::array kSizeLimits = {
    SizeLimit{"request_body", &io::Limits::request_body, "largest request body"},
    SizeLimit{"whole_body", &io::Limits::whole_body,
              "bodies with a declared length up to this are held whole to correct it"},
    SizeLimit{
        "held_bodies", &io::Limits::held_bodies,
        "bodies that are held, for the policy or for their length, all together; without room "
        "those go out chunked, and these are refused"},
};

struct NumberLimit {
  std::string_view key;
  std::uint32_t io::Limits::*member;
  std::int64_t least, most;
  std::string_view meaning;
};
inline constexpr std::array kNumberLimits = {
    NumberLimit{"connections", &io::Limits::connections, 1, 1'000'000, "connections at a time"},
    NumberLimit{"hops", &io::Limits::hops, 1, 1000,
                "calls of other programs that may have led to a call"},
};

struct CountLimit {
  std::string_view key;
  std::size_t wire::Limits::*member;
  std::int64_t least, most;
  std::string_view meaning;
};
inline constexpr std::array kHeadLimits = {
    CountLimit{"header_bytes", &wire::Limits::head_bytes, 1024, 1 << 20, "bytes of a message head"},
    CountLimit{"header_count", &wire::Limits::field_count, 8, 2000, "fields of a message head"},
    CountLimit{"trailer_bytes", &wire::Limits::trailer_bytes, 0, 1 << 20,
               "bytes of a trailer section"},
    CountLimit{"target_bytes", &wire::Limits::target_bytes, 256, 1 << 20,
               "bytes of a request target"},
};

} // namespace sluice::runtime
