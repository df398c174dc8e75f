"""The table of scripts/coverage.

Run: /usr/bin/python3 tests/unit/coverage_test.py
"""

import importlib.machinery
import importlib.util
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def loaded(path):
    """A script without a suffix as a module."""
    loader = importlib.machinery.SourceFileLoader("coverage_script", str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("coverage_script", loader))
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # it would lie beside the script
    loader.exec_module(module)
    sys.dont_write_bytecode = written
    return module


coverage = loaded(ROOT / "scripts" / "coverage")


def file(name, *counts):
    return dict(zip(("filename", *coverage.COUNTS), (name, *counts)))


class TableTest(unittest.TestCase):
    def test_files_are_summed_by_module(self):
        modules = coverage.by_module([file("src/redis/a.cpp", 1, 2, 0, 4),
                                      file("include/flashsale/redis/b.hpp", 2, 2, 1, 4),
                                      file("src/main.cpp", 0, 3, 0, 0)])
        self.assertEqual({"app": [0, 3, 0, 0], "redis": [3, 4, 1, 8], "all": [3, 7, 1, 8]}, modules)
        self.assertEqual(["app", "redis", "all"], list(modules))
        self.assertIn("| redis | 3 | 4 | 75.0 % | 1 | 8 | 12.5 % |", coverage.table(modules))
        self.assertIn("| app | 0 | 3 | 0.0 % | 0 | 0 | - |", coverage.table(modules))

    def test_nothing_was_run(self):
        self.assertEqual({"all": [0, 0, 0, 0]}, coverage.by_module([]))


if __name__ == "__main__":
    unittest.main()
