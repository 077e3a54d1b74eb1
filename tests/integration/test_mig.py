"""gpuwise mig from outside, and the planner on published measurements.

The planner's scenarios need the recorded data (../shared, or $GW_SHARED); they skip loudly without it.
"""
# quick
import csv, json, os, random, re, subprocess, tempfile, unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("GW_BUILD", os.path.join(ROOT, "build"))
GPUWISE = os.path.join(BUILD, "gpuwise")
PLAN = os.path.join(BUILD, "tests", "bench", "mig-plan")
SHARED = os.environ.get("GW_SHARED", os.path.join(os.path.dirname(ROOT), "shared"))
PARVA = os.path.join(SHARED, "data", "parvagpu")
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("GPUWISE_")}


def run(*args):
    p = subprocess.run([GPUWISE, "mig", *args], capture_output=True, env={**CLEAN, "HOME": "/nonexistent"}, timeout=60)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


class Fit(unittest.TestCase):
    def test_yes(self):
        rc, out, err = run("fit", "H100-80GB", "3x2g.20gb,1g.10gb")
        self.assertEqual((rc, err), (0, ""))
        self.assertTrue(out.startswith("yes: "), out)
        self.assertIn("7 of 7 compute slices", out)
        self.assertRegex(out, r"\|2g\.20gb +\|2g\.20gb +\|2g\.20gb +\|1g\.10gb\|\.+\|\n")

    def test_no_is_exit_1_and_says_on_how_many(self):
        rc, out, err = run("fit", "A100-80GB", "4x1g.20gb,3x1g.10gb")
        self.assertEqual(rc, 1)
        self.assertTrue(out.startswith("no: "), out)
        self.assertIn("fit on 2, and on no fewer", out)
        self.assertEqual(len(re.findall(r"(?m)^board \d+$", out)), 2)
        self.assertEqual(err, "gpuwise: no: these slices do not fit on one A100-80GB; they fit on 2\n")

    def test_json(self):
        rc, out, err = run("fit", "NVIDIA A100-SXM4-40GB", "5x3g.20gb,1g.5gb.me", "-o", "json")
        d = json.loads(out)
        self.assertEqual(rc, 1)
        self.assertEqual((d["apiVersion"], d["kind"], d["board"]), ("gpuwise/v1", "MigFit", "A100-40GB"))
        self.assertEqual((d["fits"], d["boards"], d["lowerBound"]), (False, 3, 3))
        self.assertEqual(d["slices"], [{"profile": "1g.5gb+me", "count": 1}, {"profile": "3g.20gb", "count": 5}])
        self.assertEqual(sum(len(l) for l in d["layouts"]), 6)
        for layout in d["layouts"]:
            taken = [s for i in layout for s in range(i["start"], i["start"] + i["size"])]
            self.assertEqual(len(taken), len(set(taken)))
            self.assertLess(max(taken), 8)

    def test_drawings_fit_100_columns(self):
        for board, slices in (("RTX PRO 6000", "1g.24gb+me.all,1g.24gb+gfx,2g.48gb-me"), ("GH200-144GB", "1g.18gb+me,6x1g.18gb"),
                              ("H100-96GB(GH200)", "7g.96gb,7g.96gb"), ("A30", "4x1g.6gb")):
            for line in run("fit", board, slices)[1].splitlines():
                self.assertLessEqual(len(line), 100, line)

    def test_unknowns_are_said(self):
        self.assertIn("nobody has published", run("fit", "H200", "1g.18gb")[1])
        self.assertNotIn("nobody has published", run("fit", "H100-80GB", "1g.10gb")[1])
        self.assertIn("media engines", run("fit", "RTX PRO 6000", "1g.24gb+me.all,1g.24gb")[1])

    def test_many_boards(self):
        rc, out, err = run("fit", "H100-80GB", "60x3g.40gb")
        self.assertEqual(rc, 1)
        self.assertIn("14 more boards: -o wide draws them all", out)
        self.assertEqual(len(re.findall(r"(?m)^board \d+$", run("fit", "H100-80GB", "60x3g.40gb", "-o", "wide")[1])), 30)

    def test_errors(self):
        for code, part, *args in ((2, "A100-40GB, A100-80GB", "fit", "A100", "1g.5gb"),
                                  (17, "A30-24GB", "fit", "T4", "1g.5gb"),
                                  (2, "1g.10gb, 1g.10gb+me", "fit", "A100-80GB", "1g.5gb"),
                                  (2, "COUNTxPROFILE", "fit", "A100-80GB", "1g.10gb,"),
                                  (15, "512", "fit", "A100-80GB", "513x1g.10gb"),
                                  (2, "SLICES", "fit", "A100-80GB"),
                                  (2, "neither", "frob", "A100-80GB"),
                                  (2, "--from", "repartition", "A100-80GB", "--to", "1g.10gb"),
                                  (2, "0, 4", "repartition", "A100-80GB", "--from", "3g.40gb@1", "--to", ""),
                                  (2, "another instance", "repartition", "A100-80GB", "--from", "3g.40gb@0,1g.10gb@3", "--to", "")):
            rc, out, err = run(*args)
            self.assertEqual((rc, out), (code, ""), args)
            self.assertEqual(len(err.splitlines()), 1)
            self.assertIn(part.replace("COUNTxPROFILE", "[COUNTx]PROFILE"), err)


class Repartition(unittest.TestCase):
    def test_text(self):
        rc, out, err = run("repartition", "A100-80GB", "--from", "3g.40gb@0*,1g.10gb@4", "--to", "4g.40gb,3g.40gb")
        self.assertEqual((rc, err), (0, ""))
        self.assertIn("Drains 1 of 1 running instances, destroys 2 of 2, creates 2.", out)
        steps = re.findall(r"(?m)^ +\d+  ([a-z].*)$", out)
        self.assertEqual(steps, ["destroy  1g.10gb at slot 4", "create   3g.40gb at slot 4",
                                 "drain    3g.40gb at slot 0; its work can restart at slot 4", "destroy  3g.40gb at slot 0",
                                 "create   4g.40gb at slot 0"])

    def test_json(self):
        rc, out, err = run("repartition", "A100-80GB", "--from", "7g.80gb@0*", "--to", "2x3g.40gb", "-o", "json")
        d = json.loads(out)
        self.assertEqual((d["kind"], d["running"], d["drained"], d["drainedWithoutPlace"]), ("MigRepartition", 1, 1, 1))
        self.assertEqual([s["action"] for s in d["steps"]], ["drain", "destroy", "create", "create"])
        self.assertIsNone(d["steps"][0]["moveTo"])

    def test_what_runs_stays(self):
        d = json.loads(run("repartition", "A30", "--from", "1g.6gb@0,1g.6gb@1*,2g.12gb@2", "--to", "2x1g.6gb,2g.12gb", "-o", "json")[1])
        self.assertEqual((d["steps"], d["drained"]), ([], 0))
        d = json.loads(run("repartition", "A30", "--from", "1g.6gb@0,1g.6gb@1*,2g.12gb@2", "--to", "4x1g.6gb", "-o", "json")[1])
        self.assertEqual([i["start"] for i in d["to"] if i["running"]], [1])
        self.assertEqual(d["drained"], 0)

    def test_target_that_does_not_fit(self):
        rc, out, err = run("repartition", "A30", "--from", "", "--to", "2x4g.24gb")
        self.assertEqual((rc, out), (1, ""))
        self.assertIn("they fit on 2", err)

    def test_the_guide_tells_of_exit_1(self):
        with open(os.path.join(ROOT, "docs/guide/exit-codes.md")) as f:
            self.assertIn("`gpuwise mig fit`", f.read())


def plan(*args):
    p = subprocess.run([PLAN, *args], capture_output=True, timeout=120)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


# profile, start slots, size: NVIDIA's MIG user guide for A100-80GB, written down once more
PLACES = {"1g.10gb": (range(7), 1, 1), "2g.20gb": ((0, 2, 4), 2, 2), "3g.40gb": ((0, 4), 4, 3), "4g.40gb": ((0,), 4, 4), "7g.80gb": ((0,), 8, 7)}


def check_boards(case, text):
    """Replays every board of the output slot by slot. The slices of each model, by scenario."""
    scenarios, slices, taken = [], {}, {}
    for line in text.splitlines():
        m = re.match(r"  board (\d+): (.*)", line)
        if m:
            for profile, start, model in re.findall(r"(\S+)@(\d+) (\S+)", m[2]):
                starts, size, compute = PLACES[profile]
                case.assertIn(int(start), starts)
                for s in range(int(start), int(start) + size):
                    case.assertNotIn((m[1], s), taken)
                    case.assertLess(s, 8)
                    taken[m[1], s] = model
                slices.setdefault(model, []).append(compute)
        m = re.match(r"scenario (\d+): (\d+) models, (\d+) boards, lower bound (\d+), (.*?), ", line)
        if m:
            case.assertEqual(len({b for b, s in taken}), int(m[3]))
            scenarios.append({"models": int(m[2]), "boards": int(m[3]), "lower": int(m[4]), "proof": m[5], "slices": slices})
            slices, taken = {}, {}
    return scenarios


@unittest.skipUnless(os.path.exists(PLAN), "SKIPPED, NOT TESTED: %s is not built" % PLAN)
class Plan(unittest.TestCase):
    def write(self, folder, name, text):
        with open(os.path.join(folder, name), "w") as f:
            f.write(text)
        return os.path.join(folder, name)

    def test_small(self):
        header = "Mig instance,Batch size,Workload Number,Throughput,Latency\n"
        with tempfile.TemporaryDirectory() as d:
            os.mkdir(os.path.join(d, "p"))
            self.write(d, "p/a.csv", header + "1,1,1,10,0.01\n2,1,2,12,0.01\n")
            self.write(d, "p/b.csv", header + "7,1,1,100,0.01\n")
            latency = self.write(d, "l.csv", "30,30\n30,N/A\n20,30\n")
            rate = self.write(d, "r.csv", "24,100\n70,N/A\n1,1\n")
            args = ("--profiles", os.path.join(d, "p"), "--slo-latency", latency, "--slo-rate", rate)
            rc, out, err = plan(*args, "--scenario", "1")
            self.assertEqual((rc, err), (0, ""))
            s = check_boards(self, out)
            # b wants a board of its own; 24 of a are one 2g with two processes
            self.assertEqual((s[0]["boards"], s[0]["slices"]), (2, {"a": [2], "b": [7]}))
            rc, out, err = plan(*args, "--scenario", "2")
            self.assertEqual(check_boards(self, out)[0]["boards"], 1)
            # 20 ms: 0.45 of that is 9 ms, and 10 were measured
            rc, out, err = plan(*args, "--scenario", "3")
            self.assertEqual(rc, 1)
            self.assertIn("a: no measured slice", err)
            self.assertEqual(plan(*args, "--scenario", "3", "--share", "0.6")[0], 0)
            self.assertEqual(plan(*args, "--board", "T4")[0], 1)
            self.assertEqual(plan("--profiles", d)[0], 2)
            rc, out, err = plan(*args[:-1], self.write(d, "short.csv", "1\n"))
            self.assertIn("columns", err)


@unittest.skipUnless(os.path.exists(PLAN) and os.path.isdir(PARVA),
                     "SKIPPED, NOT TESTED: published measurements are not at %s (set GW_SHARED)" % PARVA)
class PublishedMeasurements(unittest.TestCase):
    """Eleven models on A100-80GB; six scenarios. The publisher's own planner needs 2, 3, 5 and 7 boards for the first four."""

    @classmethod
    def setUpClass(cls):
        slo = os.path.join(PARVA, "SLO")
        cls.rc, cls.out, cls.err = plan("--profiles", os.path.join(PARVA, "prof_data"), "--slo-latency", os.path.join(slo, "SLO_latency.csv"),
                                        "--slo-rate", os.path.join(slo, "SLO_req_rate.csv"), "--board", "A100-SXM4-80GB")
        names = sorted(f for f in os.listdir(os.path.join(PARVA, "prof_data")) if f.endswith(".csv"))
        rows = {n: [list(map(float, r)) for r in list(csv.reader(open(os.path.join(PARVA, "prof_data", n))))[1:]] for n in names}
        number = lambda s: float(s) if re.match(r"[\d.]+$", s) else None
        read = lambda f: [[number(c) for c in line.split(",")] for line in open(os.path.join(slo, f)).read().split()]
        cls.scenarios = []
        for limits, rates in zip(read("SLO_latency.csv"), read("SLO_req_rate.csv")):
            s = {}
            for n, limit, rate in zip(names, limits, rates):
                if not limit or not rate:
                    continue
                best = {}
                for size, batch, processes, throughput, latency in rows[n]:
                    if throughput > 0 and latency * 1000 < 0.45 * limit:
                        best[int(size)] = max(best.get(int(size), 0), throughput * processes)
                s[n[:-4]] = (rate, best)
            cls.scenarios.append(s)

    def test_boards_and_proofs(self):
        self.assertEqual((self.rc, self.err), (0, ""))
        found = check_boards(self, self.out)
        self.assertEqual(len(found), len(self.scenarios))
        for i, most in enumerate((2, 3, 5, 7)):
            self.assertLessEqual(found[i]["boards"], most, "scenario %d" % (i + 1))
        for i, (f, s) in enumerate(zip(found, self.scenarios)):
            self.assertEqual(f["models"], len(s))
            self.assertEqual((f["proof"], f["lower"]), ("optimal", f["boards"]))
            for model, (rate, best) in s.items():
                self.assertGreaterEqual(sum(best[c] for c in f["slices"][model]), rate * (1 - 1e-9), (i + 1, model))

    def test_the_bound_is_one(self):
        """Compute slices alone, by a cover of each model found here: a board has 7, whatever the layout."""
        for f, s in zip(check_boards(self, self.out), self.scenarios):
            total = 0
            for rate, best in s.values():
                most, w = [0.0], 0  # most[w]: the highest rate that w compute slices give
                while most[w] < rate * (1 - 1e-9):
                    w += 1
                    most.append(max([most[w - 1]] + [most[w - c] + best[c] for c in best if c <= w]))
                total += w
            self.assertGreaterEqual(f["boards"], -(-total // 7))
            self.assertLessEqual(-(-total // 7), f["lower"])

    def test_no_more_than_exhaustive_search(self):
        """Three models at a time, all covers, every way to put them on one board fewer."""
        rng = random.Random(1)
        slo = {}
        with tempfile.TemporaryDirectory() as d:
            for _ in range(12):
                scenario = rng.choice(self.scenarios[:4])
                models = sorted(rng.sample(sorted(scenario), 3))
                os.makedirs(os.path.join(d, "p"), exist_ok=True)
                for f in os.listdir(os.path.join(d, "p")):
                    os.remove(os.path.join(d, "p", f))
                for m in models:  # the best of each size, as it was found here
                    with open(os.path.join(d, "p", m + ".csv"), "w") as f:
                        f.write("Mig instance,Batch size,Workload Number,Throughput,Latency\n")
                        f.writelines("%d,1,1,%r,0.001\n" % (c, r) for c, r in scenario[m][1].items())
                for name, values in (("l.csv", ["100"] * 3), ("r.csv", [repr(scenario[m][0] * 1.7) for m in models])):
                    with open(os.path.join(d, name), "w") as f:
                        f.write(",".join(values) + "\n")
                rc, out, err = plan("--profiles", os.path.join(d, "p"), "--slo-latency", os.path.join(d, "l.csv"), "--slo-rate", os.path.join(d, "r.csv"))
                self.assertEqual((rc, err), (0, ""))
                boards = check_boards(self, out)[0]["boards"]
                options = [covers(scenario[m][0] * 1.7, scenario[m][1]) for m in models]
                self.assertFalse(any_packs(options, boards - 1), (models, boards))
                slo[boards] = slo.get(boards, 0) + 1
        self.assertTrue(any(b > 1 for b in slo), slo)


def covers(rate, best):
    """Every cover (slices of each size) that loses the rate with any slice taken away."""
    found, sizes = [], sorted(best)

    def go(i, given, chosen):
        if given >= rate * (1 - 1e-9):
            if all(given - best[c] < rate * (1 - 1e-9) for c in set(chosen)):
                found.append(chosen)
        elif i < len(sizes):
            go(i + 1, given, chosen)
            go(i, given + best[sizes[i]], chosen + [sizes[i]])

    go(0, 0.0, [])
    return found


def any_packs(options, boards, chosen=()):
    if sum(chosen) > 7 * boards:
        return False
    if not options:
        return packs(sorted(chosen, reverse=True), [[0] * 8 for _ in range(boards)])
    return any(any_packs(options[1:], boards, chosen + tuple(c)) for c in options[0])


def packs(items, boards):
    """Tries every start of every board for every slice."""
    if not items:
        return True
    starts, size, _ = next(p for p in PLACES.values() if p[2] == items[0])
    for b in boards:
        for s in starts:
            if any(b[s:s + size]) or s + size > 8:
                continue
            b[s:s + size] = [1] * size
            if packs(items[1:], boards):
                return True
            b[s:s + size] = [0] * size
        if not any(b):
            break  # the next empty board is no different
    return False


if __name__ == "__main__":
    unittest.main(verbosity=2)
