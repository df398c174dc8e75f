"""A Redis master with a replica under three Sentinels, and instances whose connections follow the master.

Each server has a face, a switch through which Sentinels and the other server reach it: cutting it isolates a server
that clients still reach. Each instance has a switch of its own, which is pointed to whom Sentinel names.
"""

import contextlib
import threading
import time

import redis as redis_py

import harness
import scenario
from redis_switch import Switch

NAME = "shop"
QUORUM = 2
# The defaults take ten seconds until a master that comes back is made a replica.
PERIODS_MS = {"info-period": 500, "publish-period": 250, "ask-period": 200, "ping-period": 200}


class Sentinel:
    def __init__(self, directory, number, master_port, password):
        self.port = harness.free_port()
        path = directory / f"sentinel-{number}.conf"
        path.write_text(f"port {self.port}\nbind 127.0.0.1\ndir {directory}\nprotected-mode no\n"
                        f"sentinel monitor {NAME} 127.0.0.1 {master_port} {QUORUM}\n"
                        f"sentinel auth-pass {NAME} {password}\n"
                        f"sentinel down-after-milliseconds {NAME} 1000\n"
                        f"sentinel failover-timeout {NAME} 3000\n", encoding="ascii")
        self.process = harness.Process(f"sentinel-{number}", ["redis-server", path, "--sentinel"],
                                       directory / f"sentinel-{number}.log")
        self.client = redis_py.Redis(port=self.port, socket_timeout=2)
        harness.wait_until(self._answers, 10, f"Sentinel on port {self.port}: {self.process.log_tail()}")
        for name, value in PERIODS_MS.items():
            self.client.execute_command("SENTINEL", "DEBUG", name, value)

    def _answers(self):
        with contextlib.suppress(redis_py.exceptions.RedisError):
            return self.client.ping()
        return False

    def master_port(self):
        """None when it does not answer."""
        with contextlib.suppress(redis_py.exceptions.RedisError, OSError):
            return int(self.client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)[1])
        return None

    def state(self):
        return self.client.sentinel_master(NAME)


class Node:
    """A Redis server and its face."""

    def __init__(self, server):
        self.server = server
        self.face = Switch(server.port)
        options = {"replica-announce-ip": "127.0.0.1", "replica-announce-port": self.face.port,
                   "masterauth": server.password, "repl-diskless-sync-delay": 0}
        for name, value in options.items():
            server.extra += [f"--{name}", value]
            server.client.config_set(name, value)

    def follow(self, other):
        self.server.client.replicaof("127.0.0.1", other.face.port)

    def info(self):
        return self.server.client.info("replication")

    def is_replica(self):
        with contextlib.suppress(redis_py.exceptions.RedisError):
            info = self.info()
            return info["role"] == "slave" and info["master_link_status"] == "up"
        return False

    def isolate(self):
        self.face.cut()

    def rejoin(self):
        self.face.point_to(self.server.port)


class Stage(harness.Cluster):
    def __init__(self, one):
        self.nodes, self.sentinels, self.switches = [], [], []
        self._held = set()
        self._ended = threading.Event()
        super().__init__(0, one.stage_settings, own_postgres=True)
        try:
            self._start(one.instances)
        except BaseException:
            self.stop(check=False)
            raise

    def _start(self, instances):
        second = harness.RedisServer(self.directory / "redis-2", password=self.redis.password)
        self.nodes = [Node(self.redis), Node(second)]
        self.nodes[1].follow(self.nodes[0])
        harness.wait_until(self.nodes[1].is_replica, 10, "the replica is not in step")
        for number in (1, 2, 3):
            self.sentinels.append(Sentinel(self.directory, number, self.nodes[0].face.port, self.redis.password))
        harness.wait_until(self.is_watched, 20, "the Sentinels do not know each other", 0.1)
        for _ in range(instances):
            switch = Switch(self.redis.port)
            self.switches.append(switch)
            url = f"redis://flashsale:{self.redis.password}@127.0.0.1:{switch.port}/0"
            self.add_instance({"redis.url": url}, ready=False)
        threading.Thread(target=self._follow, daemon=True).start()
        for instance in self.instances:
            instance.wait_ready()

    def is_watched(self):
        """Every Sentinel knows the two others and the replica, and nobody is thought to be down."""
        with contextlib.suppress(redis_py.exceptions.RedisError):
            states = [sentinel.state() for sentinel in self.sentinels]
            return (len({state["port"] for state in states}) == 1 and
                    all(state["num-other-sentinels"] == 2 and state["num-slaves"] == 1 and state["flags"] == "master"
                        for state in states))
        return False

    def _follow(self):
        while not self._ended.wait(0.05):
            port = next((port for port in (sentinel.master_port() for sentinel in self.sentinels) if port), None)
            node = next((node for node in self.nodes if node.face.port == port), None)
            for number, switch in enumerate(self.switches):
                if node is not None and number not in self._held and switch.target != node.server.port:
                    switch.point_to(node.server.port)

    def hold(self, *instances):
        """These stay connected to whom they are connected to."""
        self._held |= set(instances)

    def release(self):
        self._held.clear()

    def master_and_replica(self):
        """As the Sentinels agree."""
        harness.wait_until(self.is_watched, 20, "the Sentinels do not agree", 0.1)
        port = self.sentinels[0].master_port()
        master = next(node for node in self.nodes if node.face.port == port)
        replica = next(node for node in self.nodes if node is not master)
        harness.wait_until(replica.is_replica, 20, "the replica is not in step", 0.05)
        return master, replica

    def wait_master(self, node, timeout_s=15):
        """Until every Sentinel names it and it is one."""
        harness.wait_until(lambda: all(sentinel.master_port() == node.face.port for sentinel in self.sentinels) and
                           node.info()["role"] == "master", timeout_s, "no failover", 0.02)

    def fail_over_to(self, node):
        """A planned one: needs no majority, and the master need not be down. Begun again when Sentinel gives up, as
        when it has not yet learnt that the replica is a good one."""
        def is_done():
            with contextlib.suppress(redis_py.exceptions.ResponseError):  # one is under way, or no replica is good
                if self.sentinels[0].master_port() != node.face.port:
                    self.sentinels[0].client.execute_command("SENTINEL", "FAILOVER", NAME)
            return self.sentinels[0].master_port() == node.face.port
        harness.wait_until(is_done, 20, "Sentinel does not fail over", 0.2)
        self.wait_master(node)

    def stop(self, check=True):
        self._ended.set()
        for instance in self.instances:
            if instance.alive:
                instance.terminate()
        try:
            super().stop(check)
        finally:
            for sentinel in self.sentinels:
                sentinel.process.end()
            for node in self.nodes:
                node.face.close()
                if node.server is not self.redis:
                    node.server.stop()
            for switch in self.switches:
                switch.close()

    def log_tails(self):
        parts = [super().log_tails()]
        parts += [f"--- {one.process.name}\n{one.process.log_tail()[-1500:]}" for one in self.sentinels]
        parts += [f"--- {node.server.process.name}\n{node.server.process.log_tail()[-1500:]}" for node in self.nodes]
        return "\n".join(parts)


# --- what breaks ---


def kill_master(stage, chance):
    """The replica may lack the last writes, as replication is asynchronous."""
    master, replica = stage.master_and_replica()
    master.server.kill()
    stage.wait_master(replica)
    time.sleep(chance.uniform(0, 0.5))
    master.server.start()
    harness.wait_until(master.is_replica, 20, "the old master is no replica", 0.05)


def split(stage, chance):
    """Neither Sentinels nor the replica reach the master, but one instance does, and goes on selling there. The
    replica, which lacks all that came since, is promoted for the other instance; then the old master is made its
    replica."""
    master, replica = stage.master_and_replica()
    stage.hold(chance.randrange(2))
    master.isolate()
    try:
        stage.wait_master(replica)
        time.sleep(chance.uniform(0.2, 2))
    finally:
        master.rejoin()
    harness.wait_until(master.is_replica, 20, "the old master is no replica", 0.05)
    time.sleep(chance.uniform(0, 0.5))
    stage.release()


def fail_over_and_back(stage, chance):
    """The same server with the same run_id is master again, without the writes that its replica had missed (R6). One
    instance speaks to it all the time."""
    master, replica = stage.master_and_replica()
    stage.hold(chance.randrange(2))
    master.isolate()
    try:
        time.sleep(chance.uniform(0.1, 0.5))
        stage.fail_over_to(replica)
    finally:
        master.rejoin()
    harness.wait_until(master.is_replica, 20, "the old master is no replica", 0.05)
    stage.fail_over_to(master)
    stage.release()


def back_by_hand(stage, chance):
    """The same with REPLICAOF alone, which cuts no client's connection: everybody speaks to the same server all the
    time, which for a moment was a replica and has lost its last writes."""
    master, replica = stage.master_and_replica()
    stage.hold(0, 1)
    run_id = master.server.client.info("server")["run_id"]
    with scenario.stopped(*(sentinel.process.pid for sentinel in stage.sentinels)):
        replica.server.client.replicaof("NO", "ONE")
        time.sleep(chance.uniform(0.05, 0.5))
        master.follow(replica)
        harness.wait_until(master.is_replica, 10, "no replica", 0.001)
        master.server.client.replicaof("NO", "ONE")
        assert master.server.client.info("server")["run_id"] == run_id
        replica.follow(master)
    stage.release()
