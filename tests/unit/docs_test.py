"""Holds the documents to what a program can check: links and anchors lead somewhere, files, types and settings that are
named exist, the rules and promises that comments cite have a heading in docs/protocol.md, and README stays on two
screens.

Each rule is a function of a tree's root that returns its breaches as lines "path:line: what", and is itself tested
against a planted breach.

Run: /usr/bin/python3 tests/unit/docs_test.py
"""

import os
import re
import unittest

import planted_breaches
from planted_breaches import ROOT, expect_none
from style_test import FUZZ_SEEDS, line_of, text_of, texts, walk

README_LINES_MAX = 160
PROTOCOL = os.path.join("docs", "protocol.md")

FENCE = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} +(.+?)[ #]*$", re.MULTILINE)
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?\s*\)")
INLINE_CODE = re.compile(r"`[^`\n]+`")
# A file of ours as texts name it: with its folder, or a script or statement by its name alone.
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:cpp|hpp|lua|sql|py|pml|md|toml|yaml|conf|acl|cmake)|\w+\.(?:lua|sql))`")
PLACEHOLDER = re.compile(r"/(NAME|NNNN_\w+)\.\w+$")
# A type, function or test, with what belongs to it: `WriteOutcome::committed`, `CrashTest`. One capital is a word.
CODE = re.compile(r"`([A-Za-z]\w*(?:(?:::|\.)\w+)*)`")
CAMEL = re.compile(r"[a-z0-9][A-Z]")
SETTING = re.compile(r"`([a-z_]+)\.([a-z_]+)(?: ?= ?[^`]*)?`")
METRIC = re.compile(r"`(flashsale_[a-z_]+)")
CITED = re.compile(r"\b([RP]\d{1,2})\b(?:\s?(?:-|to)\s?([RP]\d{1,2})\b)?")


def blank(text, pattern):
    """The text with what the pattern finds blanked out, line breaks kept."""
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)


def documents(root):
    """(path, text without fenced blocks) of all Markdown."""
    for path, text in texts(root, (".md",)):
        yield path, blank(text, FENCE)


def anchor(heading):
    """As the usual forges make it of a heading's text."""
    shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
    return re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")


def anchors(text):
    """All anchors of a document; a heading that comes again is numbered."""
    found, times = set(), {}
    for match in HEADING.finditer(text):
        name = anchor(match.group(1))
        count = times.get(name, 0)
        times[name] = count + 1
        found.add(f"{name}-{count}" if count else name)
    return found


# --- rules ---------------------------------------------------------------------------------------------------------

def links(root):
    """Every relative link leads to a file of the tree, and every anchor to a heading."""
    breaches = []
    known = dict(documents(root))
    for path, text in known.items():
        for match in LINK.finditer(blank(text, INLINE_CODE)):
            target = match.group(1)
            if re.match(r"[a-z][a-z+.-]*:", target):
                continue
            name, _, fragment = target.partition("#")
            led_to = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
            if not os.path.exists(os.path.join(root, led_to)):
                breaches.append(f"{path}:{line_of(text, match.start())}: {target} leads nowhere")
            elif fragment and fragment not in anchors(known.get(led_to, "")):
                breaches.append(f"{path}:{line_of(text, match.start())}: {target}: there is no such heading")
    return breaches


def named_paths(root):
    """Files that the documents name in `code` are there: below the root, src, include/flashsale or tests."""
    breaches = []
    paths = walk(root)
    for path, text in documents(root):
        for match in PATH.finditer(text):
            ending = os.sep + match.group(1).replace("/", os.sep)
            if PLACEHOLDER.search(ending):
                continue
            if not any((os.sep + other).endswith(ending) for other in paths):
                breaches.append(f"{path}:{line_of(text, match.start())}: there is no {match.group(1)}")
    return breaches


def named_code(root):
    """Types, constants and tests that the documents name in `code` are there, so that a new name reaches the texts."""
    words = set()
    for path, text in texts(root, (".cpp", ".hpp", ".py", ".yaml")):
        words.update(re.findall(r"\w+", text))
    breaches = []
    for path, text in documents(root):
        for match in CODE.finditer(text):
            parts = re.split(r"::|\.", match.group(1))
            if CAMEL.search(match.group(1)) and not words.issuperset(parts):
                breaches.append(f"{path}:{line_of(text, match.start())}: there is no {match.group(1)}")
    return breaches


def named_settings(root):
    """Settings and metrics that the documents name in `code` are there."""
    keys, section = {}, None
    for line in (text_of(root, os.path.join("config", "flashsaled.toml")) or "").split("\n"):
        if match := re.match(r"\[(\w+)\]", line):
            section = keys.setdefault(match.group(1), set())
        elif match := re.match(r"(\w+) =", line):
            section.add(match.group(1))
    metrics = "".join(text for path, text in texts(root, (".cpp",)) if path.startswith("src"))
    breaches = []
    for path, text in documents(root):
        for match in SETTING.finditer(text):
            if match.group(1) in keys and match.group(2) not in keys[match.group(1)]:
                breaches.append(f"{path}:{line_of(text, match.start())}: there is no setting {match.group(0)}")
        for match in METRIC.finditer(text):
            if f'"{match.group(1)}"' not in metrics:
                breaches.append(f"{path}:{line_of(text, match.start())}: there is no metric {match.group(1)}")
    return breaches


def fence_letters(root):
    """Every letter that a script reads or writes in the fence is in the legend of ARCHITECTURE."""
    architecture = text_of(root, "ARCHITECTURE.md") or ""
    legend = re.search(r"^\| letter of the fence \|.*\n((?:\|.*\n)+)", architecture, re.MULTILINE)
    explained = set(re.findall(r"`(\w)`", legend.group(1))) if legend else set()
    breaches = []
    for path, text in texts(root, (".lua",)):
        for match in re.finditer(r"redis\.call\('H(?:M?GET|SET|INCRBY|DEL)', KEYS\[1\],([^()]*)", text):
            for letter in re.findall(r"'([a-z])'", match.group(1)):
                if letter not in explained:
                    breaches.append(f"{path}:{line_of(text, match.start())}: the fence's {letter} is not explained")
    return breaches


def cited_rules(root):
    """R9 or P3 in any text of ours is a heading of docs/protocol.md."""
    breaches = []
    protocol = dict(documents(root)).get(PROTOCOL, "")
    headed = {match.group(1).split()[0] for match in HEADING.finditer(protocol)}
    for path, text in texts(root):
        if path.startswith(FUZZ_SEEDS) or path == os.path.join("tests", "unit", "docs_test.py"):
            continue
        for match in CITED.finditer(text):
            for name in match.groups():
                if name and name not in headed:
                    breaches.append(f"{path}:{line_of(text, match.start())}: {name} has no heading in {PROTOCOL}")
    return breaches


def cited_documents(root):
    """No comment sends its reader to a document that is not here."""
    breaches = []
    for path, text in texts(root):
        if path == os.path.join("tests", "unit", "docs_test.py"):
            continue
        for match in re.finditer(r"\bDESIGN\b", text):
            breaches.append(f"{path}:{line_of(text, match.start())}: there is no DESIGN in the tree")
    return breaches


def short_readme(root):
    """README is read at once; what does not fit belongs in docs."""
    lines = (text_of(root, "README.md") or "").count("\n")
    return [f"README.md:{lines}: more than {README_LINES_MAX} lines"] if lines > README_LINES_MAX else []


RULES = [links, named_paths, named_code, named_settings, fence_letters, cited_rules, cited_documents, short_readme]


# --- the tree ------------------------------------------------------------------------------------------------------

class TreeTest(unittest.TestCase):
    def test_documents_keep_the_rules(self):
        expect_none(self, RULES)

    def test_the_documents_are_seen(self):
        found = dict(documents(ROOT))
        for path in ("README.md", "ARCHITECTURE.md", os.path.join("docs", "README.md")):
            self.assertIn(path, found)
            self.assertTrue(anchors(found[path]), path)
            self.assertTrue(LINK.search(found[path]), path)
        self.assertIn("what-it-promises", anchors(found["README.md"]))

    def test_every_document_of_docs_is_in_its_index(self):
        index = text_of(ROOT, os.path.join("docs", "README.md"))
        for name in sorted(os.listdir(os.path.join(ROOT, "docs"))):
            if name.endswith(".md") and name != "README.md":
                self.assertIn(f"({name})", index, name)


# --- the rules themselves ------------------------------------------------------------------------------------------

class PlantedBreachTest(planted_breaches.PlantedFileTest):
    rules = RULES

    def setUp(self):
        super().setUp()
        self.plant(os.path.join("docs", "protocol.md"), "# Protocol\n\n### R1 An epoch\n\n### P2 A 201\n")
        self.plant(os.path.join("src", "redis", "lua", "reserve.lua"), "return 1\n")

    def test_links(self):
        for text in ("\n[a](missing.md)\n", "\n[a](#missing)\n", "\n[a](docs/protocol.md#missing)\n",
                     "\n[a](docs)[b](doc)\n", "\n[a](docs/protocol.md#r1-an-epoch-1)\n"):
            self.catches(links, "a.md", text, 2)
        self.catches(links, os.path.join("docs", "b.md"), "[a](docs/protocol.md)\n", 1)
        for text in ("[a](docs/protocol.md)\n", "[a](docs/protocol.md#r1-an-epoch)\n", "[a](docs/)\n",
                     "# A b, `c`!\n[a](#a-b-c)\n", "# A\n# A\n[a](#a-1)\n", "[a](https://example.org/x)\n",
                     "```\n[a](missing.md)\n```\n", "`[a](missing.md)`\n", "[`a`](docs/protocol.md#p2-a-201)\n"):
            self.passes(links, "a.md", text)

    def test_named_paths(self):
        for name in ("src/missing.cpp", "redis/missing.lua", "missing.lua", "checkout/reserve.lua"):
            self.catches(named_paths, "a.md", f"\nsee `{name}`\n", 2)
        for name in ("src/redis/lua/reserve.lua", "lua/reserve.lua", "reserve.lua", "docs/protocol.md", "a/b",
                     "src/x/NAME.lua"):
            self.passes(named_paths, "a.md", f"see `{name}`\n")

    def test_named_code(self):
        self.plant(os.path.join("src", "a.cpp"), "struct SaleQueue { int kMost; };  // Redis, committed\n")
        for name in ("SaleQueues", "kLeast", "SaleQueue::taken", "CrashTest.test_it"):
            self.catches(named_code, "a.md", f"\nsee `{name}`\n", 2)
        for name in ("SaleQueue", "SaleQueue::kMost", "Location", "X-Request-Id", "is_there", "sold"):
            self.passes(named_code, "a.md", f"see `{name}`\n")

    def test_named_settings(self):
        self.plant(os.path.join("config", "flashsaled.toml"), "# Times\n[checkout]\nwait_ms = 2\n[log]\nlevel = 1\n")
        self.plant(os.path.join("src", "telemetry", "metrics.cpp"), 'counter("flashsale_rebuilds_total");\n')
        for name in ("checkout.wait_s", "log.wait_ms = 1", "flashsale_rebuild_total{result}"):
            self.catches(named_settings, "a.md", f"\nsee `{name}`\n", 2)
        for name in ("checkout.wait_ms", "checkout.wait_ms = 5", "sales.drained_epoch", "flashsale_rebuilds_total{x}"):
            self.passes(named_settings, "a.md", f"see `{name}`\n")

    def test_fence_letters(self):
        self.plant("ARCHITECTURE.md", "| letter of the fence | is |\n|---|---|\n| `e`, `r` | epochs |\n\n`x`\n")
        path = os.path.join("src", "redis", "lua", "a.lua")
        self.catches(fence_letters, path, "\nlocal fence = redis.call('HMGET', KEYS[1], 'e', 'x')\n", 2)
        for text in ("redis.call('HSET', KEYS[1], 'e', 'X', '0')\n", "redis.call('HGET', KEYS[2], 'x')\n"):
            self.passes(fence_letters, path, text)

    def test_cited_rules(self):
        for text in ("\n// R3\n", "\n// PROTOCOL R1, R3\n", "\n// R1-R3\n", "\n// (P3)\n"):
            self.catches(cited_rules, "a.cpp", text, 2)
        self.passes(cited_rules, "a.cpp", "// PROTOCOL R1, P2; SHA-256, TR3, R1to\n")

    def test_cited_documents(self):
        self.catches(cited_documents, "a.cpp", "\n// as DESIGN 4.2 has it\n", 2)
        self.passes(cited_documents, "a.cpp", "// by design; PROTOCOL R1\n")

    def test_short_readme(self):
        self.catches(short_readme, "README.md", "x\n" * 161, 161)
        self.passes(short_readme, "README.md", "x\n" * 160)


if __name__ == "__main__":
    unittest.main()
