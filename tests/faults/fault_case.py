"""What the fault tests share: a crowd that keeps buying while something is broken on purpose."""

import os
import time

import harness
from harness import ClusterCase, Shoppers, check_buyers

# Longer runs and larger crowds on demand; the defaults keep the whole set within two minutes.
SELL_S = float(os.environ.get("FLASHSALE_TEST_FAULT_SECONDS", "1.0"))
BUYERS = int(os.environ.get("FLASHSALE_TEST_FAULT_BUYERS", "48"))
ROUNDS = int(os.environ.get("FLASHSALE_TEST_FAULT_ROUNDS", "1"))


class FaultCase(ClusterCase):
    instances = 2
    own_postgres = True

    def shoppers(self, sale, **how):
        how.setdefault("threads", BUYERS)
        how.setdefault("ports", self.ports)
        return Shoppers(self.cluster, sale, how.pop("ports"), **how)

    def sell_for(self, seconds=SELL_S):
        time.sleep(seconds)

    def wait_selling(self, shoppers, more=20, timeout_s=20):
        """Waits until the crowd gets orders again, which shows that the fault is over for buyers too."""
        before = shoppers.count("confirmed")
        harness.wait_until(lambda: shoppers.count("confirmed") >= before + more, timeout_s,
                           f"nothing is sold any more after {before} orders")

    def settle(self, shoppers, least=1, where=0):
        """Ends the crowd and holds everything that it saw against the stores."""
        ended_at = time.monotonic()
        purchases = shoppers.finish()
        self.assertEqual(shoppers.violations, [])
        self.assertGreaterEqual(sum(purchase.promised for purchase in purchases), least, "hardly anything was sold")
        unknown = [purchase for purchase in purchases if purchase.outcome == "unknown"]
        self.assertEqual(unknown, [], "buyers without a final answer")
        check_buyers(self.cluster, purchases, where, consistent_within_s=max(1.0, 10 - (time.monotonic() - ended_at)))
        self.replay(purchases, where)
        return purchases

    def replay(self, purchases, where=0, sample=40):
        """P4 holds afterwards too: a winner's key gives the same order, once more."""
        winners = [purchase for purchase in purchases if purchase.outcome == "confirmed"]
        for purchase in winners[:sample // 2] + winners[-sample // 2:]:
            response = self.cluster.buy(purchase.sale, purchase.customer, purchase.key, purchase.sku,
                                        purchase.quantity, where=where)
            self.check_status(response, 200)
            self.assertEqual({response.json()["id"]}, purchase.ids)
            self.assertEqual(response.json()["status"], "confirmed")
