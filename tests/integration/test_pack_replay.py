"""pack-replay: small replays worked out by hand, wrong input, and the published packing experiment: ten seeds of three workloads, against
the published curves, which this file averages itself from the publisher's tables.

The experiment needs ../shared/data/openb (or $GW_SHARED) and is skipped, saying so, without it. All 180 replays take some ten seconds.
"""
import csv, gzip, os, re, shutil, statistics, subprocess, tempfile, unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("GW_BUILD", os.path.join(ROOT, "build"))
SHARED = os.environ.get("GW_SHARED", os.path.join(os.path.dirname(ROOT), "shared"))
REPLAY = os.path.join(BUILD, "tests", "bench", "pack-replay")
DATA = os.path.join(SHARED, "data", "openb")
WORKLOADS = ["default", "gpushare60", "multigpu20"]
SEEDS = range(42, 52)
PUBLISHED = {"dotprod": "02-DotProd", "gpuclustering": "03-GpuClustering", "gpupacking": "04-GpuPacking", "bestfit": "05-BestFit",
             "fgd": "06-FGD"}
TOLERANCE = dict.fromkeys(PUBLISHED, 0.02)  # percentage points
TOLERANCE["fgd"] = 0.2  # its scores are cut to whole points, so the order of summation shows
PODS_PER_SECOND = 50000
CORRUPT, USAGE, NO_DATA, IO = 9, 2, 10, 16  # exit codes: base/error.h

NODES = "sn,cpu_milli,memory_mib,gpu,model\na,8000,1000,1,T4\nb,8000,1000,1,A10\n"
PODS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\np,1000,10,1,600,\nq,1000,10,1,1000,A10|L4\nr,1000,10,0,0,\n"
TYPICAL = "1000,1,600,,0.75\n1000,0,0,,0.25\n"


def replay(nodes, pods, events, order, typical, policy, *more):
    p = subprocess.run([REPLAY, "--nodes", nodes, "--pods", pods, "--events", events, "--order", order, "--typical", typical,
                        "--policy", policy, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    return p.returncode, p.stdout, p.stderr


class Small(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="gw-pack-")
        self.addCleanup(shutil.rmtree, self.dir)

    def run_with(self, policy="fgd", more=("-o", "csv"), **files):
        texts = dict(dict(nodes=NODES, pods=PODS, events="0\n1\n0\n", order="1\n0\n", typical=TYPICAL), **files)
        paths = {k: os.path.join(self.dir, k) for k in texts}
        for k, text in texts.items():
            with open(paths[k], "wb") as f:
                f.write(text if isinstance(text, bytes) else text.encode())
        return replay(paths["nodes"], paths["pods"], paths["events"], paths["order"], paths["typical"], policy, *more)

    def test_by_hand(self):
        """Two GPUs. 600 goes to the earlier node of the order, which is b, where alone the pod that wants an A10 would have fitted: 30 %
        arrived and allocated. That pod: 80 % arrived, none placed. 600 again: it fits a; 110 % arrived, 60 % allocated.
        Fragmentation: first 400 of b is of use to nobody, 1000 of a to three of four: (400 + 250) / 1400; in the end 800 / 800."""
        rc, out, err = self.run_with()
        self.assertEqual((rc, out), (0, "arrived_pct,allocation_pct,fragmentation_pct_of_idle\n"
                                        "30,30.0000,46.4286\n80,30.0000,46.4286\n110,60.0000,100.0000\n"), err)
        self.assertRegex(err, r"^3 pods came, 2 placed, ")

    def test_columns_are_means_of_rounded_values(self):
        """1 of 3 GPUs is 33.33 % of the capacity, rounded to two decimals; a pod without GPUs adds a second arrival to column 33."""
        rc, out, err = self.run_with(nodes="sn,cpu_milli,memory_mib,gpu,model\na,9000,99,3,A10\n", order="0", events="1\n2\n")
        self.assertEqual((rc, out.splitlines()[1]), (0, "33,33.3300,25.0000"), err)

    def test_half_goes_to_even(self):
        """A pod of 25 milli on 1 GPU is 2.5 %, which falls into column 2; three of them, 7.5 %, into column 8."""
        pods = PODS + "s,0,0,1,25,\n"
        rc, out, err = self.run_with(nodes="cpu_milli,memory_mib,gpu,model\n9000,99,1,A10\n", order="0", pods=pods, events="3\n3\n3\n")
        self.assertEqual((rc, [line.split(",")[0] for line in out.splitlines()[1:]]), (0, ["2", "5", "8"]), err)

    def test_every_policy_and_lenient_files(self):
        for policy in list(PUBLISHED) + ["gpuwise"]:
            rc, out, err = self.run_with(policy, more=(), nodes="\ufeff" + NODES.replace("\n", "\r\n"), order="1\r\n\r\n0")
            self.assertEqual((rc, out.count("\n")), (0, 4), err)

    def test_wrong_input(self):
        header = PODS.split("\n")[0] + "\n"
        for want, files, message in [
            (CORRUPT, dict(nodes=""), r"nodes:1: the file is empty"),
            (NO_DATA, dict(nodes=NODES.split("\n")[0]), r"nodes:2: there are no nodes"),
            (CORRUPT, dict(nodes=NODES.replace("gpu,", "gpus,")), r'nodes:1:1: the header has no column "gpu"'),
            (CORRUPT, dict(nodes=NODES.replace("b,8000", "b,-1")), r"nodes:3:3: cpu_milli must be a whole number 0\.\.1000000000, not \"-1\""),
            (CORRUPT, dict(nodes=NODES.replace(",1,A10", ",17,A10")), r"nodes:3:13: gpu must be .* 0\.\.16"),
            (CORRUPT, dict(nodes=NODES.replace(",1,A10", "")), r"nodes:3:\d+: gpu must be"),
            (15, dict(nodes=NODES + "".join("n,1,1,1,M%d\n" % i for i in range(63))), r"nodes:66:9: more than 64 GPU models"),
            (CORRUPT, dict(nodes=NODES + 'c,"1\n'), r"nodes:4:"),
            (CORRUPT, dict(nodes=gzip.compress(NODES.encode())), None),
            (NO_DATA, dict(pods=header), r"pods:2: there are no pods"),
            (CORRUPT, dict(pods=header + "p,1,1,1,1001,\n"), r"pods:2:9: gpu_milli must be"),
            (CORRUPT, dict(pods=header + "p,1,1,1,0,\n"), r"pods:2:9: num_gpu and gpu_milli must both be 0 or neither"),
            (CORRUPT, dict(pods=header + "p,1,1,2,500,\n"), r"pods:2:9: a pod of several GPUs must ask for whole ones"),
            (CORRUPT, dict(pods=header + "p,1,1e3,2,1000,\n"), r"pods:2:5: memory_mib must be"),
            (CORRUPT, dict(typical="1,1,500,0.5\n"), r"typical:1:1: must be cpu_milli,num_gpu,.* has 4 fields"),
            (CORRUPT, dict(typical="1,1,500,,0.5\n1,1,600,,nan\n"), r"typical:2:\d+: the probability must be a number 0\.\.1"),
            (CORRUPT, dict(typical="1,1,500,,0.5\n"), r"typical:1: the probabilities add up to 0\.5000"),
            (15, dict(typical="1,1,500,,0.001\n" * 257), r"typical:257:1: more than 256 kinds"),
            (NO_DATA, dict(events=""), r"events:1: nothing arrives"),
            (CORRUPT, dict(events="0\n\n3\n"), r'events:3: must be the row number of a pod, 0\.\.2, not "3"'),
            (CORRUPT, dict(events="0\nx\n"), r'events:2: .*"x"'),
            (CORRUPT, dict(order="0\n0\n"), r"order:2: node 0 is named a second time"),
            (CORRUPT, dict(order="0\n"), r"order:2: the file ends after 1 of 2 nodes"),
        ]:
            if message is None:
                want, message = USAGE, r"nodes: is compressed; gunzip it first"
            with self.subTest(message):
                rc, out, err = self.run_with(**files)
                self.assertEqual((rc, out), (want, ""), err)
                self.assertRegex(err, r"^pack-replay: .*" + message)
        self.assertRegex(self.run_with(nodes="cpu_milli,memory_mib,gpu,model\n1,1,0,\n", order="0")[2], r"nodes: the nodes have no GPUs")

    def test_wrong_options(self):
        self.assertEqual(self.run_with("nosuch")[0], USAGE)
        self.assertEqual(self.run_with(more=("-o", "json"))[0], USAGE)
        self.assertEqual(self.run_with(more=("--nosuch",))[0], USAGE)
        p = subprocess.run([REPLAY, "--nodes", "x"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(p.returncode, USAGE)
        self.assertIn("policies: bestfit dotprod gpuclustering gpupacking fgd gpuwise", p.stderr)
        rc, _, err = replay("/nonexistent/n", "p", "e", "o", "t", "fgd")
        self.assertEqual(rc, IO)
        self.assertRegex(err, r"/nonexistent/n: cannot be opened: No such file")


class Published(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not os.path.isdir(DATA):
            raise unittest.SkipTest("the published packing experiment cannot be replayed: there is no " + DATA)
        cls.dir = tempfile.mkdtemp(prefix="gw-openb-")
        cls.addClassCleanup(shutil.rmtree, cls.dir)
        for folder in (DATA, os.path.join(DATA, "replay")):
            for name in os.listdir(folder):
                if name.endswith(".gz"):
                    with gzip.open(os.path.join(folder, name)) as f, open(os.path.join(cls.dir, name[:-3]), "wb") as to:
                        shutil.copyfileobj(f, to)
        cls.expected = {what: cls.table(what) for what in ("allo", "frag_ratio")}
        cls.kept = {}

    @staticmethod
    def table(what):
        """{(workload, policy): [a row a seed]}"""
        out = {}
        with gzip.open(os.path.join(DATA, "expected", what + ".csv.gz"), "rt") as f:
            for row in csv.DictReader(f):
                out.setdefault((row["workload"].replace("openb_pod_list_", ""), row["sc_policy"]), []).append(row)
        return out

    def curves(self, workload, policy):
        """A replay a seed: ({arrived: (allocation, fragmentation)}, pods/s)."""
        if (workload, policy) not in self.kept:
            runs = []
            for seed in SEEDS:
                rc, out, err = replay(os.path.join(self.dir, "openb_node_list_gpu_node.csv"),
                                      os.path.join(self.dir, "openb_pod_list_%s.csv" % workload),
                                      os.path.join(self.dir, "events_%s_s%d.txt" % (workload, seed)),
                                      os.path.join(self.dir, "nodes_%s_s%d.txt" % (workload, seed)),
                                      os.path.join(DATA, "replay", "typical_%s.csv" % workload), policy, "-o", "csv")
                self.assertEqual(rc, 0, err)
                curve = {int(r["arrived_pct"]): (float(r["allocation_pct"]), float(r["fragmentation_pct_of_idle"]))
                         for r in csv.DictReader(out.splitlines())}
                runs.append((curve, int(re.search(r"(\d+) pods/s", err).group(1))))
            self.kept[workload, policy] = runs
        return self.kept[workload, policy]

    def mean(self, workload, policy, percent, which=0):
        return statistics.mean(curve[percent][which] for curve, _ in self.curves(workload, policy))

    def published(self, workload, policy, percent, what="allo"):
        rows = self.expected[what][workload, PUBLISHED[policy]]
        self.assertEqual(sorted(int(r["seed"]) for r in rows), list(SEEDS))
        return statistics.mean(float(r[str(percent)]) for r in rows)

    def test_published_curves_are_met(self):
        for policy in PUBLISHED:
            for workload in WORKLOADS:
                for percent in range(0, 131, 10):
                    with self.subTest(policy=policy, workload=workload, percent=percent):
                        self.assertAlmostEqual(self.mean(workload, policy, percent), self.published(workload, policy, percent),
                                               delta=TOLERANCE[policy])
                        self.assertAlmostEqual(self.mean(workload, policy, percent, 1),
                                               self.published(workload, policy, percent, "frag_ratio"), delta=TOLERANCE[policy])

    def test_gpuwise_allocates_more(self):
        """More than FGD on each workload, by half a percentage point, and for every single seed."""
        for workload in WORKLOADS:
            with self.subTest(workload):
                fgd = self.expected["allo"][workload, PUBLISHED["fgd"]]
                self.assertGreater(self.mean(workload, "gpuwise", 130), self.published(workload, "fgd", 130) + 0.5)
                for (curve, _), row in zip(self.curves(workload, "gpuwise"), sorted(fgd, key=lambda r: int(r["seed"]))):
                    self.assertGreater(curve[130][0], float(row["130"]), row["seed"])

    def test_fast_enough(self):
        with open(REPLAY, "rb") as f:
            if b"__asan_init" in f.read():
                self.skipTest("a sanitised build is not timed")
        for workload in WORKLOADS:
            rates = [rate for _, rate in self.curves(workload, "gpuwise")]
            self.assertGreater(statistics.median(rates), PODS_PER_SECOND, workload)


if __name__ == "__main__":
    unittest.main()
