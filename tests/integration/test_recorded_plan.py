"""Plans of the recorded production fleet never give a pod less memory than it was seen to use.

The recording is of pods that fill their boards: hardly one would fit half of it. So two things are looked at: the fleet as it was, and
the same pods with a node for each GPU (there every shared board gives nodes back, so sharing is proposed wherever memory allows),
both under the default policy and under one that leaves no headroom and allows every form. Peaks are computed here from the recording.

Needs the recording (../shared, or $GW_SHARED); skips loudly without it.
"""
import collections, copy, json, os, re, subprocess, sys, tempfile, unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("GW_BUILD", os.path.join(ROOT, "build"))
SHARED = os.environ.get("GW_SHARED", os.path.join(os.path.dirname(ROOT), "shared"))
GPUWISE = os.path.join(BUILD, "gpuwise")
LENIENT = """kind: Policy
defaults:
  computeP95: 1
  memoryPeak: 1
rules:
- namespace: "*"
  production: false
  latencyTier: best-effort
  tenant: everybody
  sharing: [mig, mps, time-slicing]
"""
PRICES = "instance_type,region,capacity,hourly_usd\ntest.one-gpu,us-east-1,on-demand,3.00\n"
KEPT = ("DCGM_FI_DEV_FB_USED{", "DCGM_FI_DEV_FB_FREE{", "DCGM_FI_DEV_GPU_UTIL{", "# ")
USED = re.compile(r'^DCGM_FI_DEV_FB_USED\{.*?namespace="([^"]+)",pod="([^"]+)".*?\} (\S+)')
BOARD = re.compile(r'gpu="(\d+)",UUID="([^"]+)".*?Hostname="([^"]+)"(?:.*?namespace="([^"]+)",pod="([^"]+)")?')


class RecordedPlan(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not os.path.isdir(os.path.join(SHARED, "data", "genai")):
            message = "SKIPPED: the recording is not there (../shared/data/genai): no plan of a real fleet is checked"
            print(message, file=sys.stderr)
            raise unittest.SkipTest(message)
        cls.dir = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.dir.cleanup)
        cls.fleet = os.path.join(cls.dir.name, "fleet")
        subprocess.run([sys.executable, os.path.join(SHARED, "tools", "genai-cluster"), cls.fleet], check=True, stdout=subprocess.DEVNULL)
        cls.policy = os.path.join(cls.dir.name, "lenient.yaml")
        with open(cls.policy, "w") as f:
            f.write(LENIENT)
        cls.single, cls.peak = os.path.join(cls.dir.name, "single"), collections.defaultdict(float)
        os.mkdir(cls.single)
        cls.split()

    @classmethod
    def split(cls):
        """One node for each GPU, with a quarter of the big node's CPU and memory; and the peak of every pod."""
        boards, on = {}, {}
        with open(os.path.join(cls.fleet, "metrics.om")) as f, open(os.path.join(cls.single, "metrics.om"), "w") as out:
            for line in f:
                if not line.startswith(KEPT):
                    continue
                m = USED.match(line)
                if m and float(m[3]) < 1e6:     # beyond any board: a sentinel
                    cls.peak[m[1], m[2]] = max(cls.peak[m[1], m[2]], float(m[3]))
                m = BOARD.search(line)
                if m:
                    node = f"{m[3]}-{m[1]}"
                    boards[node] = m[3]
                    if m[5]:
                        on[m[4], m[5]] = node
                    line = line.replace(f'Hostname="{m[3]}"', f'Hostname="{node}"')
                out.write(line)
        with open(os.path.join(cls.fleet, "nodes.json")) as f:
            nodes = json.load(f)
        with open(os.path.join(cls.fleet, "pods.json")) as f:
            pods = json.load(f)
        was, nodes["items"] = {n["metadata"]["name"]: n for n in nodes["items"]}, []
        for name, big in sorted(boards.items()):
            n = copy.deepcopy(was[big])
            n["metadata"]["name"] = name
            n["metadata"]["labels"].update({"kubernetes.io/hostname": name, "nvidia.com/gpu.count": "1", "node.kubernetes.io/instance-type": "test.one-gpu"})
            for part in ("allocatable", "capacity"):
                n["status"][part].update({"cpu": "48", "memory": "402653184Ki", "nvidia.com/gpu": "1"})
            nodes["items"].append(n)
        for p in pods["items"]:
            where = on.get((p["metadata"]["namespace"], p["metadata"]["name"]))
            if where:
                p["spec"]["nodeName"] = where
        for name, data in (("nodes.json", nodes), ("pods.json", pods)):
            with open(os.path.join(cls.single, name), "w") as f:
                json.dump(data, f)
        with open(os.path.join(cls.fleet, "workloads.json")) as f, open(os.path.join(cls.single, "workloads.json"), "w") as out:
            out.write(f.read())
        cls.prices = os.path.join(cls.dir.name, "prices.csv")
        with open(cls.prices, "w") as f:
            f.write(PRICES)

    def plan(self, fleet, *args):
        run = subprocess.run([GPUWISE, "plan", "--snapshot", fleet, "-o", "json", *args], capture_output=True, text=True, timeout=120)
        self.assertEqual(run.returncode, 0, run.stderr)
        return json.loads(run.stdout)

    def check(self, plan):
        """Every seat that is a part of a board holds the recorded peak; how many were looked at."""
        shares = 0
        for action in plan["actions"]:
            self.assertGreaterEqual(action["share"]["window"], 0)
            for move in action["change"]["moves"]:
                for seat in move["seats"]:
                    if seat["to"]["form"] == "dedicated":
                        continue
                    shares += 1
                    pod = move["pod"]
                    peak = self.peak[pod["namespace"], pod["name"]]
                    self.assertGreater(peak, 0)
                    self.assertIsNotNone(seat["to"]["memoryMib"])
                    self.assertLessEqual(peak, seat["to"]["memoryMib"], f'{action["id"]}: {pod}')
                    if seat["to"]["parts"] > 1:
                        self.assertLessEqual(peak, 46068 / seat["to"]["parts"])
        saved = plan["before"]["cost"]["bill"] - plan["after"]["cost"]["bill"]
        self.assertAlmostEqual(saved, sum(a["share"]["window"] for a in plan["actions"] if a["chosen"]), 5)
        return shares

    def test_as_it_was(self):
        for args in ((), ("--policy", self.policy)):
            self.check(self.plan(self.fleet, *args))

    def test_with_a_node_for_each_gpu(self):
        for args, least in (((), 0), (("--policy", self.policy), 2)):
            plan = self.plan(self.single, "--prices", self.prices, *args)
            shares = self.check(plan)
            self.assertGreaterEqual(shares, least, "nothing was proposed to share: this test says nothing")
            small = sum(1 for v in self.peak.values() if v <= 46068 / 2)
            self.assertLessEqual(shares, small, "more shares than pods that ever stayed within half of a board")
            print(f"# {shares} shares; {small} of {len(self.peak)} pods stay within half of a board", file=sys.stderr)


if __name__ == "__main__":
    unittest.main()
