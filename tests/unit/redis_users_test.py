"""Holds the user that config/redis_users.acl gives flashsaled against the commands and keys of src/redis: it may do
what they need, and nothing else.

Run: /usr/bin/python3 tests/unit/redis_users_test.py
"""

import hashlib
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
USERS = ROOT / "config" / "redis_users.acl"
RENDER = ROOT / "scripts" / "render_redis_users"

SCRIPT_CALL = re.compile(r"redis\.p?call\(\s*['\"]([A-Za-z]+)['\"]")
ANY_CALL = re.compile(r"redis\.p?call\b")
COMMAND = re.compile(r'\bCommand(?:\s+\w+)?\s*[({]\s*\{?"([A-Z]+)"(?:,\s*"([A-Z]+)")?')
BUILT_COMMAND = re.compile(r'\bCommand command[^;]*;\s*command\.add\("([A-Z]+)"')
BUILDERS = re.compile(r"^ *Command command(?:\([^;]*\))?;", re.MULTILINE)
# Sent by whoever has not said yet who they are: allowed to everybody.
BEFORE_LOGIN = {"auth"}
# `flashsaled check` tries what it must not be able to do.
TRIED_IN_VAIN = {"config"}
WITH_SUBCOMMAND = {"script"}


def lua_commands(text):
    return {name.lower() for name in SCRIPT_CALL.findall(text)}


def cpp_commands(text):
    found = set()
    for command, subcommand in COMMAND.findall(text):
        name = command.lower()
        found.add(f"{name}|{subcommand.lower()}" if name in WITH_SUBCOMMAND else name)
    return found | {name.lower() for name in BUILT_COMMAND.findall(text)}


def needed():
    commands = set()
    for path in sorted((ROOT / "src" / "redis" / "lua").glob("*.lua")):
        commands |= lua_commands(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "src" / "redis").glob("*.cpp")):
        commands |= cpp_commands(path.read_text(encoding="utf-8"))
    return commands - BEFORE_LOGIN - TRIED_IN_VAIN


def rules_of(user):
    line = re.search(rf"^user {user} (.*)$", USERS.read_text(encoding="utf-8"), re.MULTILINE)
    return line.group(1).split()


class RedisUsersTest(unittest.TestCase):
    def test_flashsaled_may_do_what_it_needs_and_no_more(self):
        rules = rules_of("flashsale")
        self.assertEqual(["on", "#${REDIS_PASSWORD_SHA256}", "~fs:*", "resetchannels", "-@all"], rules[:5])
        allowed = {rule[1:] for rule in rules[5:]}
        self.assertTrue(all(rule.startswith("+") and "@" not in rule for rule in rules[5:]), rules)
        self.assertEqual(needed(), allowed)

    def test_nobody_else_may_do_anything_without_a_password(self):
        self.assertEqual(["off", "resetkeys", "resetchannels", "-@all"], rules_of("default"))
        self.assertEqual(["on", "nopass", "resetkeys", "resetchannels", "-@all", "+ping"], rules_of("health"))

    def test_the_reader_sees_every_call(self):
        self.assertEqual({"hget", "xadd"}, lua_commands("redis.call('HGET', k)\nredis.pcall(\n  \"xadd\", k)"))
        self.assertEqual({"set", "script|load", "auth", "info"},
                         cpp_commands('Command{"SET", key}; Command command{"INFO"}; Command{"SCRIPT", "LOAD", text};\n'
                                      'a ? Command{"AUTH", x} : b'))
        self.assertEqual({"xrange"}, cpp_commands('Command command(6);\n  command.add("XRANGE").add("COUNT");'))
        for path in sorted((ROOT / "src" / "redis").glob("*.cpp")):
            text = path.read_text(encoding="utf-8")
            self.assertEqual(len(BUILDERS.findall(text)), len(BUILT_COMMAND.findall(text)),
                             f"{path.name} builds a command whose name is not seen")
        for path in sorted((ROOT / "src" / "redis" / "lua").glob("*.lua")):
            text = path.read_text(encoding="utf-8")
            self.assertEqual(len(ANY_CALL.findall(text)), len(SCRIPT_CALL.findall(text)),
                             f"{path.name} calls a command that is not written out")

    def test_rendered(self):
        with tempfile.TemporaryDirectory() as folder:
            secrets = {"redis_password": "abc", "redis_operator_password": "def"}
            for name, text in secrets.items():
                pathlib.Path(folder, name).write_text(text, encoding="utf-8")
            with open(USERS, encoding="utf-8") as template:
                done = subprocess.run([RENDER, folder], stdin=template, capture_output=True, text=True, check=True)
        lines = done.stdout.splitlines()
        self.assertEqual(["user default", "user flashsale", "user operator", "user health"],
                         [" ".join(line.split()[:2]) for line in lines])
        self.assertNotIn("${", done.stdout)
        for text, line in zip(secrets.values(), lines[1:3]):
            self.assertIn("#" + hashlib.sha256(text.encode()).hexdigest(), line)


if __name__ == "__main__":
    unittest.main()
