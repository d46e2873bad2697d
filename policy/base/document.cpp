#include "policy/base/document.hpp"

#include "policy/base/scalar.hpp"

#include <yaml.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <fstream>
#include <map>
#include <memory>
#include <new>
#include <set>
#include <system_error>
#include <utility>

namespace sluice {
namespace {

constexpr std::size_t kMaxTextBytes = 2 * kMaxDocumentBytes; // of all scalars, aliases expanded

struct Place {
  int line = 1;
  int column = 1;
};

Place place(const yaml_mark_t& mark) {
  return {static_cast<int>(mark.line) + 1, static_cast<int>(mark.column) + 1};
}

// How a Builder stops before the end; caught in parse_document.
struct Refused : std::exception {
  Refused(Place where, std::string what_is_wrong, std::string what_to_do = {})
      : at(where), message(std::move(what_is_wrong)), hint(std::move(what_to_do)) {}
  Place at;
  std::string message;
  std::string hint;
};

struct Cost {
  std::size_t nodes = 0;
  std::size_t bytes = 0;
  int depth = 0;
};

Cost cost_of(const Node& node) {
  Cost total{1, node.text.size(), 1};
  const auto add = [&](const Node& child) {
    const Cost part = cost_of(child);
    total.nodes += part.nodes;
    total.bytes += part.bytes;
    total.depth = std::max(total.depth, part.depth + 1);
  };
  for (const Node& item : node.items) add(item);
  for (const Member& member : node.members) {
    total.bytes += member.key.size();
    add(member.value);
  }
  return total;
}

std::string_view view(const yaml_char_t* text) {
  return text == nullptr ? "" : reinterpret_cast<const char*>(text);
}

// At most 40 bytes, and no part of a character.
std::string shortened(std::string_view text) {
  std::size_t end = std::min<std::size_t>(text.size(), 40);
  while (end < text.size() && end > 0 && (text[end] & '\xc0') == '\x80') --end;
  return std::string(text.substr(0, end)) + (end < text.size() ? "…" : "");
}

// Builds the tree from libyaml's events, charging every node before it is kept.
class Builder {
 public:
  Node take_root() { return std::move(root_); }

  std::string pointer() const {
    std::string out;
    for (const Open& open : open_) {
      if (open.node.is_list()) {
        out += '/' + std::to_string(open.node.items.size());
      } else if (open.has_key) {
        out += '/' + pointer_token(open.key);
      }
    }
    return out;
  }

  void take(const yaml_event_t& event) {
    const Place at = place(event.start_mark);
    switch (event.type) {
    case YAML_DOCUMENT_START_EVENT:
      if (documents_++ > 0) {
        throw Refused(at, "a second document begins here", "keep one document per file");
      }
      break;
    case YAML_ALIAS_EVENT: take_alias(at, std::string(view(event.data.alias.anchor))); break;
    case YAML_SCALAR_EVENT: take_scalar(at, event.data.scalar); break;
    case YAML_SEQUENCE_START_EVENT: {
      const auto& list = event.data.sequence_start;
      start(at, view(list.tag), view(list.anchor), Node::Kind::list);
      break;
    }
    case YAML_MAPPING_START_EVENT: {
      const auto& map = event.data.mapping_start;
      start(at, view(map.tag), view(map.anchor), Node::Kind::map);
      break;
    }
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: end(); break;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT: break;
    }
  }

 private:
  struct Open {
    Node node;
    std::string anchor; // "" for none
    bool has_key = false;
    std::string key;
    Place key_place;
    std::set<std::string> keys;
  };

  static void set_place(Node& node, Place at) {
    node.line = at.line;
    node.column = at.column;
  }

  static void check_tag(Place at, std::string_view tag, std::string_view of_kind) {
    if (!tag.empty() && tag != "!" && tag != of_kind) {
      throw Refused(at, "tags are not read", "remove the tag");
    }
  }

  void take_alias(Place at, const std::string& anchor) {
    refuse_as_key(at, "an alias");
    for (const Open& open : open_) {
      if (open.anchor == anchor) throw Refused(at, "an alias stands inside its own anchor");
    }
    const auto kept = anchors_.find(anchor);
    if (kept == anchors_.end()) {
      throw Refused(at, "an alias of an anchor that is not written above it",
                    "quote a value that begins with '*'");
    }
    charge(cost_of(kept->second), at);
    attach(Node(kept->second));
  }

  template <class Scalar> void take_scalar(Place at, const Scalar& scalar) {
    Node node;
    set_place(node, at);
    node.text.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
    node.kind = Node::Kind::string;
    if (node.text.find('\0') != std::string::npos) {
      throw Refused(at, "a string holds a NUL character");
    }
    if (scalar.style == YAML_PLAIN_SCALAR_STYLE && scalar.tag == nullptr) {
      resolve_plain_scalar(node);
    } else {
      check_tag(at, view(scalar.tag), YAML_STR_TAG);
    }
    // A value that is not there is marked where the next thing begins; the key is what is wrong.
    if (node.kind == Node::Kind::null && node.text.empty() && !open_.empty() &&
        open_.back().has_key) {
      set_place(node, open_.back().key_place);
    }
    add(std::move(node), std::string(view(scalar.anchor)));
  }

  bool at_key() const {
    return !open_.empty() && open_.back().node.is_map() && !open_.back().has_key;
  }

  void refuse_as_key(Place at, std::string_view what) const {
    if (at_key()) {
      throw Refused(at, std::string(what) + " is used as a key",
                    "write the key as a string; or is a bracket not closed?");
    }
  }

  void charge(const Cost& cost, Place at) {
    nodes_ += cost.nodes;
    bytes_ += cost.bytes;
    if (nodes_ > kMaxDocumentNodes || bytes_ > kMaxTextBytes) {
      throw Refused(at, "the document is too large once its aliases are expanded");
    }
    if (static_cast<int>(open_.size()) + cost.depth > kMaxDocumentDepth) {
      throw Refused(at, "the document is nested too deeply");
    }
  }

  void start(Place at, std::string_view tag, std::string_view anchor, Node::Kind kind) {
    refuse_as_key(at, to_string(kind));
    check_tag(at, tag, kind == Node::Kind::map ? YAML_MAP_TAG : YAML_SEQ_TAG);
    charge({1, 0, 1}, at);
    Open open;
    open.node.kind = kind;
    open.anchor = anchor;
    set_place(open.node, at);
    open_.push_back(std::move(open));
  }

  void end() {
    Open done = std::move(open_.back());
    open_.pop_back();
    keep_anchor(done.node, done.anchor);
    attach(std::move(done.node));
  }

  void add(Node node, const std::string& anchor) {
    charge({1, node.text.size(), 1}, {node.line, node.column});
    if (at_key()) return add_key(node);
    keep_anchor(node, anchor);
    attach(std::move(node));
  }

  void add_key(const Node& node) {
    Open& open = open_.back();
    const Place at{node.line, node.column};
    if (node.kind == Node::Kind::null) throw Refused(at, "a key is empty");
    if (!open.keys.insert(node.text).second) {
      throw Refused(at, "the key \"" + shortened(node.text) + "\" is written twice");
    }
    open.key = node.text;
    open.key_place = at;
    open.has_key = true;
  }

  // A kept copy is charged like a use, so that nested anchors cannot multiply memory.
  void keep_anchor(const Node& node, const std::string& anchor) {
    if (anchor.empty()) return;
    charge(cost_of(node), {node.line, node.column});
    anchors_[anchor] = node;
  }

  void attach(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& open = open_.back();
    if (open.node.is_list()) {
      open.node.items.push_back(std::move(node));
      return;
    }
    open.node.members.push_back(
        {std::move(open.key), open.key_place.line, open.key_place.column, std::move(node)});
    open.has_key = false;
    open.key.clear();
  }

  Node root_;
  std::vector<Open> open_;
  std::map<std::string, Node> anchors_;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
  int documents_ = 0;
};

// What libyaml must not see; npos when there is none of it. Its line ends are those of YAML 1.1, of
// which an editor shows these as nothing: a rule could hide behind one.
std::size_t hidden_line_end(std::string_view text) {
  return std::min({text.find("\xc2\x85"), text.find("\xe2\x80\xa8"), text.find("\xe2\x80\xa9")});
}

// A carriage return alone ends a line for YAML and for no tool that shows differences.
std::size_t lone_return(std::string_view text) {
  for (auto at = text.find('\r'); at != std::string_view::npos; at = text.find('\r', at + 1)) {
    if (at + 1 == text.size() || text[at + 1] != '\n') return at;
  }
  return std::string_view::npos;
}

// It compares each %TAG with all before it, for minutes in a file that is made of them.
std::size_t tag_directive(std::string_view text) {
  if (text.starts_with("%TAG")) return 0;
  const auto at = text.find("\n%TAG");
  return at == std::string_view::npos ? at : at + 1;
}

// In characters, as libyaml counts.
Place place_of_offset(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n');
  const auto start = before.rfind('\n');
  const std::string_view row = before.substr(start == std::string_view::npos ? 0 : start + 1);
  const auto column =
      std::count_if(row.begin(), row.end(), [](char c) { return (c & '\xc0') != '\x80'; });
  return {static_cast<int>(line) + 1, static_cast<int>(column) + 1};
}

// libyaml says what it expected, not what to look for. It quotes nothing of the input.
std::string hint_for(std::string_view said) {
  const std::pair<std::string_view, const char*> hints[] = {
      {"did not find expected ',' or '}'", "a ',' or ':' is missing here, or a '}' behind it"},
      {"did not find expected ',' or ']'", "a ',' is missing here, or a ']' behind it"},
      {"did not find expected node content", "a value is missing here, or a '}' or ']' behind it"},
      {"did not find expected '-' indicator", "is the indentation right?"},
      {"did not find expected key", "is the indentation right?"},
      {"did not find expected <document start>", "a '}' or ']' too many"},
      {"mapping values are not allowed", "quote a value that contains ': '"},
      {"could not find expected ':'", "a ':' is missing behind a key"},
      {"found unexpected ':'", "write a value behind the colon, or quote the word"},
      {"found unexpected end of stream", "a closing quote is missing"},
      {"found character that cannot start", "indent with spaces, and quote a value that begins "
                                            "with a special character"},
      {"found unknown escape character", "write \\\\ for a backslash, or use single quotes"},
      {"found invalid Unicode character", "write the character itself"}};
  for (const auto& [text, hint] : hints) {
    if (said.starts_with(text)) return hint;
  }
  return "";
}

class Parser {
 public:
  explicit Parser(std::string_view text) {
    if (yaml_parser_initialize(&raw_) == 0) throw std::bad_alloc();
    yaml_parser_set_encoding(&raw_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&raw_, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
  ~Parser() { yaml_parser_delete(&raw_); }

  // Gives each event of the stream to `builder`, which may throw.
  void run(Builder& builder) {
    for (bool more = true; more;) {
      yaml_event_t event;
      if (yaml_parser_parse(&raw_, &event) == 0) fail();
      const std::unique_ptr<yaml_event_t, void (*)(yaml_event_t*)> held(&event, yaml_event_delete);
      more = event.type != YAML_STREAM_END_EVENT;
      builder.take(event);
    }
  }

 private:
  [[noreturn]] void fail() const {
    if (raw_.error == YAML_MEMORY_ERROR || raw_.problem == nullptr) throw std::bad_alloc();
    throw Refused(place(raw_.problem_mark), std::string("not valid YAML or JSON: ") + raw_.problem,
                  hint_for(raw_.problem));
  }

  yaml_parser_t raw_;
};

void report(Diagnostics& out, const std::string& file, Place at, std::string pointer,
            std::string message, std::string hint = {}) {
  out.push_back({Diagnostic::Level::error, file, at.line, at.column, std::move(pointer),
                 std::move(message), std::move(hint)});
}

} // namespace

const Node* Node::find(std::string_view key) const noexcept {
  for (const Member& member : members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

std::string_view to_string(Node::Kind kind) noexcept {
  switch (kind) {
  case Node::Kind::null: return "nothing";
  case Node::Kind::boolean: return "a boolean";
  case Node::Kind::integer: return "an integer";
  case Node::Kind::real: return "a number";
  case Node::Kind::string: return "a string";
  case Node::Kind::list: return "a list";
  case Node::Kind::map: return "a map";
  }
  return "nothing";
}

std::optional<Document> parse_document(std::string_view text, std::string file, Diagnostics& out) {
  if (text.size() > kMaxDocumentBytes) {
    report(out, file, {1, 1}, "", "the file is larger than 8 MiB");
    return std::nullopt;
  }
  // libyaml counts a mark of byte order as a character, so that what follows is indented.
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const auto refuse = [&](std::size_t at, const char* what, const char* hint) {
    if (at != std::string_view::npos) report(out, file, place_of_offset(text, at), "", what, hint);
    return at != std::string_view::npos;
  };
  if (refuse(first_forbidden_byte(text), "a byte is not printable UTF-8",
             "save the file as UTF-8 text") ||
      refuse(hidden_line_end(text), "a line ends here for some readers and not for others",
             "write the character as \\u2028, \\u2029 or \\u0085") ||
      refuse(lone_return(text), "a line ends here for some readers and not for others",
             "end lines with \\n") ||
      refuse(tag_directive(text), "tags are not read", "remove the directive")) {
    return std::nullopt;
  }
  Builder builder;
  try {
    Parser(text).run(builder);
    return Document{std::move(file), builder.take_root()};
  } catch (const Refused& refused) {
    report(out, file, refused.at, builder.pointer(), refused.message, refused.hint);
  } catch (const std::exception&) {
    report(out, file, {1, 1}, "", "the document cannot be read");
  }
  return std::nullopt;
}

std::optional<Document> load_document(const std::string& path, Diagnostics& out) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::string text(kMaxDocumentBytes + 1, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in && !in.eof()) {
    const std::string why = std::generic_category().message(errno == 0 ? EIO : errno);
    out.push_back({Diagnostic::Level::error, path, 0, 0, "", "the file cannot be read", why});
    return std::nullopt;
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  return parse_document(text, path, out);
}

} // namespace sluice
