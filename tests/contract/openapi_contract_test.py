"""Holds the server against openapi.yaml: schemathesis makes requests of it, good and bad ones, for both listeners, and
judges every answer by it.

Needs the executable of schemathesis, which FLASHSALE_TEST_SCHEMATHESIS names; scripts/test --all installs it into
build/schemathesis where it can be had.
"""

import json
import os
import subprocess
import unittest

import harness
from harness import ROOT, ClusterCase
from harness.payment_provider import make_secret

SCHEMATHESIS = os.environ.get("FLASHSALE_TEST_SCHEMATHESIS", "")
NOT_INSTALLED = "schemathesis is not installed: scripts/test --all does that"
SECRET = make_secret()
HERE = ROOT / "tests" / "contract"
CASES_AN_OPERATION = 30
LIMIT_S = 300  # of one listener: much more than it takes


class ContractCase(ClusterCase):
    # As long a window as the API can ask for; what is less is the shop's setting.
    settings = {"payments.webhook_secrets": SECRET, "rate_limit.enabled": False, "payments.window_max_s": 604_800}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # What the examples name is there, so that they reach what lies behind "unknown".
        cls.cluster.create_sale(id="friday-drop", stock=1_000_000, payment="required", rehearsal=True)
        cls.cluster.create_sale(id="tickets", stock=1_000_000)

    def play(self, port, token, paths):
        environment = os.environ | {"FLASHSALE_CONTRACT_WEBHOOK_SECRET": SECRET, "NO_COLOR": "1",
                                    "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": f"{HERE}:{HERE}/harness",
                                    "PYTHONDONTWRITEBYTECODE": "1"}
        command = [SCHEMATHESIS, "--config-file", HERE / "schemathesis.toml", "run", ROOT / "openapi.yaml",
                   "--url", f"http://127.0.0.1:{port}", "--header", f"Authorization: Bearer {token}",
                   "--include-path-regex", paths, "--phases", "examples,coverage,fuzzing",
                   "--max-examples", str(CASES_AN_OPERATION), "--suppress-health-check", "all", "--seed", "1",
                   "--continue-on-failure", "--no-shrink", "--request-timeout", str(10 * harness.SLOWNESS)]
        played = subprocess.run(command, cwd=self.cluster.directory, env=environment, text=True, check=False,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT_S * harness.SLOWNESS)
        self.assertEqual(played.returncode, 0, played.stdout)
        return played.stdout


@unittest.skipUnless(SCHEMATHESIS, NOT_INSTALLED)
class PublicTest(ContractCase):
    def test_it_answers_as_described(self):
        told = self.play(self.cluster.ports[0], self.cluster.token("alice"),
                         "^/(livez|readyz|openapi|problems|v1/(?!sales/[^/]+/events))")  # which has no end
        self.assertRegex(told, r"Tested: 1[1-9]")


@unittest.skipUnless(SCHEMATHESIS, NOT_INSTALLED)
class AdminTest(ContractCase):
    """On servers of its own, since it closes sales and switches features off."""

    def test_it_answers_as_described(self):
        told = self.play(self.cluster.instances[0].admin_port, self.cluster.admin_token,
                         "^/(livez|readyz|metrics|admin/(?!v1/(events|ops)/stream))")  # which has no end
        self.assertRegex(told, r"Tested: (19|[2-9]\d)")


if __name__ == "__main__":
    unittest.main()
