"""What one consumer was told, in the order in which it came, and what is wrong with it."""

import collections

SAMPLES_MAX = 5
SOLD_TYPES = ("confirmed", "awaiting_payment")


class Findings:
    """How many, and a few of them."""

    def __init__(self):
        self.count = 0
        self.samples = []

    def add(self, what):
        self.count += 1
        if len(self.samples) < SAMPLES_MAX:
            self.samples.append(what)

    def __str__(self):
        return f"{self.count:,}" + (f" {self.samples}" if self.count else "")


class EventHistory:
    """Of a consumer that began with the first event, or, with `is_whole` false, with any."""

    def __init__(self, is_whole=True):
        self.is_whole = is_whole
        self.repeats = 0
        self.disorder = Findings()  # first deliveries of an order's changes that are not its next change
        self.changed = Findings()   # repeats with another position than at first
        self.types = collections.Counter()
        self.first = None
        self.last = 0
        self.types_of_order = {}    # order id: types of its events, without what all have in common
        self.orders_of_sale = {}    # sale id: order ids
        self._positions = {}        # event id: position
        self._changes = {}          # order id: number of its last change

    def add(self, event_id, event_type, position, sale):
        if event_id in self._positions:
            self.repeats += 1
            if self._positions[event_id] != position:
                self.changed.add(f"{event_id}: {self._positions[event_id]}, {position}")
            return
        self._positions[event_id] = position
        self.first = position if self.first is None else min(self.first, position)
        self.last = max(self.last, position)
        self.types[event_type] += 1
        if event_type.startswith("flashsale.order."):
            self._add_change(event_id, event_type.rpartition(".")[2], sale)

    def _add_change(self, event_id, what, sale):
        order, _, number = event_id.rpartition("/")
        before = self._changes.get(order)
        expected = int(number) if before is None and not self.is_whole else (before or 0) + 1
        if int(number) != expected:
            self.disorder.add(f"{event_id} behind {before}")
        self._changes[order] = max(before or 0, int(number))
        self.types_of_order.setdefault(order, []).append(what)
        self.orders_of_sale.setdefault(sale, set()).add(order)

    @property
    def events(self):
        """Distinct ones."""
        return len(self._positions)

    @property
    def gaps(self):
        """Positions between the first and the last that no event has had."""
        if self.first is None:
            return 0
        return self.last - (1 if self.is_whole else self.first) + 1 - self.events

    def faults(self):
        """Lines; none when all is well. Repeats are none."""
        found = []
        if self.gaps:
            found.append(f"{self.gaps} positions are missing up to {self.last}")
        if self.disorder.count:
            found.append(f"orders' changes came out of order: {self.disorder}")
        if self.changed.count:
            found.append(f"repeats at another position: {self.changed}")
        return found

    def __str__(self):
        return (f"{self.events:,} events, {self.repeats:,} repeats, gaps {self.gaps:,}, orders out of order "
                f"{self.disorder}")


class OrderList:
    """What buyers know of their orders: the file of `flashsale-load run --orders`."""

    def __init__(self, path):
        self.knowledge = {}  # order id: (told, accepted or open, whether it is known to be cancelled)
        with open(path, encoding="ascii") as lines:
            self.sale = next(lines).strip()
            for line in lines:
                order, known, *more = line.split()
                self.knowledge[order] = (known, bool(more))

    def compare(self, history, accepted_may_be_lost=False):
        """{what is lost: Findings}"""
        found = {name: Findings() for name in ("told without event", "accepted without event",
                                               "cancelled without event", "event without buyer")}
        for order, (known, is_cancelled) in self.knowledge.items():
            types = history.types_of_order.get(order, ())
            if known == "told" and not any(name in types for name in SOLD_TYPES):
                found["told without event"].add(order)
            if known == "accepted" and not types and not accepted_may_be_lost:
                found["accepted without event"].add(order)
            if is_cancelled and "cancelled" not in types:
                found["cancelled without event"].add(order)
        for order in history.orders_of_sale.get(self.sale, set()) - self.knowledge.keys():
            found["event without buyer"].add(order)
        return found
