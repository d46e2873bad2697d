// What everything that compresses with zlib shares. Private to proxy/wire. Never keeps a piece
// beyond the call.
#pragma once

#include "proxy/wire/coding_step.hpp"

#include <array>
#include <string>
#include <string_view>

#include <zlib.h>

namespace sluice::wire {

inline Bytef* zlib_input(std::string_view in) { // zlib writes nothing there
  return reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
}

inline void deflate_piece(z_stream& stream, std::string_view piece, int flush, std::string& out) {
  std::array<char, kCodingBlock> block;
  stream.next_in = zlib_input(piece);
  stream.avail_in = static_cast<uInt>(piece.size());
  do { // zlib has given all when it leaves room in the block
    stream.next_out = reinterpret_cast<Bytef*>(block.data());
    stream.avail_out = static_cast<uInt>(block.size());
    deflate(&stream, flush);
    out.append(block.data(), block.size() - stream.avail_out);
  } while (stream.avail_out == 0);
}

} // namespace sluice::wire
