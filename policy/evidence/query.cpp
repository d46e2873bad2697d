#include "policy/evidence/query.hpp"

#include "policy/evidence/file.hpp"
#include "policy/evidence/index_builder.hpp"
#include "policy/evidence/layout.hpp"
#include "policy/evidence/log_walk.hpp"

#include <cerrno>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include <sys/stat.h>

namespace sluice::evidence {
namespace {

// A log that is smaller is read as fast as an index of it, which is then not made.
constexpr std::int64_t kWorthAnIndex = std::int64_t{1} << 20;

using Note = std::function<void(const std::string&)>;

bool is_corrupt(const Error& error) {
  return error.code == "index_corrupt";
}

bool is_small(const std::string& directory) {
  struct stat info {};
  return closed_segments(directory).empty() && ::stat(audit_path(directory).c_str(), &info) == 0 &&
         info.st_size < kWorthAnIndex;
}

bool is_there(const std::string& directory) {
  struct stat info {};
  return ::lstat(audit_path(directory).c_str(), &info) == 0 || !closed_segments(directory).empty();
}

// The first record that is there; 0 when none can be read.
std::uint64_t first_record(const std::string& directory) {
  SegmentReader reader(directory);
  const LineReader::Item item = reader.next();
  std::size_t stopped_at = 0;
  if (item.kind != LineReader::Kind::line) return 0;
  const std::optional<Line> line = parse_line(item.text, stopped_at);
  return line ? line->seq : 0;
}

// An index that goes as far as it can; none when there cannot be one, which was said.
class IndexKeeper {
 public:
  IndexKeeper(const std::string& directory, const Note& note)
      : directory_(directory), note_(note) {}

  enum class Small : bool { without, with }; // an index, for a small log
  std::optional<Index> ready(Small small) {
    struct stat info {};
    const std::string path = index_path(directory_);
    if (::lstat(path.c_str(), &info) != 0) {
      if (errno != ENOENT) return without(file_error("find", path, errno).detail);
      return small == Small::without && is_small(directory_) ? std::nullopt : make();
    }
    if (!S_ISREG(info.st_mode)) return without("index.sqlite is not a regular file");
    Result<Index> opened = Index::open(directory_);
    if (!opened)
      return is_corrupt(opened.error()) ? remake(opened.error()) : without(opened.error());
    return checked(std::move(opened).value());
  }

  std::optional<Index> remake(const Error& why) { return remake("it is damaged: " + why.detail); }

  std::optional<Index> remake(const std::string& why) {
    note_("index.sqlite is made anew: " + why);
    if (!remove_index(directory_)) {
      return without(file_error("remove", index_path(directory_), errno).detail);
    }
    return make();
  }

  std::uint64_t added() const noexcept { return added_; }
  const Error& failure() const noexcept { return failure_; } // why there is none

 private:
  std::optional<Index> without(const std::string& why) {
    return without(make_error(Origin::evidence, "index_unusable", why));
  }
  std::optional<Index> without(const Error& error) {
    failure_ = error;
    note_("the log is read without an index: " + error.detail);
    return std::nullopt;
  }

  std::optional<Index> make() {
    Result<Index> made = Index::create(directory_);
    return made ? grown(std::move(made).value()) : without(made.error());
  }

  std::optional<Index> checked(Index index) {
    const Result<bool> fit = fits(index, directory_);
    if (!fit) return is_corrupt(fit.error()) ? remake(fit.error()) : without(fit.error());
    if (!fit.value()) return remake("it is of another log, or the log was changed");
    const Result<bool> stale = index.forget_before(first_record(directory_));
    if (!stale && is_corrupt(stale.error())) return remake(stale.error());
    if (stale && stale.value()) return remake("most of it is about records that are gone");
    return grown(std::move(index));
  }

  std::optional<Index> grown(Index index) {
    const Result<std::uint64_t> added = catch_up(index, directory_);
    if (added) {
      added_ = added.value();
      return index;
    }
    const Error& error = added.error();
    if (error.code == "index_readonly" || error.code == "index_busy") {
      note_("index.sqlite is not brought up to date, so the rest is read from the log: " +
            error.detail);
      return index;
    }
    return without(error);
  }

  const std::string& directory_;
  const Note& note_;
  std::uint64_t added_ = 0;
  Error failure_;
};

class Query {
 public:
  Query(const std::string& directory, const QueryOptions& options, const QueryTold& told)
      : directory_(directory), options_(options), told_(told), matcher_(options.filter) {}

  Result<> run() {
    if (!is_there(directory_)) {
      return make_error(Origin::evidence, "evidence_not_found",
                        directory_ + " holds no evidence log");
    }
    const bool by_index =
        options_.from == From::index && (!options_.filter.empty() || options_.last != 0);
    IndexKeeper keeper(directory_, told_.note);
    std::optional<Index> index;
    if (by_index) index = keeper.ready(IndexKeeper::Small::without);
    if (index && !answer(*index)) {
      index = keeper.remake(failure_);
      if (index && !answer(*index)) index.reset();
    }
    if (!index) {
      if (options_.last != 0) {
        kept_.clear();
        next_seq_ = 0;
      }
      read_log({}, {});
    }
    for (const std::string& text : kept_) {
      if (!hand_out(text)) break;
    }
    return success();
  }

 private:
  // False when the index turned out not to be one of this log; failure_ says how.
  bool answer(Index& index) {
    const Result<> done = options_.last != 0 ? last_of(index) : all_of(index);
    if (!done) failure_ = done.error();
    return done.has_value();
  }

  Result<> all_of(Index& index) {
    SLUICE_TRY(Index::Search search,
               index.search(matcher_.filter(), Index::Order::first_to_last, next_seq_));
    PlaceReader places(directory_);
    while (!enough_) {
      SLUICE_TRY(const std::optional<Index::Hit> hit, search.next());
      if (!hit) break;
      SLUICE_TRY(const std::vector<IndexedRecord> records, index.records(hit->block));
      for (std::size_t i = 0; i < records.size() && !enough_; ++i) {
        if (!hit->bits[i] || records[i].seq < next_seq_) continue;
        SLUICE_TRY(const std::optional<std::string_view> text, meant(places, records[i]));
        if (text) found(*text, records[i].seq);
      }
    }
    read_rest(index);
    return success();
  }

  // The last ones first: those that are not in the index yet, and then backwards.
  Result<> last_of(Index& index) {
    kept_.clear();
    next_seq_ = 0;
    read_rest(index);
    if (kept_.size() == options_.last) return success();
    SLUICE_TRY(Index::Search search,
               index.search(matcher_.filter(), Index::Order::last_to_first, 0));
    PlaceReader places(directory_);
    while (kept_.size() < options_.last) {
      SLUICE_TRY(const std::optional<Index::Hit> hit, search.next());
      if (!hit) return success();
      SLUICE_TRY(const std::vector<IndexedRecord> records, index.records(hit->block));
      for (std::size_t i = records.size(); i-- > 0 && kept_.size() < options_.last;) {
        if (!hit->bits[i]) continue;
        SLUICE_TRY(const std::optional<std::string_view> text, meant(places, records[i]));
        if (text) kept_.emplace_front(*text);
      }
    }
    return success();
  }

  // The record as it stands in the log, if it is of the time that is asked for.
  Result<std::optional<std::string_view>> meant(PlaceReader& places, const IndexedRecord& record) {
    const std::optional<std::string_view> text = places.read(record);
    std::size_t stopped_at = 0;
    const std::optional<Line> line = text ? parse_line(*text, stopped_at) : std::nullopt;
    if (!line || !matcher_.has_facts(*line)) {
      return make_error(Origin::evidence, "index_corrupt",
                        "record " + std::to_string(record.seq) + " is not what it says");
    }
    if (!matcher_.in_time(*line)) return std::optional<std::string_view>();
    return text;
  }

  void read_rest(const Index& index) {
    if (!enough_) read_log(index.end().place, index.end().head);
  }

  void read_log(RecordPlace from, const Head& before) {
    SegmentReader reader(directory_, from, before.seq + 1);
    ChainCheck chain(before.seq == 0 ? reader.before() : before);
    for (LineReader::Item item = reader.next(); !enough_; item = reader.next()) {
      if (item.kind == LineReader::Kind::end) break;
      const bool torn = item.kind == LineReader::Kind::torn && reader.in_last();
      if (torn && is_being_written(directory_)) break;
      if (std::optional<Issue> issue = issue_of(item)) {
        tell(reader, std::move(*issue));
        if (item.kind == LineReader::Kind::failed) break;
        continue;
      }
      std::size_t stopped_at = 0;
      const std::optional<Line> line = parse_line(item.text, stopped_at);
      if (!line) {
        tell(reader, not_canonical(item.number, stopped_at));
        continue;
      }
      std::optional<Issue> issue;
      if (options_.from != From::lines) issue = chain.next(*line);
      if (issue) {
        issue->line = item.number;
        tell(reader, std::move(*issue));
      }
      if (line->seq >= next_seq_ && matcher_.matches(*line)) found(item.text, line->seq);
    }
  }

  void tell(const SegmentReader& reader, Issue issue) const {
    if (!reader.in_last()) issue.file = reader.file();
    told_.issue(issue);
  }

  void found(std::string_view text, std::uint64_t seq) {
    next_seq_ = seq + 1;
    if (options_.last != 0) {
      kept_.emplace_back(text);
      if (kept_.size() > options_.last) kept_.pop_front();
    } else {
      enough_ = !hand_out(text);
    }
  }

  bool hand_out(std::string_view text) {
    std::size_t stopped_at = 0;
    const std::optional<Line> line = parse_line(text, stopped_at);
    ++count_;
    return line && told_.each(text, *line) && (options_.limit == 0 || count_ < options_.limit);
  }

  const std::string& directory_;
  const QueryOptions& options_;
  const QueryTold& told_;
  Matcher matcher_;
  std::deque<std::string> kept_; // with `last` only
  std::uint64_t next_seq_ = 0;   // what stands before it was handed out
  std::uint64_t count_ = 0;
  bool enough_ = false;
  Error failure_;
};

} // namespace

Result<> query(const std::string& directory, const QueryOptions& options, const QueryTold& told) {
  return Query(directory, options, told).run();
}

Result<std::uint64_t> update_index(const std::string& directory, Rebuild rebuild,
                                   const std::function<void(const std::string&)>& note) {
  const Note told = note ? note : [](const std::string&) {};
  if (!is_there(directory)) {
    return make_error(Origin::evidence, "evidence_not_found", directory + " holds no evidence log");
  }
  IndexKeeper keeper(directory, told);
  const std::optional<Index> index =
      rebuild == Rebuild::yes ? keeper.remake("as asked") : keeper.ready(IndexKeeper::Small::with);
  return index ? Result<std::uint64_t>(keeper.added()) : keeper.failure();
}

} // namespace sluice::evidence
