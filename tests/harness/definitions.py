"""Sales and items as the admin API takes them."""

import time

from .moments import rfc3339


def item_definition(sku="sneaker-42", stock=50, limit=0, amount=12_999, currency="EUR", name=None):
    return {"sku": sku, "name": name or f"Item {sku}", "price": {"amount": amount, "currency": currency},
            "stock": stock, "limit_per_customer": limit}


def sale_definition(sale_id, starts_at=None, ends_at=None, items=None, stock=50, limit=0, name=None, **members):
    now = time.time()
    return {
        "id": sale_id, "name": name or f"Sale {sale_id}",
        "starts_at": rfc3339(now - 60 if starts_at is None else starts_at),
        "ends_at": rfc3339(now + 3600 if ends_at is None else ends_at),
        "payment": "none", "payment_attempts": 1,
        "items": items if items is not None else [item_definition(stock=stock, limit=limit)],
    } | members
