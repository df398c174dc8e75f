"""scripts/lint finds what it is for, and looks again at what has changed. Without a tool, or with another
version of it, its test is left out.

Run: /usr/bin/python3 tests/unit/lint_test.py
"""

import json
import pathlib
import shutil
import tempfile
import unittest

import script_module

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

lint = script_module.loaded("lint")


class PlantedTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve()
        lint.text_of.cache_clear()
        lint.headers_of.cache_clear()

    def plant(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


class FilesTest(PlantedTest):
    def test_all_files_of_the_tree_but_what_is_generated(self):
        source = self.plant("src/a/x.cpp", "")
        self.plant("build/x.cpp", "")
        self.plant(".git/x.cpp", "")
        self.assertEqual([source], list(lint.files_below(self.root)))

    def test_shell_scripts_are_known_by_their_first_line(self):
        for text in ("#!/bin/sh\n", "#!/usr/bin/env bash\n", "# shellcheck shell=bash\n"):
            self.assertTrue(lint.is_shell(self.plant("x", text)), text)
        for text in ("#!/usr/bin/python3\n", "", "x\n#!/bin/sh\n", "#!/usr/bin/env fish\n"):
            self.assertFalse(lint.is_shell(self.plant("x", text)), text)

    def test_the_scripts_of_this_tree_are_seen(self):
        found = {str(path.relative_to(ROOT)) for path in lint.files_below(ROOT) if lint.is_shell(path)}
        self.assertLessEqual({"scripts/test", "scripts/processes.sh", ".ci/run", "tests/fresh"}, found)


class FormatTest(PlantedTest):
    def setUp(self):
        super().setUp()
        self.program = lint.tool("clang-format")
        if self.program is None:
            self.skipTest(f"there is no clang-format {lint.CLANG_VERSION} here")
        shutil.copy(ROOT / ".clang-format", self.root)

    def test_what_is_written_otherwise_is_found(self):
        code, output = lint.check_format([self.plant("x.cpp", "int  x=1;\n")], self.program)
        self.assertEqual(1, code)
        self.assertIn("x.cpp:1:", output)
        self.assertEqual((0, ""), lint.check_format([self.plant("x.cpp", "int x = 1;\n")], self.program))


class ShellTest(PlantedTest):
    def setUp(self):
        super().setUp()
        self.program = shutil.which("shellcheck")
        if self.program is None:
            self.skipTest("there is no shellcheck here")

    def test_a_variable_without_quotes_is_found(self):
        code, output = lint.check_shell([self.plant("x", "#!/bin/sh\nrm $1\n")], self.program)
        self.assertEqual(1, code)
        self.assertIn("SC2086", output)
        self.assertEqual((0, ""), lint.check_shell([self.plant("x", '#!/bin/sh\nrm "$1"\n')], self.program))


class KeyTest(PlantedTest):
    def key(self, judges="14", flags=()):
        lint.text_of.cache_clear()
        lint.headers_of.cache_clear()
        entry = {"file": str(self.root / "src/a/x.cpp"), "directory": "/", "arguments": ["c++", *flags]}
        return lint.key_of(entry, (self.root / "include",), judges)

    def test_a_verdict_holds_until_something_that_it_depends_on_changes(self):
        self.plant("src/a/x.cpp", '#include "flashsale/a/x.hpp"\n')
        self.plant("include/flashsale/a/x.hpp", '  #  include "flashsale/b/y.hpp"\n')
        self.plant("include/flashsale/b/y.hpp", "int y;\n")
        self.plant("include/flashsale/b/z.hpp", "int z;\n")
        first = self.key()
        self.assertEqual(first, self.key())
        self.plant("include/flashsale/b/z.hpp", "long z;\n")
        self.assertEqual(first, self.key(), "a header that it does not see")
        self.assertNotEqual(first, self.key(judges="15"))
        self.assertNotEqual(first, self.key(flags=["-O2"]))
        self.plant("include/flashsale/b/y.hpp", "long y;\n")
        self.assertNotEqual(first, self.key(), "a header of a header")

    def test_one_compile_command_for_each_source_of_the_product(self):
        def entry(path, flags):
            return {"directory": "/", "file": str(self.root / path), "command": f"c++ {flags} -c {path}"}

        entries = [entry("src/a/x.cpp", "-Werror -O2"), entry("src/a/x.cpp", "-DFLASHSALE_FAULT_POINTS"),
                   entry("tests/unit/x_test.cpp", "")]
        kept = lint.commands_for_tidy(entries, self.root)
        self.assertEqual([["c++", "-O2", "-c", "src/a/x.cpp"]], [one["arguments"] for one in kept.values()])


class EmbeddedHeadersTest(unittest.TestCase):
    """Without one of them, clang-tidy judges a source that it cannot read, and only where nothing was built before."""

    def test_each_that_a_source_names_is_made_before_clang_tidy_looks(self):
        named = {name for path in (ROOT / "src").rglob("*.[ch]pp") for name in lint.INCLUDE.findall(path.read_text())
                 if name.startswith("embedded/")}
        self.assertIn("embedded/flashsale_api_pages.hpp", named)
        self.assertLessEqual(named, set(lint.embedded_headers(ROOT)))


class TidyTest(PlantedTest):
    def setUp(self):
        super().setUp()
        self.program = lint.tool("clang-tidy")
        if self.program is None:
            self.skipTest(f"there is no clang-tidy {lint.CLANG_VERSION} here")
        shutil.copy(ROOT / ".clang-tidy", self.root)

    def judged(self, source, header="int f(int);\n", seconds=600):
        lint.text_of.cache_clear()
        lint.headers_of.cache_clear()
        path = self.plant("src/a/x.cpp", source)
        self.plant("include/flashsale/a/x.hpp", header)
        command = f"c++ -I{self.root}/include -std=c++20 -c {path}"
        self.plant("build/release/compile_commands.json",
                   json.dumps([{"directory": str(self.root), "file": str(path), "command": command}]))
        tidy = lint.Tidy(self.root, self.program, deep=False)
        return lint.check_tidy(tidy, tidy.prepare(self.root / "build/release"), 1, seconds)

    def test_a_fault_is_found_and_told_again_from_what_is_kept(self):
        source = "int f(int size) {\n  int sum;\n  for (int i = 0; i < size; ++i) sum = i;\n  return sum;\n}\n"
        for _ in range(2):
            code, output = self.judged(source)
            self.assertEqual(1, code)
            self.assertIn("cppcoreguidelines-init-variables", output)
        self.assertEqual((0, ""), self.judged(source.replace("sum;", "sum = 0;", 1)))

    def test_a_header_counts(self):
        source = '#include "flashsale/a/x.hpp"\nint g() { return 1; }\n'
        self.assertEqual((0, ""), self.judged(source))
        code, output = self.judged(source, header="struct S { virtual ~S(); virtual void f(); };\n"
                                                  "struct T : S { virtual void f(); };\n")
        self.assertEqual(1, code)
        self.assertIn("x.hpp:2:", output)
        self.assertIn("modernize-use-override", output)

    def test_what_does_not_compile_is_a_finding(self):
        code, output = self.judged("int g() { return unknown; }\n")
        self.assertEqual(1, code)
        self.assertIn("unknown", output)

    def test_what_was_left_out_is_no_verdict(self):
        source = "int f() {\n  int x;\n  return x;\n}\n"
        self.assertEqual((0, ""), self.judged(source, seconds=0))
        self.assertEqual(1, self.judged(source)[0])


class RepetitionTest(unittest.TestCase):
    def test_a_finding_in_a_header_is_told_once(self):
        finding = "/a.hpp:1:1: warning: x [y]\nint a;\n"
        self.assertEqual(finding.splitlines() + ["/b.cpp:1:1: error: z"],
                         list(lint.without_repetition([finding, finding + "/b.cpp:1:1: error: z\n"])))


if __name__ == "__main__":
    unittest.main()
