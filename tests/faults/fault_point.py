"""A flashsaled that dies, stops or dawdles between two steps of the protocol: the executable with fault points, see
include/flashsale/telemetry/fault_point.hpp.

All instances of a stage look at one file, so whoever reaches the step first, or the n-th time, is the victim.

Environment:
  FLASHSALED_FAULTS_BINARY  the binary (default tests/flashsaled-with-fault-points beside the one that is tested)
"""

import contextlib
import http.client
import itertools
import os
import pathlib
import signal

import harness
from scenario import Skip

BINARY = pathlib.Path(os.environ.get("FLASHSALED_FAULTS_BINARY",
                                     harness.BINARY.parent / "tests" / "flashsaled-with-fault-points")).resolve()


def make_stage(scenario, make=None):
    """`make(scenario, binary, environment)`: of another kind than the usual."""
    if not BINARY.exists():
        raise Skip(f"{BINARY} is not built")
    directory = harness.run_directory() / "fault-point"
    directory.mkdir(exist_ok=True)
    path = directory / "armed"
    how = {"binary": BINARY, "environment": {"FAULT_POINT_FILE": str(path)}}
    stage = make(scenario, **how) if make else harness.Cluster(scenario.instances, scenario.stage_settings,
                                                               own_postgres=True, **how)
    stage.fault_point_file = path
    stage.busy_sale = stage.create_sale(stock=1_000_000)
    disarm(stage)  # what a round that failed has left
    return stage


def arm(stage, point, action="kill", passes=1):
    stage.armed = f"{point} {action} {passes}"
    new = stage.fault_point_file.with_suffix(".new")
    new.write_text(stage.armed + "\n", encoding="ascii")
    new.replace(stage.fault_point_file)


def disarm(stage):
    stage.fault_point_file.unlink(missing_ok=True)


def wait_until_reached(stage, timeout_s=10):
    """Until somebody acts. A buyer of a sale of its own keeps all steps of orders and of cancellations busy: the
    crowd's sale may be sold out before a slow machine has come by often enough."""
    turn = itertools.count()

    def has_acted():
        if not stage.fault_point_file.exists():
            return True
        with contextlib.suppress(OSError, http.client.HTTPException), \
                contextlib.closing(stage.instances[next(turn) % len(stage.instances)].client(2)) as client:
            customer = stage.new_customer()
            order = stage.buy(stage.busy_sale, customer, client=client)
            if order.status == 201:
                client.request("POST", f"/v1/orders/{order.json()['id']}/cancel", headers=stage.bearer(customer))
        return False
    try:
        harness.wait_until(has_acted, timeout_s, f"nobody comes to {stage.armed}", 0.005)
    except BaseException:
        disarm(stage)
        raise


def wait_for_victim(stage, timeout_s=10):
    """The instance that has killed itself, once it has."""
    wait_until_reached(stage, timeout_s)
    victim = harness.wait_until(lambda: next((one for one in stage.instances
                                              if not one.alive and not one.expected_end), None), 5, "nobody died")
    if victim.process.exit_code != -signal.SIGKILL:
        raise harness.HarnessError(f"flashsaled-{victim.number} ended with {victim.process.exit_code}")
    victim.kill()  # it is dead: only told so
    return victim


def wait_for_stopped(stage, timeout_s=10):
    """The instance that has stopped itself, once it has."""
    wait_until_reached(stage, timeout_s)

    def stopped():
        for one in stage.instances:
            if harness.process_state(one.process.pid) == "T":
                return one
        return None
    return harness.wait_until(stopped, 5, "nobody stopped")
