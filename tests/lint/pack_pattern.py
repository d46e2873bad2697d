"""The pack's pattern language: a strict subset of RE2, parsed apart from Python's `re`.

Python accepts far more than the streaming matcher does, so a pattern which Python compiles proves
nothing. This parser accepts only the subset and yields what the rules about patterns are judged by.
"""

from collections import deque

WORD = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")
DIGIT = frozenset(b"0123456789")
SPACE = frozenset(b" \t\n\r\f")
RUN = WORD | frozenset(b".+/=~-")  # what the prefilter counts as one unbroken run
RUN_LENGTH = 16
MOST_ANCHORS = 64
MOST_ALTERNATIVES = 8  # a class larger than this is content, not part of an anchor
LONGEST_ANCHOR = 12
MOST_REPEATS = 2000


class PatternError(ValueError):
    pass


class Set:
    """One byte out of a set."""

    def __init__(self, members):
        self.members = frozenset(members)


class Cat:
    def __init__(self, parts):
        self.parts = parts


class Alt:
    def __init__(self, branches):
        self.branches = branches


class Repeat:
    def __init__(self, part, least, most):  # most None: unbounded
        self.part, self.least, self.most = part, least, most


class Secret:
    def __init__(self, part):
        self.part = part


class Parser:
    def __init__(self, text):
        if any(ord(letter) > 126 or ord(letter) < 32 for letter in text):
            raise PatternError("only printable ASCII")
        self.text, self.at, self.fold, self.depth, self.secrets = text, 0, False, 0, 0

    def parse(self):
        node = self.alternation()
        if self.at != len(self.text):
            raise PatternError(f"unexpected `{self.text[self.at]}` at {self.at}")
        return node

    def peek(self, wanted):
        return self.text.startswith(wanted, self.at)

    def take(self, wanted):
        if not self.peek(wanted):
            return False
        self.at += len(wanted)
        return True

    def alternation(self):
        branches = [self.concatenation()]
        while self.take("|"):
            branches.append(self.concatenation())
        return branches[0] if len(branches) == 1 else Alt(branches)

    def concatenation(self):
        parts = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            parts.append(self.repetition())
        return Cat(parts)

    def repetition(self):
        node = self.atom()
        if self.at == len(self.text) or self.text[self.at] not in "?*+{":
            return node
        if isinstance(node, Secret):
            raise PatternError("the secret group cannot be repeated")
        sign = self.text[self.at]
        self.at += 1
        least, most = {"?": (0, 1), "*": (0, None), "+": (1, None)}.get(sign) or self.counts()
        if self.at < len(self.text) and self.text[self.at] in "?*+{":
            raise PatternError("no lazy or doubled quantifiers")
        return Repeat(node, least, most)

    def counts(self):
        end = self.text.find("}", self.at)
        least, comma, most = self.text[self.at:end].partition(",")
        if end < 0 or not least.isdigit() or (most and not most.isdigit()):
            raise PatternError("a `{` which is no {n}, {n,} or {n,m}")
        self.at = end + 1
        low = int(least)
        high = low if not comma else int(most) if most else None
        if (high is not None and high < low) or max(low, high or 0) > MOST_REPEATS:
            raise PatternError("a repeat out of range")
        return low, high

    def atom(self):
        letter = self.text[self.at]
        if letter == "(":
            return self.group()
        if letter == "[":
            return Set(self.bracket())
        if letter == "\\":
            return Set(self.folded(self.escape()))
        if letter in ".^$*+?{}])":
            raise PatternError(f"`{letter}` at {self.at} is outside the subset")
        self.at += 1
        return Set(self.folded({ord(letter)}))

    def group(self):
        fold, secret = self.fold, False
        if self.take("(?P<secret>"):
            secret = True
            self.secrets += 1
            if self.depth or self.secrets > 1:
                raise PatternError("at most one secret group, at the top level")
        elif self.take("(?i:"):
            self.fold = True
        elif not self.take("(?:"):
            raise PatternError("only (?:...), (?i:...) and (?P<secret>...)")
        self.depth += 1
        node = self.alternation()
        if not self.take(")"):
            raise PatternError("a group is not closed")
        self.depth -= 1
        self.fold = fold
        return Secret(node) if secret else node

    def escape(self):
        self.at += 1
        letter = self.text[self.at:self.at + 1]
        self.at += 1
        known = {"d": DIGIT, "w": WORD, "s": SPACE, "n": {10}, "r": {13}, "t": {9}}
        if letter in known:
            return set(known[letter])
        if not letter or letter.isalnum():
            raise PatternError(f"escape `\\{letter}` is outside the subset")
        return {ord(letter)}

    def bracket(self):
        self.at += 1
        negated = self.take("^")
        members, first = set(), True
        while first or not self.peek("]"):
            if self.at >= len(self.text):
                raise PatternError("a class is not closed")
            first = False
            low = self.one_of_class()
            if len(low) == 1 and self.peek("-") and not self.peek("-]"):
                self.at += 1
                high = self.one_of_class()
                if len(high) != 1 or min(high) < min(low):
                    raise PatternError("a bad range")
                low = set(range(min(low), min(high) + 1))
            members |= low
        self.at += 1
        members = self.folded(members)
        return frozenset(range(256)) - members if negated else members

    def one_of_class(self):
        if self.peek("\\"):
            return self.escape()
        if self.peek("["):
            raise PatternError("write `\\[` within a class")
        self.at += 1
        return {ord(self.text[self.at - 1])}

    def folded(self, members):
        if not self.fold:
            return set(members)
        letters = {byte for byte in members if chr(byte).isalpha() and byte < 128}
        return set(members) | {byte ^ 32 for byte in letters}


def parse(text):
    return Parser(text).parse()


def anchors(node):
    """The longest fixed beginnings which number at most MOST_ANCHORS."""
    best = {b""}
    for length in range(1, LONGEST_ANCHOR + 1):
        found = beginnings(node, length)
        if found is None or any(len(text) < length for text in found):
            break
        best = found
    return best


def beginnings(node, length):
    """What a match can begin with, cut at `length` bytes; None where that is too much to list."""
    if isinstance(node, Set):
        return {bytes([byte]) for byte in node.members} if len(node.members) <= MOST_ALTERNATIVES else None
    if isinstance(node, Secret):
        return beginnings(node.part, length)
    if isinstance(node, Alt):
        each = [beginnings(branch, length) for branch in node.branches]
        return None if None in each else set().union(*each)
    if isinstance(node, Cat):
        return follow_on({b""}, node.parts, length)
    found = ends = follow_on({b""}, [node.part] * min(node.least, length), length)
    for _ in range((length if node.most is None else min(node.most, length)) - node.least):
        ends = ends and follow_on(ends, [node.part], length)
        if ends is None or found is None:
            return None
        found = found | ends
    return found


def follow_on(heads, parts, length):
    for part in parts:
        short = {head for head in heads if len(head) < length}
        if not short:
            break
        tails = beginnings(part, length)
        if tails is None:
            return None
        heads = (heads - short) | {(head + tail)[:length] for head in short for tail in tails}
        if len(heads) > MOST_ANCHORS:
            return None
    return heads


def nullable(node):
    if isinstance(node, Set):
        return False
    if isinstance(node, Secret):
        return nullable(node.part)
    if isinstance(node, Alt):
        return any(map(nullable, node.branches))
    if isinstance(node, Cat):
        return all(map(nullable, node.parts))
    return node.least == 0 or nullable(node.part)


def longest(node):
    """The length of the longest match; None without bound."""
    if isinstance(node, Set):
        return 1
    if isinstance(node, Secret):
        return longest(node.part)
    if isinstance(node, (Alt, Cat)):
        each = list(map(longest, node.branches if isinstance(node, Alt) else node.parts))
        return None if None in each else max(each) if isinstance(node, Alt) else sum(each)
    inner = longest(node.part)
    return None if node.most is None or inner is None else node.most * inner


def unbounded(node):
    return longest(node) is None


def unbounded_before_end(node):
    """Whether something unbounded stands before something mandatory."""
    if isinstance(node, Set):
        return False
    if isinstance(node, Secret):
        return unbounded_before_end(node.part)
    if isinstance(node, Alt):
        return any(map(unbounded_before_end, node.branches))
    if isinstance(node, Cat):
        seen = False
        for part in node.parts:
            if (seen and not nullable(part)) or unbounded_before_end(part):
                return True
            seen = seen or unbounded(part)
        return False
    return unbounded_before_end(node.part) or (unbounded(node.part) and node.most != 1)


class Automaton:
    """Thompson's construction; the part before the secret group is marked."""

    def __init__(self, node):
        self.steps, self.free, self.before = [], [], set()
        self.secret_at = None
        start = self.state()
        self.start, self.final = start, self.build(node, start)

    def state(self):
        self.steps.append([])
        self.free.append([])
        return len(self.steps) - 1

    def build(self, node, start):
        if isinstance(node, Set):
            end = self.state()
            self.steps[start].append((node.members, end))
            return end
        if isinstance(node, Secret):
            self.secret_at = self.state()
            self.before = set(range(self.secret_at))
            self.free[start].append(self.secret_at)
            return self.build(node.part, self.secret_at)
        if isinstance(node, Cat):
            for part in node.parts:
                start = self.build(part, start)
            return start
        end = self.state()
        if isinstance(node, Alt):
            for branch in node.branches:
                inner = self.state()
                self.free[start].append(inner)
                self.free[self.build(branch, inner)].append(end)
            return end
        for _ in range(node.least):
            start = self.build(node.part, start)
        self.free[start].append(end)
        if node.most is None:
            inner = self.state()
            self.free[start].append(inner)
            self.free[self.build(node.part, inner)].append(inner)
            self.free[inner].append(end)
            return end
        for _ in range(node.most - node.least):
            inner = self.state()
            self.free[start].append(inner)
            start = self.build(node.part, inner)
            self.free[start].append(end)
        return end

    def closure(self, states):
        seen, todo = set(states), list(states)
        while todo:
            for after in self.free[todo.pop()]:
                if after not in seen:
                    seen.add(after)
                    todo.append(after)
        return seen


def overlap(node):
    """Bytes which may both go on before the secret group and be its first byte."""
    machine = Automaton(node)
    if machine.secret_at is None:
        return frozenset()
    first = set()
    for state in machine.closure({machine.secret_at}):
        for members, _ in machine.steps[state]:
            first |= members
    sets = {members for way in machine.steps for members, _ in way}
    kinds = {tuple(byte in members for members in sets): byte for byte in range(256)}.values()
    clash, seen, todo = set(), set(), deque([frozenset(machine.closure({machine.start}))])
    while todo:  # over the sets of states which the part before the group can be in at once
        states = todo.popleft()
        if states in seen:
            continue
        seen.add(states)
        moves = [step for state in states if state in machine.before for step in machine.steps[state]]
        if machine.secret_at in states:
            for members, _ in moves:
                clash |= members & first
        for byte in kinds:
            after = machine.closure({end for members, end in moves if byte in members})
            todo.append(frozenset(after & (machine.before | {machine.secret_at})))
    return frozenset(clash)


def shortest_run(node):
    """The least longest run of RUN bytes over all matches, or None if each holds RUN_LENGTH or `://`."""
    machine = Automaton(node)
    kinds = [(frozenset(b":"), 0), (frozenset(b"/"), 1), (RUN - frozenset(b"/"), 2),
             (frozenset(range(256)) - RUN - frozenset(b":"), 3)]
    todo = deque([(machine.start, 0, 0, 0)])
    seen, worst = set(todo), None
    while todo:
        state, run, longest, colon = todo.popleft()
        if state == machine.final:
            worst = longest if worst is None else min(worst, longest)
        ways = [(after, run, longest, colon) for after in machine.free[state]]
        for members, after in machine.steps[state]:
            for kind, number in kinds:
                if not members & kind:
                    continue
                length = run + 1 if number in (1, 2) else 0
                mark = 1 if number == 0 else colon + 1 if number == 1 and colon else 0
                if length < RUN_LENGTH and mark < 3:
                    ways.append((after, length, max(longest, length), mark))
        for way in ways:
            if way not in seen:
                seen.add(way)
                todo.append(way)
    return worst
