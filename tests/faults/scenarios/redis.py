"""Redis is lost, wiped, frozen, replaced."""

import time

from scenario import Scenario


def flush(stage, chance):
    stage.redis.client.flushall()


def freeze(stage, chance):
    stage.redis.pause()
    time.sleep(chance.uniform(0.3, 2.5))
    stage.redis.resume()


SCENARIOS = [
    Scenario("redis/flushall", "FLUSHALL under live connections", flush, redis_may_be_lost=True),
    Scenario("redis/frozen", "SIGSTOP for 0.3 to 2.5 s", freeze),
]
