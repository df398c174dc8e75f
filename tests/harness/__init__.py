"""Real servers for the end-to-end tests: Redis, PostgreSQL, NGINX and any number of flashsaled instances.

Everything a test starts lives in a private directory under the system's temporary one, listens on loopback only and
ends with the test, also when the test process is killed (each child asks the kernel for a signal when its parent
dies). Needs Debian's python3-psycopg2 and python3-redis.

Folders whose tests or tools use it hold a link to it, so that each file of theirs finds it beside itself, however it is
started. What is here is to be had from the package itself, `harness.wait_until(…)`; `payment_provider` and `browser`
are modules.

Environment:
  FLASHSALED_BINARY         the binary to test (default build/release/flashsaled)
  FLASHSALE_TEST_SLOWNESS   multiplies every time-out and freshness bound, e.g. 10 under a sanitizer (default 1)
  FLASHSALE_TEST_KEEP       non-empty: leave the temporary directory behind
"""

from .buyers_check import check_buyers
from .client import Client, Response, parse_raw, raw_exchange
from .cluster import Cluster
from .cluster_case import ClusterCase
from .crowds import Purchase, Shoppers, crowd, numbered
from .definitions import item_definition, sale_definition
from .directory import run_directory
from .event_endpoint import EventEndpoint, is_signed
from .flashsaled import clean_environment, migrate, run_flashsaled, setting_environment
from .instance import Instance
from .load import LOAD, load_command
from .moments import rfc3339, unix_time
from .nginx import Nginx
from .order_ids import customer_range, order_id
from .ports import free_port
from .postgres_server import PostgresServer, postgres_bin, shared_postgres
from .processes import Process, cpu_seconds, process_fields, process_state, process_tree
from .redis_server import RedisServer
from .surroundings import (ADMIN_NAME, BINARY, FRESH_MS, JWT_AUDIENCE, JWT_ISSUER, ROOT, SERVE_ROLE, SLOWNESS,
                           HarnessError)
from .tokens import Es256Key, base64url, customer_claims, make_token
from .waiting import wait_until

__all__ = [
    "ADMIN_NAME", "BINARY", "Client", "Cluster", "ClusterCase", "Es256Key", "EventEndpoint", "FRESH_MS",
    "HarnessError", "Instance", "JWT_AUDIENCE", "JWT_ISSUER", "LOAD", "Nginx", "PostgresServer", "Process",
    "Purchase", "ROOT", "RedisServer", "Response", "SERVE_ROLE", "SLOWNESS", "Shoppers", "base64url",
    "check_buyers", "clean_environment", "cpu_seconds", "crowd", "customer_claims", "customer_range", "free_port",
    "is_signed", "item_definition", "load_command", "make_token", "migrate", "numbered", "order_id", "parse_raw",
    "postgres_bin", "process_fields", "process_state", "process_tree", "raw_exchange", "rfc3339", "run_directory",
    "run_flashsaled", "sale_definition", "setting_environment", "shared_postgres", "unix_time", "wait_until"]
