"""The plan as a user meets it: sums, exports that keep their promise, the same bytes twice, errors.

Everything runs on a recording of the built-in sample fleet and needs no server.
"""
# quick
import json, os, re, shutil, subprocess, tempfile, unicodedata, unittest
from decimal import Decimal

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("GW_BUILD", os.path.join(ROOT, "build"))
GPUWISE = os.path.join(BUILD, "gpuwise")
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("GPUWISE_") and k not in ("NO_COLOR", "KUBECONFIG", "COLUMNS")}
WINDOW = ("--from", "2026-09-10T00:00:00Z", "--to", "2026-09-10T12:00:00Z")
HOURS = 12
KINDS = ["release-node", "move-cpu-pods", "mig", "mps", "time-slicing", "replace-nodes", "right-size"]
MICRO = Decimal("0.000001")
work = None


def setUpModule():
    global work
    work = tempfile.mkdtemp(prefix="gpuwise-plan-")
    rc, out, err = run("record", snap(), "--demo", *WINDOW)
    assert rc == 0, err


def tearDownModule():
    shutil.rmtree(work)


def snap():
    return os.path.join(work, "snap")


def run(*args, env=None):
    p = subprocess.run([GPUWISE, *args], capture_output=True, env={**CLEAN, "HOME": "/nonexistent", **(env or {})}, timeout=300)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def plan(*args):
    return run("plan", "--snapshot", snap(), *args)


def data(*args):
    rc, out, err = plan("-o", "json", *args)
    assert rc == 0, err
    return json.loads(out, parse_float=Decimal)


def columns(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def bill(*args):
    rc, out, err = run("report", "--snapshot", snap(), "-o", "json", *args)
    if rc:
        return rc, None, err
    doc = json.loads(out, parse_float=Decimal)
    return 0, doc["total"]["cost"]["bill"], doc.get("asIf")


class Numbers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        rc, cls.text, err = plan("-o", "json")
        assert rc == 0, err
        cls.doc = json.loads(cls.text, parse_float=Decimal)
        cls.chosen = [a for a in cls.doc["actions"] if a["chosen"]]

    def test_there_is_something_to_save(self):
        """The sample fleet has idle nodes on purpose."""
        self.assertGreater(len(self.chosen), 0)
        self.assertGreater(self.doc["saving"]["window"], 0)

    def test_the_shares_are_the_difference_of_the_bills(self):
        saved = self.doc["before"]["cost"]["bill"] - self.doc["after"]["cost"]["bill"]
        self.assertEqual(self.doc["saving"]["window"], saved)
        self.assertEqual(sum(a["share"]["window"] for a in self.chosen), saved)
        for a in self.doc["actions"]:
            self.assertGreaterEqual(a["share"]["window"], 0, a["id"])

    def test_the_books_balance(self):
        for side in ("before", "after"):
            c = self.doc[side]["cost"]
            self.assertEqual(c["bill"], sum(c[k] for k in ("used", "wasted", "idle", "unknown", "overhead")), side)

    def test_a_month(self):
        """high = window x 730.5 / hours, low = high x confidence; an action that nobody has a price for says null."""
        for a in self.doc["actions"]:
            for s in (a["share"], a["alone"]):
                if s["monthlyHigh"] is None:
                    self.assertIsNone(s["monthlyLow"])
                    continue
                self.assertLessEqual(abs(s["monthlyHigh"] - s["window"] * Decimal("730.5") / HOURS), MICRO, a["id"])
                # the confidence is printed with six decimals
                self.assertLessEqual(abs(s["monthlyLow"] - s["monthlyHigh"] * a["confidence"]), s["monthlyHigh"] * MICRO + MICRO, a["id"])
        for side in ("before", "after"):
            self.assertLessEqual(abs(self.doc[side]["monthlyBill"] - self.doc[side]["cost"]["bill"] * Decimal("730.5") / HOURS), MICRO)
        known = [a["share"]["monthlyLow"] for a in self.chosen if a["share"]["monthlyLow"] is not None]
        self.assertEqual(self.doc["saving"]["monthlyLow"], sum(known))

    def test_bound(self):
        b = self.doc["bound"]
        if b["bill"] is not None:
            self.assertLessEqual(b["bill"], self.doc["after"]["cost"]["bill"])
            self.assertAlmostEqual(float(b["gap"]), float((self.doc["after"]["cost"]["bill"] - b["bill"]) / b["bill"]), places=5)
        self.assertTrue(b["how"])

    def test_order(self):
        self.assertEqual([a["step"] for a in self.chosen], list(range(1, len(self.chosen) + 1)))
        self.assertEqual(self.doc["actions"][:len(self.chosen)], self.chosen)
        step = {a["id"]: a["step"] for a in self.chosen}
        self.assertEqual(len({a["id"] for a in self.doc["actions"]}), len(self.doc["actions"]))
        for a in self.chosen:
            for before in a["after"]:
                self.assertLess(step[before], a["step"])
            self.assertIn(a["kind"], KINDS)
            self.assertTrue(a["id"].startswith(a["kind"] + "/"))
        for a in self.doc["actions"]:
            self.assertEqual(a["chosen"], a["whyNot"] is None)

    def test_the_same_as_the_report(self):
        rc, out, _ = run("report", "--snapshot", snap(), "-o", "json")
        report = json.loads(out, parse_float=Decimal)
        self.assertEqual(self.doc["before"]["cost"], report["total"]["cost"])
        self.assertEqual(self.doc["unknowns"], report["unknowns"])
        self.assertEqual(self.doc["prices"], report["prices"])

    def test_same_bytes_again(self):
        self.assertEqual(plan("-o", "json")[1], self.text)
        self.assertEqual(plan()[1], plan()[1])

    def test_yaml_is_the_same_document(self):
        try:
            import yaml
        except ImportError:
            self.skipTest("no PyYAML")
        self.assertEqual(yaml.safe_load(plan("-o", "yaml")[1]), json.loads(self.text))


class Text(unittest.TestCase):
    def test_table(self):
        rc, out, err = plan()
        self.assertEqual((rc, err), (0, ""))
        for line in out.splitlines():
            # names and commands are typed again, and never cut
            self.assertTrue(columns(line) <= 100 or re.match(r" *(\d+ )? *(gpuwise|--|%s)" % "|".join(KINDS), line), line)
            self.assertEqual(line, line.rstrip())
        for a in data()["actions"]:
            if a["chosen"]:
                self.assertRegex(out, r"(?m)^%d +%s( |$)" % (a["step"], re.escape(a["id"])))
        self.assertIn("\n  Bound ", out)

    def test_wide_says_the_rule(self):
        out = plan("-o", "wide")[1]
        for a in data()["actions"]:
            if a["chosen"]:
                self.assertIn(re.sub(r"\s+", " ", a["rule"]), re.sub(r"\s+", " ", out))

    def test_columns(self):
        narrow, wide = (run("plan", "--snapshot", snap(), "-o", "wide", env={"COLUMNS": n})[1] for n in ("80", "160"))
        self.assertLess(len(wide.splitlines()), len(narrow.splitlines()))
        self.assertEqual(plan()[1], run("plan", "--snapshot", snap(), env={"COLUMNS": "160"})[1])

    def test_next_commands_run(self):
        out = plan("--max-risk", "medium")[1]
        commands = re.sub(r"\\\n", " ", out.split("\nNext, ")[1])
        commands = [c.split() for c in re.findall(r"^  (gpuwise .*)$", commands, re.M)]
        self.assertEqual([c[1] for c in commands], ["explain", "plan"])
        with tempfile.TemporaryDirectory() as d:
            for c in commands:
                self.assertIn("--max-risk", c)
                rc, _, err = run(*[os.path.join(d, "x") if w == "DIR" else w for w in c[1:]])
                self.assertEqual(rc, 0, (c, err))

    def test_nothing_to_save(self):
        rc, out, err = plan("--min-saving", "999999999")
        self.assertEqual((rc, err), (0, ""))
        self.assertIn("\nNothing to save.", out)
        self.assertIn("--min-saving", out)

    def test_the_demo_shows_it(self):
        out = run("demo")[1]
        self.assertRegex(out, r"\nPLAN: \d+ actions? would save \$")
        self.assertIn("\n  gpuwise plan --demo\n", out)
        self.assertNotIn("PLAN", run("demo", "-n", "assistant")[1])


class Explain(unittest.TestCase):
    def test_every_action(self):
        doc = data()
        for a in doc["actions"]:
            rc, out, err = run("explain", a["id"], "--snapshot", snap(), "-o", "json")
            self.assertEqual((rc, err), (0, ""), a["id"])
            one = json.loads(out, parse_float=Decimal)
            self.assertEqual(one["kind"], "Action")
            self.assertEqual(one["action"], a)

    def test_text(self):
        """The two bills that are printed differ by what the plan says, in the plan and alone."""
        doc = data()
        before = doc["before"]["cost"]["bill"]
        for a in doc["actions"]:
            if not a["chosen"]:
                continue
            rc, out, err = run("explain", "action/" + a["id"], "--snapshot", snap())
            self.assertEqual((rc, err), (0, ""), a["id"])
            for line in out.splitlines():
                self.assertLessEqual(columns(line), 100, line)
            first = out.split("\nWhat it saves in the plan\n")[1].split("\n\n")[0]
            money = [Decimal(m) for m in re.findall(r"bill \w+ +\$(\d+\.\d{6})", first)]
            self.assertEqual(money, [before, before - a["share"]["window"]])
            before -= a["share"]["window"]
            for step in ("Steps, in this order", "Files that 'plan --export' writes for it", "action.json", "confidence"):
                self.assertIn(step, out)

    def test_what_is_no_action(self):
        rc, _, err = run("explain", "release-node/nonsense", "--snapshot", snap())
        self.assertEqual(rc, 17)
        self.assertIn("no action 'release-node/nonsense'", err)
        # options of the plan count: an action that they leave out is not there
        some = [a for a in data()["actions"] if a["kind"] == "release-node"]
        self.assertEqual(run("explain", some[0]["id"], "--snapshot", snap(), "--only", "mig")[0], 17)
        # and pods are explained as ever
        rc, _, err = run("explain", "idle-gpu", "--snapshot", snap())
        self.assertEqual((rc, err), (0, ""))


class Export(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = os.path.join(work, "changes")
        rc, cls.out, cls.err = plan("--export", cls.dir)
        assert rc == 0, cls.err
        cls.doc = data()
        cls.chosen = [a for a in cls.doc["actions"] if a["chosen"]]
        cls.folders = sorted(n for n in os.listdir(cls.dir) if re.match(r"\d\d+-", n))

    def test_one_folder_an_action(self):
        self.assertEqual(self.out, "")
        self.assertIn("--with", self.err)
        self.assertEqual(len(self.folders), len(self.chosen))
        self.assertIn("README.md", os.listdir(self.dir))

    def test_all_of_it_gives_the_promised_bill(self):
        rc, got, as_if = bill("--with", self.dir)
        self.assertEqual(rc, 0, as_if)
        self.assertEqual(got, self.doc["after"]["cost"]["bill"])
        self.assertEqual(as_if, {"actions": len(self.chosen), "from": self.dir})

    def test_the_first_so_many_give_the_bill_up_to_there(self):
        want = self.doc["before"]["cost"]["bill"]
        with tempfile.TemporaryDirectory() as d:
            for folder, action in zip(self.folders, self.chosen):
                shutil.copytree(os.path.join(self.dir, folder), os.path.join(d, folder))
                want -= action["share"]["window"]
                self.assertEqual(bill("--with", d)[:2], (0, want), action["id"])

    def test_each_alone_gives_what_it_saves_alone(self):
        for folder, action in zip(self.folders, self.chosen):
            rc, got, err = bill("--with", os.path.join(self.dir, folder))
            if rc == 2:  # it needs others first
                self.assertEqual(action["alone"]["window"], 0, err)
                self.assertTrue(action["after"], action["id"])
            else:
                self.assertEqual((rc, got), (0, self.doc["before"]["cost"]["bill"] - action["alone"]["window"]), (action["id"], err))

    def test_the_report_says_that_it_is_a_what_if(self):
        rc, out, err = run("report", "--snapshot", snap(), "--with", self.dir)
        self.assertEqual((rc, err), (0, ""))
        n = len(self.chosen)
        self.assertTrue(out.startswith("AS IF the %d action%s in " % (n, "" if n == 1 else "s")), out[:200])
        for line in out.splitlines():
            self.assertLessEqual(columns(line), 100, line)
        self.assertIn("AS IF the", run("report", "--snapshot", snap(), "--with", self.dir, "-o", "html")[1])
        self.assertNotIn("asIf", json.loads(run("report", "--snapshot", snap(), "-o", "json")[1]))

    def test_every_grouping_of_it_adds_up(self):
        for by in ("node", "team", "pod"):
            doc = json.loads(run("report", "--snapshot", snap(), "--with", self.dir, "-o", "json", "--by", by)[1], parse_float=Decimal)
            self.assertEqual(sum(Decimal(r["cost"]["bill"] or 0) for r in doc["rows"]), self.doc["after"]["cost"]["bill"], by)

    def test_again_the_same(self):
        other = os.path.join(work, "again")
        self.assertEqual(plan("--export", other)[0], 0)
        p = subprocess.run(["diff", "-r", self.dir, other], capture_output=True, text=True)
        self.assertEqual(p.stdout, "")

    def test_a_change_that_cannot_be(self):
        folder = os.path.join(work, "edited")
        shutil.copytree(os.path.join(self.dir, self.folders[0]), folder)
        path = os.path.join(folder, "action.json")
        with open(path) as f:
            action = json.load(f)
        action["change"]["releases"] = [{"name": "no-such-node"}]
        with open(path, "w") as f:
            json.dump(action, f)
        rc, _, err = bill("--with", folder)
        self.assertEqual(rc, 12, err)
        self.assertIn("no-such-node", err)


class Options(unittest.TestCase):
    def fails(self, code, part, *args):
        rc, out, err = plan(*args)
        self.assertEqual((rc, out), (code, ""), (args, err))
        self.assertEqual(len(err.splitlines()), 1, err)
        self.assertIn(part, err)

    def test_errors(self):
        self.fails(2, "'release' is none of release-node, move-cpu-pods, mig", "--only", "mig,release")
        self.fails(2, "is not one of low, medium, high", "--max-risk", "none")
        self.fails(2, "takes no --namespace: nodes are shared", "-n", "assistant")
        self.fails(2, "takes no --selector: nodes are shared", "-l", "a=b")
        self.fails(2, "--exclude", "--exclude", "a in (")
        self.fails(2, "--pin", "--pin", "a in (")
        self.fails(2, "share from 0 to 1", "--compute-headroom", "1.5")
        self.fails(2, "is not one of table, wide, json, yaml", "-o", "csv")
        self.fails(16, "--policy: cannot read '/nonexistent'", "--policy", "/nonexistent")
        bad = os.path.join(work, "bad.yaml")
        with open(bad, "w") as f:
            f.write("rules:\n- namespace: a\n  exlude: true\n")
        self.fails(12, "bad.yaml:3", "--policy", bad)

    def test_errors_of_with(self):
        for code, part, where in ((16, "/nonexistent", "/nonexistent"), (17, "holds no action", snap())):
            rc, out, err = run("report", "--snapshot", snap(), "--with", where)
            self.assertEqual((rc, out), (code, ""), err)
            self.assertIn(part, err)

    def test_only(self):
        for kind in KINDS:
            # a node that can be given back without smaller requests is given back as such
            allowed = {kind, "release-node"} if kind == "right-size" else {kind}
            self.assertLessEqual({a["kind"] for a in data("--only", kind)["actions"]}, allowed)
        both = data("--only", "release-node", "--only", "mig,mps")
        self.assertLessEqual({a["kind"] for a in both["actions"]}, {"release-node", "mig", "mps"})

    def test_limits(self):
        for a in data("--max-risk", "low")["actions"]:
            if a["risk"]["level"] != "low":
                self.assertEqual((a["chosen"], "--max-risk" in a["whyNot"]), (False, True), a["id"])
        for a in data("--min-saving", "1000")["actions"]:
            if a["chosen"]:
                self.assertGreaterEqual(a["share"]["monthlyHigh"], 1000, a["id"])

    def test_exclude_and_pin(self):
        """Nothing of a namespace that is excluded is moved, and nothing of one that is pinned leaves its node."""
        moved = [m for a in data()["actions"] if a["chosen"] for m in a["change"]["moves"] if m["pod"]]
        if not moved:
            self.skipTest("nothing is moved in the sample fleet")
        policy = os.path.join(work, "keep.yaml")
        for key in ("exclude", "pin"):
            with open(policy, "w") as f:
                f.write("rules:\n- namespace: '*'\n  %s: true\n" % key)
            for a in data("--policy", policy)["actions"]:
                for m in a["change"]["moves"]:
                    if m["pod"]:
                        self.assertEqual((key, m["from"]), ("pin", m["node"]), a["id"])

    def test_strict_writes_the_answer_all_the_same(self):
        rc, out, err = plan("--strict", "-o", "json")  # the sample fleet has nodes without a price
        self.assertEqual(rc, 13, err)
        self.assertTrue(json.loads(out)["partial"])


if __name__ == "__main__":
    unittest.main()
