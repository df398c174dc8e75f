"""What has to hold of the money in PostgreSQL once nothing is open any more: no payment is kept for nothing, none goes
back twice."""

# What must not be there, and a query that finds it. Outcomes of messages are those of `PaymentOutcome`.
_WRONG = (
    ("messages that nothing has become of", "SELECT webhook_id FROM payment_events WHERE outcome <= 1"),
    ("payments that go back more than once",
     "SELECT payment_id FROM refunds GROUP BY 1 HAVING count(*) > 1"),
    ("payments that confirm what is not confirmed, or go back as well",
     "SELECT order_id, status, payment_id FROM payment_events JOIN orders USING (sale_no, order_id) WHERE outcome = 2"
     " AND (status <> 1 OR EXISTS (SELECT FROM refunds WHERE refunds.payment_id = payment_events.payment_id))"),
    ("payments that are neither used nor go back",
     "SELECT order_id, payment_id FROM payment_events WHERE succeeded AND outcome IN (4, 5)"
     " AND NOT EXISTS (SELECT FROM refunds WHERE refunds.payment_id = payment_events.payment_id)"
     " AND NOT EXISTS (SELECT FROM payment_events AS other WHERE other.payment_id = payment_events.payment_id"
     " AND other.outcome = 2)"),
    ("confirmed orders that nobody has paid",
     "SELECT order_id FROM orders JOIN sales USING (sale_no)"
     " WHERE sales.payment = 1 AND status = 1 AND NOT EXISTS"
     " (SELECT FROM payment_events WHERE payment_events.order_id = orders.order_id AND outcome = 2)"),
    ("refunds without an event, or events without a refund",
     "SELECT coalesce(refunds.payment_id, payload ->> 'payment_id') FROM refunds"
     " FULL JOIN (SELECT sale_no, payload FROM outbox WHERE type = 6) AS told"
     " ON refunds.sale_no = told.sale_no AND refunds.order_id = (payload ->> 'order_id')::uuid"
     " AND refunds.payment_id = payload ->> 'payment_id'"
     " WHERE refunds.payment_id IS NULL OR payload IS NULL"),
)


def check_money(cluster):
    """Raises AssertionError with everything that is wrong."""
    found = {what: rows[:5] for what, sql in _WRONG if (rows := cluster.query(sql))}
    if found:
        raise AssertionError(f"money is wrong: {found}")
