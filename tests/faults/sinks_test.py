"""The stage with those who are told of events."""

import types
import unittest

import sinks


class StopTest(unittest.TestCase):
    def test_one_that_fails_leaves_nobody_running(self):
        stopped = []

        def part(name, failure=None):
            def stop():
                stopped.append(name)
                if failure is not None:
                    raise failure
            return types.SimpleNamespace(stop=stop, ident=1)
        stage = object.__new__(sinks.SinksStage)
        stage.broker, stage.proxy = part("broker"), part("proxy", OSError())
        stage.hooks = [part("hook", OSError()), part("other hook")]
        stage.readers = [part("feed"), part("queue", OSError())]
        with self.assertRaises(OSError):
            stage.stop()
        self.assertEqual({"broker", "proxy", "hook", "other hook", "feed", "queue"}, set(stopped))


if __name__ == "__main__":
    unittest.main()
