"""gpuwise serve is killed with SIGKILL at random points of reading and closing, on SQLite and on PostgreSQL. However often, the history that is
there in the end is that of a run that nobody disturbed: each hour once, each leaf as it was.

GW_KILLS (12) says how often for each store; `make kill` takes 200.
"""
import itertools, os, random, shutil, sys, tempfile, time, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import postgres  # noqa: E402
from served import Daemon, gpuwise  # noqa: E402

KILLS = int(os.environ.get("GW_KILLS", "12"))
ROUND = 6


def is_done(s):
    return s["state"] == "ready" and s["hoursWaiting"] == 0 and s["lastTurn"]["at"]


def books(store):
    """Every hour of an export with all its leaves. The trail of corrections is not looked at: it tells of the kills."""
    return [line for line in gpuwise("export", "history", "--store", store).stdout.splitlines() if line.startswith('{"hour"')]


class Kills(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="gw-kill-")
        self.addCleanup(shutil.rmtree, self.dir, True)

    def whole_run(self, store):
        d = Daemon("--demo", "--store", store).wait_url()
        try:
            d.wait_status(is_done, "every hour to be closed")
        finally:
            code = d.stop()
        self.assertEqual(code, 0)

    def check(self, quiet, harassed):
        started = time.time()
        self.whole_run(quiet)
        took = time.time() - started
        want = books(quiet)
        self.assertEqual(len(want), 168 * 5)  # the sample fleet's week: four clusters, and the control planes' fees
        rng = random.Random(20261121)
        left = KILLS
        while left > 0:  # a new history every few kills, so that there are always hours to be closed
            store = harassed()
            for _ in range(min(left, ROUND)):
                d = Daemon("--demo", "--store", store)
                time.sleep(rng.uniform(0, took))
                d.kill()
            left -= ROUND
            self.whole_run(store)
            got = books(store)
            self.assertEqual(len(got), len(want))
            for g, w in zip(got, want):
                self.assertEqual(g, w)

    def test_sqlite(self):
        numbers = itertools.count()
        self.check("sqlite:" + os.path.join(self.dir, "quiet.db"), lambda: "sqlite:" + os.path.join(self.dir, "harassed-%d.db" % next(numbers)))

    def test_a_narrower_window_changes_no_hour(self):
        """A second run that sees only a part of an hour leaves it as it was closed."""
        store = "sqlite:" + os.path.join(self.dir, "narrow.db")
        self.whole_run(store)
        want = books(store)
        d = Daemon("--demo", "--store", store, "--from", "2026-09-08T10:30:00Z", "--to", "2026-09-08T12:30:00Z").wait_url()
        try:
            d.wait_status(is_done, "the window to be read")
        finally:
            d.stop()
        self.assertEqual(books(store), want)

    @unittest.skipUnless(postgres.find(), "PostgreSQL's server is not installed")
    def test_postgres(self):
        p = postgres.Postgres()
        self.addCleanup(p.stop)
        numbers = itertools.count()
        self.check(p.database("quiet"), lambda: p.database("harassed%d" % next(numbers)))


if __name__ == "__main__":
    unittest.main()
