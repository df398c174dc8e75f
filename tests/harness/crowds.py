"""Buyers, many at once."""

import dataclasses
import http.client
import queue
import secrets
import threading
import time

from .client import Client
from .surroundings import SLOWNESS


def numbered(count):
    """A queue of numbers for threads that share a piece of work."""
    numbers = queue.SimpleQueue()
    for number in range(count):
        numbers.put(number)
    return numbers


def crowd(ports, count, work):
    """Runs `work(number, client)` in `count` threads at the same moment. Connections are opened before, spread over
    `ports`. The results in order; the first exception is raised again."""
    results, failures = [None] * count, []
    barrier = threading.Barrier(count)

    def member(number):
        client = Client(ports[number % len(ports)], timeout_s=30)
        try:
            client.connect()
            barrier.wait(timeout=30 * SLOWNESS)
            results[number] = work(number, client)
        except BaseException as failure:  # noqa: B902 - handed to the main thread
            failures.append(failure)
            barrier.abort()
        finally:
            client.close()

    threads = [threading.Thread(target=member, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise next((f for f in failures if not isinstance(f, threading.BrokenBarrierError)), failures[0])
    return results


@dataclasses.dataclass
class Purchase:
    """What one buyer saw for one idempotency key, over all attempts."""

    sale: str
    customer: str
    key: str
    sku: str
    quantity: int
    ids: set = dataclasses.field(default_factory=set)       # every order id that any answer named
    statuses: list = dataclasses.field(default_factory=list)  # HTTP status of each answer; 0: the connection failed
    outcome: str = "unknown"  # unknown, confirmed, cancelled, rejected, refused
    reason: str = ""          # of a refusal: the problem's name

    def note(self, response):
        self.statuses.append(response.status)
        location = response.header("Location")
        if location:
            self.ids.add(location.rpartition("/")[2])
        if response.status in (200, 201, 202):
            self.ids.add(response.json()["id"])
        if response.status == 201:
            self.outcome = response.json()["status"]
        elif response.status == 200 and response.json()["status"] != "pending":
            self.outcome = response.json()["status"]
        elif response.status in (403, 404, 409, 422):
            self.outcome, self.reason = "refused", response.problem or ""
        return response

    @property
    def promised(self):
        return 201 in self.statuses

    @property
    def taken(self):
        return 202 in self.statuses


class Shoppers:
    """A crowd that keeps buying while things break, each attempt with one key until it has a final answer, as a
    careful client does: an unknown outcome, a 503 or a broken connection is tried again with the same key."""

    def __init__(self, cluster, sale, ports, threads=48, sku="sneaker-42", quantity=1, purchases_max=None,
                 pause_s=0.0, redis_may_forget=False, patience_s=30, prefer=None):
        self.cluster = cluster
        self.sale = sale
        self.ports = list(ports)
        self.purchases = []
        self.violations = []
        self._sku, self._quantity, self._prefer = sku, quantity, prefer
        self._pause_s, self._patience_s = pause_s, patience_s * SLOWNESS
        self._redis_may_forget = redis_may_forget
        self._left = threading.Semaphore(purchases_max) if purchases_max is not None else None
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._shop, args=(number,), daemon=True)
                         for number in range(threads)]

    def start(self):
        for thread in self._threads:
            thread.start()
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def finish(self, timeout_s=60):
        """Waits until every started attempt has its final answer; no new ones begin."""
        self._stop.set()
        deadline = time.monotonic() + timeout_s * SLOWNESS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            raise AssertionError("shoppers are still waiting for a final answer")
        return self.purchases

    def wait_all_bought(self, timeout_s=60):
        """Waits until `purchases_max` attempts have ended by themselves."""
        deadline = time.monotonic() + timeout_s * SLOWNESS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return self.finish(0.1)

    def count(self, *outcomes):
        return sum(1 for purchase in list(self.purchases) if purchase.outcome in outcomes)

    def _shop(self, number):
        clients = [Client(port, timeout_s=20) for port in self.ports]
        where = number % len(clients)
        while not self._stop.is_set():
            if self._left is not None and not self._left.acquire(blocking=False):
                break
            purchase = Purchase(self.sale, self.cluster.new_customer(), secrets.token_hex(6), self._sku,
                                self._quantity)
            self.purchases.append(purchase)
            try:
                where = self._buy(purchase, clients, where)
            except Exception as failure:  # noqa: B902 - a thread must not die silently
                self.violations.append(f"{purchase}: {failure!r}")
            time.sleep(self._pause_s)
        for client in clients:
            client.close()

    def _buy(self, purchase, clients, where):
        deadline = time.monotonic() + self._patience_s
        headers = {"Prefer": self._prefer} if self._prefer else None
        while time.monotonic() < deadline:
            try:
                response = purchase.note(self.cluster.buy(purchase.sale, purchase.customer, purchase.key,
                                                          purchase.sku, purchase.quantity,
                                                          client=clients[where], headers=headers))
            except (OSError, http.client.HTTPException):
                purchase.statuses.append(0)
                where = (where + 1) % len(clients)
                time.sleep(0.05)
                continue
            if response.status in (200, 201, 202) and response.json()["status"] == "pending":
                if self._poll(purchase, clients, where, deadline):
                    return where
            elif response.status in (200, 201, 409):
                return where
            elif response.status in (429, 502, 503, 504):
                if response.status in (429, 503) and response.header("Retry-After") is None:
                    self.violations.append(f"no Retry-After: {response!r}")
                where = (where + 1) % len(clients)
                time.sleep(0.1)
            else:
                self.violations.append(f"{purchase.customer}: {response!r}")
                return where
        return where

    def _poll(self, purchase, clients, where, deadline):
        """True: final. False: Redis has forgotten it, the key has to be sent again."""
        order_id = next(iter(purchase.ids))
        while time.monotonic() < deadline:
            try:
                response = clients[where].get(f"/v1/orders/{order_id}", self.cluster.bearer(purchase.customer))
            except (OSError, http.client.HTTPException):
                where = (where + 1) % len(clients)
                time.sleep(0.05)
                continue
            if response.status == 200 and response.json()["status"] != "pending":
                purchase.outcome = response.json()["status"]
                purchase.reason = response.json().get("reason", "")
                return True
            if response.status == 404:
                if not self._redis_may_forget:
                    self.violations.append(f"{purchase.customer}: a taken order was forgotten: {response!r}")
                return False
            if response.status not in (200, 429, 502, 503, 504):
                self.violations.append(f"{purchase.customer}: poll: {response!r}")
                return True
            time.sleep(0.1)
        return True
