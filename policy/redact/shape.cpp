#include "policy/redact/shape.hpp"

#include "policy/redact/shape_parser.hpp"

#include <algorithm>
#include <bit>
#include <deque>
#include <map>
#include <utility>

namespace sluice::redact {
namespace {

constexpr std::size_t kMostSteps = 20'000; // of the non-deterministic automaton
constexpr std::size_t kMostStates = 8'192;
constexpr std::size_t kMostInSets = 1'000'000; // steps in the sets of all states: time and memory
constexpr std::size_t kMostAnchors = 64;
constexpr std::size_t kShortestAnchor = 3;
constexpr std::size_t kFanOut = 8; // more ways to go on than this end an anchor

Error refused(std::string why) {
  return make_error(Origin::config, "redaction_pattern", std::move(why));
}

ByteSet token_bytes() {
  ByteSet out;
  for (int c = 0; c < 256; ++c) {
    if (is_token_byte(static_cast<char>(c))) out.set(static_cast<std::size_t>(c));
  }
  return out;
}

enum class Part : std::uint8_t { before, secret, after };

struct Step { // of the non-deterministic automaton: either a byte leads on, or nothing needs to
  ByteSet bytes;
  std::size_t to = 0;
  Part part = Part::before;
  bool reads = false;
  std::vector<std::size_t> free;
};

class Steps { // Thompson's construction
 public:
  Result<> build(const ShapeNode& root, bool has_secret_part) {
    part_ = has_secret_part ? Part::before : Part::secret;
    entry_ = add();
    SLUICE_TRY(exit_, append(root, entry_));
    return success();
  }
  const Step& operator[](std::size_t i) const { return all_[i]; }
  std::size_t entry() const { return entry_; }
  std::size_t exit() const { return exit_; }
  const std::vector<Step>& all() const { return all_; }

 private:
  std::size_t add() {
    all_.emplace_back();
    return all_.size() - 1;
  }
  Result<std::size_t> append(const ShapeNode& node, std::size_t from) {
    if (all_.size() > kMostSteps) return refused("the pattern is too large");
    if (node.secret) part_ = Part::secret;
    SLUICE_TRY(const auto end, append_kind(node, from));
    if (node.secret) part_ = Part::after;
    return end;
  }
  Result<std::size_t> append_kind(const ShapeNode& node, std::size_t from) {
    switch (node.kind) {
    case ShapeNode::Kind::bytes: {
      const auto to = add();
      auto& step = all_[from];
      step.bytes = node.bytes, step.to = to, step.part = part_, step.reads = true;
      return to;
    }
    case ShapeNode::Kind::sequence:
      for (const auto& part : node.parts) {
        SLUICE_TRY(from, append(part, from));
      }
      return from;
    case ShapeNode::Kind::choice: {
      const auto join = add();
      for (const auto& part : node.parts) {
        const auto branch = add();
        all_[from].free.push_back(branch);
        SLUICE_TRY(const auto end, append(part, branch));
        all_[end].free.push_back(join);
      }
      return join;
    }
    case ShapeNode::Kind::repeat: break;
    }
    return append_repeat(node, from);
  }
  Result<std::size_t> append_repeat(const ShapeNode& node, std::size_t from) {
    const auto& part = node.parts.front();
    for (int i = 0; i < node.least; ++i) {
      SLUICE_TRY(from, append(part, from));
    }
    const auto join = add();
    if (node.most == ShapeNode::kEndless) {
      const auto loop = add();
      all_[from].free.push_back(loop);
      all_[loop].free.push_back(join);
      const auto body = add();
      all_[loop].free.push_back(body);
      SLUICE_TRY(const auto end, append(part, body));
      all_[end].free.push_back(loop);
      return join;
    }
    for (int i = node.least; i < node.most; ++i) {
      all_[from].free.push_back(join);
      const auto next = add();
      all_[from].free.push_back(next);
      SLUICE_TRY(from, append(part, next));
    }
    all_[from].free.push_back(join);
    return join;
  }

  std::vector<Step> all_;
  std::size_t entry_ = 0, exit_ = 0;
  Part part_ = Part::secret;
};

bool has_secret_part(const ShapeNode& node) {
  return node.secret || std::any_of(node.parts.begin(), node.parts.end(), has_secret_part);
}

} // namespace

bool is_token_byte(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '-' && c <= '9') || c == '_' ||
         c == '+' || c == '=' || c == '~';
}

class ShapeCompiler {
 public:
  ShapeCompiler(const Steps& steps, const Shape::Allowed& allowed)
      : steps_(steps), allowed_(allowed), seen_(steps.all().size(), 0) {}

  Result<Shape> run(bool has_secret_part) {
    out_.has_secret_part_ = has_secret_part;
    classify();
    SLUICE_TRY(determinise());
    const auto accepts = [](std::uint8_t flags) { return (flags & Shape::kAccepts) != 0; };
    if (std::none_of(out_.flags_.begin(), out_.flags_.end(), accepts))
      return refused("the pattern matches nothing");
    SLUICE_TRY(find_anchors());
    SLUICE_TRY(bound_hold());
    find_absorbing();
    out_.run_ = find_run();
    out_.has_mark_ = !out_.anchors_.empty();
    for (const auto& anchor : out_.anchors_) {
      out_.has_mark_ =
          out_.has_mark_ && (anchor.text.starts_with("-----B") || scheme_after(anchor));
    }
    return std::move(out_);
  }

 private:
  using Set = std::vector<std::size_t>; // of steps, sorted
  using Key = std::pair<Set, Part>;

  // Bytes that no step tells apart share a column.
  void classify() {
    auto sorts = sorts_of_bytes();
    std::size_t classes = 1;
    for (const ByteSet& sort : sorts) {
      std::array<std::size_t, 256> inside{}; // of a class: its part in this sort; 0: none yet
      std::array<bool, 256> has_rest{};
      for (std::size_t c = 0; c < 256; ++c) has_rest[out_.class_of_[c]] |= !sort[c];
      for (std::size_t c = 0; c < 256; ++c) {
        auto& klass = out_.class_of_[c];
        if (!sort[c] || !has_rest[klass]) continue;
        if (inside[klass] == 0) inside[klass] = classes++;
        klass = static_cast<std::uint8_t>(inside[klass]);
      }
    }
    out_.classes_ = classes;
    samples_.resize(classes);
    for (std::size_t c = 256; c-- > 0;) samples_[out_.class_of_[c]] = c;
  }

  // What steps read, and what rows ask for; each once.
  std::vector<ByteSet> sorts_of_bytes() const {
    std::vector<ByteSet> out{token_bytes(), ByteSet().set('/'), ByteSet().set(':'),
                             ByteSet().set('=')};
    for (const Step& step : steps_.all()) { // a repeat reads the same many times in a row
      if (step.reads && step.bytes != out.back()) out.push_back(step.bytes);
    }
    return out;
  }

  Set closure(Set of) {
    ++round_;
    Set out; // only what matters: steps that read, and the end
    for (const auto step : of) seen_[step] = round_;
    while (!of.empty()) {
      const auto step = of.back();
      of.pop_back();
      if (steps_[step].reads || step == steps_.exit()) out.push_back(step);
      for (const auto next : steps_[step].free) {
        if (std::exchange(seen_[next], round_) != round_) of.push_back(next);
      }
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  Shape::State state_of(Key key) {
    const auto [at, is_new] = known_.emplace(key, static_cast<Shape::State>(sets_.size()));
    if (!is_new) return at->second;
    std::uint8_t flags = key.second == Part::secret ? Shape::kSecret : 0;
    const auto& set = key.first;
    if (std::find(set.begin(), set.end(), steps_.exit()) != set.end()) flags |= Shape::kAccepts;
    out_.flags_.push_back(flags);
    in_sets_ += set.size();
    parts_.push_back(key.second);
    sets_.push_back(std::move(key.first));
    return at->second;
  }

  Result<> determinise() {
    state_of({{}, Part::after}); // dead
    state_of({closure({steps_.entry()}), Part::before});
    for (std::size_t state = 1; state < sets_.size(); ++state) {
      if (sets_.size() > kMostStates || in_sets_ > kMostInSets)
        return refused("the pattern has too many states");
      out_.next_.resize((state + 1) * out_.classes_, Shape::kDead);
      for (std::size_t klass = 0; klass < out_.classes_; ++klass) {
        SLUICE_TRY(out_.next_[state * out_.classes_ + klass],
                   follow(sets_[state], samples_[klass]));
      }
    }
    return success();
  }

  Result<Shape::State> follow(const Set& set, std::size_t byte) {
    Set targets;
    Part part = Part::before;
    for (const auto step : set) {
      if (!steps_[step].reads || !steps_[step].bytes[byte]) continue;
      if (!targets.empty() && steps_[step].part != part) {
        return refused("a byte could be inside (?P<secret>…) or outside of it");
      }
      part = steps_[step].part;
      targets.push_back(steps_[step].to);
    }
    if (targets.empty()) return Shape::kDead;
    return state_of({closure(std::move(targets)), part});
  }

  std::vector<std::size_t> ways_on(Shape::State state) const { // bytes
    std::vector<std::size_t> out;
    for (std::size_t c = 0; c < 256; ++c) {
      if (out_.next(state, static_cast<char>(c)) != Shape::kDead) out.push_back(c);
    }
    return out;
  }

  // Two bytes that are one letter and lead to one state are one way.
  struct Way {
    char byte = 0;
    bool any_case = false;
  };
  std::vector<Way> letters_on(Shape::State state) const {
    std::vector<Way> out;
    for (const auto c : ways_on(state)) {
      const char byte = static_cast<char>(c);
      const char lower = byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
      const char upper = byte >= 'a' && byte <= 'z' ? static_cast<char>(byte - 'a' + 'A') : byte;
      const bool both = lower != upper && out_.next(state, lower) == out_.next(state, upper);
      if (!both || byte == lower) out.push_back({byte, both});
    }
    return out;
  }

  // All beginnings, each as long as it stays one of a few.
  Result<> find_anchors() {
    std::deque<Shape::Anchor> open{{"", out_.start(), false}}; // shortest first
    while (!open.empty()) {
      Shape::Anchor one = std::move(open.front());
      open.pop_front();
      const auto ways = letters_on(one.state);
      const bool full = out_.anchors_.size() + open.size() + ways.size() > kMostAnchors;
      if (full || ways.size() > kFanOut || out_.accepts(one.state) ||
          one.text.size() == Shape::kLongestAnchor || leads_into_secret(one.state) ||
          is_enough_of_opening(one)) {
        if (one.text.size() < kShortestAnchor) {
          out_.anchors_.clear();
          if (allowed_.no_anchor) return success();
          return refused("a pattern must begin with at least three fixed bytes");
        }
        out_.anchors_.push_back(std::move(one));
        continue;
      }
      for (const auto& way : ways) {
        const auto next = out_.next(one.state, way.byte);
        open.push_back({one.text + way.byte, next, one.any_case || way.any_case});
      }
    }
    if (out_.anchors_.empty()) return refused("the pattern matches nothing");
    return success();
  }
  // What has no need of an anchor has one to be found encoded, where the rest is masked: a short
  // one.
  bool is_enough_of_opening(const Shape::Anchor& anchor) const {
    constexpr std::size_t kEnough = 4;
    if (!allowed_.no_anchor || anchor.text.size() < kShortestAnchor) return false;
    const auto row = out_.next_.begin() + static_cast<std::ptrdiff_t>(anchor.state * out_.classes_);
    const bool ends = std::any_of(row, row + static_cast<std::ptrdiff_t>(out_.classes_),
                                  [&](Shape::State next) { return out_.accepts(next); });
    return ends || anchor.text.size() >= kEnough;
  }
  // What is to be masked is no part of an anchor.
  bool leads_into_secret(Shape::State state) const {
    if (!out_.has_secret_part_) return false;
    const auto row = out_.next_.begin() + static_cast<std::ptrdiff_t>(state * out_.classes_);
    return std::any_of(row, row + static_cast<std::ptrdiff_t>(out_.classes_),
                       [&](Shape::State next) { return out_.in_secret(next); });
  }

  // Bytes are held from the first that may be secret, and after a certain match from its end, until
  // it is certain what they are. A way round among such states would be held for ever.
  Result<> bound_hold() {
    if (allowed_.max_length > 0) {
      out_.max_hold_ = allowed_.max_length;
      return success();
    }
    hold_.assign(sets_.size(), kUnknown);
    for (std::size_t state = 1; state < sets_.size(); ++state) {
      SLUICE_TRY(const auto hold, hold_after(static_cast<Shape::State>(state)));
      out_.max_hold_ = std::max(out_.max_hold_, hold + 1);
    }
    return success();
  }
  Result<std::size_t> hold_after(Shape::State state) { // as deep as there are states
    if (hold_[state] == kOpen) return refused("a part without bound before the match is certain");
    if (hold_[state] != kUnknown) return std::size_t{hold_[state]};
    hold_[state] = kOpen;
    std::size_t most = 0;
    for (std::size_t klass = 0; klass < out_.classes_; ++klass) {
      const auto next = out_.next_[state * out_.classes_ + klass];
      if (next == Shape::kDead || out_.accepts(next)) continue;
      SLUICE_TRY(const auto further, hold_after(next));
      most = std::max(most, further + (undecided(next) ? 1 : 0));
    }
    hold_[state] = most;
    return most;
  }
  bool undecided(Shape::State state) const { return parts_[state] != Part::before; }

  void find_absorbing() {
    std::vector<bool> read(out_.classes_); // somewhere
    for (std::size_t i = 0; i < out_.next_.size(); ++i) {
      if (out_.next_[i] != Shape::kDead) read[i % out_.classes_] = true;
    }
    for (std::size_t state = 1; state < sets_.size(); ++state) {
      if (!out_.accepts(static_cast<Shape::State>(state))) continue;
      bool pure = true;
      for (std::size_t klass = 0; klass < out_.classes_; ++klass) {
        const auto next = out_.next_[state * out_.classes_ + klass];
        pure = pure && next == (read[klass] ? state : Shape::kDead);
      }
      if (pure) out_.absorbing_ = static_cast<Shape::State>(state);
    }
  }

  // Bytes of a sort, in a row.
  struct Row {
    std::size_t wanted; // at most 31
    bool (*goes_on)(char c, std::size_t so_far);
    bool in_secret = false; // only there

    std::size_t length_with(std::size_t length, char c) const {
      return goes_on(c, length) ? length + 1 : goes_on(c, 0) ? std::size_t{1} : 0;
    }
    std::uint32_t lengths_with(std::uint32_t lengths, char c) const { // a bit each
      std::uint32_t out = 0;
      for (; lengths != 0; lengths &= lengths - 1) {
        const auto length = static_cast<std::size_t>(std::countr_zero(lengths));
        out |= std::uint32_t{1} << length_with(length, c);
      }
      return out;
    }
  };
  struct Ends { // after so many bytes from the anchor's first
    std::size_t nearest = kNever, farthest = 0;
  };
  static constexpr std::size_t kNever = ~std::size_t{0};

  // Where the row ends in the matches; farthest is kNever when one can do without, or for longer.
  Ends row_ends(const Shape::Anchor& anchor, const Row& row, std::size_t limit) const {
    std::size_t length = 0, read = 0;
    for (const char c : anchor.text) {
      ++read;
      length = row.in_secret ? 0 : row.length_with(length, c);
      if (length == row.wanted) return {read, read};
    }
    Ends ends;
    // By state: the lengths a row may have here, a bit each.
    std::vector<std::uint32_t> here(sets_.size()), there(sets_.size());
    std::vector<Shape::State> states{anchor.state}, next_states;
    here[anchor.state] = std::uint32_t{1} << length;
    for (; !states.empty(); ++read) {
      for (const auto state : states) {
        if (read >= limit || out_.accepts(state)) return {ends.nearest, kNever};
        const auto lengths = std::exchange(here[state], 0);
        for (std::size_t klass = 0; klass < out_.classes_; ++klass) {
          const auto next = out_.next_[state * out_.classes_ + klass];
          if (next == Shape::kDead) continue;
          const bool counts = !row.in_secret || out_.in_secret(next);
          auto with = counts ? row.lengths_with(lengths, static_cast<char>(samples_[klass]))
                             : std::uint32_t{1};
          if ((with >> row.wanted & 1U) != 0) {
            with &= ~(std::uint32_t{1} << row.wanted);
            ends.nearest = std::min(ends.nearest, read + 1);
            ends.farthest = read + 1;
          }
          if (with == 0) continue;
          if (there[next] == 0) next_states.push_back(next);
          there[next] |= with;
        }
      }
      std::swap(here, there);
      states = std::exchange(next_states, {});
    }
    return ends;
  }

  Shape::Run find_run() const {
    const Row run{kRun, [](char c, std::size_t) { return is_token_byte(c); }};
    Row in_secret = run;
    in_secret.in_secret = true;
    bool at_anchor = true, follows = !out_.has_secret_part_ || secret_stands_apart();
    for (const auto& anchor : out_.anchors_) {
      const auto ends = row_ends(anchor, run, Shape::kFarthest + kRun);
      at_anchor = at_anchor && ends.farthest == kRun && !anchor.any_case;
      if (out_.has_secret_part_) {
        const auto inside = row_ends(anchor, in_secret, Shape::kFarthest + kRun);
        follows = follows && inside.farthest != kNever;
      } else {
        follows = follows && ends.nearest > kRun && ends.farthest != kNever;
      }
    }
    if (at_anchor) return Shape::Run::at_anchor;
    return follows ? Shape::Run::follows : Shape::Run::none;
  }

  // Whether what comes before the secret is no token byte, or '='.
  bool secret_stands_apart() const {
    for (std::size_t state = 1; state < sets_.size(); ++state) {
      const bool before =
          parts_[state] == Part::before && leads_into_secret(static_cast<Shape::State>(state));
      if (!before) continue;
      for (std::size_t i = 0; i < out_.next_.size(); ++i) {
        if (out_.next_[i] != state) continue;
        const char c = static_cast<char>(samples_[i % out_.classes_]);
        if (is_token_byte(c) && c != '=') return false;
      }
    }
    return true;
  }

  bool scheme_after(const Shape::Anchor& anchor) const {
    const Row scheme{3, [](char c, std::size_t so_far) { return c == "://"[so_far]; }};
    return row_ends(anchor, scheme, Shape::kMarkReach).farthest != kNever;
  }

  static constexpr std::size_t kUnknown = ~std::size_t{0}, kOpen = kUnknown - 1;

  const Steps& steps_;
  const Shape::Allowed allowed_;
  std::vector<std::size_t> seen_; // the round of closure() a step was met in
  std::size_t round_ = 0;
  Shape out_;
  std::vector<std::size_t> hold_;    // bytes yet to be held, by state
  std::vector<std::size_t> samples_; // a byte of each class
  std::map<Key, Shape::State> known_;
  std::vector<Set> sets_;
  std::size_t in_sets_ = 0;
  std::vector<Part> parts_; // of the byte that led to a state
};

Result<Shape> Shape::compile(std::string_view pattern, const Allowed& allowed) {
  const auto takes = allowed.signs ? Takes::signs : Takes::bytes;
  SLUICE_TRY(const auto root, parse_shape(pattern, takes));
  const bool split = redact::has_secret_part(root);
  Steps steps;
  SLUICE_TRY(steps.build(root, split));
  return ShapeCompiler(steps, allowed).run(split);
}

} // namespace sluice::redact
