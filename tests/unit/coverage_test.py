"""The table of scripts/coverage.

Run: /usr/bin/python3 tests/unit/coverage_test.py
"""

import unittest

import script_module

coverage = script_module.loaded("coverage")


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
