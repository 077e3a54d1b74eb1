"""gpuwise export focus from outside: sums, the rules of FOCUS 1.2, and the FOCUS validator from PyPI.

The validator (focus-validator 1.0.0) knows FOCUS up to 1.0, and is installed into a virtual environment below the build
directory, or found through GW_FOCUS_VALIDATOR; where neither can be had, its test skips loudly. The rules of 1.2 are
checked here, transcribed from the specification (specification/columns/ of FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec).
"""
import csv, datetime, decimal, io, json, os, re, subprocess, sys, tempfile, unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("GW_BUILD", os.path.join(ROOT, "build")))
GPUWISE = os.path.join(BUILD, "gpuwise")
BOOKS = os.path.join(BUILD, "tests", "integration", "books")
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("GPUWISE_")}
D = decimal.Decimal

MANDATORY = """BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodEnd BillingPeriodStart ChargeCategory
ChargeClass ChargeDescription ChargePeriodEnd ChargePeriodStart ContractedCost EffectiveCost InvoiceIssuerName ListCost
PricingQuantity PricingUnit ProviderName PublisherName ServiceCategory ServiceName ServiceSubcategory""".split()
NEVER_NULL = [c for c in MANDATORY if c not in ("BillingAccountName", "ChargeClass", "ChargeDescription", "PricingQuantity",
                                                "PricingUnit")]
DECIMALS = """BilledCost ContractedCost EffectiveCost ListCost PricingQuantity ConsumedQuantity ListUnitPrice
ContractedUnitPrice x_UsedCost x_WastedCost x_IdleCost x_UnknownCost x_OverheadCost x_ReclaimableCost x_UsedGpuHours
x_KnownGpuHours x_AllocatedGpuHours""".split()
TIMES = ["BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd"]
ALLOWED = {
    "ChargeCategory": {"Adjustment", "Credit", "Purchase", "Tax", "Usage"},
    "ChargeClass": {"", "Correction"},
    "ChargeFrequency": {"One-Time", "Recurring", "Usage-Based"},
    "PricingCategory": {"Standard", "Dynamic", "Committed", "Other"},
    "ServiceCategory": {"Compute"},
    "ServiceSubcategory": {"Containers", "Virtual Machines"},  # of those that Compute has
    "BillingCurrency": {"USD"},
}
# NumericFormat: an optional minus, digits, optional decimals; no thousands separators, no symbols
NUMBER = re.compile(r"-?\d+(\.\d+)?\Z")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")


def gpuwise(*args, ok=True):
    p = subprocess.run([GPUWISE, *args], capture_output=True, env={**CLEAN, "HOME": "/nonexistent"}, timeout=120)
    if ok and p.returncode:
        raise AssertionError("%s: exit %d\n%s" % (args, p.returncode, p.stderr.decode()))
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def books(url, start, hours, *more):
    """The bill of all hours, as the maker of the books added it up."""
    p = subprocess.run([BOOKS, url, start, str(hours), *map(str, more)], capture_output=True, text=True, timeout=120)
    if p.returncode:
        raise AssertionError(p.stderr)
    return D(p.stdout.strip())


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def total(records, column="BilledCost"):
    return sum((D(r[column]) for r in records), D(0))


class Focus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not os.path.exists(BOOKS):
            raise unittest.SkipTest("NOT RUN: %s is not built" % BOOKS)
        cls.dir = tempfile.TemporaryDirectory()
        cls.url = "sqlite:" + os.path.join(cls.dir.name, "books.db")
        cls.bill = books(cls.url, "2026-10-20", 20 * 24, 7, 31)
        cls.period = ["--store", cls.url, "--from", "2026-10-20", "--to", "2026-11-09"]
        cls.text = gpuwise("export", "focus", *cls.period)[1]
        cls.rows = rows(cls.text)

    @classmethod
    def tearDownClass(cls):
        cls.dir.cleanup()

    def test_the_sum_is_the_bill(self):
        self.assertGreater(len(self.rows), 1000)
        for column in ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"):
            self.assertEqual(total(self.rows, column), self.bill, column)

    def test_days_add_up_to_the_same(self):
        daily = rows(gpuwise("export", "focus", "--daily", *self.period)[1])
        self.assertLess(len(daily), len(self.rows))
        self.assertEqual(total(daily), self.bill)
        def by_day(records):
            sums = {}
            for r in records:
                key = (r["ChargePeriodStart"][:10], r["x_Cluster"], r["x_Pod"], r["x_Node"], r["x_LeafKind"])
                sums[key] = sums.get(key, D(0)) + D(r["BilledCost"])
            return sums
        self.assertEqual(by_day(daily), by_day(self.rows))
        for r in daily:
            start = datetime.datetime.fromisoformat(r["ChargePeriodStart"].replace("Z", "+00:00"))
            end = datetime.datetime.fromisoformat(r["ChargePeriodEnd"].replace("Z", "+00:00"))
            self.assertEqual(end - start, datetime.timedelta(days=1))

    def test_one_cluster(self):
        parts = [rows(gpuwise("export", "focus", "--cluster", c, *self.period)[1]) for c in ("prod-eu", "prod-us")]
        self.assertEqual(total(parts[0]) + total(parts[1]), self.bill)
        self.assertEqual({r["SubAccountId"] for r in parts[0]}, {"prod-eu"})

    def test_columns(self):
        header = next(csv.reader(io.StringIO(self.text)))
        for c in MANDATORY:
            self.assertIn(c, header)
        self.assertEqual(len(header), len(set(header)))
        for c in header:  # ColumnHandling: own columns begin with x_, names are PascalCase
            self.assertRegex(c, r"\A(x_)?[A-Z][A-Za-z0-9]*\Z")

    def test_rules_of_each_row(self):
        for i, r in enumerate(self.rows):
            for c in NEVER_NULL + ["PricingQuantity", "PricingUnit", "SkuId", "SkuPriceId", "ListUnitPrice"]:
                self.assertNotEqual(r[c], "", "%s of row %d is null" % (c, i))
            for c in DECIMALS:
                if r[c]:
                    self.assertRegex(r[c], NUMBER)
            for c in TIMES:
                self.assertRegex(r[c], TIME)
            for c, allowed in ALLOWED.items():
                self.assertIn(r[c], allowed)
            self.assertLessEqual(r["BillingPeriodStart"], r["ChargePeriodStart"])
            self.assertLessEqual(r["ChargePeriodEnd"], r["BillingPeriodEnd"])
            self.assertRegex(r["BillingPeriodStart"], r"-01T00:00:00Z\Z")
            self.assertEqual(r["PricingUnit"] == "", r["PricingQuantity"] == "")
            self.assertEqual(r["ConsumedUnit"] == "", r["ConsumedQuantity"] == "")
            self.assertEqual(r["RegionId"] == "", r["RegionName"] == "")
            self.assertTrue(r["ResourceType"] or not r["ResourceId"])
            self.assertTrue(r["SubAccountType"] or not r["SubAccountId"])
            self.assertEqual(r["CommitmentDiscountId"], "")
            self.assertIsInstance(json.loads(r["Tags"]), dict)
            # the product of unit price and quantity is the cost, to the half micro-dollar that decimals lose
            self.assertLess(abs(D(r["ListUnitPrice"]) * D(r["PricingQuantity"]) - D(r["ListCost"])), D("0.0000005"))
            parts = sum(D(r["x_%sCost" % p]) for p in ("Used", "Wasted", "Idle", "Unknown", "Overhead"))
            self.assertEqual(parts, D(r["BilledCost"]))

    def test_names_come_through(self):
        pods = {(r["x_Workload"], r["x_Model"]) for r in self.rows}
        self.assertIn(("<b>train|er", ""), pods)
        self.assertIn(("ranker", 'llama, "8b"'), pods)
        tags = {json.loads(r["Tags"]).get("model") for r in self.rows}
        self.assertIn('llama, "8b"', tags)
        # a spreadsheet does not run a label
        self.assertIn("'=cmd()", {r["x_Team"] for r in self.rows})
        self.assertNotIn("=cmd()", {r["x_Team"] for r in self.rows})

    def test_no_price_is_no_row_and_is_said(self):
        self.assertEqual([r for r in self.rows if r["x_Node"] == "n-4"], [])
        _, _, err = gpuwise("export", "focus", *self.period)
        self.assertRegex(err, r"\d+\.\d GPU.hours have no price")

    def test_corrections_of_earlier_months(self):
        """What was exported on the day that October was closed, and November with corrections since, are the books."""
        november = ["--store", self.url, "--from", "2026-11-01", "--to", "2026-11-09"]
        plain = rows(gpuwise("export", "focus", *november)[1])
        with_them = rows(gpuwise("export", "focus", "--corrections-since", "2020-01-01", *november)[1])
        corrections = [r for r in with_them if r["ChargeClass"] == "Correction"]
        self.assertEqual(len(with_them), len(plain) + len(corrections))
        self.assertGreater(len(corrections), 0)
        for r in corrections:
            self.assertEqual(r["ChargePeriodStart"], "2026-10-20T00:00:00Z")
            self.assertEqual(r["ListUnitPrice"], "")
        # the same changes as the review of October lists, and the parts are the whole
        review = json.loads(gpuwise("review", "monthly", "--store", self.url, "--from", "2026-10-01", "--to", "2026-11-01",
                                    "-o", "json")[1], parse_float=D)
        lines = [c for s in review["chargeback"]["statements"] + [review["chargeback"]["shared"]] for c in s["corrections"]]
        self.assertEqual(total(corrections), sum(c["change"] for c in lines))
        october = rows(gpuwise("export", "focus", "--store", self.url, "--from", "2026-10-20", "--to", "2026-11-01")[1])
        self.assertEqual(total(october) + total(plain), self.bill)

    def test_errors(self):
        rc, out, err = gpuwise("export", "focus", "--store", self.url, "--from", "2026-10-20T00:30:00Z", "--to", "2026-10-21",
                               ok=False)
        self.assertEqual((rc, out), (11, ""))
        self.assertIn("whole hours", err)
        rc, out, err = gpuwise("export", "focus", "--daily", "--store", self.url, "--from", "2026-10-20T01:00:00Z", "--to",
                               "2026-10-21", ok=False)
        self.assertEqual((rc, out), (11, ""))
        self.assertIn("whole days", err)


class Validator(unittest.TestCase):
    """The real validator. Its rules for 1.0 still ask for four columns by the names that they had before 1.0 (Provider,
    Publisher, InvoiceIssuer, ResourceID), and for the ChargeType that ChargeCategory replaced; a copy of the file with these
    beside the right ones is what it is shown. It finds its list of currencies only from its own directory."""
    ALIASES = {"Provider": "ProviderName", "Publisher": "PublisherName", "InvoiceIssuer": "InvoiceIssuerName",
               "ResourceID": "ResourceId", "ChargeType": "ChargeCategory"}

    @classmethod
    def setUpClass(cls):
        if not os.path.exists(BOOKS):
            raise unittest.SkipTest("NOT RUN: %s is not built" % BOOKS)
        cls.validator = os.environ.get("GW_FOCUS_VALIDATOR") or cls.install()

    @staticmethod
    def install():
        venv = os.path.join(BUILD, "focus-venv")
        program = os.path.join(venv, "bin", "focus-validator")
        done = os.path.join(venv, "installed")
        if os.path.exists(done):
            return program
        need = os.path.join(ROOT, "tests", "integration", "requirements-focus.txt")
        try:
            subprocess.run([sys.executable, "-m", "venv", venv], check=True, capture_output=True, timeout=120)
            subprocess.run([os.path.join(venv, "bin", "pip"), "install", "-q", "-r", need], check=True, capture_output=True,
                           timeout=400)
        except (subprocess.SubprocessError, OSError) as e:
            raise unittest.SkipTest("NOT RUN: cannot install focus-validator (%s); set GW_FOCUS_VALIDATOR to one" % e)
        open(done, "w").close()
        return program

    def validate(self, records):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "focus.csv")
            with open(path, "w", newline="") as f:
                w = csv.DictWriter(f, list(records[0]) + list(self.ALIASES))
                w.writeheader()
                for r in records:
                    w.writerow({**r, **{alias: r[name] for alias, name in self.ALIASES.items()}})
            site = subprocess.run([os.path.join(os.path.dirname(self.validator), "python"), "-c",
                                   "import sysconfig; print(sysconfig.get_paths()['purelib'])"], capture_output=True, text=True,
                                  timeout=60).stdout.strip()
            p = subprocess.run([self.validator, "--data-file", path, "--validate-version", "1.0"], capture_output=True, text=True,
                               timeout=300, cwd=site or None)
            return p.stdout + p.stderr

    def test_export_is_valid(self):
        with tempfile.TemporaryDirectory() as d:
            url = "sqlite:" + os.path.join(d, "books.db")
            books(url, "2026-10-30", 96, 3)
            text = gpuwise("export", "focus", "--store", url, "--from", "2026-11-01", "--to", "2026-11-03",
                           "--corrections-since", "2020-01-01")[1]
        records = rows(text)
        self.assertTrue(any(r["ChargeClass"] == "Correction" for r in records))
        out = self.validate(records)
        self.assertIn("Validation succeeded", out)
        # and it does look: a cost that is none must not pass
        records[0]["BilledCost"] = "many"
        self.assertNotIn("Validation succeeded", self.validate(records))


if __name__ == "__main__":
    unittest.main()
