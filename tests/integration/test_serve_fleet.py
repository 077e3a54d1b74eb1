"""The daemon on the recorded production fleet, served by a real Prometheus and a real Kubernetes API: report, history, OpenCost's shape and the
command line say the same totals, to the micro-dollar; a day is ingested in under 2 s, and a further turn costs under 20 ms of CPU.

Needs the recording (../shared, or $GW_SHARED), prometheus, promtool, kubectl and kube-apiserver; skips loudly without them.
"""
import json, os, shutil, signal, statistics, subprocess, sys, tempfile, time, unittest, urllib.parse
from decimal import Decimal

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from served import Daemon, ROOT, gpuwise  # noqa: E402
from servers import free_port  # noqa: E402

SHARED = os.environ.get("GW_SHARED", os.path.join(os.path.dirname(ROOT), "shared"))
ASSETS = os.environ.get("KUBEBUILDER_ASSETS", "/usr/local/kubebuilder/bin")
FROM, TO = "2022-09-11T01:12:00Z", "2022-09-12T00:00:57Z"


def loads(text):
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


class ServeFleet(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        missing = [w for w in ("prometheus", "promtool", "kubectl") if not shutil.which(w)]
        if not os.access(os.path.join(SHARED, "tools", "fleet-up"), os.X_OK):
            missing.append("the recording in " + SHARED)
        if not os.access(os.path.join(ASSETS, "kube-apiserver"), os.X_OK):
            missing.append("kube-apiserver in " + ASSETS)
        if missing:
            raise unittest.SkipTest("missing " + ", ".join(missing))
        cls.dir = tempfile.mkdtemp(prefix="gw-serve-")
        cls.addClassCleanup(shutil.rmtree, cls.dir, True)
        ports = {"PROM_PORT": free_port(), "KUBE_PORT": free_port(), "ETCD_PORT": free_port()}
        cls.fleet = subprocess.Popen([os.path.join(SHARED, "tools", "fleet-up"), cls.dir], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                     env={**os.environ, **{k: str(v) for k, v in ports.items()}}, start_new_session=True)
        cls.addClassCleanup(cls.stop_fleet)
        deadline = time.time() + 180
        for line in cls.fleet.stdout:
            if "ready" in line:
                break
            if time.time() > deadline:
                raise RuntimeError("fleet-up was not ready in 180 s")
        cls.source = ["--prometheus", "http://127.0.0.1:%d" % ports["PROM_PORT"], "--kubeconfig", os.path.join(cls.dir, "kubeconfig")]
        started = time.time()
        cls.daemon = Daemon(*cls.source, "--from", FROM, "--to", TO, "--turn", "1s", "--store", "sqlite:" + os.path.join(cls.dir, "history.db")).wait_url()
        cls.addClassCleanup(cls.daemon.kill)
        cls.status = cls.daemon.wait_status(lambda s: s["state"] == "ready" and s["hoursWaiting"] == 0, "every hour closed")
        cls.took = time.time() - started

    @classmethod
    def stop_fleet(cls):
        if cls.fleet.poll() is None:
            os.killpg(cls.fleet.pid, signal.SIGTERM)
        try:
            cls.fleet.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(cls.fleet.pid, signal.SIGKILL)
            cls.fleet.wait()
        cls.fleet.stdout.close()

    def ask(self, path):
        status, body, _ = self.daemon.ask(path)
        self.assertEqual(status, 200, body[:500])
        return loads(body)

    def test_totals_agree(self):
        cli = loads(gpuwise("report", *self.source, "--from", FROM, "--to", TO, "-o", "json").stdout)
        bill = cli["total"]["cost"]["bill"]
        self.assertGreater(bill, 10000)  # 120 GPUs for 22.8 h
        window = urllib.parse.quote("%s,%s" % (FROM, TO))
        api = self.ask("/api/v1/report?window=" + window)
        self.assertEqual(api["total"], cli["total"])
        self.assertEqual(api["rows"], cli["rows"])
        allocation = self.ask("/allocation?window=%s&aggregate=namespace&accumulate=true&includeIdle=true" % window)
        self.assertEqual(sum(a["totalCost"] for a in allocation["data"][0].values()), bill)
        compute = self.ask("/allocation/compute?window=%s&aggregate=cluster&accumulate=true&includeIdle=true" % window)
        self.assertEqual(sum(a["totalCost"] for a in compute["data"][0].values()), bill)
        # each leaf of an hour is rounded by itself: half a micro-dollar each is the most that the hours can be apart
        history = self.ask("/api/v1/history?window=%s&step=hour" % window)
        hours = sum(s["total"]["cost"]["bill"] for s in history["steps"])
        self.assertEqual(len(history["steps"]), 24)
        self.assertLess(abs(hours - bill), Decimal("0.000001") * 24 * 400)

    def test_the_page_agrees(self):
        """The dashboard in a real browser, on this daemon: what it shows is what the API says, to the micro-dollar (web/tests/browser.mjs)."""
        missing = [c for c in ("node", "chromium") if not shutil.which(c)]
        if missing or not os.path.isdir(os.path.join(ROOT, "web", "node_modules")):
            self.skipTest("no " + ", no ".join(missing) if missing else "web/node_modules is not there: tools/build-dashboard --install-only")
        r = subprocess.run(["node", os.path.join(ROOT, "web", "tests", "browser.mjs"), "--base", self.daemon.url + "/", "--only", "the totals of the page"],
                           capture_output=True, text=True, timeout=180)
        self.assertEqual(r.returncode, 0, r.stdout[-3000:] + r.stderr[-1000:])
        self.assertRegex(r.stdout, r"(?m)^ok 1 ")

    def test_speed(self):
        """The first turn reads the day; the others look for what is new."""
        self.assertLess(self.took, 2.0)
        turns, cpu = self.daemon.turns()
        self.daemon.wait_turns(12)
        more, after = self.daemon.turns()
        self.assertLess((after - cpu) / (more - turns), 0.020)


if __name__ == "__main__":
    unittest.main()
