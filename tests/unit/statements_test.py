"""Holds every statement that flashsaled sends to PostgreSQL to what makes a sale the unit of it, on one server and on a
distributed one (Citus): each names its sale, and none uses a form that a shard cannot run or that is not atomic there.

Each rule is a function of statements that returns its breaches as lines "where: what", and is itself tested against
planted ones.

Run: /usr/bin/python3 tests/unit/statements_test.py
"""

import glob
import os
import re
import unittest

from planted_breaches import ROOT, expect_none

SOURCES = os.path.join(ROOT, "src", "postgres")

# Tables whose rows belong to a sale, and views of them.
OF_A_SALE = {"items", "orders", "archived_orders", "payment_events", "refunds", "outbox", "stock_changes",
             "refused_withdrawals", "refusals", "rehearsal_orders", "erased_names", "arrivals",
             "customer_behaviour"}
VIEWS = {"all_orders", "order_lines", "order_units", "item_stock"}
# What is of no sale, or is read with every one.
APART = {"event_line", "event_sinks", "webhooks", "webhook_retries", "webhook_deliveries", "directory", "sales",
         "feature_flags", "foreign_payments", "admin_log", "server_marks", "schema_migrations"}

# Statements that look over all sales, or over many, and change nothing.
OVER_SALES = {
    "sales_due.sql": "in which sales orders have to end",
    "sales_with_freed_orders.sql": "in which sales units are to be given back",
    "items_unpaid.sql": "which sold-out items, of all sales, may come back",
    "sales_with_open_payments.sql": "in which sales messages are open",
    "behaviour_sales_of_customer.sql": "in which sales something is told of a customer's behaviour",
    "sales_of_customer.sql": "in which of a hundred sales a customer has orders",
    "sales_to_tell.sql": "of which sales something is to be told; each is told of under its own lock",
    "items_of_sales.sql": "the catalog",
    "erased_names_find.sql": "which names Redis is to be told of",
}

# Statements of the line of events, which is one for all sales: they number, read and remove rows of any, by its end and
# by position, and change nothing else of a sale.
OF_THE_LINE = {"outbox_count_unnumbered.sql", "outbox_read.sql", "outbox_retire.sql",
               "outbox_retire_unnumbered.sql", "outbox_oldest.sql", "event_gaps.sql", "event_sinks_lag.sql",
               "number_events"}

# A name before a parenthesis is a function's, but behind INTO.
REFERENCE = re.compile(r"\bINTO\s+([a-z_]+)\b|\b(?:FROM|JOIN|UPDATE|USING)\s+([a-z_]+)\b(?!\s*\()", re.IGNORECASE)
# A condition that ties a relation to the sale of the statement, and the column list of rows that name it.
TIE = re.compile(r"(?:\b([a-z_]+)\.)?\bsale_no\s*=\s*(\$\d+|[a-z_]+(?=\.sale_no\b))", re.IGNORECASE)
NAMED_ROWS = re.compile(r"\bINTO\s+[a-z_]+\s*\(\s*sale_no\b", re.IGNORECASE)
VOLATILE = re.compile(r"\b(clock_timestamp|random|gen_random_uuid|nextval|timeofday)\s*\(", re.IGNORECASE)
# A function of a migration in PL/pgSQL; and in its body a statement, behind the words that say when it is run.
FUNCTION = re.compile(r"\bCREATE\s+(?:OR\s+REPLACE\s+)?FUNCTION\s+([a-z_]+)\s*\((.*?)\)\s*(?:RETURNS\b[^$]*)?"
                      r"LANGUAGE\s+plpgsql\b[^$]*\$\$(.*?)\$\$", re.DOTALL)
FLOW = re.compile(r"\b(SELECT|PERFORM|INSERT|UPDATE|DELETE|WITH)\b.*", re.DOTALL)
SAYS_SELECT = re.compile(r"^PERFORM\b")
SQL = re.compile(r"^\s*(SELECT|INSERT|UPDATE|DELETE|WITH|DECLARE)\b")


def bare(sql):
    """Without comments and texts."""
    return re.sub(r"'(?:[^']|'')*'", "''", re.sub(r"--[^\n]*", "", sql))


def split(text):
    """The statements of a file: each ends with a semicolon at the end of a line."""
    return [part for part in re.split(r";[ \t]*(?:\n|$)", text) if bare(part).strip()]


def in_files(*folders):
    """(where, statement) of the files of these folders."""
    found = []
    for folder in folders:
        for path in sorted(glob.glob(os.path.join(SOURCES, "sql", folder, "*.sql"))):
            with open(path, encoding="utf-8") as file:
                found += [(os.path.basename(path), statement) for statement in split(file.read())]
    return found


def in_sources():
    """(where, statement) of the literals in C++, put together as the compiler does."""
    found = []
    for path in sorted(glob.glob(os.path.join(SOURCES, "*.cpp"))):
        with open(path, encoding="utf-8") as file:
            code = re.sub(r"//[^\n]*", "", file.read())
        for run in re.finditer(r'(?:"(?:[^"\\\n]|\\.)*"\s*)+', code):
            text = "".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', run.group(0)))
            if SQL.match(text):
                found.append((os.path.basename(path), text))
    return found


def of_functions(text):
    """(function, statement) of what the functions in this text of a migration do; a parameter is shown as one of a
    statement of its own, $1."""
    found = []
    for name, parameters, body in FUNCTION.findall(text):
        taken = "|".join(re.findall(r"(?:^|,)\s*([a-z_]+)\s", bare(parameters)))
        for part in split(body[re.search(r"^BEGIN$", body, re.MULTILINE).end():]):
            said = FLOW.search(bare(part))
            if said:
                found.append((name, re.sub(rf"\b(?<!\.)({taken})\b", "$1", SAYS_SELECT.sub("SELECT", said.group(0)))))
    return found


def in_functions():
    found = []
    for path in sorted(glob.glob(os.path.join(SOURCES, "sql", "migrations", "*.sql"))):
        with open(path, encoding="utf-8") as file:
            found += of_functions(file.read())
    return found


def schema():
    return in_files("migrations")


def statements():
    folders = [name for name in sorted(os.listdir(os.path.join(SOURCES, "sql")))
               if name not in ("migrations", "server")]
    return in_files(*folders) + in_sources() + in_functions()


def referenced(text):
    return [name for pair in REFERENCE.findall(text) for name in pair if name]


def parenthesised(sql):
    """Each innermost or outer text between parentheses, with what stands before it."""
    stack = []
    for place, character in enumerate(sql):
        if character == "(":
            stack.append(place)
        elif character == ")" and stack:
            first = stack.pop()
            yield sql[:first], sql[first + 1:place]


def outermost(sql):
    """The text without what stands in parentheses."""
    while "(" in sql:
        shorter = re.sub(r"\([^()]*\)", " ", sql)
        if shorter == sql:
            break
        sql = shorter
    return sql


# --- rules ---------------------------------------------------------------------------------------------------------

def names_its_sale(given):
    """The statement says the sale, and each table of a sale in it is tied to that: as often as it is there."""
    breaches = []
    for where, sql in given:
        text = bare(sql)
        tables = [name for name in referenced(text) if name in OF_A_SALE | VIEWS]
        if where in OF_THE_LINE:
            breaches += [f"{where}: is of the line, and names {name}" for name in tables if name != "outbox"]
            continue
        aliases = dict(re.findall(r"\b(?:FROM|JOIN)\s+([a-z_]+)\s+AS\s+([a-z_]+)", text, re.IGNORECASE))
        moves_whole_rows = re.search(r"\bINTO\s+archived_orders\s+SELECT\s+\*\s+FROM\s+moved\b", text)
        named = len(NAMED_ROWS.findall(text)) + (1 if moves_whole_rows else 0)
        ties = named
        left = {name: tables.count(name) + list(aliases.values()).count(name) for name in
                set(tables) | set(aliases.values())}
        says_it = named > 0
        # The number of the sales' own row says nothing of the other tables.
        for qualifier, value in TIE.findall(re.sub(r"\(\s*SELECT[^()]*\bFROM\s+sales\b[^()]*\)", "()", text)):
            if qualifier == "sales" or value == "sales":
                continue  # whose row is read with every sale's
            says_it = says_it or value.startswith("$")
            if qualifier and left.get(qualifier, 0) == 0:
                continue
            if qualifier:
                left[qualifier] -= 1
            ties += 1
        if tables and where not in OVER_SALES and (len(tables) > ties or not says_it):
            breaches.append(f"{where}: names its sale {ties} times for {', '.join(tables)}")
        if where in OVER_SALES and re.match(r"\s*(INSERT|UPDATE|DELETE)\b", text):
            breaches.append(f"{where}: changes what is of many sales")
    return breaches


def exists_selects_one(given):
    return [f"{where}: EXISTS (SELECT FROM …), which Citus does not plan; write SELECT 1" for where, sql in given
            if re.search(r"\bEXISTS\s*\(\s*SELECT\s+FROM\b", bare(sql), re.IGNORECASE)]


def one_subcommand(given):
    breaches = []
    for where, sql in given:
        text = bare(sql)
        if not re.match(r"\s*ALTER\s+TABLE\b", text, re.IGNORECASE):
            continue
        while "(" in text:
            text = re.sub(r"\([^()]*\)", "", text)
        if "," in text:
            breaches.append(f"{where}: an ALTER TABLE of several subcommands")
    return breaches


def no_subquery_over_columns(given):
    """A function that makes rows of a column of the query around it."""
    return [f"{where}: a subquery over {inner.strip()[:60]}" for where, sql in given
            for before, inner in parenthesised(bare(sql))
            if re.match(r"\s*SELECT\b.*\bFROM\s+(unnest|generate_series|json_array_elements)\s*\(\s*[a-z_]", inner,
                        re.IGNORECASE | re.DOTALL)
            and not re.search(r"\bAS\s*$", before)]


def volatile_where_it_is_safe(given):
    breaches = []
    for where, sql in given:
        text = bare(sql)
        places = re.findall(r"\bCASE\b.*?\bEND\b", text, re.IGNORECASE | re.DOTALL)
        places += re.findall(r"\bDO\s+UPDATE\s+SET\b.*", text, re.IGNORECASE | re.DOTALL)
        places += [inner for before, inner in parenthesised(text)
                   if re.search(r"\bcoalesce\s*$", before, re.IGNORECASE)]
        for place in places:
            for name in VOLATILE.findall(place):
                breaches.append(f"{where}: {name}() in CASE, COALESCE or DO UPDATE SET")
    return breaches


def views_join_inside(given):
    """A view that puts tables together joins before the UNION, and not a view that has one."""
    breaches = []
    for where, sql in given:
        text = bare(sql)
        if not re.match(r"\s*CREATE\s+(OR\s+REPLACE\s+)?VIEW\b", text, re.IGNORECASE):
            continue
        tables = referenced(text)
        is_joined = "JOIN" in text.upper().replace("CROSS JOIN", "")
        if is_joined and set(tables) & {"all_orders", "order_lines", "order_units"}:
            breaches.append(f"{where}: a view that joins a UNION")
    return breaches


def by_key_and_no_other_way(given):
    """What is addressed by its key must not match a partial index too: by statistics of before the sale the planner
    takes both for as cheap, and each row then costs as much as all of the index. An expression keeps the index out."""
    rules = {"orders": (r"\border_id\s*=|\bUSING\b", r"\bstatus\s*=\s*2\b|\bgiven_back\s*=\s*false"),
             "payment_events": (r"\b(order_id|webhook_id)\s*=\s*(\$|ANY)", r"\boutcome\s*(=\s*[01]|<=\s*1)\b")}
    breaches = []
    for where, sql in given:
        text = bare(sql)
        for part in [text] + [inner for _, inner in parenthesised(text)]:
            own = re.sub(r"\bSET\b.*?(?=\b(WHERE|FROM)\b)", "", outermost(part), flags=re.DOTALL)
            breaches += [f"{where}: {table} by key and by what a partial index holds"
                         for table, (key, held) in rules.items()
                         if table in referenced(own) and re.search(key, own) and re.search(held, own)]
    return breaches


def sale_is_first_in_the_key(given):
    """Every table is one of a sale, with the sale first in its key, or one that is known to stand apart."""
    breaches = []
    for where, sql in given:
        found = re.match(r"\s*CREATE\s+TABLE\s+([a-z_]+)", bare(sql))
        if not found:
            continue
        name, text = found.group(1), bare(sql)
        keys = re.findall(r"(?:PRIMARY KEY|UNIQUE)\s*\(([^)]*)\)", text)
        if name in OF_A_SALE:
            if not keys or any(not key.strip().startswith("sale_no") for key in keys):
                breaches.append(f"{where}: a key of {name} does not begin with sale_no")
        elif name not in APART:
            breaches.append(f"{where}: {name} is neither of a sale nor known to stand apart")
    return breaches


STATEMENT_RULES = [names_its_sale, exists_selects_one, no_subquery_over_columns, volatile_where_it_is_safe,
                   by_key_and_no_other_way]
SCHEMA_RULES = [exists_selects_one, one_subcommand, no_subquery_over_columns, views_join_inside,
                sale_is_first_in_the_key]


class TreeTest(unittest.TestCase):

    def test_statements_keep_the_rules(self):
        expect_none(self, STATEMENT_RULES, statements())

    def test_schema_keeps_the_rules(self):
        expect_none(self, SCHEMA_RULES, schema())

    def test_what_looks_over_sales_is_there(self):
        self.assertEqual(set(), set(OVER_SALES) - {where for where, _ in statements()})

    def test_citus_is_told_of_every_table(self):
        with open(os.path.join(SOURCES, "sql", "distribution", "citus_steps.sql"), encoding="utf-8") as file:
            told = dict(re.findall(r"\(\d+, '([a-z_]+)', '([a-z ]+)'\)", file.read()))
        self.assertEqual(OF_A_SALE, {name for name, kind in told.items() if kind.endswith("of a sale")})
        self.assertEqual(APART, {name for name, kind in told.items() if not kind.endswith("of a sale")})

    def test_all_statements_are_read(self):
        self.assertGreater(len(statements()), 90)
        self.assertIn("SELECT 1 FROM payment_events WHERE sale_no = $1 AND webhook_id = $2 FOR UPDATE",
                      [sql for _, sql in in_sources()])
        found = [f"{name}: {sql.split()[0]}" for name, sql in in_functions()]
        self.assertEqual(found.count("write_batch: INSERT"), 2)
        self.assertIn("number_events: DELETE", found)


class PlantedBreachTest(unittest.TestCase):
    CAUGHT = {
        names_its_sale: [
            "SELECT 1 FROM orders WHERE order_id = $1",
            "UPDATE orders SET status = 3 FROM live WHERE orders.order_id = live.order_id",
            "SELECT 1 FROM orders JOIN items USING (item_no) WHERE orders.sale_no = $1",
            "INSERT INTO refunds (order_id, payment_id) VALUES ($1, $2)",
            "DELETE FROM refunds USING gone WHERE refunds.order_id = gone.order_id",
            "SELECT 1 FROM order_lines WHERE item_no = $1",
            "SELECT 1 FROM orders JOIN sales ON sales.sale_no = orders.sale_no WHERE orders.order_id = $1",
            "UPDATE orders SET status = 4 FROM sales WHERE sales.sale_no = orders.sale_no AND expires_at < now()",
            "DELETE FROM orders WHERE order_id = $1 RETURNING (SELECT 1 FROM sales WHERE sale_no = $2)",
            "SELECT 1 FROM orders JOIN items ON items.item_no = orders.item_no WHERE orders.sale_no = $1 AND $1 = 1"
            " AND orders.sale_no = $1",
        ],
        exists_selects_one: ["SELECT EXISTS (SELECT FROM orders WHERE sale_no = $1)",
                             "SELECT EXISTS (SELECT\n  FROM orders WHERE sale_no = $1)"],
        one_subcommand: ["ALTER TABLE orders ADD COLUMN a integer, ADD COLUMN b integer"],
        no_subquery_over_columns: ["SELECT (SELECT sum(q) FROM unnest(more_quantities) AS q) FROM orders"],
        volatile_where_it_is_safe: [
            "SELECT CASE WHEN a THEN clock_timestamp() END",
            "SELECT coalesce(a, random())",
            "INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET at = clock_timestamp()",
        ],
        by_key_and_no_other_way: [
            "UPDATE orders SET status = 1 WHERE sale_no = $1 AND order_id = $2 AND status = 2",
            "UPDATE orders SET status = 4 WHERE sale_no = $1 AND order_id = ANY ($2::uuid[]) AND status = 2",
            "WITH free AS (SELECT 1 FROM unnest($2) AS told (order_id) JOIN orders USING (order_id)"
            " WHERE sale_no = $1 AND given_back = false) SELECT 1 FROM free",
            "SELECT 1 FROM payment_events WHERE sale_no = $1 AND order_id = $2 AND outcome = 1",
        ],
        views_join_inside: ["CREATE VIEW v AS SELECT 1 FROM order_lines JOIN items ON true"],
        sale_is_first_in_the_key: [
            "CREATE TABLE orders (order_id uuid PRIMARY KEY)",
            "CREATE TABLE orders (sale_no integer, order_id uuid, PRIMARY KEY (order_id, sale_no))",
            "CREATE TABLE items (sale_no integer, a text, PRIMARY KEY (sale_no, a), UNIQUE (a))",
            "CREATE TABLE notes (a integer)",
        ],
    }
    PASSED = {
        by_key_and_no_other_way: [
            "UPDATE orders SET status = 1 WHERE sale_no = $1 AND order_id = $2 AND status + 0 = 2",
            "SELECT order_id FROM orders WHERE sale_no = $1 AND status = 2",
            "SELECT 1 FROM payment_events JOIN orders ON orders.order_id = payment_events.order_id WHERE outcome <= 1",
        ],
        names_its_sale: [
            "SELECT 1 FROM orders JOIN items ON items.sale_no = orders.sale_no WHERE orders.sale_no = $1",
            "INSERT INTO refunds (sale_no, order_id) VALUES ($1, $2) ON CONFLICT (sale_no, order_id) DO NOTHING",
            "SELECT 1 FROM sales WHERE sale_id = $1",
            "SELECT 'FROM orders'",
        ],
        one_subcommand: ["ALTER TABLE orders ADD CONSTRAINT a CHECK (b IN (1, 2))"],
        no_subquery_over_columns: ["SELECT a FROM unnest($1::integer[]) AS a",
                                   "SELECT 1 WHERE EXISTS (SELECT 1 FROM unnest($1::integer[]) AS a)"],
        volatile_where_it_is_safe: ["SELECT clock_timestamp() < ends_at", "INSERT INTO t VALUES (clock_timestamp())",
                                    "SELECT CASE WHEN a THEN now() END"],
        views_join_inside: ["CREATE VIEW v AS SELECT 1 FROM orders JOIN items ON true UNION ALL SELECT 1 FROM items"],
        sale_is_first_in_the_key: ["CREATE TABLE orders (sale_no integer, a uuid, PRIMARY KEY (sale_no, a))"],
    }

    def test_planted_breaches_are_caught(self):
        for rule, planted in self.CAUGHT.items():
            for sql in planted:
                with self.subTest(rule=rule.__name__, sql=sql):
                    self.assertNotEqual([], rule([("planted", sql)]))

    def test_what_is_right_passes(self):
        for rule, right in self.PASSED.items():
            for sql in right:
                with self.subTest(rule=rule.__name__, sql=sql):
                    self.assertEqual([], rule([("right", sql)]))

    def test_what_a_function_does_is_read(self):
        text = ("CREATE FUNCTION take(sale integer, n integer)\nRETURNS void\nLANGUAGE plpgsql\nAS $$\nBEGIN\n"
                "    IF n > 1 THEN\n        UPDATE orders SET status = 3 WHERE order_id = n;\n    END IF;\n"
                "    PERFORM 1 FROM items WHERE items.sale_no = sale;\nEND\n$$;\n")
        found = of_functions(text)
        self.assertEqual(found[1], ("take", "SELECT 1 FROM items WHERE items.sale_no = $1"))
        self.assertEqual([line.partition(":")[0] for line in names_its_sale(found)], ["take"])

    def test_every_rule_has_its_planted_breach(self):
        self.assertEqual(set(STATEMENT_RULES) | set(SCHEMA_RULES), set(self.CAUGHT))


if __name__ == "__main__":
    unittest.main()
