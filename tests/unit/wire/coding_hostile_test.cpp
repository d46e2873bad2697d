// Every stream that must not be believed: damaged, cut, longer than it says, far too large.
#include "tests/support/coding_text.hpp"

#include <boost/test/unit_test.hpp>

using namespace sluice;
using test::decoded;
using test::encoded;
using test::refusal;
using wire::Coding;
using wire::Codings;

namespace {

const std::vector<Codings> kEach = {{Coding::gzip},
                                    {Coding::deflate},
                                    {Coding::raw_deflate},
                                    {Coding::br},
                                    {Coding::zstd},
                                    {Coding::br, Coding::gzip},
                                    {Coding::gzip, Coding::zstd, Coding::br}};
constexpr std::size_t kPieces[] = {1, 7, 1 << 20};

const std::string kText = "some text that is long enough to be worth it, worth it, worth it";

constexpr const char* kDamaged = "the compressed stream is damaged";
constexpr const char* kTrailing = "bytes follow the end of the compressed stream";
constexpr const char* kCut = "the compressed stream is cut short";
constexpr const char* kFast = "decoded content grows too fast";
constexpr const char* kLarge = "decoded content is too large";

// Nothing compresses it.
std::string noise(std::size_t size) {
  std::string out;
  std::uint64_t state = 88172645463325252ULL;
  while (out.size() < size) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    out += static_cast<char>(state >> 32);
  }
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(coding_hostile)

BOOST_AUTO_TEST_CASE(cut_anywhere) {
  for (const auto& stack : kEach) {
    const auto bytes = encoded(stack, kText);
    for (std::size_t size = 1; size < bytes.size(); ++size) {
      for (const auto piece : kPieces)
        BOOST_TEST(refusal(stack, bytes.substr(0, size), piece) == kCut);
    }
  }
}

BOOST_AUTO_TEST_CASE(bytes_after_the_end) {
  for (const auto& stack : kEach) {
    const auto bytes = encoded(stack, kText);
    for (const auto piece : kPieces) {
      BOOST_TEST(refusal(stack, bytes + "garbage!", piece) == kTrailing);
      // One byte cannot be told from the start of another member or frame.
      BOOST_TEST(refusal(stack, bytes + bytes[0], piece) != "decoded");
      BOOST_TEST(refusal(stack, bytes + std::string(1, '\0'), piece) != "decoded");
    }
  }
}

// Bytes after the end of an inner stream, with the outer one whole.
BOOST_AUTO_TEST_CASE(bytes_between_two_codings) {
  const auto bytes = encoded({Coding::gzip}, encoded({Coding::br}, kText) + "garbage!");
  for (const auto piece : kPieces)
    BOOST_TEST(refusal({Coding::br, Coding::gzip}, bytes, piece) == kTrailing);
  const auto cut = encoded({Coding::gzip}, encoded({Coding::br}, kText).substr(0, 9));
  for (const auto piece : kPieces)
    BOOST_TEST(refusal({Coding::br, Coding::gzip}, cut, piece) == kCut);
}

// RFC 1952 §2.2 and RFC 8878 §3.1: members and frames follow each other; br and deflate end.
BOOST_AUTO_TEST_CASE(members) {
  for (const auto piece : kPieces) {
    for (const auto coding : {Coding::gzip, Coding::zstd}) {
      const auto bytes =
          encoded({coding}, "one ") + encoded({coding}, "") + encoded({coding}, "two");
      const auto back = decoded({coding}, bytes, piece);
      BOOST_REQUIRE(back.has_value());
      BOOST_TEST(back.value() == "one two");
    }
    for (const auto coding : {Coding::deflate, Coding::raw_deflate, Coding::br}) {
      const auto bytes = encoded({coding}, "one ") + encoded({coding}, "two");
      BOOST_TEST(refusal({coding}, bytes, piece) == kTrailing);
    }
    const auto mixed = encoded({Coding::gzip}, "one") + encoded({Coding::zstd}, "two");
    BOOST_TEST(refusal({Coding::gzip}, mixed, piece) == kTrailing);
  }
}

BOOST_AUTO_TEST_CASE(not_what_it_says) {
  for (const auto piece : kPieces) {
    for (const auto& stack : kEach) {
      if (stack == Codings{Coding::br}) continue; // almost any byte may begin br
      BOOST_TEST(refusal(stack, "\xff\xff\xff\xff\xff\xff\xff\xff", piece) == kDamaged);
    }
    BOOST_TEST(refusal({Coding::br}, "\xff\xff\xff\xff\xff\xff\xff\xff", piece) != "decoded");
    BOOST_TEST(refusal({Coding::br}, kText, piece) != "decoded");
    BOOST_TEST(refusal({Coding::br}, encoded({Coding::gzip}, kText), piece) != "decoded");
  }
}

// Whatever one changed byte does, it is an end, and where a checksum exists it is a refusal.
BOOST_AUTO_TEST_CASE(a_changed_byte) {
  for (const auto& stack : kEach) {
    const auto whole = encoded(stack, kText);
    for (std::size_t at = 0; at < whole.size(); ++at) {
      auto bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ 0x55);
      const auto back = decoded(stack, bytes, 7);
      const bool header = stack[0] == Coding::gzip && at >= 4 && at < 10; // time, system
      if (stack[0] == Coding::gzip && stack.size() == 1 && !header)
        BOOST_TEST(!back.has_value(), at);
      for (const auto piece : kPieces)
        BOOST_TEST(decoded(stack, bytes, piece).has_value() == back.has_value());
    }
  }
}

BOOST_AUTO_TEST_CASE(an_error_stays_one) {
  wire::Decoder decoder({Coding::gzip});
  const auto ignore = [](std::string_view) {};
  BOOST_TEST(!decoder.feed("this is not gzip", ignore).has_value());
  BOOST_TEST(!decoder.feed(encoded({Coding::gzip}, kText), ignore).has_value());
  BOOST_TEST(!decoder.finish().has_value());
}

BOOST_AUTO_TEST_CASE(small_bodies_may_compress_as_they_like) {
  for (const auto& stack : kEach) {
    for (const auto piece : kPieces)
      BOOST_TEST(refusal(stack, encoded(stack, std::string(7 << 20, 'a')), piece) == "decoded");
  }
}

BOOST_AUTO_TEST_CASE(bombs) {
  for (const auto& stack : kEach) {
    const auto bytes = encoded(stack, std::string(20 << 20, 'a'));
    for (const auto piece : kPieces) {
      BOOST_TEST(refusal(stack, bytes, piece) == kFast);
      BOOST_TEST(refusal(stack, encoded(stack, kText), piece, {.output_bytes = 10}) == kLarge);
    }
  }
}

// A bomb in the outer coding whose content the inner one throws away.
BOOST_AUTO_TEST_CASE(a_bomb_that_gives_nothing) {
  const std::string header("\x50\x2a\x4d\x18\x00\x00\x00\x7f", 8); // a skippable frame of 2 GiB
  const auto bytes = encoded({Coding::br}, header + std::string(20 << 20, 'a'));
  for (const auto piece : kPieces)
    BOOST_TEST(refusal({Coding::zstd, Coding::br}, bytes, piece) == kFast);
}

// Behind bytes that do not compress the ratio of the whole is low; what one read gives is not.
BOOST_AUTO_TEST_CASE(a_bomb_behind_noise) {
  for (const auto coding : {Coding::br, Coding::zstd}) {
    const auto bytes = encoded({coding}, noise(1 << 20) + std::string(100 << 20, 'a'));
    BOOST_TEST(refusal({coding}, bytes, 16 * 1024) == kFast);
  }
  const auto gzip = encoded({Coding::gzip}, noise(1 << 20) + std::string(100 << 20, 'a'));
  BOOST_TEST(refusal({Coding::gzip}, gzip, 16 * 1024) == "decoded");
}

// RFC 9659 §3: at most 8 MiB, asked for in the frame's header (RFC 8878 §3.1.1.1.2).
BOOST_AUTO_TEST_CASE(zstd_windows) {
  const auto frame = [](unsigned exponent) { // no checksum; an empty last block
    std::string bytes("\x28\xb5\x2f\xfd\x00", 5);
    bytes += static_cast<char>((exponent - 10) << 3);
    return bytes + std::string("\x01\x00\x00", 3);
  };
  for (const auto piece : kPieces) {
    BOOST_TEST(refusal({Coding::zstd}, frame(23), piece) == "decoded");
    BOOST_TEST(refusal({Coding::zstd}, frame(24), piece) == "RFC 9659: a zstd window over 8 MiB");
    BOOST_TEST(refusal({Coding::zstd}, frame(41), piece) != "decoded");
  }
}

// What follows the magic number looks like a skippable frame that holds all the rest: descriptor,
// window and size are its magic number, the first block's header and first byte its length.
BOOST_AUTO_TEST_CASE(a_zstd_frame_that_hides_in_its_own_header) {
  constexpr std::size_t kContent = 0x184D + 256, kFirst = 811, kFurther = 4;
  std::string content(1, '\0');
  while (content.size() < kContent) content += "AKIA2OGYBAH6SLUICEQS ";
  content.resize(kContent);
  std::string bytes("\x28\xB5\x2F\xFD\x50\x2A\x4D\x18", 8);
  std::size_t at = 0;
  for (std::size_t block = 0; block <= kFurther; ++block) {
    const std::size_t last = block == kFurther ? 1 : 0;
    const std::size_t size = block == 0 ? kFirst : last == 1 ? kContent - at : 1000;
    const std::size_t header = size << 3U | last; // RFC 8878 §3.1.1.2, raw
    for (unsigned i = 0; i < 3; ++i) bytes += static_cast<char>(header >> 8 * i);
    bytes += content.substr(at, size);
    at += size;
  }
  BOOST_TEST_REQUIRE(bytes.size() ==
                     12 + (kFirst << 3U)); // so long the skippable frame would be, too
  for (const auto piece : {bytes.size(), std::size_t{1}, std::size_t{4}, std::size_t{7}}) {
    const auto back = decoded({Coding::zstd}, bytes, piece);
    BOOST_TEST_REQUIRE(back.has_value(), "in pieces of " << piece);
    BOOST_TEST((back.value() == content), "in pieces of " << piece);
  }
}

BOOST_AUTO_TEST_CASE(zstd_frames_of_other_kinds) {
  const std::string skippable("\x5f\x2a\x4d\x18\x03\x00\x00\x00key", 11);
  const std::string dictionary("\x28\xb5\x2f\xfd\x21\x07\x00\x01\x00\x00", 10); // wants number 7
  const std::string legacy("\x27\xb5\x2f\xfd\x00\x00\x00\x00\x00", 9);          // version 0.7
  for (const auto piece : kPieces) {
    const auto back = decoded({Coding::zstd}, skippable + encoded({Coding::zstd}, "x"), piece);
    BOOST_REQUIRE(back.has_value());
    BOOST_TEST(back.value() == "x");
    BOOST_TEST(refusal({Coding::zstd}, dictionary, piece) == kDamaged);
    BOOST_TEST(refusal({Coding::zstd}, legacy, piece) == kDamaged);
    BOOST_TEST(refusal({Coding::zstd}, skippable.substr(0, 10), piece) == kCut);
  }
}

// libbrotli can read windows of 1 GiB when it is told to; nobody told it.
BOOST_AUTO_TEST_CASE(brotli_large_window) {
  for (const auto piece : kPieces)
    BOOST_TEST(refusal({Coding::br}, std::string("\x11\x1e\x03\x03\x03", 5), piece) == kDamaged);
}

// A zlib stream that needs a dictionary nobody has.
BOOST_AUTO_TEST_CASE(zlib_dictionary) {
  for (const auto piece : kPieces) {
    BOOST_TEST(refusal({Coding::deflate}, std::string("\x78\x20\x01\x02\x03\x04\x03\x00", 8),
                       piece) == kDamaged);
  }
}

BOOST_AUTO_TEST_SUITE_END()
