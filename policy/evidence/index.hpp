// index.sqlite: which records hold a word, so that a question about millions of records reads only
// a few. Made from the log by whoever asks, never by the writer; may be deleted at any time. Nobody
// trusts it: what it names is read again from the log, and it is made anew when the two differ. It
// is no proof that nothing else was there: a reader who needs that reads the log itself.
//
// Records are taken together in blocks; for each word and block there is a set of places in the
// block. What two words have in common is the intersection of their sets, so a question costs a few
// bytes a block, however frequent its words are.
// Tested by tests/unit/evidence/index_test.cpp.
#pragma once

#include "policy/evidence/block_bits.hpp"
#include "policy/evidence/database.hpp"
#include "policy/evidence/facts.hpp"
#include "policy/evidence/head.hpp"
#include "policy/evidence/segments.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::evidence {

std::string index_path(const std::string& directory);

struct IndexedRecord {
  std::uint64_t seq = 0;
  RecordPlace place;
  std::string hash_begin; // the first bytes of its hash
};

// Consecutive records of one file.
class BlockBuilder {
 public:
  void add(const Line& line, RecordPlace place);
  std::size_t size() const noexcept { return offsets_.size(); }

 private:
  friend class Index;
  std::uint64_t first_seq_ = 0;
  RecordPlace first_;
  std::vector<std::uint32_t> offsets_; // from that of the first one
  std::string hashes_;
  std::int64_t earliest_ = 0, latest_ = 0;
  std::map<std::pair<Fact, std::string>, BlockBits> words_;
  std::vector<FoundFact> found_;
};

class Index {
 public:
  // Fails with what Database fails with; "index_corrupt" also for a database that is no index.
  static Result<Index> open(const std::string& directory);
  static Result<Index> create(const std::string& directory);

  struct End { // behind the last record that is in a block
    Head head;
    RecordPlace place;
  };
  const End& end() const noexcept { return end_; }

  // Between begin() and commit(); end() is then what the last block said.
  Result<> begin();
  Result<> add(const BlockBuilder& block, const End& end);
  Result<> commit();
  void abandon();
  // Records before this one are gone from the log, and it is there. True when most of the index is
  // about those.
  Result<bool> forget_before(std::uint64_t seq);

  struct Block {
    std::int64_t number = 0;
    std::uint64_t first_seq = 0;
    std::size_t count = 0;
  };
  struct Hit {
    Block block;
    BlockBits bits; // of the records that may be meant
  };
  enum class Order : bool { first_to_last, last_to_first };
  class Search;
  // Blocks with records from `from_seq` on that may match.
  Result<Search> search(const Filter& filter, Order order, std::uint64_t from_seq);
  Result<std::vector<IndexedRecord>> records(const Block& block);
  Result<std::optional<IndexedRecord>> last_record();

 private:
  Result<> prepare();
  Result<> read_end();

  Database database_;
  Statement add_block_, add_places_, add_posting_, set_end_;
  std::int64_t last_block_ = 0;
  End end_, committed_;
};

class Index::Search {
 public:
  Result<std::optional<Hit>> next();

 private:
  friend class Index;
  struct Words { // the sets of one word, block by block
    Statement rows;
    std::int64_t block = 0;
    BlockBits bits;
    bool started = false, at_end = false;
  };
  Result<bool> meet(Words& words, std::int64_t block, BlockBits& bits) const;
  Result<> advance(Words& words) const;

  Result<std::optional<Block>> next_block();

  Order order_ = Order::first_to_last;
  std::int64_t since_ = 0, until_ = 0;
  std::uint64_t from_seq_ = 0, log_end_ = 0;
  Statement blocks_;
  std::optional<Block> before_; // the block that was read before
  std::vector<Words> words_;
};

} // namespace sluice::evidence
