"""The recorded production fleet, served by a real Prometheus and a real Kubernetes API server, against sums that this file computes itself
from the recording's CSV files: GPU-hours and costs within 0.1 %, and the same from remote read, from JSON and from a snapshot.

Needs the recording (../shared, or $GW_SHARED), prometheus, promtool, kubectl and kube-apiserver; skips loudly without them.
"""
import collections, csv, gzip, json, os, shutil, signal, socket, statistics, subprocess, sys, tempfile, time, unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("GW_BUILD", os.path.join(ROOT, "build"))
SHARED = os.environ.get("GW_SHARED", os.path.join(os.path.dirname(ROOT), "shared"))
GPUWISE = os.path.join(BUILD, "gpuwise")
ASSETS = os.environ.get("KUBEBUILDER_ASSETS", "/usr/local/kubebuilder/bin")
FROM, TO = "2022-09-11T01:12:00Z", "2022-09-12T00:00:57Z"
STEP_S = 57
HOURLY = 30.13118      # AWS list price of g6e.48xlarge in us-east-1, 2026-07-20
GPUS_PER_NODE, NODES = 8, 15
TOLERANCE = 0.001
# The recording is anonymous: who owns a pod is a function of its name (shared/tools/genai-cluster says which).
NAMESPACES = ["image-api", "image-api", "ads-creative", "avatar", "avatar", "research", "default"]
TEAMS = ["creative-ml", "creative-ml", "ads", "social", "social", "research", "__unallocated__"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def read(name):
    series = collections.defaultdict(dict)
    with gzip.open(os.path.join(SHARED, "data", "genai", name + ".csv.gz"), "rt") as f:
        for row in csv.DictReader(f):
            if row["container_ip"]:
                series[row["container_ip"]][float(row["timestamp_anon"])] = float(row["value"])
    return series


def expected():
    """GPU-hours by namespace and in all: a pod holds one GPU from its first to its last sample plus one interval; a sample speaks until the
    next, at most 5 minutes. The published duty cycle is served rounded to whole per cent, so it is rounded here too."""
    duty, memory = read("pod_gpu_duty_cycle_anon"), read("pod_gpu_memory_used_bytes_anon")
    pods = [k for k in duty if k in memory]
    t0, t1 = min(min(duty[k]) for k in pods), max(max(duty[k]) for k in pods)
    out = collections.defaultdict(lambda: collections.Counter())
    for k in pods:
        ts = sorted(duty[k])
        held = ts[-1] - ts[0] + STEP_S
        known = used = 0.0
        for a, b in zip(ts, ts[1:] + [ts[-1] + STEP_S]):
            span = min(b - a, 300)
            known += span
            used += span * round(duty[k][a]) / 100
        i = int(k[:6], 16) % len(NAMESPACES)
        for key in ("total", "ns:" + NAMESPACES[i], "team:" + TEAMS[i]):
            out[key].update(allocated=held / 3600, known=known / 3600, used=used / 3600, unknown=(held - known) / 3600, pods=1)
    paid = NODES * GPUS_PER_NODE * (t1 + STEP_S - t0) / 3600
    out["total"]["paid"] = paid
    out["total"]["idle"] = paid - out["total"]["allocated"]
    return out


class RecordedFleet(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        missing = [w for w in ("prometheus", "promtool", "kubectl") if not shutil.which(w)]
        if not os.path.isdir(os.path.join(SHARED, "data", "genai")):
            missing.append("the recording in " + SHARED)
        if not os.access(os.path.join(ASSETS, "kube-apiserver"), os.X_OK):
            missing.append("kube-apiserver in " + ASSETS)
        if missing:
            raise unittest.SkipTest("the recorded fleet cannot be served, missing: " + ", ".join(missing))
        cls.dir = tempfile.mkdtemp(prefix="gw-fleet-")
        cls.prom, cls.kube, etcd = free_port(), free_port(), free_port()
        env = dict(os.environ, PROM_PORT=str(cls.prom), KUBE_PORT=str(cls.kube), ETCD_PORT=str(etcd))
        cls.log = open(os.path.join(cls.dir, "fleet-up.log"), "w+")
        cls.fleet = subprocess.Popen([os.path.join(SHARED, "tools", "fleet-up"), cls.dir], env=env, stdout=cls.log, stderr=subprocess.STDOUT,
                                     start_new_session=True)
        deadline = time.time() + 240
        while time.time() < deadline:
            with open(cls.log.name) as f:
                text = f.read()
            if "ready:" in text:
                break
            if cls.fleet.poll() is not None:
                raise RuntimeError("fleet-up ended: " + text[-2000:])
            time.sleep(0.5)
        else:
            cls.tearDownClass()
            raise RuntimeError("fleet-up was not ready in 240 s: " + text[-2000:])
        cls.want = expected()
        cls.source = ["--prometheus", "http://127.0.0.1:%d" % cls.prom, "--kubeconfig", os.path.join(cls.dir, "kubeconfig")]

    @classmethod
    def tearDownClass(cls):
        if getattr(cls, "fleet", None):
            os.killpg(cls.fleet.pid, signal.SIGTERM)
            try:
                cls.fleet.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(cls.fleet.pid, signal.SIGKILL)
                cls.fleet.wait()
        if getattr(cls, "log", None):
            cls.log.close()
        shutil.rmtree(getattr(cls, "dir", ""), ignore_errors=True)

    def gpuwise(self, *args, ok=(0,)):
        p = subprocess.run([GPUWISE, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
        self.assertIn(p.returncode, ok, p.stderr[-2000:])
        return p

    def report(self, source, *args):
        return json.loads(self.gpuwise("report", *source, "--from", FROM, "--to", TO, "-o", "json", *args).stdout)

    def near(self, got, want, what):
        self.assertLessEqual(abs(got - want), TOLERANCE * max(abs(want), 1e-9), "%s: %s, expected %s" % (what, got, want))

    def check(self, source, label):
        want = self.want["total"]
        r = self.report(source, "--by", "namespace")
        hours, cost = r["total"]["gpuHours"], r["total"]["cost"]
        for field in ("paid", "allocated", "used", "idle", "unknown"):
            self.near(hours[field], want[field], "%s: GPU-hours %s" % (label, field))
        per_gpu_hour = HOURLY / GPUS_PER_NODE
        self.near(cost["bill"], want["paid"] * per_gpu_hour, label + ": bill")
        self.near(cost["used"], want["used"] * per_gpu_hour, label + ": used")
        self.near(cost["wasted"], (want["known"] - want["used"]) * per_gpu_hour, label + ": wasted")
        self.near(cost["idle"], want["idle"] * per_gpu_hour, label + ": idle")
        self.near(cost["unknown"], want["unknown"] * per_gpu_hour, label + ": unknown")
        rows = {row["key"]["namespace"]: row for row in r["rows"]}
        for ns in set(NAMESPACES):
            w = self.want["ns:" + ns]
            for field in ("allocated", "used", "unknown"):
                self.near(rows[ns]["gpuHours"][field], w[field], "%s: %s %s" % (label, ns, field))
            self.near(rows[ns]["cost"]["bill"], w["allocated"] * per_gpu_hour, "%s: bill of %s" % (label, ns))
        self.assertEqual(r["rows"][0].get("signal", "DCGM_FI_DEV_GPU_UTIL"), "DCGM_FI_DEV_GPU_UTIL")
        return r

    def test_remote_read_agrees_with_the_csv_files(self):
        self.check(self.source, "remote read")

    def test_the_json_fallback_agrees_too(self):
        self.check(self.source + ["--prometheus-mode", "json"], "JSON")

    def test_prometheus_alone_is_enough(self):
        self.check(["--prometheus", self.source[1], "--no-kubernetes"], "Prometheus alone")

    def test_the_directory_as_it_was_written(self):
        self.check(["--snapshot", os.path.join(self.dir, "fleet")], "snapshot directory")

    def test_a_recording_of_it_gives_the_same_report(self):
        snap = os.path.join(self.dir, "recorded")
        self.gpuwise("record", snap, *self.source, "--from", FROM, "--to", TO)
        self.check(["--snapshot", snap], "recording")
        live = self.report(self.source, "--by", "namespace,team")
        again = self.report(["--snapshot", snap], "--by", "namespace,team")
        for r in (live, again):
            r.pop("source", None)
        self.assertEqual(live["total"], again["total"])
        self.assertEqual(live["rows"], again["rows"])

    def test_an_anonymous_recording_has_the_same_totals_and_no_names(self):
        snap = os.path.join(self.dir, "anonymous")
        self.gpuwise("record", snap, *self.source, "--from", FROM, "--to", TO, "--anonymize")
        a, b = self.report(self.source), self.report(["--snapshot", snap])
        self.assertEqual(a["total"], b["total"])
        names = {"avatar", "ads-creative", "image-api", "sdxl-serve", "banner-diffusion", "creative-ml", "gpu-00"}
        for f in os.listdir(snap):
            path = os.path.join(snap, f)
            with (gzip.open if f.endswith(".gz") else open)(path, "rt") as stream:
                data = stream.read()
            for n in names:
                self.assertNotIn('"%s"' % n, data, "%s in %s" % (n, f))

    def test_every_grouping_adds_up_to_the_micro_dollar(self):
        micro = lambda x: round(x * 1e6)
        total = None
        for by in ("namespace", "team", "model", "node", "gpu", "pod", "workload", "label:app", "team,model,node"):
            r = self.report(self.source, "--by", by)
            cost = {k: micro(v) for k, v in r["total"]["cost"].items()}
            total = total or cost
            self.assertEqual(cost, total, by)
            self.assertEqual(cost["bill"], sum(cost[k] for k in ("used", "wasted", "idle", "unknown", "overhead")))
            for k in cost:
                self.assertEqual(sum(micro(row["cost"][k]) for row in r["rows"]), cost[k], "%s by %s" % (k, by))

    def test_team_rows(self):
        rows = {row["key"]["team"]: row for row in self.report(self.source, "--by", "team")["rows"]}
        for team in set(TEAMS):
            self.near(rows[team]["gpuHours"]["allocated"], self.want["team:" + team]["allocated"], team)
        self.assertIn("__idle__", rows)
        self.assertIsNone(rows["__idle__"]["class"])


if __name__ == "__main__":
    unittest.main()
