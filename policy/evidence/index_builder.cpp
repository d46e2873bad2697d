#include "policy/evidence/index_builder.hpp"

#include "policy/base/bytes.hpp"
#include "policy/evidence/layout.hpp"
#include "policy/evidence/log_walk.hpp"

#include <cerrno>
#include <utility>

#include <unistd.h>

namespace sluice::evidence {
namespace {

constexpr std::size_t kBlocksAtATime = 64; // in one transaction

class Builder {
 public:
  Builder(Index& index, const std::string& directory)
      : index_(index), reader_(directory, index.end().place, index.end().head.seq + 1),
        chain_(index.end().head.seq == 0 ? reader_.before() : index.end().head),
        segment_(index.end().place.segment) {}

  Result<std::uint64_t> run() {
    while (true) {
      const LineReader::Item item = reader_.next();
      if (item.kind == LineReader::Kind::end) break;
      if (item.kind == LineReader::Kind::torn && reader_.in_last()) break;
      if (const auto issue = issue_of(item)) return broken(item, issue->message);
      SLUICE_TRY(line(item));
    }
    if (blocks_ > 0) {
      SLUICE_TRY(index_.commit());
    }
    return added_;
  }

 private:
  Error broken(const LineReader::Item& item, const std::string& what) const {
    return make_error(Origin::evidence, "evidence_chain_broken",
                      reader_.file() + ':' + std::to_string(item.number) + ": " + what);
  }

  Result<> line(const LineReader::Item& item) {
    std::size_t stopped_at = 0;
    const std::optional<Line> line = parse_line(item.text, stopped_at);
    if (!line) return broken(item, not_canonical(item.number, stopped_at).message);
    if (item.offset == 0) {
      SLUICE_TRY(keep()); // a block does not go on into the next file
      segment_ = line->seq;
    }
    if (const auto issue = chain_.next(*line)) return broken(item, issue->message);
    block_.add(*line, {segment_, item.offset});
    end_ = {chain_.head(), {segment_, item.offset + item.text.size() + 1}};
    return block_.size() == kBlockRecords ? keep() : Result<>(success());
  }

  Result<> keep() {
    if (block_.size() == 0) return success();
    if (blocks_ == 0) {
      SLUICE_TRY(index_.begin());
      // Somebody else was faster: his blocks are as good, and what is read here comes after none.
      if (index_.end().head.seq != before_.seq) {
        return make_error(Origin::evidence, "index_busy", "another process goes on with it");
      }
    }
    SLUICE_TRY(index_.add(block_, end_));
    added_ += block_.size();
    before_ = end_.head;
    block_ = {};
    if (++blocks_ < kBlocksAtATime) return success();
    blocks_ = 0;
    return index_.commit();
  }

  Index& index_;
  SegmentReader reader_;
  ChainCheck chain_;
  Head before_ = index_.end().head;
  std::uint64_t segment_;
  BlockBuilder block_;
  Index::End end_;
  std::size_t blocks_ = 0; // of this transaction
  std::uint64_t added_ = 0;
};

} // namespace

bool PlaceReader::open(std::uint64_t segment) {
  if (segment == segment_ && reader_) return true;
  int error = 0;
  fd_ = open_regular(directory_ + '/' + segment_name(segment), error);
  if (error == ENOENT) fd_ = open_regular(audit_path(directory_), error);
  segment_ = segment;
  reader_.reset();
  if (fd_.valid()) reader_.emplace(fd_.get());
  return fd_.valid();
}

std::optional<std::string_view> PlaceReader::read(const IndexedRecord& record) {
  if (!open(record.place.segment)) return std::nullopt;
  reader_->seek(record.place.offset);
  const LineReader::Item item = reader_->next();
  std::size_t stopped_at = 0;
  if (item.kind != LineReader::Kind::line) return std::nullopt;
  const std::optional<Line> line = parse_line(item.text, stopped_at);
  if (!line || line->seq != record.seq || !line->record_hash.starts_with(record.hash_begin) ||
      to_hex(view(hash_of(*line))) != line->record_hash) {
    return std::nullopt;
  }
  return item.text;
}

Result<bool> fits(Index& index, const std::string& directory) {
  const Head& head = index.end().head;
  SLUICE_TRY(std::optional<IndexedRecord> last, index.last_record());
  if (!last) return head.seq == 0;
  last->hash_begin = head.hash;
  return PlaceReader(directory).read(*last).has_value();
}

Result<std::uint64_t> catch_up(Index& index, const std::string& directory) {
  Result<std::uint64_t> added = Builder(index, directory).run();
  if (!added) index.abandon();
  return added;
}

bool remove_index(const std::string& directory) {
  const std::string path = index_path(directory);
  ::unlink((path + "-journal").c_str());
  return ::unlink(path.c_str()) == 0 || errno == ENOENT;
}

} // namespace sluice::evidence
