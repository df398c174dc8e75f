"""Measurements with wrk on private servers: durable orders a second, refusals a second, and what each costs.

Each row is a sale of its own with buyers of its own. Answers are counted by status: a row's rate is that of its 201s
(or of its 409s when it measures refusals), never of requests.
"""

import contextlib
import hmac
import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time

import harness

HERE = pathlib.Path(__file__).resolve().parent

# What config/postgresql.conf sets for a busy server, as far as it touches the cost of a commit.
POSTGRES_SETTINGS = {"shared_buffers": "256MB", "wal_buffers": "16MB", "wal_compression": "lz4", "max_wal_size": "2GB",
                     "min_wal_size": "256MB", "checkpoint_timeout": "15min", "jit": "off"}

# PostgreSQL becomes the bottleneck, as it is where the cores are many.
SLOW_JOURNAL = {"journal.batch_max": 16, "journal.workers": 1}


def write_tokens(cluster, count, path):
    """Tokens of `count` customers, one a line."""
    now = int(time.time())
    head = harness.base64url(b'{"alg":"HS256","typ":"JWT"}')
    key = cluster.jwt_secret.encode()
    with open(path, "w", encoding="ascii") as out:
        for number in range(count):
            claims = (f'{{"sub":"load-{number}","iss":"{harness.JWT_ISSUER}","aud":"{harness.JWT_AUDIENCE}",'
                      f'"exp":{now + 86_400}}}')
            signed = f"{head}.{harness.base64url(claims.encode())}"
            signature = harness.base64url(hmac.digest(key, signed.encode(), "sha256"))
            out.write(f"{signed}.{signature}\n")


def run_wrk(script, port, connections, seconds, threads, arguments):
    """(result of the script's done(), CPU seconds of wrk)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(["wrk", "-t", str(min(threads, connections)), "-c", str(connections), "-d", f"{seconds}s",
                           "--timeout", "10s", "--latency", "-s", str(HERE / "wrk" / script),
                           f"http://127.0.0.1:{port}/", "--", *map(str, arguments)],
                          capture_output=True, text=True, timeout=seconds + 60, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = re.search(r"^RESULT (.*)$", done.stdout, re.M)
    if found is None:
        raise SystemExit(f"wrk failed: {done.stdout}{done.stderr}")
    result = json.loads(found[1])
    sample = re.search(r"^SAMPLE (.*)$", done.stdout, re.M)
    result["sample"] = sample[1] if sample else ""
    return result, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Meter:
    """CPU time of every process of a cluster between two moments."""

    def __init__(self, cluster):
        self._cluster = cluster
        self._before = self._now()

    def _now(self):
        return {
            "flashsaled": sum(harness.cpu_seconds(instance.process.pid) for instance in self._cluster.instances),
            "redis": harness.cpu_seconds(self._cluster.redis.process.pid),
            "postgres": harness.cpu_seconds(self._cluster.postgres.process.pid, with_tree=True),
        }

    def used(self):
        now = self._now()
        return {name: now[name] - before for name, before in self._before.items()}


def row_of(name, connections, result, cpu, wanted):
    """A row: `wanted` is the status whose answers the row is about."""
    statuses = {int(status): count for status, count in result["statuses"].items()}
    count = statuses.get(wanted, 0)
    seconds = result["duration_us"] / 1e6
    return {
        "row": name, "connections": connections, "status": wanted, "answers": count, "rate": count / seconds,
        "p50_ms": result["p50_us"] / 1e3, "p99_ms": result["p99_us"] / 1e3, "max_ms": result["max_us"] / 1e3,
        "cpu_us": {process: used * 1e6 / count if count else 0 for process, used in cpu.items()},
        "others": {status: n for status, n in sorted(statuses.items()) if status != wanted},
        "errors": {kind: n for kind, n in result["errors"].items() if n},
        "repeats": result["repeats"], "sample": result.get("sample", ""),
    }


def measure_orders(cluster, tokens, connections, options, sale=None):
    """Orders of unlimited stock; PostgreSQL is asked afterwards whether each 201 is there."""
    sale = sale or cluster.create_sale(stock=1_000_000_000, max_orders_per_customer=1_000_000)
    before = cluster.audit(sale)["items"][0]["sold"]
    meter = Meter(cluster)
    result, wrk_cpu = run_wrk("checkout.lua", cluster.instances[0].port, connections, options.seconds,
                              options.wrk_threads, [sale, tokens, min(options.wrk_threads, connections)])
    row = row_of("201 committed", connections, result, meter.used() | {"wrk": wrk_cpu}, 201)
    audit = cluster.wait_consistent(sale, 30)
    rows = audit["items"][0]["sold"] - before
    row["committed"] = rows
    # What was under way when wrk left may have been committed without a reader; nothing else may differ.
    if not row["answers"] <= rows <= row["answers"] + 2 * connections + row["others"].get(202, 0):
        raise SystemExit(f"{row['answers']} answers 201, but PostgreSQL holds {rows} units")
    return row


def measure_refusals(cluster, tokens, options):
    sale = cluster.create_sale(stock=1)
    response = cluster.buy(sale, cluster.new_customer())
    if response.status != 201:
        raise SystemExit(f"cannot sell the only unit: {response!r}")
    while cluster.buy(sale, cluster.new_customer()).status != 409:
        time.sleep(0.05)
    time.sleep(0.5)
    meter = Meter(cluster)
    result, wrk_cpu = run_wrk("checkout.lua", cluster.instances[0].port, options.refusal_connections, options.seconds,
                              options.wrk_threads, [sale, tokens, options.wrk_threads])
    return row_of("409 sold out", options.refusal_connections, result, meter.used() | {"wrk": wrk_cpu}, 409)


def measure_baseline(directory, status, options):
    """NGINX that returns at once, a worker a core as flashsaled has a thread a core: the floor on this machine."""
    directory.mkdir()
    port = harness.free_port()
    (directory / "nginx.conf").write_text(
        f"worker_processes {os.cpu_count()}; pid {directory}/pid; error_log stderr;"
        f" events {{ worker_connections 4096; }}\n"
        f"http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {directory}/b;"
        f" proxy_temp_path {directory}/p; fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u;"
        f" scgi_temp_path {directory}/s; server {{ listen 127.0.0.1:{port} backlog=4096;"
        f" location / {{ default_type application/json; return {status} '{{\"status\":{status}}}'; }} }} }}\n")
    process = harness.Process("nginx-baseline", ["nginx", "-c", directory / "nginx.conf", "-p", directory, "-e",
                                                 "stderr", "-g", "daemon off;"], directory / "log",
                              death_signal=signal.SIGTERM)
    try:
        harness.wait_until(lambda: _listens(port), 10, "NGINX")
        before = harness.cpu_seconds(process.pid, with_tree=True)
        result, wrk_cpu = run_wrk("plain.lua", port, 64, max(2, options.seconds // 2), options.wrk_threads, [])
        used = harness.cpu_seconds(process.pid, with_tree=True) - before
        return row_of(f"nginx return {status}", 64, result, {"nginx": used, "wrk": wrk_cpu}, status)
    finally:
        process.end()


def _listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def raise_file_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def progress(text):
    print(f"… {text}", file=sys.stderr, flush=True)


def resident_bytes(pid):
    fields = pathlib.Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def apart(cluster):
    """Servers on one half of the cores and the load on the other: a load that cannot keep its own schedule would
    measure itself. On a single core both share it."""
    cores = sorted(os.sched_getaffinity(0))
    servers, load = (cores[:len(cores) // 2], cores[len(cores) // 2:]) if len(cores) > 1 else (cores, cores)

    def pin(pid, where):
        for process in harness.process_tree(pid):
            for thread in pathlib.Path(f"/proc/{process}/task").iterdir():
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(int(thread.name), where)
    pids = [process.pid for process in (cluster.redis.process, cluster.postgres.process,
                                        *(instance.process for instance in cluster.instances))]
    for pid in pids:
        pin(pid, servers)
    os.sched_setaffinity(0, load)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        for pid in pids:
            pin(pid, cores)


def open_loop(cluster, seconds, **how):
    """One run of flashsale-load; its result as a dictionary. The check of what buyers saw is part of it."""
    with tempfile.NamedTemporaryFile(dir=harness.run_directory(), suffix=".json") as out:
        command = harness.load_command(cluster, create_stock=1_000_000_000, seconds=seconds, json=out.name, **how)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"flashsale-load: {done.stdout}{done.stderr}")
        return json.load(out)


def accepted_p99_ms(result):
    latencies = result["latency_us"]
    return max(latencies[group]["p99"] for group in ("committed", "taken") if group in latencies) / 1e3


def new_cluster(changes=None):
    settings = {"http.threads": 0, "http.request_log_one_in": 100, "http.connections_max": 20_000} | (changes or {})
    return harness.Cluster(1, settings, own_postgres=True, postgres_settings=POSTGRES_SETTINGS)


@contextlib.contextmanager
def tokens_of(cluster, count):
    with tempfile.NamedTemporaryFile(dir=harness.run_directory()) as tokens:
        write_tokens(cluster, count, tokens.name)
        yield tokens.name


def print_table(rows):
    print(f"{'row':<17}{'conns':>6}{'rate/s':>9}{'p50 ms':>8}{'p99 ms':>8}{'max ms':>8}   CPU µs an answer")
    for row in rows:
        cpu = "  ".join(f"{process} {used:.1f}" for process, used in row["cpu_us"].items())
        print(f"{row['row']:<17}{row['connections']:>6}{row['rate']:>9,.0f}{row['p50_ms']:>8.2f}{row['p99_ms']:>8.2f}"
              f"{row['max_ms']:>8.1f}   {cpu}")
        notes = [f"{count} × {status}" for status, count in row["others"].items()]
        notes += [f"{count} {kind} errors" for kind, count in row["errors"].items()]
        if row["repeats"]:
            notes.append(f"{row['repeats']} requests of buyers seen before")
        if notes:
            print(f"{'':<17}also: {', '.join(notes)}")
        if row["sample"]:
            print(f"{'':<17}e.g. {row['sample'][:200]}")
