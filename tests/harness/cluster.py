"""Stores and instances that belong together, and the calls that tests make of them."""

import contextlib
import hashlib
import http.client
import itertools
import pathlib
import re
import secrets
import tempfile
import threading

import psycopg2

from .client import Client
from .definitions import sale_definition
from .directory import run_directory
from .flashsaled import migrate, run_flashsaled
from .instance import Instance
from .nginx import Nginx
from .order_ids import customer_range, order_id
from .postgres_server import PostgresServer, migrated_template, shared_postgres
from .redis_server import RedisServer
from .surroundings import ADMIN_NAME, JWT_AUDIENCE, JWT_ISSUER, HarnessError
from .tokens import customer_claims, make_token
from .waiting import wait_until

_SANITIZER_REPORT = re.compile(r"(ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error: )")
_database_numbers = itertools.count(1)


class Cluster:
    """Redis, a database and flashsaled instances that belong to one test class."""

    def __init__(self, instances=1, settings=None, own_postgres=False, nginx=False, postgres_settings=None,
                 binary=None, environment=None):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cluster-", dir=run_directory()))
        self.directory.chmod(0o755)
        self.settings = dict(settings or {})
        self.jwt_secret = secrets.token_hex(24)
        self.admin_token = secrets.token_urlsafe(24)
        self._tokens_file = self.directory / "admin-tokens"
        self.write_admin_tokens({ADMIN_NAME: self.admin_token})
        self.instances = []
        self.redis = self.postgres = self.nginx = None
        self._own_postgres = own_postgres
        self._postgres_settings = postgres_settings
        self._thread = threading.local()
        self._sale_numbers = itertools.count(1)
        self._customer_numbers = itertools.count(1)
        self._inserted = 0
        self._salt = secrets.token_hex(3)
        try:
            self.redis = self._make_redis()
            self._make_database()
            for _ in range(instances):
                self.add_instance(ready=False, binary=binary, environment=environment)
            for instance in self.instances:
                instance.wait_ready()
            if nginx:
                self.nginx = Nginx(self.directory / "nginx", self.ports)
        except BaseException:
            self.stop(check=False)
            raise

    def _make_database(self):
        if self._own_postgres:
            self.postgres = self._make_postgres()
            self.database = "flashsale"
            self.postgres.execute("postgres", "CREATE DATABASE flashsale")
            migrate(self.postgres.url(self.database))
        else:
            self.postgres = shared_postgres()
            self.database = f"flashsale_{next(_database_numbers)}"
            template = migrated_template(self.postgres)
            self.postgres.execute("postgres", f"CREATE DATABASE {self.database} TEMPLATE {template}")

    def _make_redis(self):
        return RedisServer(self.directory / "redis")

    def _make_postgres(self):
        return PostgresServer(self.directory / "postgres", self._postgres_settings)

    def write_admin_tokens(self, tokens):
        self._tokens_file.write_text("".join(f"{name}:{hashlib.sha256(token.encode()).hexdigest()}\n"
                                             for name, token in tokens.items()))
        self._tokens_file.chmod(0o600)

    @property
    def ports(self):
        """Where buyers and NGINX reach each instance."""
        return [instance.port for instance in self.instances]

    @property
    def postgres_url(self):
        """The instances'."""
        return self.postgres.serve_url(self.database)

    def instance_settings(self):
        return {
            "http.address": "127.0.0.1", "http.threads": 2, "http.request_log_one_in": 1,
            "admin.address": "127.0.0.1", "admin.tokens_file": self._tokens_file,
            "jwt.secret": self.jwt_secret, "jwt.issuer": JWT_ISSUER, "jwt.audience": JWT_AUDIENCE,
            "redis.url": self.redis.server_url, "postgres.url": self.postgres_url,
            "shutdown.delay_ms": 0,
            # Polls and bursts of the tests, not those of a buyer; scripts/run has the same.
            "rate_limit.requests_per_s": 100, "rate_limit.burst": 200,
        } | self.settings

    def add_instance(self, settings=None, ready=True, binary=None, environment=None):
        """One more instance on the same stores, with settings or a binary of its own if need be."""
        instance = Instance(self, len(self.instances) + 1, dict(settings or {}), binary, environment)
        self.instances.append(instance)
        instance.start(ready)
        return instance

    def stop(self, check=True):
        """Ends everything. With `check`, complains about an instance that crashed, did not stop in order or left a
        sanitizer's report."""
        complaints = []
        for instance in self.instances:
            if instance.process is None:
                continue
            if instance.alive:
                code = instance.stop()
                if code != 0:
                    complaints.append(f"flashsaled-{instance.number} answered SIGTERM with exit code {code}:\n"
                                      f"{instance.process.log_tail()}")
            elif not instance.expected_end:
                complaints.append(f"flashsaled-{instance.number} ended by itself with {instance.process.exit_code}:\n"
                                  f"{instance.process.log_tail()}")
            report = _SANITIZER_REPORT.search(instance.process.log_text())
            if report:
                start = max(0, report.start() - 200)
                complaints.append(f"flashsaled-{instance.number} left a sanitizer report:\n"
                                  f"{instance.process.log_text()[start:start + 8000]}")
        if self.nginx is not None:
            self.nginx.stop()
        if self.redis is not None:
            self.redis.stop()
        if self.postgres is not None:
            if self._own_postgres:
                self.postgres.stop()
            else:
                with contextlib.suppress(psycopg2.Error):
                    self.postgres.execute("postgres", f"DROP DATABASE {self.database} WITH (FORCE)")
        self.forget_clients()
        if check and complaints:
            raise HarnessError("\n".join(complaints))

    def log_tails(self):
        parts = []
        for instance in self.instances:
            if instance.process is not None:
                parts.append(f"--- flashsaled-{instance.number} (exit code {instance.process.exit_code})\n"
                             f"{instance.process.log_tail()}")
        for server in (self.redis, self.nginx, self.postgres if self._own_postgres else None):
            if server is not None and server.process is not None:
                parts.append(f"--- {server.process.name}\n{server.process.log_tail()[-1500:]}")
        return "\n".join(parts)

    # --- names ---

    def new_sale_id(self, prefix="sale"):
        return f"{prefix}-{self._salt}-{next(self._sale_numbers)}"

    def new_customer(self, prefix="buyer"):
        return f"{prefix}-{self._salt}-{next(self._customer_numbers)}"

    def token(self, customer, **claims):
        return make_token(self.jwt_secret, customer_claims(customer, **claims))

    def bearer(self, customer):
        return {"Authorization": f"Bearer {self.token(customer)}"}

    # --- calls ---

    def client(self, where=0):
        """This thread's keep-alive connection to instance `where` (an index), or to NGINX ("edge")."""
        clients = self._thread.__dict__.setdefault("clients", {})
        port = self.nginx.port if where == "edge" else self.instances[where].port
        if port not in clients:
            clients[port] = Client(port)
        return clients[port]

    def admin(self, method, path, body=None, headers=None, where=0, token=None):
        return self.instances[where].admin(method, path, body, headers, token)

    def forget_clients(self):
        """Of all threads. In a process that was forked the connections are the parent's, and stay open there."""
        self._thread = threading.local()

    def create_sale(self, where=0, expect=201, **members):
        """Creates a sale that is open now and holds one item, unless told otherwise; the id."""
        definition = sale_definition(members.pop("id", None) or self.new_sale_id(), **members)
        response = self.admin("POST", "/admin/v1/sales", definition, where=where)
        if response.status != expect:
            raise AssertionError(f"creating a sale: {response!r}")
        return definition["id"]

    def buy(self, sale, customer, key=None, sku="sneaker-42", quantity=1, where=0, client=None, headers=None,
            body=None):
        """One checkout. `body` replaces the usual one."""
        fields = {**self.bearer(customer), "Idempotency-Key": key or secrets.token_hex(8),
                  "Content-Type": "application/json"}
        fields.update(headers or {})
        fields = {name: value for name, value in fields.items() if value is not None}
        content = body if body is not None else {"sku": sku, "quantity": quantity}
        return (client or self.client(where)).request("POST", f"/v1/sales/{sale}/orders", content, fields)

    def order(self, order_id, customer, where=0):
        return self.client(where).get(f"/v1/orders/{order_id}", self.bearer(customer))

    def cancel(self, order_id, customer, where=0):
        return self.client(where).request("POST", f"/v1/orders/{order_id}/cancel", headers=self.bearer(customer))

    def wait_final(self, order_id, customer, where=0, timeout_s=10, may_be_unavailable=False):
        """Polls until the order is no longer pending."""
        def final():
            response = self.order(order_id, customer, where)
            if response.status == 503 and may_be_unavailable:
                return None
            if response.status != 200:
                raise AssertionError(f"polling {order_id}: {response!r}")
            return response.json() if response.json()["status"] != "pending" else None
        return wait_until(final, timeout_s, f"order {order_id} stays pending", 0.05)

    def sale(self, sale, where=0):
        response = self.client(where).get(f"/v1/sales/{sale}")
        if response.status != 200:
            raise AssertionError(f"reading {sale}: {response!r}")
        return response.json()

    def item(self, sale, sku="sneaker-42", where=0):
        return next(item for item in self.sale(sale, where)["items"] if item["sku"] == sku)

    def wait_remaining(self, sale, remaining, sku="sneaker-42", where=0, timeout_s=5):
        """The catalog is a little old."""
        wait_until(lambda: self.item(sale, sku, where)["remaining"] == remaining, timeout_s,
                   f"instance {where + 1} does not show {remaining} remaining in {sale}")

    def audit(self, sale, where=0):
        response = self.admin("GET", f"/admin/v1/sales/{sale}/audit", where=where)
        if response.status != 200:
            raise AssertionError(f"audit of {sale}: {response!r}")
        return response.json()

    def wait_consistent(self, sale, timeout_s=10, where=0):
        """The audit, once it says consistent and nothing is pending any more."""
        last = [None]

        def consistent():
            try:
                response = self.admin("GET", f"/admin/v1/sales/{sale}/audit", where=where)
            except (OSError, http.client.HTTPException) as failure:
                last[0] = repr(failure)
                return None
            last[0] = repr(response)
            if response.status != 200:
                return None
            audit = response.json()
            settled = audit["consistent"] and all(item["pending"] == 0 for item in audit["items"])
            return audit if settled else None
        try:
            return wait_until(consistent, timeout_s, f"audit of {sale} is not consistent", 0.1)
        except HarnessError as failure:
            raise AssertionError(f"{failure}; last: {last[0]}") from None

    def query(self, sql, parameters=None):
        return self.postgres.execute(self.database, sql, parameters)

    def sale_no(self, sale):
        return self.query("SELECT sale_no FROM sales WHERE sale_id = %s", (sale,))[0][0]

    def order_ids(self, sale, customers_and_keys):
        """The ids that these orders have, or would have."""
        [(salt,)], sale_no = self.query("SELECT order_salt FROM directory"), self.sale_no(sale)
        return [order_id(salt, sale_no, customer, key) for customer, key in customers_and_keys]

    def customer_range(self, sale, customer):
        [(salt,)] = self.query("SELECT order_salt FROM directory")
        return customer_range(salt, self.sale_no(sale), customer)

    def insert_orders(self, sale, customers, status, quantity=1, given_back=None, reason=None, seconds_apart=0.0):
        """Rows that PostgreSQL alone knows, one for each of these customers, of the sale's first item: the last one
        now, each before it `seconds_apart` earlier. Their ids."""
        self._inserted += 1
        ids = self.order_ids(sale, ((customer, f"row-{self._inserted}-{number}")
                                    for number, customer in enumerate(customers)))
        self.query("""
            INSERT INTO orders (sale_no, order_id, created_at, item_no, quantity, status, customer_id, given_back,
                                reason)
            SELECT sale_no, id, now() - (%s - n) * %s * interval '1 second', min_item, %s, %s, customer, %s, %s
              FROM (SELECT sale_no, min(item_no) AS min_item FROM items JOIN sales USING (sale_no) WHERE sale_id = %s
                     GROUP BY sale_no) AS item,
                   unnest(%s::uuid[], %s::text[]) WITH ORDINALITY AS orders (id, customer, n)""",
                   (len(ids), seconds_apart, quantity, status, given_back, reason, sale, ids, customers))
        return ids

    def cut_sessions(self):
        """Ends every session of this cluster's database."""
        self.postgres.execute("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                              (self.database,))

    @contextlib.contextmanager
    def locked_items(self, sale):
        """Holds the rows of the sale's items, so that nothing can be committed for it."""
        connection = self.postgres.connect(self.database)
        connection.autocommit = False
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM items i JOIN sales s USING (sale_no) WHERE s.sale_id = %s"
                               " FOR UPDATE OF i", (sale,))
                if not cursor.fetchall():
                    raise AssertionError(f"no items of {sale}")
            yield
        finally:
            connection.rollback()
            connection.close()

    def set_stock(self, sale, stock):
        """Behind Redis's back, of each item."""
        self.query("UPDATE items SET stock = %s WHERE sale_no = (SELECT sale_no FROM sales WHERE sale_id = %s)",
                   (stock, sale))

    def flashsaled(self, *arguments, settings=None, timeout_s=30):
        """Runs a command of the binary with this cluster's settings."""
        return run_flashsaled(list(arguments), self.instance_settings() | (settings or {}), timeout_s,
                              cwd=self.directory)
