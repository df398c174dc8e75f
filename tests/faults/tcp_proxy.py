"""A TCP proxy on loopback that breaks the network between two programs on purpose.

It hands bytes on between whoever connects to `port` and a server on `target_port`, and can, in each direction apart,
hold them back (stall), let them trickle (throttle), keep them for a while (delay), swallow them (black hole), and end
connections with RST, with FIN or with nothing at all, also at a chosen byte of the stream (`watching`). What it cannot
show is a peer that no longer acknowledges: the kernel of this machine does that for it.
"""

import asyncio
import contextlib
import dataclasses
import enum
import socket
import struct
import threading
from collections.abc import Callable

CHUNK_BYTES = 65536
OPENING_BYTES = 1024  # of what a client sends first: enough to know a session of PostgreSQL by its name
THROTTLE_STEP_S = 0.05
BACKLOG = 1024
_NO_LINGER = struct.pack("ii", 1, 0)


class Direction(enum.Enum):
    TOWARDS = "towards the server"
    BACK = "back to the client"


TOWARDS, BACK = Direction.TOWARDS, Direction.BACK
BOTH = (TOWARDS, BACK)


class Cut(enum.Enum):
    RESET = "RST to both ends"
    FIN = "FIN to both ends"
    SILENCE = "neither end hears of the other again"


class _Flow:
    """What happens to the bytes of one direction of one connection, or of those still to come."""

    def __init__(self, other=None):
        self.open = asyncio.Event()
        if other is None or other.open.is_set():
            self.open.set()
        self.bytes_per_s = other.bytes_per_s if other else None
        self.delay_s = other.delay_s if other else 0.0
        self.is_swallowing = other.is_swallowing if other else False

    def mend(self):
        """What was swallowed cannot be mended: the peer stays away for good."""
        self.bytes_per_s = None
        self.delay_s = 0.0
        self.open.set()


class Connection:
    """One client, its connection to the server, and the two flows. For the proxy's thread alone."""

    def __init__(self, proxy, loop, client, server, flows):
        self.proxy = proxy
        self._loop = loop
        self._ends = (client, server)
        self._tasks = []
        self._running = 0
        self._awaiting_cut = {}  # direction → how: whatever comes next in it is lost
        self.flows = flows
        self.opening = b""
        self.tails = {TOWARDS: b"", BACK: b""}  # the last bytes that passed, for patterns that come in pieces
        self.is_closed = False

    def run(self):
        for direction in BOTH:
            self._running += 1
            self._tasks.append(self._loop.create_task(self._pump(direction)))

    def lose_next(self, direction, how=Cut.RESET):
        """Ends the connection as soon as anything comes in `direction`, instead of handing it on."""
        self._awaiting_cut[direction] = how

    def cut(self, how):
        if self.is_closed:
            return
        if how is Cut.RESET:
            for end in self._ends:
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self.close()
            return
        # The ends are read on, so that what they still send turns no FIN into RST.
        for flow in self.flows.values():
            flow.is_swallowing = True
            flow.mend()
        if how is Cut.FIN:
            for end in self._ends:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_WR)

    def lose_client(self):
        """The client sees the connection end; the server gets what is on its way to it."""
        self.flows[BACK].is_swallowing = True
        with contextlib.suppress(OSError):
            self._ends[0].shutdown(socket.SHUT_RDWR)

    def close(self):
        if self.is_closed:
            return
        self.is_closed = True
        for task in self._tasks:
            if task is not asyncio.current_task(self._loop):
                task.cancel()
        for end in self._ends:
            # Before the descriptor's number can be another socket's.
            self._loop.remove_reader(end)
            self._loop.remove_writer(end)
            end.close()
        self.proxy.forget(self)

    async def _pump(self, direction):
        flow = self.flows[direction]
        source, sink = self._ends if direction is TOWARDS else reversed(self._ends)
        try:
            while await self._pass_on(direction, flow, source, sink):
                pass
            if not flow.is_swallowing and not self.is_closed:
                sink.shutdown(socket.SHUT_WR)
        except OSError:
            if not flow.is_swallowing:
                self.cut(Cut.RESET)
        self._running -= 1
        if self._running == 0:
            self.close()

    async def _pass_on(self, direction, flow, source, sink):
        """One piece of the stream. False: there is no more."""
        await flow.open.wait()
        data = await self._loop.sock_recv(source, CHUNK_BYTES)
        if flow.delay_s > 0:
            await asyncio.sleep(flow.delay_s)
        await flow.open.wait()
        if not data or flow.is_swallowing:
            return bool(data)
        if direction is TOWARDS and len(self.opening) < OPENING_BYTES:
            self.opening += data[:OPENING_BYTES]
        if direction in self._awaiting_cut:
            self.cut(self._awaiting_cut.pop(direction))
            return not self.is_closed
        late_s = self.proxy.lateness(self, direction, data)
        if late_s is not None:
            self.lose_client()
            await asyncio.sleep(late_s)
        ending = self.proxy.look(self, direction, data)
        if ending is not None:
            keep, how = ending
            await self._loop.sock_sendall(sink, data[:keep])
            self.cut(how)
            return not self.is_closed
        while flow.bytes_per_s is not None and data and not flow.is_swallowing:
            step = max(1, int(flow.bytes_per_s * THROTTLE_STEP_S))
            await self._loop.sock_sendall(sink, data[:step])
            await asyncio.sleep(step / flow.bytes_per_s)
            data = data[step:]
        if not flow.is_swallowing:
            await self._loop.sock_sendall(sink, data)
        return True


@dataclasses.dataclass
class Watch:
    direction: Direction
    pattern: bytes
    act: Callable
    how: Cut


class TcpProxy:
    """Every method has done its work when it returns. They are for all threads but the proxy's own, in which the
    `act`s of `watching` run."""

    def __init__(self, port, target_port):
        self._target = ("127.0.0.1", target_port)
        self._watches = []
        self._connections = set()
        self._new = {direction: _Flow() for direction in BOTH}
        self._listener = self._accepting = None
        self._fillers = []
        self._late = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{target_port}", daemon=True)
        self._thread.start()
        self.port = port
        self._do(self._listen)

    # --- what breaks ---

    def stall(self, *directions, existing=True, new=True):
        """Nothing passes until `mend`: the sender's kernel keeps what it sends, as when the receiver is frozen."""
        self._change(directions, existing, new, lambda flow: flow.open.clear())

    def throttle(self, bytes_per_s, *directions, existing=True, new=True):
        """For each connection."""
        self._change(directions, existing, new, lambda flow: setattr(flow, "bytes_per_s", bytes_per_s))

    def delay(self, seconds, *directions, existing=True, new=True):
        """At least so long, and up to twice: what comes while others wait leaves after them."""
        self._change(directions, existing, new, lambda flow: setattr(flow, "delay_s", seconds))

    def black_hole(self, *directions, existing=True, new=False):
        """Takes every byte and says nothing, not even that an end has closed. Connections that this has met stay so
        after `mend`: a peer that vanished does not come back."""
        self._change(directions, existing, new, lambda flow: setattr(flow, "is_swallowing", True))

    def cut(self, how=Cut.RESET):
        """Ends every connection; the number of them."""
        def cut_all():
            count = len(self._connections)
            for connection in list(self._connections):
                connection.cut(how)
            return count
        return self._do(cut_all)

    def refuse(self):
        """New connections are refused, as when nobody listens."""
        self._do(self._stop_listening)

    def ignore_new(self):
        """SYNs are dropped, as by a host that is away: the accept queue is full, and stays so."""
        def fill():
            self._accepting.cancel()
            self._loop.remove_reader(self._listener)
            self._listener.listen(0)
            while True:
                filler = socket.socket()
                self._fillers.append(filler)
                filler.settimeout(0.2)
                try:
                    filler.connect(("127.0.0.1", self.port))
                except TimeoutError:
                    return
        self._do(fill)

    def mend(self):
        """New connections are accepted and whole, and the existing ones go on where they stand."""
        def heal():
            self._new = {direction: _Flow() for direction in BOTH}
            for connection in self._connections:
                for flow in connection.flows.values():
                    flow.mend()
            if self._fillers:
                self._stop_listening()
            if self._listener is None:
                self._listen()
        self._do(heal)

    @contextlib.contextmanager
    def watching(self, direction, pattern, act, how=Cut.RESET):
        """Calls `act(connection, data, at)` whenever `pattern` passes in `direction`, before it does. `data` is what
        is about to be handed on, and the pattern begins at data[at]; its first bytes may have gone before (at < 0).
        With an empty pattern, whenever anything passes. Where `act` returns a number, so many bytes of `data` are
        handed on and the connection is ended as `how` says."""
        watch = Watch(direction, pattern, act, how)
        self._do(lambda: self._watches.append(watch))
        try:
            yield
        finally:
            self._do(lambda: self._watches.remove(watch))

    @contextlib.contextmanager
    def arriving_late(self, pattern, seconds):
        """Whenever `pattern` passes towards the server, its client loses the connection, as by a time-out of what lies
        between; what it has sent arrives after `seconds`, for nobody."""
        self._late = (pattern, seconds)
        try:
            yield
        finally:
            self._late = None

    @property
    def connections(self):
        """How many are open."""
        return self._do(lambda: len(self._connections))

    def stop(self):
        if self._loop.is_closed():
            return

        def end():
            self._stop_listening()
            for connection in list(self._connections):
                connection.cut(Cut.RESET)
        self._do(end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # --- in the proxy's thread ---

    def look(self, connection, direction, data):
        """(bytes to hand on, how to end it) when a watch ends the connection."""
        for watch in self._watches:
            if watch.direction is not direction:
                continue
            for at in _places(connection.tails[direction], data, watch.pattern):
                keep = watch.act(connection, data, at)
                if keep is not None:
                    return max(0, min(keep, len(data))), watch.how
        longest = max((len(watch.pattern) for watch in self._watches), default=0)
        if longest > 1:
            connection.tails[direction] = (connection.tails[direction] + data)[1 - longest:]
        return None

    def lateness(self, connection, direction, data):
        late = self._late
        is_met = late is not None and direction is TOWARDS and not connection.flows[BACK].is_swallowing
        return late[1] if is_met and late[0] in data else None

    def forget(self, connection):
        self._connections.discard(connection)

    def _change(self, directions, existing, new, change):
        def apply():
            for direction in directions or BOTH:
                if new:
                    change(self._new[direction])
                if existing:
                    for connection in self._connections:
                        change(connection.flows[direction])
        self._do(apply)

    def _listen(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
        self._listener = listener
        self._accepting = self._loop.create_task(self._accept(listener))

    def _stop_listening(self):
        if self._listener is not None:
            self._accepting.cancel()
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        for filler in self._fillers:
            filler.close()
        self._fillers = []

    async def _accept(self, listener):
        opening = set()  # the loop itself holds tasks only weakly
        while True:
            client, _ = await self._loop.sock_accept(listener)
            task = self._loop.create_task(self._open(client))
            opening.add(task)
            task.add_done_callback(opening.discard)

    async def _open(self, client):
        flows = {direction: _Flow(flow) for direction, flow in self._new.items()}
        server = socket.socket()
        server.setblocking(False)
        try:
            await self._loop.sock_connect(server, self._target)
        except OSError:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            client.close()
            server.close()
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(self, self._loop, client, server, flows)
        self._connections.add(connection)
        connection.run()

    def _do(self, work):
        """Runs `work` in the proxy's thread and gives what it returns."""
        async def run():
            return work()
        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()


def _places(tail, data, pattern):
    """Where `pattern` begins in `data`, counted from its first byte; negative: in the tail before it."""
    if not pattern:
        yield 0
        return
    tail = tail[1 - len(pattern):] if len(pattern) > 1 else b""
    text = tail + data
    at = text.find(pattern)
    while at >= 0:
        yield at - len(tail)
        at = text.find(pattern, at + 1)
