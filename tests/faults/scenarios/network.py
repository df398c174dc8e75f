"""The network between the programs breaks: towards Redis, towards PostgreSQL, in front of the instances."""

import collections
import contextlib
import functools
import time

import harness
from scenario import Scenario
from tcp_proxy import BACK, TOWARDS, Cut, TcpProxy

COMMIT = b"Q\0\0\0\x0bCOMMIT\0"  # as libpqxx sends it
JOURNAL_SESSIONS = 4             # two instances with two workers each
READY_WITHIN_S = 10
UNREADY_WITHIN_S = 5             # PostgreSQL's silence counts from 2.5 s


class NetworkStage(harness.Cluster):
    """Each instance reaches its stores, and is reached, through proxies of its own."""

    def __init__(self, scenario, redis=False, postgres=False, door=False):
        self._wanted = (redis, postgres, door)
        self.redis_links, self.postgres_links, self.doors = [], [], []
        super().__init__(scenario.instances, scenario.stage_settings, own_postgres=True,
                         nginx=scenario.through_nginx)

    def add_instance(self, settings=None, ready=True, **rest):
        redis, postgres, door = self._wanted
        routed = dict(settings or {})
        if redis:
            self.redis_links.append(TcpProxy(harness.free_port(), self.redis.port))
            routed["redis.url"] = _through(self.redis_links[-1], self.redis.server_url, self.redis.port)
        if postgres:
            self.postgres_links.append(TcpProxy(harness.free_port(), self.postgres.port))
            routed["postgres.url"] = _through(self.postgres_links[-1], self.postgres_url, self.postgres.port)
        instance = super().add_instance(routed, ready, **rest)
        if door:
            self.doors.append(TcpProxy(harness.free_port(), instance.port))
        return instance

    @property
    def ports(self):
        return [door.port for door in self.doors] or super().ports

    def stop(self, check=True):
        super().stop(check)
        for link in self.redis_links + self.postgres_links + self.doors:
            link.stop()


def _through(link, url, port):
    return url.replace(f"127.0.0.1:{port}", f"127.0.0.1:{link.port}")


def network(**links):
    return functools.partial(NetworkStage, **links)


# --- pieces of acts ---


@contextlib.contextmanager
def mended(*links):
    """What the block breaks is whole again after it."""
    try:
        yield
    finally:
        for link in links:
            link.mend()


def watch_for(seconds, links, direction, pattern, decide, how, is_enough):
    """So long, and then until it is enough."""
    with contextlib.ExitStack() as stack:
        for link in links:
            stack.enter_context(link.watching(direction, pattern, decide, how))
        time.sleep(seconds)
        harness.wait_until(is_enough, seconds, "hardly any connection was cut")


def readiness(instance):
    """What /readyz says; None: nothing in time, as on a slow machine."""
    with contextlib.suppress(OSError), contextlib.closing(instance.client(timeout_s=2)) as client:
        return client.get("/readyz").status
    return None


def wait_unready(instance):
    harness.wait_until(lambda: readiness(instance) == 503, UNREADY_WITHIN_S,
                       f"/readyz of instance {instance.number} is still 200 without a store")


def wait_ready(instance):
    harness.wait_until(lambda: readiness(instance) == 200, READY_WITHIN_S,
                       f"/readyz of instance {instance.number} is still 503")


def wait_all_ready(stage, _record=None):
    for instance in stage.instances:
        wait_ready(instance)


def wait_sells(stage, sale, number):
    """Instance `number` writes orders meanwhile."""
    def sells():
        return stage.buy(sale, stage.new_customer(), where=number).status == 201
    for _ in range(5):
        harness.wait_until(sells, READY_WITHIN_S, f"instance {number + 1} does not sell while the other is cut off",
                           0.05)


# --- acts, for whichever links a scenario is about ---


def broken(links_of, break_one, lasting):
    """break_one(link, chance) for every link; all are whole again after lasting(stage, chance)."""
    def act(stage, chance):
        with mended(*links_of(stage)):
            for link in links_of(stage):
                break_one(link, chance)
            lasting(stage, chance)
    return act


def for_seconds(least, most=None):
    return lambda _stage, chance: time.sleep(chance.uniform(least, most) if most else least)


def noticed_for_seconds(seconds):
    """No instance is ready any more; so long in all."""
    def last(stage, _chance):
        began = time.monotonic()
        for instance in stage.instances:
            wait_unready(instance)
        time.sleep(max(0.0, seconds - (time.monotonic() - began)))
    return last


def stalled(links_of, *directions):
    return broken(links_of, lambda link, _chance: link.stall(*directions), for_seconds(1, 3))


def throttled(links_of, least, most):
    return broken(links_of, lambda link, chance: link.throttle(chance.randint(least, most)), for_seconds(3))


def delayed(links_of, least_s, most_s):
    return broken(links_of, lambda link, chance: link.delay(chance.uniform(least_s, most_s)), for_seconds(3))


def cut_again_and_again(links_of, how):
    def act(stage, chance):
        until = time.monotonic() + 3
        while time.monotonic() < until:
            time.sleep(chance.uniform(0.05, 0.4))
            for link in links_of(stage):
                link.cut(how)
    return act


def cut_in_the_midst(links_of, direction, one_in, how=Cut.RESET, part=0.5):
    """Of one in so many pieces that pass, on average, a part is handed on, and then no more."""
    def act(stage, chance):
        cuts = [0]
        left = [0]

        def decide(_connection, data, _at):
            left[0] -= 1
            if left[0] > 0:
                return None
            left[0] = chance.randint(1, 2 * one_in)
            cuts[0] += 1
            return int(len(data) * part)

        watch_for(3, links_of(stage), direction, b"", decide, how, lambda: cuts[0] > 1)
    return act


def vanished(links_of):
    """Whoever has a connection is not told that its other end is gone; a new one works."""
    def act(stage, _chance):
        for link in links_of(stage):
            link.black_hole()
    return act


def refuse_and_cut(link, _chance=None):
    """Connections break, new ones are refused."""
    link.refuse()
    link.cut()


def away(links_of, seconds):
    return broken(links_of, refuse_and_cut, noticed_for_seconds(seconds))


def swallowed(links_of, seconds):
    """Nothing comes through, on old connections and new ones, and none is refused or cut."""
    return broken(links_of, lambda link, _chance: link.black_hole(new=True), noticed_for_seconds(seconds))


def for_one(make_act, links_of, *how, **more):
    """An act for one link alone, another one from round to round."""
    def act(stage, chance):
        link = chance.choice(links_of(stage))
        make_act(lambda _stage: [link], *how, **more)(stage, chance)
    return act


def one_is_cut_off(links_of):
    """links_of(stage) gives lists, each with a link for every instance; one instance loses all of its own."""
    def act(stage, chance):
        victim = chance.randrange(len(stage.instances))
        other = 1 - victim
        sale = stage.create_sale(stock=1000)
        links = [links[victim] for links in links_of(stage)]
        with mended(*links):
            for link in links:
                refuse_and_cut(link)
            wait_unready(stage.instances[victim])
            wait_ready(stage.instances[other])
            wait_sells(stage, sale, other)
            time.sleep(1)
    return act


def cut_during_commit(how, arrives, seconds=4, sessions_min=JOURNAL_SESSIONS, whose=b"journal-"):
    """The first COMMIT of each session whose name begins so, and one of three later ones, end their connections:
    before they arrive, or before their answers do."""
    def act(stage, chance):
        cuts = collections.Counter()

        def decide(connection, _data, at):
            if whose not in connection.opening:
                return None
            session = connection.proxy.port, connection.opening.partition(whose)[2].partition(b"\0")[0]
            if cuts[session] > 0 and chance.random() >= 1 / 3:
                return None
            cuts[session] += 1
            if not arrives:
                return at
            connection.lose_next(BACK, how)
            return None

        watch_for(seconds, stage.postgres_links, TOWARDS, COMMIT, decide, how, lambda: len(cuts) >= sessions_min)
    return act


# --- NGINX's way to one of two instances ---


def doors(stage):
    return stage.doors


def door_stalled(stage, chance):
    for_one(stalled, doors, chance.choice((TOWARDS, BACK)))(stage, chance)


def door_gone(stage, chance):
    """A host that is away: its connections stay silent, and a SYN is not answered."""
    door = chance.choice(stage.doors)
    with mended(door):
        door.ignore_new()
        door.black_hole()
        time.sleep(4)


def handed_on_late(stage, chance):
    """What lies between an instance and Redis gives connections up whenever checkouts come over them, and hands those
    on later: some in time, some past their deadline."""
    link = chance.choice(stage.redis_links)
    for _ in range(4):
        with link.arriving_late(b":buyers", chance.uniform(0.05, 1.5)):
            time.sleep(chance.uniform(0.05, 0.3))
        time.sleep(chance.uniform(0.3, 0.8))


def wiped_while_postgres_is_silent(stage, chance):
    """One instance has orders in Redis that it cannot write, and buyers take their keys to the other one, which
    rebuilds the sale."""
    link = chance.choice(stage.postgres_links)
    with mended(link):
        link.stall()
        time.sleep(chance.uniform(0.05, 0.5))
        stage.redis.client.flushall()
        time.sleep(chance.uniform(0.2, 4))


def to_redis(stage):
    return stage.redis_links


def to_postgres(stage):
    return stage.postgres_links


def to_both(stage):
    return [stage.redis_links, stage.postgres_links]


def scenario(name, how, act, stage, **rest):
    return Scenario(f"network/{name}", how, act, stage=stage, check_after=wait_all_ready, **rest)


# A buyer waits longer than any of these faults: no request may fail.
PATIENT = {"timeout_ms": 15_000}
REDIS = network(redis=True)
POSTGRES = network(postgres=True)
DOORS = network(door=True)

# A store that is away breaks no connection to a buyer, who has an answer in the end on a slow machine too.
of_redis = functools.partial(scenario, stage=REDIS, failures_max=0, load_options=PATIENT)
of_postgres = functools.partial(scenario, stage=POSTGRES, failures_max=0, load_options=PATIENT)
of_both = functools.partial(scenario, stage=network(redis=True, postgres=True), failures_max=0, load_options=PATIENT)
of_buyers = functools.partial(scenario, stage=DOORS)
of_nginx = functools.partial(scenario, stage=DOORS, through_nginx=True, failures_max=0, load_options=PATIENT)

SCENARIOS = [
    of_redis("redis_stalled_towards", "requests are held back for 1 to 3 s", stalled(to_redis, TOWARDS)),
    of_redis("redis_stalled_back", "replies are held back for 1 to 3 s", stalled(to_redis, BACK)),
    of_redis("redis_cut_in_mid_request", "half of a request arrives, then RST, for 3 s",
             cut_in_the_midst(to_redis, TOWARDS, one_in=25)),
    of_redis("redis_cut_in_mid_reply", "half of a reply arrives, then RST, for 3 s",
             cut_in_the_midst(to_redis, BACK, one_in=25)),
    of_redis("redis_reply_lost", "a request arrives and its reply never, FIN, for 3 s",
             cut_in_the_midst(to_redis, BACK, one_in=25, how=Cut.FIN, part=0)),
    of_redis("redis_throttled", "2 to 20 KB/s for each connection, for 3 s", throttled(to_redis, 2_000, 20_000)),
    of_redis("redis_delayed", "0.1 to 0.7 s later, each way, for 3 s", delayed(to_redis, 0.1, 0.7)),
    of_redis("redis_hands_on_late", "connections end under checkouts, which reach Redis 0.05 to 1.5 s later",
             handed_on_late),
    of_redis("redis_vanished", "every connection goes silent, no FIN; new ones work", vanished(to_redis), load_s=9),
    of_redis("redis_away", "RST, then refused, for 2 s", away(to_redis, 2)),
    of_redis("redis_swallowed", "old and new connections are silent for 4 s", swallowed(to_redis, 4), load_s=8),
    of_redis("redis_away_from_one", "RST, then refused, for one of two instances",
             one_is_cut_off(lambda stage: [stage.redis_links]), load_s=8),
    of_redis("redis_stalled_for_one", "requests of one of two instances are held back for 1 to 3 s",
             for_one(stalled, to_redis, TOWARDS)),

    of_postgres("postgres_stalled_towards", "queries are held back for 1 to 3 s", stalled(to_postgres, TOWARDS)),
    of_postgres("postgres_stalled_back", "results are held back for 1 to 3 s", stalled(to_postgres, BACK)),
    of_postgres("postgres_cut_rst", "RST to all connections every 0.2 s, for 3 s",
                cut_again_and_again(to_postgres, Cut.RESET)),
    of_postgres("postgres_cut_fin", "FIN to all connections every 0.2 s, for 3 s",
                cut_again_and_again(to_postgres, Cut.FIN)),
    of_postgres("postgres_cut_in_mid_result", "half of a result arrives, then RST, for 3 s",
                cut_in_the_midst(to_postgres, BACK, one_in=25)),
    of_postgres("postgres_cut_in_mid_query", "half of a query arrives, then RST, for 3 s",
                cut_in_the_midst(to_postgres, TOWARDS, one_in=25)),
    of_postgres("postgres_throttled", "2 to 20 KB/s for each connection, for 3 s",
                throttled(to_postgres, 2_000, 20_000)),
    of_postgres("postgres_delayed", "50 to 300 ms later, each way, for 3 s", delayed(to_postgres, 0.05, 0.3)),
    of_postgres("postgres_vanished", "every connection goes silent, no FIN; new ones work", vanished(to_postgres),
                load_s=12),
    of_postgres("postgres_away", "RST, then refused, for 4 s", away(to_postgres, 4), load_s=8),
    of_postgres("postgres_swallowed", "old and new connections are silent for 8 s", swallowed(to_postgres, 8),
                load_s=14, is_slow=True),
    of_postgres("postgres_away_from_one", "RST, then refused, for one of two instances",
                one_is_cut_off(lambda stage: [stage.postgres_links]), load_s=9),
    of_postgres("postgres_stalled_for_one", "queries of one of two instances are held back for 1 to 3 s",
                for_one(stalled, to_postgres, TOWARDS)),
    of_postgres("redis_wiped_while_postgres_silent",
                "PostgreSQL is silent for one of two instances; FLUSHALL; 0.2 to 4 s later it answers",
                wiped_while_postgres_is_silent, load_s=9, redis_may_be_lost=True),
    of_both("stores_away_from_one", "RST, then refused, from Redis and PostgreSQL to one of two instances",
            one_is_cut_off(to_both), load_s=9),

    of_postgres("commit_never_arrives_rst", "cut off before COMMIT is handed on, RST, for 4 s",
                cut_during_commit(Cut.RESET, arrives=False), load_s=8),
    of_postgres("commit_never_arrives_fin", "cut off before COMMIT is handed on, FIN, for 4 s",
                cut_during_commit(Cut.FIN, arrives=False), load_s=8),
    of_postgres("commit_answer_lost_rst", "cut off when COMMIT is answered, RST, for 4 s",
                cut_during_commit(Cut.RESET, arrives=True), load_s=8),
    of_postgres("commit_answer_lost_fin", "cut off when COMMIT is answered, FIN, for 4 s",
                cut_during_commit(Cut.FIN, arrives=True), load_s=8),

    # A silent session is given up after 6.5 s; the one that PostgreSQL still has keeps the item's row for 5 s.
    of_postgres("commit_swallowed", "connections go silent before COMMIT arrives, for 2 s",
                cut_during_commit(Cut.SILENCE, arrives=False, seconds=2, sessions_min=1), load_s=14, is_slow=True),
    of_postgres("commit_answer_swallowed", "connections go silent when COMMIT is answered, for 2 s",
                cut_during_commit(Cut.SILENCE, arrives=True, seconds=2, sessions_min=1), load_s=14, is_slow=True),

    of_buyers("buyers_cut_in_mid_request", "half of a request arrives, then RST, for 3 s",
              cut_in_the_midst(doors, TOWARDS, one_in=20)),
    of_buyers("buyers_cut_in_mid_answer", "half of an answer arrives, then RST, for 3 s",
              cut_in_the_midst(doors, BACK, one_in=20)),
    of_buyers("buyers_answer_lost", "an answer never arrives, RST, for 3 s",
              cut_in_the_midst(doors, BACK, one_in=20, part=0)),
    of_buyers("buyers_stalled_towards", "requests are held back for 1 to 3 s", stalled(doors, TOWARDS)),
    of_buyers("buyers_stalled_back", "answers are held back for 1 to 3 s", stalled(doors, BACK)),
    of_buyers("buyers_throttled", "500 to 5000 B/s for each connection, for 3 s", throttled(doors, 500, 5_000)),
    of_buyers("buyers_vanished", "every connection goes silent, no FIN; new ones work", vanished(doors)),

    of_nginx("nginx_closed", "RST, then refused, between NGINX and one of two instances, for 3 s",
             for_one(broken, doors, refuse_and_cut, for_seconds(3))),
    of_nginx("nginx_cut", "RST every 0.2 s between NGINX and one of two instances, for 3 s",
             for_one(cut_again_and_again, doors, Cut.RESET)),
    of_nginx("nginx_cut_in_mid_request", "half of a request arrives at one of two instances, then RST, for 3 s",
             for_one(cut_in_the_midst, doors, TOWARDS, one_in=10)),
    # In its head: when NGINX has passed that on, it cannot ask the next instance any more.
    of_nginx("nginx_cut_in_mid_answer", "a part of an answer's head comes from one of two instances, then RST, for 3 s",
             for_one(cut_in_the_midst, doors, BACK, one_in=10, part=0.05)),
    of_nginx("nginx_stalled", "one direction to one of two instances is held back for 1 to 3 s", door_stalled),
    of_nginx("nginx_gone", "one of two instances is silent and answers no SYN for 4 s", door_gone, load_s=8,
             load_options={"timeout_ms": 20_000}, is_slow=True),
]
