#include "policy/evidence/index.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

namespace sluice::evidence {
namespace {

constexpr std::size_t kHashBegin = 8; // hex digits of each hash that are kept
constexpr std::size_t kMaxWord = 256; // bytes of a word; what is found is looked at anyway
constexpr std::int64_t kAlways = std::numeric_limits<std::int64_t>::max();

// By their names; an index is one only when these are all it has.
constexpr std::array<const char*, 4> kTables = {
    "CREATE TABLE blocks(number INTEGER PRIMARY KEY, first_seq INTEGER, count INTEGER, "
    "earliest INTEGER, latest INTEGER)",
    "CREATE TABLE log_end(id INTEGER PRIMARY KEY, seq INTEGER, hash TEXT, segment INTEGER, "
    "place INTEGER)",
    "CREATE TABLE places(number INTEGER PRIMARY KEY, segment INTEGER, place INTEGER, offsets BLOB, "
    "hashes BLOB)",
    "CREATE TABLE postings(fact INTEGER, word TEXT, number INTEGER, bits BLOB, "
    "PRIMARY KEY(fact, word, number)) WITHOUT ROWID"};

Error corrupt(const char* what) {
  return make_error(Origin::evidence, "index_corrupt", what);
}

void append_little(std::string& out, std::uint32_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

std::uint32_t read_little(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

std::int64_t signed_of(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

std::uint64_t unsigned_of(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

} // namespace

std::string index_path(const std::string& directory) {
  return directory + "/index.sqlite";
}

void BlockBuilder::add(const Line& line, RecordPlace place) {
  if (offsets_.empty()) {
    first_seq_ = line.seq;
    first_ = place;
    earliest_ = kAlways;
    latest_ = -kAlways;
  }
  const std::size_t at = offsets_.size();
  offsets_.push_back(static_cast<std::uint32_t>(place.offset - first_.offset));
  hashes_ += line.record_hash.substr(0, kHashBegin);
  const std::optional<std::int64_t> time = time_of(line);
  earliest_ = std::min(earliest_, time.value_or(-kAlways));
  latest_ = std::max(latest_, time.value_or(kAlways));
  facts_of(line, found_);
  for (FoundFact& one : found_) {
    if (one.value.size() > kMaxWord) one.value.resize(kMaxWord);
    words_[{one.fact, std::move(one.value)}].set(at);
  }
}

Result<Index> Index::open(const std::string& directory) {
  Index index;
  SLUICE_TRY(index.database_, Database::open(index_path(directory), Database::Mode::existing));
  SLUICE_TRY(const std::string schema, index.database_.schema());
  std::string expected;
  for (const char* table : kTables) expected.append(table).append(1, '\n');
  if (schema != expected) return corrupt("it holds other tables than an index");
  SLUICE_TRY(index.prepare());
  SLUICE_TRY(index.read_end());
  return index;
}

Result<Index> Index::create(const std::string& directory) {
  Index index;
  SLUICE_TRY(index.database_, Database::open(index_path(directory), Database::Mode::create));
  SLUICE_TRY(index.database_.run("BEGIN IMMEDIATE"));
  for (const char* table : kTables) {
    SLUICE_TRY(index.database_.run(table));
  }
  SLUICE_TRY(index.database_.run("COMMIT"));
  SLUICE_TRY(index.prepare());
  return index;
}

Result<> Index::prepare() {
  SLUICE_TRY(add_block_, database_.prepare("INSERT INTO blocks VALUES(?,?,?,?,?)"));
  SLUICE_TRY(add_places_, database_.prepare("INSERT INTO places VALUES(?,?,?,?,?)"));
  SLUICE_TRY(add_posting_, database_.prepare("INSERT INTO postings VALUES(?,?,?,?)"));
  SLUICE_TRY(set_end_, database_.prepare("INSERT OR REPLACE INTO log_end VALUES(1,?,?,?,?)"));
  return success();
}

Result<> Index::read_end() {
  end_ = {};
  SLUICE_TRY(Statement end, database_.prepare("SELECT seq, hash, segment, place FROM log_end"));
  SLUICE_TRY(const bool there, end.step());
  if (there) {
    end_ = {{unsigned_of(end.integer(0)), std::string(end.text(1))},
            {unsigned_of(end.integer(2)), unsigned_of(end.integer(3))}};
  }
  committed_ = end_;
  SLUICE_TRY(Statement last, database_.prepare("SELECT max(number) FROM places"));
  SLUICE_TRY(const bool row, last.step());
  last_block_ = row ? last.integer(0) : 0;
  return success();
}

Result<> Index::begin() {
  SLUICE_TRY(database_.run("BEGIN IMMEDIATE"));
  return read_end(); // another process may have gone on with it since
}

Result<> Index::add(const BlockBuilder& block, const End& end) {
  const std::int64_t number = last_block_ + 1;
  add_block_.bind(1, number);
  add_block_.bind(2, signed_of(block.first_seq_));
  add_block_.bind(3, signed_of(block.size()));
  add_block_.bind(4, block.earliest_);
  add_block_.bind(5, block.latest_);
  SLUICE_TRY(add_block_.run());
  std::string offsets;
  for (const std::uint32_t offset : block.offsets_) append_little(offsets, offset, 4);
  add_places_.bind(1, number);
  add_places_.bind(2, signed_of(block.first_.segment));
  add_places_.bind(3, signed_of(block.first_.offset));
  add_places_.bind_blob(4, offsets);
  add_places_.bind_blob(5, block.hashes_);
  SLUICE_TRY(add_places_.run());
  for (const auto& [word, bits] : block.words_) {
    add_posting_.bind(1, static_cast<std::int64_t>(word.first));
    add_posting_.bind(2, std::string_view(word.second));
    add_posting_.bind(3, number);
    add_posting_.bind_blob(4, bits.packed());
    SLUICE_TRY(add_posting_.run());
  }
  set_end_.bind(1, signed_of(end.head.seq));
  set_end_.bind(2, std::string_view(end.head.hash));
  set_end_.bind(3, signed_of(end.place.segment));
  set_end_.bind(4, signed_of(end.place.offset));
  SLUICE_TRY(set_end_.run());
  last_block_ = number;
  end_ = end;
  return success();
}

Result<> Index::commit() {
  SLUICE_TRY(database_.run("COMMIT"));
  committed_ = end_;
  return success();
}

void Index::abandon() {
  for (Statement* one : {&add_block_, &add_places_, &add_posting_, &set_end_}) one->reset();
  static_cast<void>(database_.run("ROLLBACK"));
  end_ = committed_;
}

Result<bool> Index::forget_before(std::uint64_t seq) {
  SLUICE_TRY(Statement kept, database_.prepare("SELECT coalesce(min(first_seq), ?) FROM blocks"));
  kept.bind(1, signed_of(seq));
  SLUICE_TRY(const bool row, kept.step());
  const std::uint64_t first = row ? unsigned_of(kept.integer(0)) : seq;
  kept.reset();
  if (first > seq) return corrupt("the first block is missing");
  if (first == seq) return false;
  SLUICE_TRY(database_.run("BEGIN IMMEDIATE"));
  SLUICE_TRY(Statement places,
             database_.prepare("DELETE FROM places WHERE number IN "
                               "(SELECT number FROM blocks WHERE first_seq < ?)"));
  SLUICE_TRY(Statement blocks, database_.prepare("DELETE FROM blocks WHERE first_seq < ?"));
  for (Statement* one : {&places, &blocks}) {
    one->bind(1, signed_of(seq));
    SLUICE_TRY(one->run());
  }
  SLUICE_TRY(Statement left, database_.prepare("SELECT count(*) FROM blocks"));
  SLUICE_TRY(const bool counted, left.step());
  const std::int64_t count = counted ? left.integer(0) : 0;
  left.reset();
  SLUICE_TRY(database_.run("COMMIT"));
  return last_block_ > 2 * count; // words of blocks that are gone stay until it is made anew
}

Result<Index::Search> Index::search(const Filter& filter, Order order, std::uint64_t from_seq) {
  const bool forward = order == Order::first_to_last;
  Search search;
  search.order_ = order;
  search.since_ = filter.since.value_or(-kAlways);
  search.until_ = filter.until.value_or(kAlways);
  search.from_seq_ = from_seq;
  search.log_end_ = end_.head.seq;
  const char* const columns = "SELECT number, first_seq, count, earliest, latest FROM blocks ";
  SLUICE_TRY(
      search.blocks_,
      database_.prepare(
          (std::string(columns) + (forward ? "ORDER BY number" : "ORDER BY number DESC")).c_str()));
  for (std::size_t i = 0; i < kFactCount; ++i) {
    if (filter.wanted[i].empty()) continue;
    Search::Words words;
    SLUICE_TRY(words.rows,
               database_.prepare(forward ? "SELECT number, bits FROM postings WHERE fact = ? AND "
                                           "word = ? AND number >= ? ORDER BY number"
                                         : "SELECT number, bits FROM postings WHERE fact = ? AND "
                                           "word = ? AND number <= ? ORDER BY number DESC"));
    words.rows.bind(1, static_cast<std::int64_t>(i));
    words.rows.bind(2, std::string_view(filter.wanted[i]).substr(0, kMaxWord));
    search.words_.push_back(std::move(words));
  }
  return search;
}

Result<> Index::Search::advance(Words& words) const {
  SLUICE_TRY(const bool row, words.rows.step());
  words.at_end = !row;
  if (!row) return success();
  words.block = words.rows.integer(0);
  const auto bits = BlockBits::unpacked(words.rows.text(1));
  if (!bits) return corrupt("a set of records is not one");
  words.bits = *bits;
  return success();
}

// Whether the word is in this block; `bits` are left for those records that have it.
Result<bool> Index::Search::meet(Words& words, std::int64_t block, BlockBits& bits) const {
  if (!words.started) {
    words.rows.bind(3, block);
    words.started = true;
    SLUICE_TRY(advance(words));
  }
  const bool forward = order_ == Order::first_to_last;
  while (!words.at_end && (forward ? words.block < block : words.block > block)) {
    SLUICE_TRY(advance(words));
  }
  if (words.at_end || words.block != block) return false;
  bits.keep(words.bits);
  return bits.count() > 0;
}

// The next block of the time that is asked for. Blocks follow each other without a gap, up to the
// end that the index says it has: one that was taken out is noticed.
Result<std::optional<Index::Block>> Index::Search::next_block() {
  while (true) {
    SLUICE_TRY(const bool row, blocks_.step());
    const bool forward = order_ == Order::first_to_last;
    if (!row) {
      const bool whole =
          !forward || (before_ ? before_->first_seq + before_->count : 1) == log_end_ + 1;
      return whole ? Result<std::optional<Block>>(std::nullopt) : corrupt("a block is missing");
    }
    const Block block{blocks_.integer(0), unsigned_of(blocks_.integer(1)),
                      static_cast<std::size_t>(blocks_.integer(2))};
    if (block.count == 0 || block.count > kBlockRecords) return corrupt("a block is none");
    const std::uint64_t next = block.first_seq + block.count;
    const bool follows = forward
                             ? !before_ || before_->first_seq + before_->count == block.first_seq
                             : next == (before_ ? before_->first_seq : log_end_ + 1);
    if (!follows) return corrupt("a block is missing");
    before_ = block;
    if (blocks_.integer(4) < since_ || blocks_.integer(3) >= until_) continue;
    if (next > from_seq_) return std::optional<Block>(block);
  }
}

Result<std::optional<Index::Hit>> Index::Search::next() {
  while (true) {
    SLUICE_TRY(const std::optional<Block> block, next_block());
    if (!block) return std::optional<Hit>();
    Hit hit{*block, BlockBits::first(block->count)};
    bool all = true;
    for (Words& words : words_) {
      SLUICE_TRY(all, meet(words, block->number, hit.bits));
      if (words.at_end) return std::optional<Hit>();
      if (!all) break;
    }
    if (all) return std::optional<Hit>(hit);
  }
}

Result<std::vector<IndexedRecord>> Index::records(const Block& block) {
  if (block.count == 0 || block.count > kBlockRecords) return corrupt("a block is none");
  SLUICE_TRY(
      Statement row,
      database_.prepare("SELECT segment, place, offsets, hashes FROM places WHERE number=?"));
  row.bind(1, block.number);
  SLUICE_TRY(const bool there, row.step());
  const std::string offsets(there ? row.text(2) : std::string_view());
  const std::string hashes(there ? row.text(3) : std::string_view());
  if (offsets.size() != 4 * block.count || hashes.size() != kHashBegin * block.count) {
    return corrupt("the places of a block are not there");
  }
  std::vector<IndexedRecord> out(block.count);
  for (std::size_t i = 0; i < block.count; ++i) {
    const std::uint64_t offset = read_little(std::string_view(offsets).substr(4 * i, 4));
    out[i] = {block.first_seq + i,
              {unsigned_of(row.integer(0)), unsigned_of(row.integer(1)) + offset},
              hashes.substr(kHashBegin * i, kHashBegin)};
  }
  return out;
}

Result<std::optional<IndexedRecord>> Index::last_record() {
  SLUICE_TRY(Statement row, database_.prepare("SELECT number, first_seq, count FROM blocks ORDER "
                                              "BY number DESC LIMIT 1"));
  SLUICE_TRY(const bool there, row.step());
  if (!there) return std::optional<IndexedRecord>();
  const Block block{row.integer(0), unsigned_of(row.integer(1)),
                    static_cast<std::size_t>(row.integer(2))};
  SLUICE_TRY(std::vector<IndexedRecord> all, records(block));
  if (all.empty() || all.back().seq != end_.head.seq)
    return corrupt("it does not end where it says");
  return std::optional<IndexedRecord>(std::move(all.back()));
}

} // namespace sluice::evidence
