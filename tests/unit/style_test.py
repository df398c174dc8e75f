"""Holds the source tree to those house rules that a program can check.

Each rule is a function of a tree's root that returns its breaches as lines "path:line: what". Every rule is itself
tested against a planted breach, so that none can go blind unnoticed.

Run: /usr/bin/python3 tests/unit/style_test.py
"""

import configparser
import os
import re
import unittest

import planted_breaches
from planted_breaches import ROOT, expect_none

SKIPPED_FOLDERS = {".git", "build", ".flashsale", "__pycache__", ".cache", ".vscode", ".idea"}

# Modules and those whose headers each may include besides its own. Every module may know model and telemetry.
STANDS_ON = ["redis", "postgres", "identity", "telemetry", "model"]
MAY_INCLUDE = {
    "model": [],
    "telemetry": ["model"],
    "forecast": ["telemetry", "model"],
    "identity": ["telemetry", "model"],
    "insight": ["telemetry", "model"],
    "redis": ["telemetry", "model"],
    "postgres": ["telemetry", "model"],
    "outbound": ["telemetry", "model"],
    "workers": ["redis", "postgres", "telemetry", "model"],
    "events": ["outbound", "workers"] + STANDS_ON,
    "catalog": ["workers"] + STANDS_ON,
    "checkout": ["catalog", "workers"] + STANDS_ON,
    "payments": ["checkout", "catalog", "workers"] + STANDS_ON,
    "admin": ["checkout", "catalog", "forecast", "workers"] + STANDS_ON,
    "api": ["admin", "payments", "checkout", "catalog", "events", "forecast", "outbound", "workers"] + STANDS_ON,
    "http": ["api", "admin", "payments", "checkout", "catalog", "events", "forecast", "outbound",
             "workers"] + STANDS_ON,
    "app": ["http", "api", "insight", "outbound", "admin", "payments", "checkout", "catalog", "events", "forecast",
            "workers"] + STANDS_ON,
}

# Libraries that are the business of one module alone; `header` says whether its public headers may show them.
LIBRARY_OWNERS = [
    (re.compile(r"<hiredis/"), "redis", True),
    (re.compile(r"<pqxx/"), "postgres", True),
    (re.compile(r"<boost/beast"), "http", False),
    (re.compile(r"<toml\+\+/"), "app", False),
    (re.compile(r"<curl/"), "outbound", False),
]

SQL = re.compile(
    r"\b(select\s+[\w*(),.\s:'-]+\sfrom\s+\w|insert\s+into\s+\w|update\s+\w+\s+set\s|delete\s+from\s+\w|"
    r"(create|alter|drop)\s+(table|index|view|schema)\b|truncate\s+table\b)", re.IGNORECASE)

REDIS_COMMANDS = set("""
    APPEND AUTH BGREWRITEAOF BGSAVE COPY DECR DECRBY DEL DISCARD EVAL EVALSHA EXEC EXPIRE EXPIREAT FCALL FLUSHALL
    FLUSHDB GETDEL GETEX GETRANGE GETSET HDEL HEXISTS HGET HGETALL HINCRBY HKEYS HLEN HMGET HMSET HSCAN HSET HSETNX
    HVALS INCR INCRBY LINDEX LLEN LPOP LPUSH LRANGE LREM LTRIM MGET MSET MSETNX MULTI PERSIST PEXPIRE PFADD PFCOUNT
    PFMERGE PSETEX PSUBSCRIBE PTTL PUBLISH RENAME REPLICAOF RPOP RPUSH SADD SCARD SETEX SETNX SETRANGE SISMEMBER
    SMEMBERS SREM SSCAN SUBSCRIBE TTL UNLINK WAITAOF XACK XADD XAUTOCLAIM XCLAIM XDEL XGROUP XINFO XLEN XPENDING
    XRANGE XREAD XREADGROUP XREVRANGE XTRIM ZADD ZCARD ZINCRBY ZRANGE ZRANGEBYSCORE ZREM ZSCORE""".split())
AMBIGUOUS_REDIS_COMMANDS = {"GET", "SET", "TIME", "EXISTS", "PING", "INFO", "SCRIPT", "CONFIG"}
REDIS_CALL = re.compile(r"\bredisv?(Append)?Command(Argv)?\s*\(")

FORBIDDEN_NAMES = {"util", "utils", "utility", "utilities", "helper", "helpers", "common", "manager", "managers",
                   "misc"}
MODULE_PATH = re.compile(r"\bsys\.path\b")
FORBIDDEN_MARKS = re.compile(r"\b(" + "TO" + "DO|FIX" + "ME|XX" + r"X)\b")

CPP = (".cpp", ".hpp")
LINE_LENGTH_MAX = 120
FUZZ_SEEDS = os.path.join("tests", "fuzz", "seeds", "")  # bytes as strangers send them, not text of ours
LINE_LENGTH_HELD = CPP + (".py", ".lua", ".sql", ".sh", ".toml", ".yaml", ".yml")


# --- reading -------------------------------------------------------------------------------------------------------

def walk(root):
    """Paths of all files below root, relative to it and sorted, without what is generated or foreign."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                found.append(os.path.relpath(path, root))
    return sorted(found)


def text_of(root, path):
    """The file's text; None for a binary file."""
    with open(os.path.join(root, path), "rb") as stream:
        data = stream.read()
    return None if b"\0" in data else data.decode("utf-8", "replace")


def texts(root, suffixes=None):
    for path in walk(root):
        if suffixes is not None and not path.endswith(suffixes):
            continue
        text = text_of(root, path)
        if text is not None:
            yield path, text


def cpp_texts(root):
    """C++ of the product: src and include, not the tests."""
    for path, text in texts(root, CPP):
        if path.split(os.sep)[0] in ("src", "include"):
            yield path, text


def module_of(path):
    parts = path.split(os.sep)
    if parts[:2] == ["include", "flashsale"] and len(parts) > 3:
        return parts[2]
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    return None


TOKEN = re.compile(
    r'R"(?P<mark>[^\s()\\]{0,16})\((?P<raw>.*?)\)(?P=mark)"'
    r'|"(?P<string>(?:\\.|[^"\\\n])*)"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'"
    r"|//[^\n]*|/\*.*?\*/", re.DOTALL)


def split_cpp(text):
    """(code, strings): the text with comments and the insides of literals blanked out, line breaks kept; and the
    string literals as (line, content), adjacent ones joined as the compiler does."""
    strings = []
    last_end = None

    def blank(match):
        nonlocal last_end
        token = match.group(0)
        if token.startswith(("R\"", "\"")):
            content = match.group("raw") if token.startswith("R") else match.group("string")
            if last_end is not None and not text[last_end:match.start()].strip():
                strings[-1] = (strings[-1][0], strings[-1][1] + content)
            else:
                strings.append((text.count("\n", 0, match.start()) + 1, content))
            last_end = match.end()
            return '""' + "\n" * token.count("\n")
        if token.startswith("'"):
            return "' '"
        return "\n" * token.count("\n")

    return TOKEN.sub(blank, text), strings


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


# --- rules ---------------------------------------------------------------------------------------------------------

CO_AWAIT = re.compile(r"\bco_await\b")
LAMBDA = re.compile(r"(?:^|[(,=\s{])\[[^\[\]]*\]\s*(?:\(|\{|<|mutable\b|noexcept\b|->)")
AWAITED_INTO = re.compile(
    r"^(?:const\s+)?[A-Za-z_][\w:]*(?:\s*<[^=]*>)?\s*[&*]{0,2}\s*(?:[A-Za-z_]\w*|\[[\w\s,]*\])\s*=\s*co_await\s")


def statement_around(code, offset):
    """The statement that holds the offset, from behind the previous ; or brace at its own depth to its own ;."""
    begin = offset
    depth = 0
    while begin > 0:
        c = code[begin - 1]
        if c in ")]":
            depth += 1
        elif c in "([":
            depth -= 1
        elif c in ";{}" and depth <= 0 and (c != ";" or not inside_parentheses(code, begin - 1)):
            break
        begin -= 1
    end = offset
    depth = 0
    while end < len(code):
        c = code[end]
        if c in "([{":
            depth += 1
        elif c in ")]}":
            if depth == 0 and c == "}":
                break
            depth -= 1
        elif c == ";" and depth <= 0:
            break
        end += 1
    return " ".join(code[begin:end].split())


def inside_parentheses(code, offset):
    """Whether the ; at the offset belongs to the head of a for or if."""
    depth = 0
    for i in range(offset - 1, max(offset - 500, -1), -1):
        if code[i] == ")":
            depth += 1
        elif code[i] == "(":
            if depth == 0:
                return True
            depth -= 1
        elif code[i] in "{}":
            return False
    return False


def breach_of_await(statement):
    """What is wrong with a statement that awaits; None when it has one of the two safe forms."""
    bare = statement.startswith("co_await ")
    if not bare and not AWAITED_INTO.match(statement):
        return "co_await only as `auto x = co_await f(named...);` or as a statement of its own"
    if len(CO_AWAIT.findall(statement)) > 1:
        return "one co_await in a statement"
    awaited = statement[statement.index("co_await") + len("co_await"):]
    if LAMBDA.search(awaited):
        return "a lambda in an awaited expression: name it first"
    if "{" in awaited:
        return "braces in an awaited expression: name the value first"
    if "?" in awaited:
        return "a ternary in an awaited expression"
    return None


def coroutine_forms(root):
    """GCC 12 miscompiles several ways to write co_await; two are safe."""
    breaches = []
    for path, text in texts(root, CPP):
        code, _ = split_cpp(text)
        for match in CO_AWAIT.finditer(code):
            what = breach_of_await(statement_around(code, match.start()))
            if what:
                breaches.append(f"{path}:{line_of(code, match.start())}: {what}")
        for match in re.finditer(r"\bco_spawn\s*\(", code):
            end = code.find(";", match.end())
            if LAMBDA.search(code[match.end():end]):
                breaches.append(f"{path}:{line_of(code, match.start())}: a lambda in co_spawn: name it first")
    return breaches


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"][^>"\n]+[>"])', re.MULTILINE)


def include_breach(root, path, module, target):
    if target.startswith("<flashsale/"):
        return "headers of the project are included with quotes"
    for pattern, owner, in_headers in LIBRARY_OWNERS:
        if pattern.match(target):
            if module != owner:
                return f"{target} is the business of {owner}"
            if not in_headers and path.startswith("include" + os.sep):
                return f"{target} does not belong in a public header"
    if target.startswith("<"):
        return None
    name = target.strip('"')
    parts = name.split("/")
    if parts[0] == "flashsale":
        if parts[1] != module and parts[1] not in MAY_INCLUDE[module]:
            return f"{module} may not know {parts[1]}"
        return None
    if parts[0] == "embedded":
        own = re.fullmatch(rf"embedded/flashsale_{module}(?:_\w+)?\.hpp", name)
        return None if own else f"{name} belongs to another module"
    if "/" in name or not os.path.exists(os.path.join(root, os.path.dirname(path), name)):
        return f'"{name}" is neither a header of the project nor a private one beside this file'
    return None


def includes(root):
    """Includes follow the order of the modules; libraries stay with the module that owns them."""
    breaches = []
    for path, text in cpp_texts(root):
        if path == os.path.join("src", "main.cpp"):
            module = "app"
        else:
            module = module_of(path)
        if module not in MAY_INCLUDE:
            breaches.append(f"{path}:1: belongs to no known module")
            continue
        for match in INCLUDE.finditer(text):
            what = include_breach(root, path, module, match.group(1))
            if what:
                breaches.append(f"{path}:{line_of(text, match.start())}: {what}")
    return breaches


def private_headers(root):
    """A header in include/flashsale is included by another module, or by a header that is; all others are in src."""
    public = os.path.join("include", "flashsale", "")
    included = {path: [match.group(1)[1:-1].replace("/", os.sep) for match in INCLUDE.finditer(text)
                       if match.group(1).startswith('"flashsale/')] for path, text in cpp_texts(root)}
    reached = set()
    waiting = [os.path.join("include", name) for path, names_in in included.items() for name in names_in
               if name.split(os.sep)[1] != module_of(path)]
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting += [os.path.join("include", name) for name in included.get(path, [])]
    return [f"{path}:1: no other module includes it: it belongs in src/{module_of(path)}" for path in included
            if path.startswith(public) and path not in reached]


LIBPQXX_HEADER = os.path.join("include", "flashsale", "postgres", "pqxx.hpp")


def libpqxx_by_its_header(root):
    """libpqxx is included by one header of ours, in the tests, too: everybody has to see it alike."""
    breaches = []
    for path, text in texts(root, (".hpp", ".cpp")):
        for match in INCLUDE.finditer(text):
            if match.group(1).startswith("<pqxx/") and path != LIBPQXX_HEADER:
                breaches.append(f"{path}:{line_of(text, match.start())}: include flashsale/postgres/pqxx.hpp instead")
    return breaches


def sql_outside_postgres(root):
    """SQL is written in src/postgres alone."""
    breaches = []
    for path, text in cpp_texts(root):
        if module_of(path) == "postgres":
            continue
        for line, content in split_cpp(text)[1]:
            if SQL.search(content):
                breaches.append(f"{path}:{line}: SQL outside postgres")
    return breaches


# The ways in which an order changes its status: statement (without .sql), its source in src/postgres, and the functions
# there that tell note_change (order_changes.hpp) what it has changed. COPY is written in C++.
ORDER_CHANGES = {
    "COPY": ("order_writer.cpp", ["first_rows"]),
    "batch_write": ("order_writer.cpp", ["first_rows"]),
    "orders_insert": ("order_writer.cpp", ["note_decided", "write_rejection"]),
    "orders_replace_refusals": ("order_writer.cpp", ["note_decided"]),
    "orders_reject": ("order_writer.cpp", ["note_decided", "write_rejection"]),
    "order_insert_cancelled": ("order_repository.cpp", ["insert_cancelled"]),
    "order_cancel": ("order_repository.cpp", ["cancel_in"]),
    "orders_confirm_paid": ("paid_order.cpp", ["confirm_paid"]),
    "order_payment_failed": ("payment_repository.cpp", ["fail_payment"]),
    "order_confirm_late": ("payment_repository.cpp", ["confirm_late_in"]),
    "orders_expire": ("payment_repository.cpp", ["expire_in"]),
    "order_require_refund": ("refund.cpp", ["require_refund"]),
}
# What writes or removes whole rows, and tells nobody anything new.
NO_ORDER_CHANGES = {
    "archive_move": "rows go to the archive as they are",
    "orders_remove_stale": "rows of the same transaction, which nobody has seen",
    "rehearsal_remove_orders": "of a rehearsal nobody is told",
}
WHOLE_ORDERS = re.compile(r"\b(insert\s+into|delete\s+from)\s+(archived_)?orders\b|\bwrite_batch\s*\(", re.IGNORECASE)
NOTES = re.compile(r"\b(note_change|changes_of)\(")
ORDERS_UPDATE = re.compile(r"\bupdate\s+(?:only\s+)?(?:archived_)?orders\b.*?\bset\b", re.IGNORECASE | re.DOTALL)
ORDERS_COPY = re.compile(r'Stream\s+\w+\(\w+,\s*"(archived_)?orders"')
ASSIGNMENTS_END = re.compile(r"(where|from|returning)\b", re.IGNORECASE)


def assigned_columns(sql, offset):
    """Columns to which the SET whose assignments begin there gives values."""
    depth, begin, assignments = 0, offset, []
    for i in range(offset, len(sql) + 1):
        c = sql[i] if i < len(sql) else ";"
        if c == "(":
            depth += 1
        ends = depth == 0 and (c in ";)" or (ASSIGNMENTS_END.match(sql, i) and not sql[i - 1].isalnum()))
        if depth == 0 and (c == "," or ends):
            assignments.append(sql[begin:i])
            begin = i + 1
        if ends:
            break
        if c == ")":
            depth -= 1
    return {column.strip() for text in assignments for column in text.partition("=")[0].strip(" \n()").split(",")}


def change_of_orders(sql):
    """Where a statement writes or removes orders, or gives them a status or the mark of a refund; None: it does not."""
    code = re.sub(r"--[^\n]*", lambda comment: " " * len(comment.group(0)), sql)
    match = WHOLE_ORDERS.search(code)
    if match:
        return match.start()
    for match in ORDERS_UPDATE.finditer(code):
        if assigned_columns(code, match.end()) & {"status", "refund_required"}:
            return match.start()
    return None


def function_text(text, name):
    """The definition of a function, empty if there is none: up to the brace that stands below its first line."""
    match = re.search(rf"^( *)(?=\S)[^\n;=]*\b{name}\([^;{{]*\{{.*?^\1\}}", text, re.MULTILINE | re.DOTALL)
    return match.group(0) if match else ""


def order_changes_are_noted(root):
    """Whoever changes an order's status tells note_change of it."""
    breaches, changing = [], {}
    for path, text in texts(root, (".sql",)):
        name = os.path.basename(path)[:-len(".sql")]
        offset = change_of_orders(text)
        if offset is None or name[0].isdigit() or name in NO_ORDER_CHANGES:
            continue
        if name in ORDER_CHANGES:
            changing[name] = ORDER_CHANGES[name]
        else:
            breaches.append(f"{path}:{line_of(text, offset)}: changes orders and is none of the ways that are known")
    for path, text in cpp_texts(root):
        if module_of(path) != "postgres":
            continue
        source = os.path.basename(path)
        strings = split_cpp(text)[1]
        breaches += [f"{path}:{line}: a statement that changes orders stands in a file of its own"
                     for line, content in strings if change_of_orders(content) is not None]
        named = {name for name in changing if re.search(rf"\b{name}_sql\b", text)}
        if ORDERS_COPY.search(text):
            named.add("COPY")
        for name in sorted(named):
            wanted, functions = ORDER_CHANGES[name]
            if source != wanted:
                breaches.append(f"{path}:1: {name} is the business of {wanted}")
            breaches += [f"{path}:1: {function} does not note what {name} changes" for function in functions
                         if source == wanted and not NOTES.search(function_text(text, function))]
    return breaches


def is_redis_command(module, content):
    words = content.split()
    if not words:
        return False
    if words[0] in REDIS_COMMANDS:
        return True
    # Words of HTTP and SQL too: they count only as a whole literal, and only where those are not at home.
    return module not in ("http", "api", "postgres") and content.strip() in AMBIGUOUS_REDIS_COMMANDS


def redis_outside_redis(root):
    """Redis commands are written in src/redis alone, and Lua in files of its own."""
    breaches = []
    for path, text in cpp_texts(root):
        module = module_of(path)
        code, strings = split_cpp(text)
        for line, content in strings:
            if re.search(r"\bredis\.p?call\s*\(", content):
                breaches.append(f"{path}:{line}: Lua belongs in a .lua file")
            elif module != "redis" and is_redis_command(module, content):
                breaches.append(f"{path}:{line}: a Redis command outside redis")
        if module != "redis":
            for match in REDIS_CALL.finditer(code):
                breaches.append(f"{path}:{line_of(code, match.start())}: a hiredis call outside redis")
    return breaches


def names(root):
    """No file or folder is a bag of things."""
    breaches = []
    for path in walk(root):
        words = {word for part in path.split(os.sep) for word in re.split(r"[_.\-]", part.lower())}
        bad = words & FORBIDDEN_NAMES
        if bad:
            breaches.append(f"{path}:1: no file is called {bad.pop()}")
    return breaches


def pragma_once(root):
    """Every header begins with #pragma once (comments may stand above it)."""
    breaches = []
    for path, text in texts(root, (".hpp",)):
        code = re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)
        if not code.lstrip().startswith("#pragma once\n"):
            breaches.append(f"{path}:1: does not begin with #pragma once")
    return breaches


def is_script(text):
    return text.startswith("#!")


def line_length(root):
    """Code fits 120 columns; documents and JSON need not."""
    breaches = []
    for path, text in texts(root):
        if not path.endswith(LINE_LENGTH_HELD) and not is_script(text):
            continue
        for number, line in enumerate(text.split("\n"), 1):
            # Commands that a script prints for pasting stay on one line.
            if len(line) > LINE_LENGTH_MAX and not (is_script(text) and line.lstrip().startswith("curl ")):
                breaches.append(f"{path}:{number}: {len(line)} characters, more than {LINE_LENGTH_MAX}")
    return breaches


# The head of a brace that holds declarations, not statements.
CONTAINER = re.compile(r"(?:template\s*<[^{]*>\s*)?(?:inline\s+)?(?:namespace|class|struct|union|enum|extern)\b")
ACCESS = re.compile(r"(?:public|private|protected)\s*:(?!:)")
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
FUNCTION_LINES_MAX = 70


def closing_brace(code, offset):
    """The offset of the brace that closes the one at the offset; the end of the text if none does."""
    depth = 0
    for match in re.compile(r"[{}]").finditer(code, offset):
        depth += 1 if match.group(0) == "{" else -1
        if depth == 0:
            return match.start()
    return len(code)


def function_bodies(code):
    """(opening brace, closing brace) of each function that stands among declarations."""
    code = DIRECTIVE.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), code)
    head, offset = "", 0
    for match in iter(lambda: re.compile(r"[;{}]").search(code, offset), None):
        head = ACCESS.sub("", head + code[offset:match.start()]).strip()
        offset = match.end()
        if match.group(0) != "{" or CONTAINER.match(head):
            head = ""
            continue
        end = closing_brace(code, match.start())
        offset = end + 1
        # `member{1}`, `= {1}` and `call({1})` are values, and what they belong to goes on behind them.
        is_value = code[match.start() - 1].isidentifier() or head.endswith("=") or head.count("(") != head.count(")")
        if is_value or "(" not in head:
            head += "{}"
        else:
            head = ""
            yield match.start(), end


def function_length(root):
    """A function fits a screen: what is longer has parts with names of their own. Tests may hold a table."""
    breaches = []
    for path, text in texts(root, CPP):
        if path.endswith("_test.cpp"):
            continue
        code, _ = split_cpp(text)
        for first, last in function_bodies(code):
            lines = code.count("\n", first, last) + 1
            if lines > FUNCTION_LINES_MAX:
                breaches.append(f"{path}:{line_of(code, first)}: a function of {lines} lines, more than "
                                f"{FUNCTION_LINES_MAX}")
    return breaches


def module_paths(root):
    """A script finds what it imports beside itself (tests/harness is linked where it is needed), and so does whoever
    reads it."""
    return [f"{path}:{line_of(text, match.start())}: changes where modules are looked for"
            for path, text in texts(root)
            if path.endswith(".py") or is_script(text)
            for match in MODULE_PATH.finditer(text)]


def marks(root):
    """What is unfinished is an issue, not a remark in the source."""
    return [f"{path}:{number}: {FORBIDDEN_MARKS.search(line).group(0)}"
            for path, text in texts(root)
            for number, line in enumerate(text.split("\n"), 1) if FORBIDDEN_MARKS.search(line)]


def whitespace(root):
    """No tabs, no CR, no blank at the end of a line of code, and every file ends with a line end."""
    breaches = []
    for path, text in texts(root):
        if path.startswith(FUZZ_SEEDS):
            continue
        if text and not text.endswith("\n"):
            breaches.append(f"{path}:{text.count(chr(10)) + 1}: does not end with a line end")
        held = path.endswith(CPP + (".py", ".lua", ".sql", ".toml", ".yaml", ".yml"))
        for number, line in enumerate(text.split("\n"), 1):
            if "\t" in line:
                breaches.append(f"{path}:{number}: a tab")
            if line.endswith("\r"):
                breaches.append(f"{path}:{number}: a carriage return")
            elif held and line != line.rstrip():
                breaches.append(f"{path}:{number}: blanks at the end")
    return breaches


def version(root):
    """CMakeLists.txt has the version; what must repeat it says the same, and nothing else does."""
    cmake = text_of(root, "CMakeLists.txt")
    match = re.search(r"project\([^)]*\bVERSION\s+([0-9][0-9.]*)", cmake)
    if not match:
        return ["CMakeLists.txt:1: states no version"]
    number = match.group(1)
    breaches = []
    openapi = text_of(root, "openapi.yaml")
    stated = re.search(r"^info:\n(?:[ #][^\n]*\n|\n)*?  version: [\"']?([^\s\"']+)", openapi, re.MULTILINE)
    if not stated or stated.group(1) != number:
        breaches.append(f"openapi.yaml:1: info.version is not {number}")
    for path, text in texts(root):
        if os.path.basename(path).startswith("Dockerfile"):
            for label in re.finditer(r"image\.version=[\"']?([^\s\"'\\]+)", text):
                if label.group(1) != number and not label.group(1).startswith("$"):
                    breaches.append(f"{path}:{line_of(text, label.start())}: the image's version is not {number}")
        elif path.split(os.sep)[0] in ("src", "include", "scripts", "config", "cmake", "tools"):
            for place in re.finditer(r"(?<![\d.])" + re.escape(number) + r"(?![\d.]*\d)", text):
                breaches.append(f"{path}:{line_of(text, place.start())}: repeats the version {number}")
    return breaches


RULES = [coroutine_forms, includes, private_headers, libpqxx_by_its_header, sql_outside_postgres,
         order_changes_are_noted, redis_outside_redis, names, pragma_once, line_length, function_length, module_paths,
         marks, whitespace, version]


# --- the tree ------------------------------------------------------------------------------------------------------

class TreeTest(unittest.TestCase):
    def test_tree_keeps_the_rules(self):
        expect_none(self, RULES)

    def test_the_tree_is_seen(self):
        paths = walk(ROOT)
        for path in ("CMakeLists.txt", "openapi.yaml", os.path.join("src", "model", "json_text.cpp"),
                     os.path.join("include", "flashsale", "api", "exchange.hpp"),
                     os.path.join("tests", "unit", "style_test.py")):
            self.assertIn(path, paths)

    def test_the_ways_in_which_orders_change_are_there(self):
        statements = {os.path.basename(path)[:-len(".sql")] for path, text in texts(ROOT, (".sql",))
                      if change_of_orders(text) is not None}
        self.assertEqual(set(), (set(ORDER_CHANGES) | set(NO_ORDER_CHANGES)) - {"COPY"} - statements)
        for source, functions in ORDER_CHANGES.values():
            text = text_of(ROOT, os.path.join("src", "postgres", source))
            for function in functions:
                self.assertTrue(function_text(text, function), f"{source}: {function}")

    def test_the_table_of_modules_is_that_of_the_build(self):
        """CMakeLists.txt links each module against those that it may include, directly or through others."""
        cmake = text_of(ROOT, "CMakeLists.txt")
        linked = {}
        for name, rest in re.findall(r"flashsale_module\((\w+)\s+([^)]*)\)", cmake):
            linked[name] = set()
            for other in re.findall(r"flashsale_(\w+)", rest):
                if other in linked:
                    linked[name] |= {other} | linked[other]
        self.assertEqual(set(MAY_INCLUDE), set(linked))
        for name, others in linked.items():
            self.assertLessEqual(others, set(MAY_INCLUDE[name]), name)

    def test_editors_are_told_the_same(self):
        """.editorconfig, .clang-format and the rules here agree."""
        wanted = dict(re.findall(r"^(\w+): *(.+)$", text_of(ROOT, ".clang-format"), re.MULTILINE))
        self.assertEqual(("Google", LINE_LENGTH_MAX), (wanted["BasedOnStyle"], int(wanted["ColumnLimit"])))
        self.assertNotIn("IndentWidth", wanted)  # Google's is 2
        sections = configparser.ConfigParser(delimiters="=")
        sections.read_string("[top]\n" + text_of(ROOT, ".editorconfig"))
        self.assertEqual({"charset": "utf-8", "end_of_line": "lf", "insert_final_newline": "true",
                          "trim_trailing_whitespace": "true", "indent_style": "space", "indent_size": "2",
                          "max_line_length": str(LINE_LENGTH_MAX)}, dict(sections["*"]))
        [python] = [name for name in sections if name.startswith("{*.py,")]
        self.assertEqual("4", sections[python]["indent_size"])
        scripts = {path.replace(os.sep, "/") for path, text in texts(ROOT)
                   if not path.endswith(".py") and text.startswith("#!") and "python" in text.split("\n")[0]}
        self.assertEqual(scripts, set(python.strip("{}").split(",")) - {"*.py"}, "scripts in Python without .py")
        self.assertIn(FUZZ_SEEDS.replace(os.sep, "/") + "**", sections)


# --- the rules themselves ------------------------------------------------------------------------------------------

class PlantedBreachTest(planted_breaches.PlantedFileTest):
    rules = RULES

    def test_coroutine_forms(self):
        path = os.path.join("src", "http", "a.cpp")
        for statement in (
                "if (co_await f()) return;",
                "if (auto x = co_await f(); x) return;",
                "switch (co_await f()) { default: break; }",
                "while (co_await f()) {}",
                "for (;;) { if (co_await f()) break; }",
                "for (auto x = co_await f(); x; ) g();",
                "auto x = c ? co_await a() : b;",
                "auto x = co_await (c ? a() : b());",
                "auto x = co_await f([p = std::move(p)] { return p; });",
                "co_await async_initiate<H>([sp](auto h) { sp->go(std::move(h)); });",
                "co_await f(Agg{1, 2});",
                "auto x = Agg{a, co_await g()};",
                "co_await f({\"a\", \"b\"});",
                "g(co_await f());",
                "co_return co_await f();",
                "auto x = 1 + co_await f();",
                "co_spawn(ex, [p = std::move(p)]() -> task { return p->run(); }, detached);"):
            with self.subTest(statement=statement):
                self.catches(coroutine_forms, path, "void f() {\n  int local;\n  " + statement + "\n}\n", 3)
        self.plant(path, "void f() {\n  auto x = co_await f(co_await g());\n}\n")
        self.assertEqual(2, len(coroutine_forms(self.root)))
        for statement in (
                "co_await f(a, b);",
                "auto x = co_await f(std::move(a));",
                "const auto x = co_await f(a[1], b);",
                "auto [ec, r] = co_await f(a);",
                "boost::system::result<int> r = co_await f(a);",
                "if (x) {\n co_await f(a);\n }",
                "for (int i = 0; i < 3; ++i) {\n auto y = co_await f(i);\n }",
                "// if (co_await f()) is forbidden",
                "g(\"if (co_await f())\");",
                "co_spawn(ex, run(a), detached);"):
            with self.subTest(statement=statement):
                self.passes(coroutine_forms, path, "void f() {\n  " + statement + "\n}\n")

    def test_includes_follow_the_order_of_modules(self):
        def header(module):
            return os.path.join("include", "flashsale", module, "x.hpp")

        for module, other in (("model", "telemetry"), ("telemetry", "redis"), ("redis", "postgres"),
                              ("redis", "catalog"), ("identity", "api"), ("catalog", "checkout"),
                              ("checkout", "admin"), ("admin", "api"),
                              ("api", "http"), ("http", "app")):
            with self.subTest(module=module, other=other):
                text = f'#pragma once\n#include "flashsale/{other}/y.hpp"\n'
                self.catches(includes, header(module), text, 2)
                self.catches(includes, os.path.join("src", module, "x.cpp"), text, 2)
        for module, other in (("app", "http"), ("http", "api"), ("api", "identity"), ("admin", "checkout"),
                              ("checkout", "redis"), ("catalog", "postgres"), ("redis", "model"), ("model", "model")):
            with self.subTest(module=module, other=other):
                self.passes(includes, header(module), f'#include "flashsale/{other}/y.hpp"\n#include <vector>\n')
        self.passes(includes, os.path.join("src", "main.cpp"), '#include "flashsale/app/serve.hpp"\n')

    def test_includes_are_of_known_kinds(self):
        path = os.path.join("src", "api", "x.cpp")
        self.catches(includes, path, "#include <flashsale/api/exchange.hpp>\n")
        self.catches(includes, path, '#include "../http/x.hpp"\n')
        self.catches(includes, path, '#include "missing.hpp"\n')
        self.catches(includes, path, '  #  include "embedded/flashsale_redis.hpp"\n')
        self.catches(includes, os.path.join("src", "bag", "x.cpp"), "\n")
        self.catches(includes, os.path.join("src", "x.cpp"), "\n")
        self.catches(includes, path, '#include "embedded/flashsale_apis.hpp"\n')
        self.passes(includes, path, '#include "embedded/flashsale_api.hpp"\n')
        self.passes(includes, path, '#include "embedded/flashsale_api_pages.hpp"\n')
        self.plant(os.path.join("src", "api", "private.hpp"), "#pragma once\n")
        self.passes(includes, path, '#include "private.hpp"\n')

    def test_libraries_stay_with_their_module(self):
        for module, library in (("checkout", "hiredis/hiredis.h"), ("redis", "pqxx/pqxx"),
                                ("api", "boost/beast/http.hpp"), ("app", "boost/beast.hpp"),
                                ("http", "toml++/toml.h")):
            with self.subTest(library=library):
                self.catches(includes, os.path.join("src", module, "x.cpp"), f"\n#include <{library}>\n", 2)
        beast = "#include <boost/beast/core.hpp>\n"
        self.catches(includes, os.path.join("include", "flashsale", "http", "x.hpp"), beast)
        self.passes(includes, os.path.join("src", "http", "x.cpp"), beast)
        self.passes(includes, os.path.join("include", "flashsale", "api", "x.hpp"), "#include <boost/asio/post.hpp>\n")

    def test_private_headers(self):
        header = os.path.join("include", "flashsale", "http", "x.hpp")
        include = '#include "flashsale/http/x.hpp"\n'
        user = os.path.join("src", "http", "y.cpp")
        self.plant(user, include)
        self.plant(os.path.join("tests", "unit", "x_test.cpp"), include)
        self.catches(private_headers, header, "#pragma once\n", 1)
        self.plant(os.path.join("include", "flashsale", "http", "y.hpp"), include)
        self.plant(header, "#pragma once\n")
        self.assertEqual(2, len(private_headers(self.root)))
        self.plant(os.path.join("src", "app", "y.cpp"), '#include "flashsale/http/y.hpp"\n')
        self.assertEqual([], private_headers(self.root), "another module includes a header that includes it")
        self.plant(os.path.join("src", "main.cpp"), '#include "flashsale/app/x.hpp"\n')
        self.passes(private_headers, os.path.join("include", "flashsale", "app", "x.hpp"), "#pragma once\n")

    def test_libpqxx_by_its_header(self):
        for path in (os.path.join("include", "flashsale", "postgres", "x.hpp"),
                     os.path.join("src", "postgres", "x.cpp"), os.path.join("tools", "load", "x.cpp")):
            with self.subTest(path=path):
                self.catches(libpqxx_by_its_header, path, "#pragma once\n#include <pqxx/connection>\n", 2)
                self.passes(libpqxx_by_its_header, path, '#include "flashsale/postgres/pqxx.hpp"\n')
        self.passes(libpqxx_by_its_header, LIBPQXX_HEADER, "#pragma once\n#include <pqxx/pqxx>\n")

    def test_sql(self):
        path = os.path.join("src", "catalog", "x.cpp")
        for literal in ('"SELECT id, name FROM sales"', '"insert into orders values ($1)"',
                        '"UPDATE items SET sold = 0"', '"DELETE FROM orders"', '"CREATE TABLE x (y int)"',
                        '"SELECT * "\n    "FROM items"',
                        'R"sql(\nSELECT count(*)\nFROM orders)sql"'):
            with self.subTest(literal=literal):
                self.catches(sql_outside_postgres, path, f"auto s =\n  {literal};\n", 2)
                self.passes(sql_outside_postgres, os.path.join("src", "postgres", "x.cpp"), f"auto s = {literal};\n")
        self.passes(sql_outside_postgres, path, '// SELECT 1 FROM x\nauto s = "Update it, then select one from";\n')

    def test_changes_of_orders(self):
        sql = os.path.join("src", "postgres", "sql", "")
        for statement in ("UPDATE orders\n   SET quantity = 1, status = 3\n WHERE order_id = $1;",
                          "update archived_orders set refund_required = true;",
                          "WITH x AS (SELECT 1)\nUPDATE orders SET reason = (SELECT 'a, b'), status = x.y FROM x;",
                          "INSERT INTO orders (order_id) VALUES ($1);", "DELETE FROM orders WHERE order_id = $1;"):
            with self.subTest(statement=statement):
                self.catches(order_changes_are_noted, sql + "orders_other.sql", statement + "\n")
        for statement in ("UPDATE orders SET given_back = true WHERE status = 3;",
                          "UPDATE orders SET reason = CASE WHEN status = 3 THEN NULL ELSE reason END WHERE status = 3;",
                          "-- UPDATE orders SET status = 3\nSELECT status FROM orders FOR UPDATE;",
                          "UPDATE sales SET state = 3;"):
            with self.subTest(statement=statement):
                self.passes(order_changes_are_noted, sql + "orders_other.sql", statement + "\n")
        self.plant(sql + "order_cancel.sql", "UPDATE orders SET status = 3 WHERE order_id = $1;\n")
        source = os.path.join("src", "postgres", "order_repository.cpp")
        cancel = "Result f() {\n  return 1;\n}\nResult cancel_in(int x) {\n  execute(embedded::order_cancel_sql);\n"
        self.catches(order_changes_are_noted, source, cancel + "}\nvoid g() {\n  note_change(1);\n}\n")
        self.passes(order_changes_are_noted, source, cancel + "  note_change(1);\n}\n")
        other = os.path.join("src", "postgres", "other.cpp")
        self.catches(order_changes_are_noted, other, cancel + "  note_change(1);\n}\n")
        self.catches(order_changes_are_noted, other, '\nauto s = "UPDATE orders SET status = 1";\n', 2)
        self.catches(order_changes_are_noted, other, 'Stream stream(tx, "orders", kColumns);\n')

    def test_redis_commands(self):
        path = os.path.join("src", "checkout", "x.cpp")
        for code in ('run("HSET", key);', 'run("XADD {x} * a b");', 'run("GET");', "redisCommand(c, f);",
                     "redisAppendCommandArgv(c, n, a, l);", 'auto lua = R"(return redis.call(1))";'):
            with self.subTest(code=code):
                self.catches(redis_outside_redis, path, f"\n{code}\n", 2)
        self.catches(redis_outside_redis, os.path.join("src", "redis", "x.cpp"), 'auto s = "x = redis.pcall(1)";\n', 1)
        self.passes(redis_outside_redis, os.path.join("src", "redis", "x.cpp"), 'run("HSET", key);\n')
        self.passes(redis_outside_redis, os.path.join("src", "http", "x.cpp"), 'name = "GET";\n')
        self.passes(redis_outside_redis, path, "parts_.redis.call(release_command(x));\n")
        self.passes(redis_outside_redis, path, '// "HSET"\nlog("Set the state");\nlog("GET the order again");\n')

    def test_names(self):
        for name in ("util.hpp", "string_utils.cpp", "test_helper.py", "common/x.cpp", "sale-manager.md"):
            with self.subTest(name=name):
                self.catches(names, os.path.join("src", "api", *name.split("/")), "\n")
        self.passes(names, os.path.join("src", "api", "commoner.cpp"), "\n")

    def test_pragma_once(self):
        self.catches(pragma_once, "a.hpp", "#include <vector>\n#pragma once\n")
        self.catches(pragma_once, "a.hpp", "// #pragma once\n")
        self.catches(pragma_once, "a.hpp", "")
        self.passes(pragma_once, "a.hpp", "// What this is.\n#pragma once\n")

    def test_line_length(self):
        self.catches(line_length, "a.cpp", "\n" + "x" * 121 + "\n", 2)
        self.catches(line_length, "run", "#!/bin/sh\n" + "x" * 121 + "\n", 2)
        self.catches(line_length, "a.sql", "x" * 121 + "\n", 1)
        self.passes(line_length, "run", "#!/bin/sh\ncat <<E\n  curl " + "x" * 121 + "\nE\n")
        self.passes(line_length, "a.cpp", "\u00e4" * 120 + "\n")
        self.passes(line_length, "README.md", "x" * 500 + "\n")

    def test_function_length(self):
        path = os.path.join("src", "api", "x.cpp")
        for head in ("int f() {", "void C::f(int x) const noexcept {", "auto f() -> std::vector<int> {",
                     "C::C(int x) : a_(x), b_{x}, c_([x] { return x; }), d_{x} {", "template <class T>\nbool f(T x) {",
                     "bool operator()(int x) {", "#define X(y) {\nvoid f() {", "int a[] = {1, 2};\nint f() {"):
            for before, after in (("\n", ""), ("namespace a {\nnamespace {\n", "}\n}\n"),
                                  ("struct C final : D {\n public:\n  int x{1};\n", "};\n")):
                with self.subTest(head=head, before=before):
                    line = (before + head).count("\n") + 1
                    self.catches(function_length, path, before + head + "\n" + "  go();\n" * 69 + "}\n" + after, line)
                    self.passes(function_length, path, before + head + "\n" + "  go();\n" * 68 + "}\n" + after)
        table = "{\n" + "    {1},\n" * 99 + "}"
        self.passes(function_length, path, f"int a[] = {table};\nauto b = to_array({table});\nS c{table};\n")
        self.passes(function_length, os.path.join("tests", "unit", "x_test.cpp"), f"TEST(X, Y) {table}\n")

    def test_module_paths(self):
        change = "import sys\n" + "sys" + ".path.insert(0, '..')\n"
        self.catches(module_paths, "a.py", change, 2)
        self.catches(module_paths, "run", "#!/usr/bin/python3\n" + change, 3)
        self.passes(module_paths, "a.md", change)

    def test_marks(self):
        self.catches(marks, "a.cpp", "int x;\n// TO" + "DO: later\n", 2)
        self.catches(marks, "run", "# FIX" + "ME\n", 1)
        self.passes(marks, "a.cpp", "// to do and to fix\nint TO" + "DOS;\n")

    def test_whitespace(self):
        self.catches(whitespace, "a.cpp", "int x;\n\tint y;\n", 2)
        self.catches(whitespace, "a.md", "x", 1)
        self.catches(whitespace, "a.md", "x\r\n", 1)
        self.catches(whitespace, "a.cpp", "int x; \n", 1)
        self.passes(whitespace, "empty", "")
        self.passes(whitespace, "a.md", "hard break  \nx\n")
        self.passes(whitespace, os.path.join("tests", "fuzz", "seeds", "x", "y"), "a\t\r\nb")

    def test_binary_files_are_left_alone(self):
        self.passes(whitespace, "a.bin", "\0\t")

    def test_generated_folders_are_left_alone(self):
        self.plant(os.path.join("build", "release", "util.hpp"), "\t")
        for rule in (names, pragma_once, whitespace):
            self.assertEqual([], rule(self.root))

    def test_version(self):
        self.plant("CMakeLists.txt", "project(x VERSION 1.2.3 LANGUAGES CXX)\n")
        self.plant("openapi.yaml", "openapi: 3.1.0\ninfo:\n  title: x\n  version: 1.2.3\n")
        self.assertEqual([], version(self.root))
        self.catches(version, os.path.join("src", "main.cpp"), '\nauto v = "1.2.3";\n', 2)
        self.passes(version, os.path.join("src", "main.cpp"), 'auto v = "11.2.3 1.2.30 1.2.3.4";\n')
        self.catches(version, "Dockerfile", 'LABEL org.opencontainers.image.version="1.2.2"\n', 1)
        self.passes(version, "Dockerfile", 'LABEL org.opencontainers.image.version="1.2.3"\n')
        self.plant("openapi.yaml", "openapi: 3.1.0\ninfo:\n  title: x\n  version: 1.2.4\n")
        self.assertEqual(1, len(version(self.root)))
        self.plant("openapi.yaml", "openapi: 3.1.0\ninfo:\n  title: x\nother:\n  version: 1.2.3\n")
        self.assertEqual(1, len(version(self.root)))


if __name__ == "__main__":
    unittest.main()
