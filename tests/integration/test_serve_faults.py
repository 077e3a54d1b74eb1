"""gpuwise serve when the world around it fails: Prometheus down or lying, the disk full, the database down, the clock set. It never ends, no
closed hour is lost, /readyz says what is wrong, and when the trouble is over all is well again.

The live Prometheus is a double (faulty.py) that knows samples up to now, since a real one cannot be made to lie; databases and disks are real.
"""
# quick
import json, os, resource, shutil, signal, subprocess, sys, tempfile, time, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import faulty, postgres  # noqa: E402
from served import Daemon  # noqa: E402

HOUR = 3600
T0 = 1_790_000_000 // 86400 * 86400  # a midnight
AS_OF = T0 + 3 * HOUR + 11 * 60  # three hours are over, and late samples had their ten minutes


def stamp(t):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t))


class Live:
    """A Prometheus that scrapes: samples up to `now`, which a test moves."""

    def __init__(self, now=AS_OF):
        self.now = now
        self.series = faulty.fleet_series(T0, 12 * HOUR)
        self.lie = None
        self.server = faulty.Server(self.answer)
        self.port = self.server.server_address[1]
        self.url = "http://127.0.0.1:%d" % self.port

    def answer(self, h):
        if self.lie and self.lie(h):
            return None
        known = [(n, l, [s for s in samples if s[0] <= self.now]) for n, l, samples in self.series]
        return faulty.prometheus(known)(h)

    def stop(self):
        self.server.stop()


class Faults(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="gw-fault-")
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.live = Live()
        self.addCleanup(lambda: self.live.stop())

    def start(self, *args, store=None, **kw):
        d = Daemon("--prometheus", self.live.url, "--no-kubernetes", "--from", stamp(T0), "--as-of", stamp(AS_OF), "--turn", "200ms", "--retries", "0",
                   "--store", store or "sqlite:" + os.path.join(self.dir, "history.db"), *args, **kw).wait_url()
        self.addCleanup(lambda: d.process.poll() is None and d.kill())
        return d

    def closed(self, d):
        return d.status()["hoursClosed"]

    def ready(self, d):
        status, body, _ = d.ask("/readyz")
        return status, json.loads(body)

    def bill(self, d):
        return d.get("/api/v1/report?window=%s,%s" % (stamp(T0), stamp(T0 + 2 * HOUR)))["total"]["cost"]["bill"]

    def test_prometheus_goes_and_comes_back(self):
        d = self.start()
        d.wait_ready()
        self.assertEqual(self.ready(d)[0], 200)
        bill = self.bill(d)
        self.assertAlmostEqual(bill, 2 * 0.526, places=3)  # g4dn.xlarge in us-east-1, list price
        self.live.lie = lambda h: h.hang_up() or True  # what is connected already is cut off too
        self.live.server.stop()
        d.wait_status(lambda s: s["state"] == "failing", "state failing")
        status, body = self.ready(d)
        self.assertEqual(status, 503)
        self.assertIn("source cannot be read", json.dumps(body))
        self.assertEqual(self.bill(d), bill)  # the last good state
        self.live.lie = None
        self.live.server = faulty.Server(self.live.answer, port=self.live.port)
        d.wait_ready()
        self.assertEqual(d.stop(), 0)

    def test_a_source_that_lies(self):
        d = self.start()
        d.wait_ready()
        bill, closed = self.bill(d), self.closed(d)
        lies = [
            lambda h: h.reply("<html>sign in</html>", kind="text/html") or True,
            lambda h: h.reply('{"status":"success","data":{"resultType":"matrix","result":[{"metric":', kind="application/json") or True,
            lambda h: h.reply({"status": "success", "data": {"resultType": "matrix", "result": [
                {"metric": {"__name__": "DCGM_FI_DEV_GPU_UTIL", "UUID": faulty.GPU, "gpu": "0", "Hostname": faulty.NODE},
                 "values": [[1e300, "1"], [-5, "nan"], ["x", 7]]}]}}) or True,
            lambda h: h.reply(b"\x00" * 4096, kind="application/json") or True,
            lambda h: h.cut(b'{"status":"success"') or True,
        ]
        for lie in lies:
            self.live.lie = lie
            d.wait_turns(2)
            self.assertEqual(self.bill(d), bill)
            self.assertGreaterEqual(self.closed(d), closed)
        self.live.lie = None
        d.wait_ready()
        self.assertEqual(self.bill(d), bill)
        self.assertEqual(d.stop(), 0)

    def test_no_new_samples_is_stale_and_closes_nothing(self):
        d = self.start()
        d.wait_ready()
        closed = self.closed(d)
        self.assertEqual(d.stop(), 0)
        d = Daemon("--prometheus", self.live.url, "--no-kubernetes", "--from", stamp(T0), "--as-of", stamp(AS_OF + 5 * HOUR), "--turn", "200ms",
                   "--store", "sqlite:" + os.path.join(self.dir, "history.db")).wait_url()
        self.addCleanup(lambda: d.process.poll() is None and d.kill())
        s = d.wait_status(lambda s: s["state"] == "stale", "state stale")
        self.assertIn("newest sample", json.dumps(s["reasons"]))
        self.assertEqual(self.closed(d), 0)  # this process closed none: they were there, and what nobody reported is no hour
        self.assertEqual(closed, 3)
        status, body, _ = d.ask("/api/v1/plan")
        self.assertNotEqual(status, 200)
        self.assertIn("stale", body.decode())
        self.assertEqual(d.stop(), 0)

    def test_database_down_while_an_hour_ends(self):
        if not postgres.find():
            self.skipTest("PostgreSQL's server is not installed")
        p = postgres.Postgres()
        self.addCleanup(p.stop)
        url = p.database("books")
        d = self.start(store=url)
        d.wait_status(lambda s: s["hoursClosed"] == 3, "three hours")
        d.stop()
        # a second process starts half a minute before the fourth hour may be closed, and then the database goes
        self.live.now = T0 + 4 * HOUR + 600
        d = Daemon("--prometheus", self.live.url, "--no-kubernetes", "--from", stamp(T0), "--as-of", stamp(T0 + 4 * HOUR + 595), "--turn", "200ms",
                   "--store", url).wait_url()
        self.addCleanup(lambda: d.process.poll() is None and d.kill())
        d.wait_ready()
        p.halt()
        s = d.wait_status(lambda s: s["state"] == "failing" and s["hoursWaiting"] == 1, "one hour that waits")
        self.assertIn("store", json.dumps(s["reasons"]))
        self.assertEqual(self.ready(d)[0], 503)
        self.assertGreater(self.bill(d), 0)
        p.start()
        d.wait_status(lambda s: s["state"] == "ready" and s["hoursWaiting"] == 0, "the hour in the store")
        self.assertEqual(len(d.get("/api/v1/history?window=%s,%s&step=hour" % (stamp(T0), stamp(T0 + 4 * HOUR)))["steps"]), 4)
        self.assertEqual(d.stop(), 0)

    def test_disk_full(self):
        """A limit on the size of files stands for a full disk: writes beyond it fail in the same way."""
        if not shutil.which("prlimit"):
            self.skipTest("prlimit is not installed")

        def small():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (33792, resource.RLIM_INFINITY))

        store = "sqlite:" + os.path.join(self.dir, "small.db")
        d = self.start(store=store)  # makes the schema while there is room
        d.wait_status(lambda s: s["hoursClosed"] == 3, "three hours")
        self.assertEqual(d.stop(), 0)
        self.live.now = T0 + 11 * HOUR + 660
        d = Daemon("--prometheus", self.live.url, "--no-kubernetes", "--from", stamp(T0), "--as-of", stamp(self.live.now), "--turn", "200ms",
                   "--store", store, preexec_fn=small).wait_url()
        self.addCleanup(lambda: d.process.poll() is None and d.kill())
        s = d.wait_status(lambda s: s["state"] == "failing" and s["hoursWaiting"] > 0, "hours that do not fit")
        self.assertIn("store", json.dumps(s["reasons"]))
        self.assertEqual(self.ready(d)[0], 503)
        subprocess.run(["prlimit", "--pid", str(d.process.pid), "--fsize=unlimited"], check=True)
        d.wait_status(lambda s: s["state"] == "ready" and s["hoursWaiting"] == 0, "the hours in the store")
        history = d.get("/api/v1/history?window=%s,%s&step=hour" % (stamp(T0), stamp(T0 + 11 * HOUR)))
        self.assertEqual([round(x["total"]["cost"]["bill"], 3) for x in history["steps"]], [0.526] * 11)
        self.assertEqual(d.stop(), 0)

    def test_clock_jumps(self):
        lib = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
        if not os.path.exists(lib):
            self.skipTest("libfaketime is not installed")
        clock = os.path.join(self.dir, "clock")

        def set_clock(offset):
            with open(clock + ".new", "w") as f:
                f.write("%+ds" % offset)
            os.rename(clock + ".new", clock)

        base = int(AS_OF - time.time())
        set_clock(base)
        d = Daemon("--prometheus", self.live.url, "--no-kubernetes", "--from", stamp(T0), "--turn", "200ms", "--store", "sqlite:" + os.path.join(self.dir, "clock.db"),
                   env={"LD_PRELOAD": lib, "FAKETIME_TIMESTAMP_FILE": clock, "FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}).wait_url()
        self.addCleanup(lambda: d.process.poll() is None and d.kill())
        d.wait_ready()
        closed, bill = self.closed(d), self.bill(d)
        self.assertEqual(closed, 3)
        for jump in (365 * 86400, -400 * 86400, 2 * HOUR):
            set_clock(base + jump)
            d.wait_turns(3)
            s = d.status()
            self.assertEqual(s["hoursClosed"], closed)  # not one hour more, however far the clock went
            self.assertEqual(self.bill(d), bill)
            self.assertIn("clock", json.dumps(s["reasons"]))
        set_clock(base)
        s = d.wait_status(lambda s: s["state"] == "ready" and not s["reasons"], "the clock set right")
        self.assertEqual(s["hoursClosed"], closed)
        self.assertEqual(d.stop(), 0)


if __name__ == "__main__":
    unittest.main()
