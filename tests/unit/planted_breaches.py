"""What the tests of rules have in common: they hold the tree to the rules, and show with planted breaches that each
rule sees what it is for, so that none can go blind unnoticed.

A rule is a function, of a tree's root unless a test says otherwise, that returns its breaches as lines "where: what".
"""

import inspect
import os
import shutil
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as stream:
        return stream.read()


def expect_none(test, rules, given=ROOT):
    """No rule finds anything in what it is given."""
    for rule in rules:
        with test.subTest(rule=rule.__name__):
            breaches = rule(given)
            test.assertEqual([], breaches, "\n" + "\n".join(breaches))


class PlantedTest(unittest.TestCase):
    """Has a tree of its own, for each test anew. `rules`: those of the file, of which none may be left out."""
    rules = ()

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name

    def plant(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)

    def test_every_rule_has_its_planted_breach(self):
        self.assertTrue(self.rules)
        tests = inspect.getsource(type(self))
        for rule in self.rules:
            self.assertRegex(tests, rf"self\.catches\({rule.__name__},|\brule = {rule.__name__}\n", rule.__name__)


class PlantedFileTest(PlantedTest):
    """Breaches are files of their own, in a tree that has nothing but what the test needs."""

    def catches(self, rule, path, text, line=None):
        """The rule finds exactly one breach in the text, in this line if given; then the file is removed."""
        breaches = self.found(rule, path, text)
        self.assertEqual(1, len(breaches), f"{text!r}: {breaches}")
        self.assertTrue(breaches[0].startswith(f"{path}:{line}:" if line else f"{path}:"), breaches)

    def passes(self, rule, path, text):
        self.assertEqual([], self.found(rule, path, text), repr(text))

    def found(self, rule, path, text):
        self.plant(path, text)
        breaches = rule(self.root)
        os.remove(os.path.join(self.root, path))
        return breaches


class PlantedChangeTest(PlantedTest):
    """Breaches are changes of the tree's own files, in a copy of them, which each rule has to be right about first."""
    copied = ()  # files and folders

    def setUp(self):
        super().setUp()
        for path in self.copied:
            there, here = os.path.join(ROOT, path), os.path.join(self.root, path)
            os.makedirs(os.path.dirname(here), exist_ok=True)
            copy = shutil.copytree if os.path.isdir(there) else shutil.copy2
            copy(there, here)

    def change(self, path, old, new):
        """The text of a file with its first `old` replaced, which must be there; the text before."""
        text = read(self.root, path)
        self.assertIn(old, text, f"{path} has changed: plant the breach elsewhere")
        self.plant(path, text.replace(old, new, 1))
        return text

    def catches(self, rule, path, old, new, what):
        """After the change the rule says `what`, and nothing before it."""
        self.assertEqual([], rule(self.root))
        before = self.change(path, old, new)
        breaches = rule(self.root)
        self.plant(path, before)
        self.assertTrue(any(what in breach for breach in breaches), f"{old!r} → {new!r}: {breaches}")
