"""gpuwise review from outside: three kinds, three formats, against the books that they are of.

Books are made up by tests/integration/drivers/books.c; what reviews say is compared with sums over the FOCUS export of the
same history, which comes from the pages and not from the sums that reviews are made of.
"""
import csv, datetime, decimal, io, json, os, re, subprocess, tempfile, unittest, xml.etree.ElementTree as ET

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("GW_BUILD", os.path.join(ROOT, "build")))
GPUWISE = os.path.join(BUILD, "gpuwise")
BOOKS = os.path.join(BUILD, "tests", "integration", "books")
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("GPUWISE_")}
D = decimal.Decimal
WEEK = ("2026-11-02", "2026-11-09")
FORTNIGHT = ("2026-10-26", "2026-11-09")
MONTH = ("2026-10-01", "2026-11-01")
KINDS = {"weekly": WEEK, "biweekly": FORTNIGHT, "monthly": MONTH}


def gpuwise(*args, ok=True):
    p = subprocess.run([GPUWISE, *args], capture_output=True, env={**CLEAN, "HOME": "/nonexistent"}, timeout=120)
    if ok and p.returncode:
        raise AssertionError("%s: exit %d\n%s" % (args, p.returncode, p.stderr.decode()))
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def books(url, start, hours, *more):
    p = subprocess.run([BOOKS, url, start, str(hours), *map(str, more)], capture_output=True, text=True, timeout=120)
    if p.returncode:
        raise AssertionError(p.stderr)
    return D(p.stdout.strip())


class Reviews(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not os.path.exists(BOOKS):
            raise unittest.SkipTest("NOT RUN: %s is not built" % BOOKS)
        cls.dir = tempfile.TemporaryDirectory()
        cls.url = "sqlite:" + os.path.join(cls.dir.name, "books.db")
        # 1 October to 8 November; every fiftieth hour is missing
        books(cls.url, "2026-10-01", 39 * 24, 5, 50)

    @classmethod
    def tearDownClass(cls):
        cls.dir.cleanup()

    def review(self, kind, fmt="json", *more, period=None):
        start, end = period or KINDS[kind]
        _, out, err = gpuwise("review", kind, "--store", self.url, "--from", start, "--to", end, "-o", fmt, *more)
        self.assertEqual(err, "")
        return json.loads(out, parse_float=D) if fmt == "json" else out

    def charges(self, period, *more):
        _, out, _ = gpuwise("export", "focus", "--store", self.url, "--from", period[0], "--to", period[1], *more)
        return list(csv.DictReader(io.StringIO(out)))

    def check_hours(self, doc, start, end):
        """Which hours are missing is known: those whose number since 1 October leaves 49 when parted by 50."""
        first = datetime.datetime(2026, 10, 1)
        hours = [datetime.datetime.fromisoformat(start) + datetime.timedelta(hours=h)
                 for h in range((datetime.datetime.fromisoformat(end) - datetime.datetime.fromisoformat(start)).days * 24)]
        missing = [h for h in hours if int((h - first).total_seconds() // 3600) % 50 == 49 and h >= first]
        self.assertEqual([c["name"] for c in doc["clusters"]], ["prod-eu", "prod-us"])
        for c in doc["clusters"]:
            self.assertEqual((c["hours"], c["closedHours"]), (len(hours), len(hours) - len(missing)))
            self.assertEqual([m["start"] for m in c["missing"]], [h.strftime("%Y-%m-%dT%H:%M:%SZ") for h in missing])

    def test_missing_hours_are_named(self):
        for kind, (start, end) in KINDS.items():
            with self.subTest(kind):
                self.check_hours(self.review(kind), start, end)
                text = self.review(kind, "md")
                self.assertRegex(text, r"> \d+ of \d+ hours of cluster prod-us are not in the store: 2026-1")

    def test_total_is_what_the_pages_say(self):
        for kind, period in KINDS.items():
            with self.subTest(kind):
                cost = self.review(kind)["total"]["cost"]
                rows = self.charges(period)
                for part, column in (("bill", "BilledCost"), ("used", "x_UsedCost"), ("wasted", "x_WastedCost"),
                                     ("idle", "x_IdleCost"), ("unknown", "x_UnknownCost"), ("overhead", "x_OverheadCost")):
                    self.assertEqual(cost[part], sum(D(r[column]) for r in rows), part)

    def test_weekly(self):
        doc = self.review("weekly")
        rows = [r for r in self.charges(WEEK) if r["x_LeafKind"] == "held"]
        named = {(n["cluster"], n["namespace"]): n for n in doc["namespaces"]}
        self.assertEqual(set(named), {(r["x_Cluster"], r["x_Namespace"]) for r in rows})
        for key, n in named.items():
            mine = [r for r in rows if (r["x_Cluster"], r["x_Namespace"]) == key]
            self.assertEqual(n["cost"]["bill"], sum(D(r["BilledCost"]) for r in mine))
            self.assertEqual(set(n["owners"]), {r["x_Team"].lstrip("'") for r in mine if r["x_Team"]})
        # notebooks use 2 to 12 % by the maker's books: on the list; nobody owns them
        for cluster in ("prod-eu", "prod-us"):
            self.assertEqual(named[cluster, "research"]["verdict"], "low")
            self.assertTrue(named[cluster, "research"]["unowned"])
            self.assertNotEqual(named[cluster, "ads"]["verdict"], "low")
        bills = [n["cost"]["bill"] for n in doc["namespaces"]]
        self.assertEqual(bills, sorted(bills, reverse=True))
        self.assertTrue(doc["comparable"])
        before = self.charges(("2026-10-26", "2026-11-02"))
        self.assertEqual(doc["totalBefore"]["cost"]["bill"], sum(D(r["BilledCost"]) for r in before))

    def test_biweekly(self):
        doc = self.review("biweekly")
        self.assertLessEqual(len(doc["workloads"]), 10)
        self.assertIsNone(doc["planOf"])
        self.assertEqual({w["nothingProposed"] for w in doc["workloads"]}, {"there is no plan in the store"})
        rows = self.charges(FORTNIGHT)
        for w in doc["workloads"]:
            mine = [r for r in rows if (r["x_Cluster"], r["x_Namespace"], r["x_Workload"]) ==
                    (w["cluster"], w["namespace"], w["workload"])]
            self.assertEqual(w["cost"]["bill"], sum(D(r["BilledCost"]) for r in mine))
            # the maker's books: half of the known time is memory held, compute low
            self.assertAlmostEqual(float(w["states"]["lowHigh"]), 0.5, places=5)

    def test_monthly(self):
        doc = self.review("monthly")
        # training runs on spot, on-demand and unknown nodes in turn: node n-2 is spot, n-1 on demand, n-3 and n-4 unknown
        rows = [r for r in self.charges(MONTH) if r["x_WorkloadClass"] == "training"]
        hours = lambda node: sum(D(r["x_AllocatedGpuHours"]) for r in rows if r["x_Node"] == node)
        training = next(s for s in doc["spot"]["rows"] if s["class"] == "training")
        self.assertAlmostEqual(float(training["spotHours"]), float(hours("n-2")), places=4)
        self.assertAlmostEqual(float(training["onDemandHours"]), float(hours("n-1")), places=4)
        self.assertAlmostEqual(float(training["coverage"]), float(hours("n-2") / (hours("n-1") + hours("n-2"))), places=5)
        self.assertGreater(training["unknownHours"], hours("n-3"))
        last = doc["months"][-1]
        self.assertEqual(last["period"]["start"], "2026-10-01T00:00:00Z")
        self.assertGreater(last["unpricedGpuHours"], 100)
        priced = self.charges(MONTH)
        paid = sum(D(r["PricingQuantity"]) for r in priced if r["PricingUnit"] == "GPU-Hours")
        bill = sum(D(r["BilledCost"]) for r in priced)
        self.assertAlmostEqual(float(last["perPaidGpuHour"]), float(bill / paid), places=5)
        used = sum(D(r["x_UsedGpuHours"]) for r in priced)
        unknown = sum(D(r["x_UnknownCost"]) for r in priced)
        self.assertAlmostEqual(float(last["perUsedGpuHour"]), float((bill - unknown) / used), places=5)
        self.assertIsNone(doc["months"][0]["bill"])  # no hour of May: unknown, not 0

    def test_statements_are_the_bill(self):
        doc = self.review("monthly")
        back = doc["chargeback"]
        self.assertEqual(sum(s["total"] for s in back["statements"]), back["bill"])
        self.assertEqual(back["bill"], doc["total"]["cost"]["bill"])
        rows = self.charges(MONTH)
        for s in back["statements"]:
            team = s["team"] or ""
            mine = [r for r in rows if r["x_LeafKind"] == "held" and r["x_Team"].lstrip("'") == team]
            self.assertEqual(s["own"]["cost"]["bill"], sum(D(r["BilledCost"]) for r in mine), team)
        corrections = [c for s in back["statements"] + [back["shared"]] for c in s["corrections"]]
        self.assertEqual({(c["hour"], c["cluster"], c["reason"]) for c in corrections},
                         {("2026-10-01T00:00:00Z", "prod-eu", "late samples")})

    def test_budgets_and_targets_of_the_daemon(self):
        path = os.path.join(self.dir.name, "gpuwise.yaml")
        with open(path, "w") as f:
            f.write("apiVersion: gpuwise.dev/v1\nkind: Config\nprometheus: http://127.0.0.1:1\nbudgets:\n"
                    "  - {name: a, team: growth, amount: 20000}\n  - {name: b, team: growth, namespace: ads, amount: 7}\n"
                    "  - {name: c, team: nobody, amount: 1}\n"
                    "spotTargets: {training: 0.7, inference: 0.1}\n")
        doc = self.review("monthly", "json", "--config", path)
        budgets = {s["team"]: s["budget"] for s in doc["chargeback"]["statements"]}
        self.assertEqual(budgets["growth"], 20000)
        self.assertEqual([b for team, b in budgets.items() if team != "growth"], [None] * (len(budgets) - 1))
        self.assertEqual(doc["spot"]["targets"], {"training": D("0.7"), "inference": D("0.1")})
        # a budget is of a month, and this is not one
        part = self.review("monthly", "json", "--config", path, period=("2026-10-01", "2026-10-20"))
        self.assertEqual({s["budget"] for s in part["chargeback"]["statements"]}, {None})

    def test_one_cluster(self):
        doc = self.review("weekly", "json", "--cluster", "prod-us")
        self.assertEqual([c["name"] for c in doc["clusters"]], ["prod-us"])
        self.assertEqual(doc["total"]["cost"]["bill"], sum(D(r["BilledCost"]) for r in self.charges(WEEK, "--cluster", "prod-us")))

    def test_plan_in_the_store(self):
        """The daemon keeps its plan as a document; what it says of a workload stands beside it."""
        import sqlite3
        url = "sqlite:" + os.path.join(self.dir.name, "plan.db")
        books(url, "2026-11-02", 168, 5)
        plan = {"window": {"start": "2026-11-02T00:00:00Z", "end": "2026-11-09T00:00:00Z"}, "actions": [
            {"id": "mps/n-1", "kind": "mps", "text": "Shares a board.", "chosen": True,
             "share": {"monthlyLow": 10.5, "monthlyHigh": 12.25},
             "change": {"resizes": [], "moves": [{"pod": {"namespace": "search", "name": "embed-5f-1"}}]}}]}
        path = url[len("sqlite:"):]
        with sqlite3.connect(path) as db:
            columns = {t: [r[1] for r in db.execute("pragma table_info(%s)" % t)] for (t,) in
                       db.execute("select name from sqlite_master where type='table' and name like '%document%'").fetchall()}
            table, names = next(iter(columns.items()), (None, []))
            want = {"kind": "plan", "id": "latest", "updated_ms": 0, "body": json.dumps(plan)}
            if not table or set(names) - set(want):
                self.skipTest("NOT RUN: documents are kept in another way: %s" % columns)
            db.execute("insert into %s (%s) values (%s)" % (table, ",".join(names), ",".join("?" * len(names))),
                       [want[n] for n in names])
        _, out, _ = gpuwise("review", "biweekly", "--store", url, "--from", WEEK[0], "--to", WEEK[1], "-o", "json")
        doc = json.loads(out)
        for w in doc["workloads"]:
            self.assertEqual([p["action"] for p in w["proposals"]], ["mps/n-1"] if w["workload"] == "embed" else [])
        _, out, _ = gpuwise("review", "biweekly", "--store", url, "--from", WEEK[0], "--to", WEEK[1])
        self.assertIn("mps: Shares a board. Saves $10.50 to $12.25 a month (mps/n-1)", out)

    def test_markdown_tables(self):
        """Each row of a table has as many cells as its head, whatever is in a name."""
        for kind in KINDS:
            text = self.review(kind, "md")
            self.assertIn("&lt;b>train\\|er", text) if kind == "biweekly" else None
            width = 0
            for line in text.splitlines():
                cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
                if cells and width:
                    self.assertEqual(cells, width, line)
                width = cells

    def test_html_stands_alone(self):
        for kind in KINDS:
            text = self.review(kind, "html")
            tree = ET.fromstring(text.replace("<!DOCTYPE html>\n", "", 1))  # well-formed, as any parser takes it
            self.assertEqual([e.tag for e in tree.iter() if e.tag in ("script", "link", "img", "iframe", "b")], [])
            self.assertNotIn("://", text)
            self.assertTrue(all(t.find("caption") is not None for t in tree.iter("table")))
            for row in tree.iter("tr"):
                self.assertGreater(len(row), 1)

    def test_same_bytes(self):
        for kind in KINDS:
            for fmt in ("md", "html", "json"):
                self.assertEqual(self.review(kind, fmt), self.review(kind, fmt))

    def test_errors(self):
        missing = "sqlite:" + os.path.join(self.dir.name, "none.db")
        cases = [(("weekly", "--store", missing), None, "none.db"),
                 (("weekly", "--store", missing), 16, "of the history that `gpuwise serve` keeps: give its --store URL"),
                 (("yearly", "--store", self.url), 2, "weekly, biweekly or monthly"),
                 (("weekly", "--store", self.url, "--from", "2026-11-02"), 2, "go together"),
                 (("weekly", "--store", self.url, "--from", "2026-11-09", "--to", "2026-11-02"), 11, "not before"),
                 (("weekly", "--store", self.url, "--from", "2026-11-02T00:10:00Z", "--to", "2026-11-03"), 11, "whole hours"),
                 (("weekly", "--store", self.url, "--from", "2024-11-02", "--to", "2026-11-03"), 11, "at most 400 days"),
                 (("weekly", "--store", self.url, "--from", "2025-01-01", "--to", "2025-01-08"), 10, "no hour from"),
                 # what there is: two clusters of 39 days; the last hour has number 935 and is not one of the missing
                 (("weekly", "--store", self.url, "--from", "2025-01-01", "--to", "2025-01-08"), 10,
                  "it has prod-eu from 2026-10-01T00:00:00Z to 2026-11-09T00:00:00Z, prod-us from 2026-10-01T00:00:00Z to 2026-11-09"),
                 (("weekly", "--store", self.url, "--cluster", "other"), 10, "it has no hours of other"),
                 (("weekly", "--store", self.url, "-o", "csv"), 2, "csv")]
        for args, code, say in cases:
            rc, out, err = gpuwise("review", *args, ok=False)
            self.assertEqual(out, "", args)
            self.assertIn(say, err)
            self.assertNotEqual(rc, 0)
            if code:
                self.assertEqual(rc, code, err)
        self.assertFalse(os.path.exists(missing[len("sqlite:"):]), "a review must not make a history")


if __name__ == "__main__":
    unittest.main()
