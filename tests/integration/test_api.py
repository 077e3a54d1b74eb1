"""The HTTP API of a running daemon: every documented route against the document, the same bytes as the command line, OpenCost's shapes,
log-in, caching, refusals."""
import csv, http.server, io, json, os, re, shutil, subprocess, threading, time, unittest, urllib.parse
from decimal import Decimal

import daemon
from daemon import Daemon, query

try:
    import jsonschema
except ImportError:
    jsonschema = None

with open(os.path.join(daemon.ROOT, "docs", "api", "openapi.json")) as f:
    OPENAPI = json.load(f)
PARTS = ("used", "wasted", "idle", "unknown", "overhead")
shared = None


def setUpModule():
    global shared
    shared = Daemon("--demo")


def tearDownModule():
    said = shared.said()
    rc = shared.stop()
    if rc:  # with a sanitizer: what it found
        raise AssertionError("gpuwise serve ended with %d: %s" % (rc, said))


def validator(schema):
    return jsonschema.Draft202012Validator({**schema, "components": OPENAPI["components"]}, format_checker=jsonschema.FormatChecker())


def exact(reply):
    return reply.json(parse_float=Decimal, parse_int=Decimal)


def held():
    w = shared.get("/api/v1/status").json()["window"]
    return w["start"], w["end"]


def cli(*args):
    p = subprocess.run([daemon.GPUWISE, *args], capture_output=True, env=daemon.CLEAN, timeout=120)
    if p.returncode:
        raise RuntimeError(p.stderr.decode())
    return p.stdout


def some_action(d=None):
    plan = (d or shared).get("/api/v1/plan").json()
    return next(a["id"] for a in plan["actions"] if a["chosen"])


# what a documented parameter needs to be called with
def values():
    return {"window": "24h", "action": some_action(), "subject": "node/" + shared.get("/api/v1/fleet?window=24h").json()["nodes"][0]["name"]}


@unittest.skipUnless(jsonschema, "python3-jsonschema is missing")
class Document(unittest.TestCase):
    def test_is_openapi(self):
        self.assertEqual(shared.get("/api/v1/openapi.json").json(), OPENAPI)
        self.assertEqual(OPENAPI["openapi"], "3.1.0")
        for name, schema in OPENAPI["components"]["schemas"].items():
            jsonschema.Draft202012Validator.check_schema(schema)
        ids = [o["operationId"] for p in OPENAPI["paths"].values() for o in p.values()]
        self.assertEqual(len(ids), len(set(ids)))

    def test_every_get_is_answered_as_documented(self):
        given = values()
        for path, operations in OPENAPI["paths"].items():
            if "get" not in operations:
                continue
            required = {p["name"]: given[p["name"]] for p in operations["get"].get("parameters", []) if p["required"]}
            r = shared.get(path + (query(**required) if required else ""))
            self.assertEqual(r.status, 200, (path, r.body[:300]))
            content = operations["get"]["responses"]["200"]["content"]
            kind = r.headers["Content-Type"].split(";")[0]
            self.assertIn(kind, content, path)
            if kind == "application/json":
                errors = sorted(validator(content[kind]["schema"]).iter_errors(r.json()), key=str)
                self.assertFalse(errors, "%s: %s" % (path, [(list(e.path), e.message[:200]) for e in errors[:3]]))

    def test_parameters_are_those_documented(self):
        for path, operations in OPENAPI["paths"].items():
            if "get" not in operations:
                continue
            documented = {p["name"] for p in operations["get"].get("parameters", []) if p["in"] == "query"}
            r = shared.get(path + "?no-such-parameter=1")
            self.assertEqual(r.status, 400, path)
            self.assertEqual(r.headers["Content-Type"], "application/json; charset=utf-8")
            errors = list(validator(operations["get"]["responses"]["400"]["content"]["application/json"]["schema"]).iter_errors(r.json()))
            self.assertFalse(errors, path)
            message = r.json()["message"] if "message" in r.json() else r.json()["error"]["message"]
            listed = re.search(r"there are (.*)$", message)
            self.assertEqual(set(listed.group(1).split(", ")) if listed else set(), documented, path)

    def test_every_route_is_documented(self):
        with open(os.path.join(daemon.ROOT, "src", "serve", "api_routes.c")) as f:
            text = f.read()
        routes = {(m, p) for m, p in re.findall(r'\{"(GET|POST|DELETE)",\s*"([^"]+)"', text)}
        self.assertGreater(len(routes), 15)
        documented = {(m.upper(), p.replace("{id}", "")) for p, o in OPENAPI["paths"].items() for m in o}
        self.assertEqual({r for r in documented if not r[1].startswith("/model")}, routes)
        self.assertEqual({p for _, p in documented if p.startswith("/model")}, {"/model/allocation", "/model/allocation/compute", "/model/assets"})

    def test_other_methods_are_405(self):
        for path, operations in OPENAPI["paths"].items():
            path = path.replace("{id}", "x")
            for method in ("PUT", "PATCH", "OPTIONS", "POST", "DELETE"):
                if method.lower() in operations:
                    continue
                r = shared.request(method, path)
                self.assertEqual(r.status, 405, (method, path))
                self.assertIn(next(iter(operations)).upper(), r.headers["Allow"])


class SameAsCommandLine(unittest.TestCase):
    """The bytes that the command prints for the same window."""
    maxDiff = 4000

    def both(self, path, *args):
        r = shared.get(path)
        self.assertEqual(r.status, 200, r.body[:300])
        start, end = held()
        return r.body.decode(), cli(*args, "--demo", "--from", start, "--to", end).decode()

    def same(self, path, *args):
        api, printed = self.both(path, *args)
        self.assertTrue(api == printed, path)

    def test_report(self):
        self.same("/api/v1/report", "report", "-o", "json")
        self.same("/api/v1/report?by=team,model", "report", "-o", "json", "--by", "team,model")
        self.same("/api/v1/report?namespace=research&by=pod", "report", "-o", "json", "-n", "research", "--by", "pod")
        self.same("/api/v1/report?by=node&format=csv", "report", "-o", "csv", "--by", "node")
        self.same("/api/v1/report?by=workload&sortBy=wasted", "report", "-o", "json", "--by", "workload", "--sort-by", "wasted")

    def test_explain(self):
        subject = values()["subject"]
        self.same("/api/v1/explain" + query(subject=subject), "explain", subject, "-o", "json")
        self.same("/api/v1/explain?subject=namespace/research", "explain", "namespace/research", "-o", "json")

    def plan_of(self, text):
        """`source` says how many samples were read, and a daemon reads some twice; steps that do not wait for each other come in the
        order in which their nodes were first heard of."""
        d = json.loads(text)
        del d["source"]
        for a in d.get("actions", [d.get("action")]):
            del a["step"]
        if "actions" in d:
            d["actions"].sort(key=lambda a: a["id"])
        return d

    def test_plan(self):
        api, printed = self.both("/api/v1/plan", "plan", "-o", "json")
        self.assertEqual(self.plan_of(api), self.plan_of(printed))
        self.assertEqual(len(api), len(printed))
        action = "action/" + some_action()
        api, printed = self.both("/api/v1/explain" + query(subject=action), "explain", action, "-o", "json")
        self.assertEqual(self.plan_of(api), self.plan_of(printed))

    def test_manifests(self):
        files = shared.get("/api/v1/plan/manifests" + query(action=some_action())).json()["files"]
        paths = [f["path"] for f in files]
        self.assertIn("README.md", paths)
        self.assertIn("action.json", paths)
        self.assertEqual(paths, sorted(paths))


class Totals(unittest.TestCase):
    """The same window shows the same money everywhere."""

    def setUp(self):
        self.start, self.end = held()
        self.bill = exact(shared.get("/api/v1/report"))["total"]["cost"]["bill"]
        self.window = "%s,%s" % (self.start, self.end)

    def sets(self, path="/allocation", **params):
        r = shared.get(path + query(window=self.window, **params))
        self.assertEqual(r.status, 200, r.body[:300])
        return exact(r)["data"]

    def total(self, sets):
        return sum(a["totalCost"] or 0 for s in sets for a in s.values())

    def test_accumulated(self):
        for by in ("cluster", "node", "namespace", "controllerKind", "controller", "pod", "service", "team", "label:app", "namespace,pod", ""):
            for shares in ("false", "true"):
                sets = self.sets(aggregate=by, accumulate="true", includeIdle="true", shareIdle=shares)
                self.assertEqual(len(sets), 1)
                self.assertEqual(self.total(sets), self.bill, (by, shares))

    def test_steps(self):
        """Each hour is rounded to micro-dollars by itself, a leaf at a time: that is all that may differ."""
        for how in ({"step": "1d"}, {"accumulate": "day"}, {"accumulate": "week"}, {"accumulate": "month"}, {"step": "6h"}):
            sets = self.sets(aggregate="namespace", includeIdle="true", **how)
            self.assertLess(abs(self.total(sets) - self.bill), Decimal("0.01"), how)
        days = self.sets(aggregate="namespace", includeIdle="true", step="1d")
        self.assertEqual(len(days), 7)
        for s, day in zip(days, range(7)):
            for a in s.values():
                self.assertEqual(a["window"]["start"][8:10], "%02d" % (int(self.start[8:10]) + day))
        labels = self.sets(aggregate="label:app", includeIdle="true", step="1d")
        self.assertEqual(len(labels), 7)
        self.assertLess(abs(self.total(labels) - self.bill), Decimal("0.01"))

    def test_rows(self):
        """An allocation is the report's row of that name."""
        rows = {r["key"]["namespace"]: r for r in exact(shared.get("/api/v1/report"))["rows"]}
        allocations = self.sets(aggregate="namespace", accumulate="true", includeIdle="true")[0]
        self.assertEqual(set(rows), set(allocations))
        for name, row in rows.items():
            a = allocations[name]
            self.assertEqual(a["totalCost"] or 0, row["cost"]["bill"] or 0, name)
            if row["cost"]["bill"] is None:
                self.assertIsNone(a["totalCost"])
            if row["class"] and row["compute"]["mean"] is not None:
                self.assertAlmostEqual(float(a["gpuEfficiency"]), float(row["compute"]["mean"]), 5, name)
                self.assertAlmostEqual(float(a["gpuHours"]), float(row["gpuHours"]["allocated"]), 5, name)

    def test_assets(self):
        assets = exact(shared.get("/assets" + query(window=self.window)))["data"]
        self.assertEqual(sum(a["totalCost"] or 0 for a in assets.values()), self.bill)
        nodes = {n["name"] for n in shared.get("/api/v1/fleet").json()["nodes"]}
        self.assertEqual({a["properties"]["name"] for a in assets.values() if a["type"] == "Node"}, nodes)

    def test_history(self):
        for step in ("hour", "day", "week", "month"):
            h = exact(shared.get("/api/v1/history" + query(step=step, window=self.window)))
            total = sum(s["total"]["cost"]["bill"] for s in h["steps"])
            self.assertLess(abs(total - self.bill), Decimal("0.01"))
            for s in h["steps"]:
                self.assertEqual(sum(r["cost"]["bill"] or 0 for r in s["rows"]), s["total"]["cost"]["bill"])
                self.assertEqual(sum(s["total"]["cost"][p] for p in PARTS), s["total"]["cost"]["bill"])

    def test_history_has_the_keys_of_the_report(self):
        """Idle GPUs, overhead and pods without a label are three things, by whatever one groups."""
        for by in ("team", "model,team", "namespace,team", "workload", "project", "costCenter,environment"):
            names = by.split(",")
            report = {tuple(r["key"][n] for n in names): r["cost"]["bill"] for r in exact(shared.get("/api/v1/report" + query(by=by)))["rows"]}
            step, = exact(shared.get("/api/v1/history" + query(by=by, step="month", window=self.window)))["steps"]
            rows = [(tuple(r["key"]), r["cost"]["bill"]) for r in step["rows"]]
            history = dict(rows)
            self.assertEqual(len(rows), len(history), by)
            self.assertEqual(set(history), set(report), by)
            for key, bill in report.items():
                self.assertEqual(history[key] is None, bill is None, (by, key))
                self.assertLess(abs((history[key] or 0) - (bill or 0)), Decimal("0.01"), (by, key))
            self.assertEqual(rows, sorted(rows, key=lambda r: (-(r[1] or 0), r[0])))
            self.assertEqual(sum(r[1] or 0 for r in rows), step["total"]["cost"]["bill"])
            for word in ("__idle__", "__overhead__") + (() if by == "workload" else ("__unallocated__",)):
                self.assertTrue(any(word in key for key in history), (by, word))
        # the sums by team are those of the finer rows that the store has, to the micro-dollar
        team, = exact(shared.get("/api/v1/history?step=month&by=team"))["steps"]
        fine, = exact(shared.get("/api/v1/history?step=month&by=namespace,workload,team"))["steps"]
        for part in PARTS + ("reclaimable",):
            want = {}
            for r in fine["rows"]:
                want[r["key"][2]] = want.get(r["key"][2], 0) + (r["cost"][part] or 0)
            self.assertEqual({r["key"][0]: r["cost"][part] or 0 for r in team["rows"]}, want, part)

    def test_history_is_complete_where_the_calendar_is(self):
        complete = lambda **how: [s["complete"] for s in shared.get("/api/v1/history" + query(**how)).json()["steps"]]
        self.assertEqual(complete(step="month"), [False])  # seven days of it
        self.assertEqual(complete(step="week"), [True])  # from Monday to Monday
        self.assertEqual(complete(step="day"), [True] * 7)
        self.assertEqual(complete(step="hour", window="24h"), [True] * 24)
        # the window cuts its first and last day
        self.assertEqual(complete(step="day", window="2026-09-08T06:00:00Z,2026-09-10T18:00:00Z"), [False, True, False])
        self.assertEqual(complete(step="week", window="2026-09-08T00:00:00Z,2026-09-14T00:00:00Z"), [False])
        # hours before those that are held
        self.assertEqual(complete(step="day", window="2026-09-06T00:00:00Z,2026-09-08T00:00:00Z"), [False, True])
        # what is looked for has no say in which hours there are, and of nothing the sum is 0
        for s in exact(shared.get("/api/v1/history?step=day&namespace=nope"))["steps"]:
            self.assertEqual((s["complete"], s["rows"], s["total"]["cost"]["bill"]), (True, [], 0))
        for s in shared.get("/api/v1/history?step=day&cluster=nope&window=7d").json()["steps"]:
            self.assertEqual((s["complete"], s["total"]), (False, None))

    def test_without_idle(self):
        rows = exact(shared.get("/api/v1/report"))["rows"]
        want = sum(r["cost"]["bill"] or 0 for r in rows if not r["key"]["namespace"].startswith("__"))
        sets = self.sets(aggregate="namespace", accumulate="true")
        self.assertNotIn("__idle__", sets[0])
        self.assertEqual(self.total(sets), want)


class OpenCostClients(unittest.TestCase):
    """The calls of those who read OpenCost, as they make them."""

    def allocations(self, path):
        r = shared.get(path)
        self.assertEqual(r.status, 200, (path, r.body[:300]))
        d = r.json()
        self.assertEqual((d["code"], d["status"]), (200, "success"))
        self.assertIsInstance(d["data"], list)
        return d["data"]

    def test_backstage(self):
        for window in ("today", "yesterday", "week", "lastweek", "month", "lastmonth", "24h", "48h", "7d", "14d", "30d", "60d", "90d"):
            self.allocations("/allocation/compute" + query(window=window, aggregate="namespace", step="1d"))
            self.assertEqual(len(self.allocations("/allocation/compute" + query(window=window, aggregate="controllerKind", step="1d", accumulate="true"))), 1)

    def test_headlamp(self):
        for resource in ("namespace", "controller", "pod", "node", "deployment", "statefulset", "daemonset", "job"):
            for accumulate in ("true", "false"):
                for window in ("today", "7d"):
                    data = self.allocations("/allocation?window=%s&aggregate=%s&step=1d&accumulate=%s" % (window, resource, accumulate))
                    self.assertEqual(len(data), 1 if accumulate == "true" or window == "today" else 7)
        data = self.allocations("/allocation?window=7d&aggregate=namespace&step=1d&accumulate=true")
        some = data[0]["research"]
        for field in ("cpuCost", "ramCost", "pvCost", "gpuCost", "totalCost", "totalEfficiency"):
            self.assertIsInstance(some[field], (int, float), field)
        deployment = next(n for n in self.allocations("/allocation?window=7d&aggregate=deployment&step=1d&accumulate=true")[0] if not n.startswith("__"))
        self.assertNotIn(":", deployment)  # Headlamp looks it up by the object's name

    def test_opencost_ui(self):
        for base in ("", "/model"):
            data = self.allocations(base + "/allocation/compute" + query(window="7d", aggregate="namespace", includeIdle="true", step="1d", accumulate="true",
                                                                         filter='namespace:"research"+cluster:"' + next(iter(self.clusters())) + '"'))
            self.assertEqual(set(data[0]) - {"research"}, set())
            r = shared.get(base + "/assets" + query(window="7d", aggregate="type", accumulate="true"))
            self.assertEqual((r.status, r.json()["code"]), (200, 200))
            self.assertIsInstance(r.json()["data"], dict)

    def clusters(self):
        return [n for n in self.allocations("/allocation?window=7d&aggregate=cluster")[0] if not n.startswith("__")]

    def test_documentation(self):
        """The examples of opencost.io."""
        self.allocations("/allocation?window=7d&aggregate=namespace&resolution=1m")
        self.allocations("/allocation?window=60m&step=10m&resolution=1m&aggregate=namespace")
        self.assertEqual(len(self.allocations("/allocation/compute?window=9d&step=3d&resolution=10m&aggregate=controller&accumulate=false")), 3)
        start, end = held()
        seconds = [int(time.mktime(time.strptime(t, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone) for t in (start, end)]
        by_time = self.allocations("/allocation" + query(window="%s,%s" % (start, end), aggregate="namespace"))
        self.assertEqual(self.allocations("/allocation" + query(window="%d,%d" % tuple(seconds), aggregate="namespace")), by_time)
        self.assertEqual(self.allocations("/allocation?window=%d-%d&aggregate=namespace" % tuple(seconds)), by_time)

    def test_errors_have_its_shape(self):
        for path in ("/allocation", "/allocation?window=soon", "/allocation/compute?window=7d&aggregate=colour", "/assets"):
            r = shared.get(path)
            self.assertEqual(r.status, 400, path)
            self.assertEqual((r.json()["code"], r.json()["status"], r.json()["data"]), (400, "error", None))


class Tables(unittest.TestCase):
    def table(self, path):
        r = shared.get(path)
        self.assertEqual(r.status, 200, r.body[:300])
        self.assertEqual(r.headers["Content-Type"], "text/csv; charset=utf-8")
        return list(csv.DictReader(io.StringIO(r.body.decode())))

    def test_every_table(self):
        for path, operations in OPENAPI["paths"].items():
            formats = [p["schema"]["enum"] for p in operations.get("get", {}).get("parameters", []) if p["name"] == "format"]
            if formats and "csv" in formats[0]:
                self.table(path + "?format=csv")

    def test_history(self):
        rows = self.table("/api/v1/history?format=csv&by=namespace,team&step=day")
        doc = exact(shared.get("/api/v1/history?by=namespace,team&step=day"))
        want = [(s["start"], *r["key"], r["cost"]["bill"]) for s in doc["steps"] for r in s["rows"]]
        self.assertEqual([(r["start"], r["namespace"], r["team"], Decimal(r["bill_usd"]) if r["bill_usd"] else None) for r in rows], want)

    def test_prices(self):
        rows = self.table("/api/v1/prices?format=csv")
        doc = shared.get("/api/v1/prices").json()["prices"]
        self.assertEqual([(r["instance_type"], r["hourly_usd"] == "") for r in rows], [(p["instanceType"] or "", p["hourly"] is None) for p in doc])


class Fleet(unittest.TestCase):
    def test_map(self):
        f = shared.get("/api/v1/fleet?window=24h").json()
        self.assertEqual(len(f["hours"]), 24)
        units = [u for n in f["nodes"] for g in n["gpus"] for u in g["units"]]
        self.assertGreater(len(units), 20)
        self.assertTrue(any(u["profile"] for u in units), "the sample fleet has MIG")
        for u in units:
            for name in ("compute", "memory", "cost", "state", "holder", "shared"):
                self.assertEqual(len(u[name]), 24)
            for h in u["holder"]:
                self.assertTrue(h is None or h < len(u["holders"]))
        # one node by itself is the same node
        name = f["nodes"][3]["name"]
        self.assertEqual(shared.get("/api/v1/fleet" + query(window="24h", node=name)).json()["nodes"], [f["nodes"][3]])

    def test_costs_are_the_hours(self):
        """The money of an hour of the map is what the report of that hour bills for GPUs."""
        f = exact(shared.get("/api/v1/fleet?window=24h"))
        h = 5
        hour = f["hours"][h]
        end = "%s%02d:00:00Z" % (hour[:11], int(hour[11:13]) + 1) if hour[11:13] != "23" else None
        if not end:
            self.skipTest("the hour ends a day")
        cells = sum(u["cost"][h] or 0 for n in f["nodes"] for g in n["gpus"] for u in g["units"])
        cost = exact(shared.get("/api/v1/report" + query(**{"from": hour, "to": end})))["total"]["cost"]
        self.assertLess(abs(cells - (cost["bill"] - cost["overhead"])), Decimal("0.01"))


class Refusals(unittest.TestCase):
    def error(self, r, status, code, part):
        self.assertEqual(r.status, status, r.body)
        self.assertEqual(r.json()["error"]["code"], code)
        self.assertIn(part, r.json()["error"]["message"])

    def test_400(self):
        for path, part in (("/api/v1/report?by=colour", "cannot group by 'colour'"), ("/api/v1/report?window=soon", "'soon' is none"),
                           ("/api/v1/report?window=1d&from=2026-01-01", "either window"), ("/api/v1/report?to=2026-01-01", "from: is missing"),
                           ("/api/v1/report?window=1d&window=2d", "given twice"), ("/api/v1/report?format=xml", "none of json, csv"),
                           ("/api/v1/plan?format=csv", "no parameter 'format'"), ("/api/v1/report?selector=a%3D%3D%3Db", "selector"),
                           ("/api/v1/report?window=%zz", ""), ("/api/v1/history?by=pod", "cannot group by 'pod'"),
                           ("/api/v1/history?step=minute", "none of day, hour"), ("/api/v1/explain", "subject: is missing"),
                           ("/api/v1/plan/manifests", "action: is missing"), ("/api/v1/report?from=2001-01-01&to=2001-01-02", "holds"),
                           ("/api/v1/report?by=" + "a" * 5000, "longer than"), ("/api/v1/report?sortBy=beauty", "sort")):
            self.error(shared.get(path), 400, "bad-request", part)

    def test_404(self):
        self.error(shared.get("/api/v1/nothing"), 404, "not-found", "openapi.json")
        self.error(shared.get("/api/v1/report?namespace=nobody"), 404, "not-found", "nobody")
        self.error(shared.get("/api/v1/explain?subject=pod/a/b"), 404, "not-found", "")
        self.error(shared.get("/api/v1/plan/manifests?action=release-node/none"), 404, "not-found", "")
        self.error(shared.request("DELETE", "/api/v1/actions/none"), 404, "not-found", "none")
        for path in ("/../etc/passwd", "/assets/../index.html", "/api/v1", "/index.htm"):
            self.assertEqual(shared.get(path).status, 404, path)

    def test_other_sites_change_nothing(self):
        body = json.dumps({"id": some_action()})
        post = lambda **h: shared.request("POST", "/api/v1/actions", body=body, **{"Content_Type": "application/json", **h})
        self.error(post(Origin="https://evil.example"), 403, "forbidden", "another site")
        self.error(post(Origin="null"), 403, "forbidden", "another site")
        self.error(post(Sec_Fetch_Site="cross-site"), 403, "forbidden", "another site")
        self.error(post(Sec_Fetch_Site="same-site"), 403, "forbidden", "another site")
        self.error(post(Content_Type="text/plain"), 415, "media-type", "application/json")
        self.error(post(Content_Type="application/x-www-form-urlencoded"), 415, "media-type", "application/json")
        self.error(shared.request("DELETE", "/api/v1/actions/x", Origin="https://evil.example"), 403, "forbidden", "another site")
        self.assertEqual(shared.get("/api/v1/actions").json(), {"actions": []})

    def test_bodies(self):
        post = lambda body: shared.request("POST", "/api/v1/actions", body=body, Content_Type="application/json")
        for body in ("", "{", "[]", "{}", '{"id": 1}', '{"id": ""}', '{"id": "x", "also": 1}', '"x"', "\xff\xfe"):
            self.assertEqual(post(body.encode("latin-1")).status, 400, body)
        self.error(post('{"id": "release-node/none"}'), 404, "not-found", "release-node/none")

    def test_names_that_lead_here(self):
        """DNS rebinding: a page of another name must not read what needs no log-in."""
        for host, status in (("localhost", 200), ("127.0.0.1", 200), ("[::1]:9", 200), ("evil.example", 403), ("127.evil.example", 403), ("127.0.0.1.evil.example:80", 403)):
            r = shared.get("/api/v1/status", Host=host)
            self.assertEqual(r.status, status, host)


class Caching(unittest.TestCase):
    def test_304(self):
        for path in ("/api/v1/report", "/api/v1/history", "/allocation?window=7d", "/", "/api/v1/openapi.json"):
            r = shared.get(path, Accept_Encoding="identity")
            packed = shared.get(path, Accept_Encoding="gzip")
            self.assertEqual((r.status, packed.status), (200, 200))
            self.assertEqual(packed.headers["Content-Encoding"], "gzip")
            self.assertEqual(r.body, packed.body, path)
            self.assertNotEqual(r.headers["ETag"], packed.headers["ETag"])
            self.assertIn("Accept-Encoding", r.headers["Vary"])
            for tag in (r.headers["ETag"], packed.headers["ETag"], "W/" + r.headers["ETag"], '"x", ' + r.headers["ETag"], "*"):
                again = shared.get(path, If_None_Match=tag, Accept_Encoding="gzip")
                self.assertEqual((again.status, again.body), (304, b""), (path, tag))
            self.assertEqual(shared.get(path, If_None_Match='"x"').status, 200)

    def test_order_of_parameters_does_not_matter(self):
        a = shared.get("/api/v1/report?by=team&window=24h")
        b = shared.get("/api/v1/report?window=24h&by=team")
        self.assertEqual((a.headers["ETag"], a.body), (b.headers["ETag"], b.body))

    def test_head(self):
        for path in ("/api/v1/report", "/api/v1/status", "/metrics", "/healthz", "/", "/allocation?window=7d"):
            get, head = shared.get(path), shared.request("HEAD", path)
            self.assertEqual((head.status, head.raw), (200, b""), path)
            self.assertEqual(head.headers["Content-Type"], get.headers["Content-Type"])
            self.assertIn("Content-Length", head.headers)
        self.assertEqual(shared.request("HEAD", "/api/v1/nothing").status, 404)

    def test_security_headers(self):
        for path in ("/", "/api/v1/report", "/api/v1/status", "/metrics", "/api/v1/nothing", "/api/v1/report?x=1"):
            h = shared.get(path).headers
            self.assertIn("default-src 'none'", h["Content-Security-Policy"])
            self.assertIn("frame-ancestors 'none'", h["Content-Security-Policy"])
            self.assertEqual((h["X-Content-Type-Options"], h["Referrer-Policy"]), ("nosniff", "no-referrer"))

    def test_dashboard(self):
        page = shared.get("/")
        self.assertTrue(page.headers["Content-Type"].startswith("text/html"))
        self.assertEqual(page.headers["Cache-Control"], "no-cache")
        for name in re.findall(rb'(?:src|href)="\./(assets/[^"]+)"', page.body):
            r = shared.get("/" + name.decode())
            self.assertEqual(r.status, 200)
            self.assertIn("immutable", r.headers["Cache-Control"])

    def test_many_at_once(self):
        """Everybody gets the same bytes, and nobody an error."""
        paths = ["/api/v1/report?by=%s" % b for b in ("pod", "gpu", "model", "project", "node")] + ["/metrics", "/api/v1/status", "/allocation?window=7d&aggregate=pod"]
        seen, errors = {}, []

        def work(n):
            for i in range(40):
                path = paths[(i * 7 + n) % len(paths)]
                r = shared.get(path)
                if r.status != 200:
                    errors.append((path, r.status, r.body[:200]))
                elif path.startswith("/api/v1/report"):
                    seen.setdefault(path, set()).add(r.headers["ETag"].replace("-gzip", ""))

        threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        self.assertEqual(errors, [])
        self.assertTrue(all(len(tags) == 1 for tags in seen.values()), seen)


class Metrics(unittest.TestCase):
    def families(self):
        text = shared.get("/metrics").body.decode()
        out = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                out[name] = Decimal(value)
        return text, out

    @unittest.skipUnless(shutil.which("promtool"), "promtool is missing")
    def test_promtool(self):
        p = subprocess.run(["promtool", "check", "metrics"], input=shared.get("/metrics").body, capture_output=True, timeout=60)
        # GPU-hours are what people buy; promtool would have seconds
        said = [l for l in (p.stdout + p.stderr).decode().splitlines() if l != 'gpuwise_gpu_hours use base unit "seconds" instead of "hours"']
        self.assertEqual(said, [])

    def test_names(self):
        text, values = self.families()
        names = {n.split("{")[0] for n in values}
        for name in ("gpuwise_cost_dollars", "gpuwise_cost_dollars_total", "gpuwise_gpu_hours", "gpuwise_utilisation_ratio", "gpuwise_anomalies_open",
                     "gpuwise_last_closed_hour_timestamp_seconds", "gpuwise_turns_total", "gpuwise_turn_cpu_seconds_bucket", "gpuwise_corrections_total",
                     "gpuwise_http_requests_total", "gpuwise_http_request_seconds_bucket", "gpuwise_store_up", "gpuwise_source_up", "gpuwise_build_info"):
            self.assertIn(name, names)
        # a recording does not age, no action is followed: left out, not 0
        for name in ("gpuwise_data_age_seconds", "gpuwise_savings_dollars_monthly"):
            self.assertNotIn(name, names)

    def test_money_is_the_history(self):
        _, values = self.families()
        total = sum(v for n, v in values.items() if n.startswith("gpuwise_cost_dollars_total{"))
        history = exact(shared.get("/api/v1/history?step=month"))
        self.assertEqual(total, sum(s["total"]["cost"]["bill"] for s in history["steps"]))
        last = exact(shared.get("/api/v1/history?step=hour&by=cluster"))["steps"][-1]
        self.assertGreater(len(last["rows"]), 2)
        for row in last["rows"]:
            for part in PARTS:
                self.assertEqual(values.get('gpuwise_cost_dollars{cluster="%s",part="%s"}' % (row["key"][0], part)), row["cost"][part])

    def test_budgets_are_the_api(self):
        _, values = self.families()
        budgets = exact(shared.get("/api/v1/budgets"))["budgets"]
        self.assertGreater(len(budgets), 0)
        for b in budgets:
            self.assertEqual(values['gpuwise_budget_spent_dollars{budget="%s"}' % b["name"]], b["spent"])
            self.assertEqual(values['gpuwise_budget_amount_dollars{budget="%s"}' % b["name"]], b["amount"])
            for bound in ("low", "mean", "high"):
                name = 'gpuwise_budget_forecast_dollars{budget="%s",bound="%s"}' % (b["name"], bound)
                self.assertEqual(values.get(name), b["forecast"] and b["forecast"][bound])


class Actions(unittest.TestCase):
    def test_accept_and_drop(self):
        d = Daemon("--demo")
        self.addCleanup(d.stop)
        id = some_action(d)
        post = lambda: d.request("POST", "/api/v1/actions", body=json.dumps({"id": id}), Content_Type="application/json", Origin=d.url, Sec_Fetch_Site="same-origin")
        before = d.get("/api/v1/actions")
        self.assertNotIn("gpuwise_savings_dollars_monthly", d.get("/metrics").body.decode())
        self.assertEqual(before.json(), {"actions": []})
        r = post()
        self.assertEqual(r.status, 201, r.body)
        listed = d.get("/api/v1/actions").json()["actions"]
        self.assertEqual(listed, r.json()["actions"])
        self.assertEqual([(a["id"], a["acceptedBy"]) for a in listed], [(id, "anonymous")])
        if jsonschema:
            self.assertEqual(list(validator({"$ref": "#/components/schemas/Actions"}).iter_errors(r.json())), [])
        self.assertEqual(post().status, 400)  # followed already
        self.assertIn("gpuwise_savings_dollars_monthly", d.get("/metrics").body.decode())  # at once
        path = "/api/v1/actions/" + urllib.parse.quote(id, safe="/")
        r = d.request("DELETE", path)
        self.assertEqual(r.status, 200, r.body)
        self.assertIsNotNone(r.json()["actions"][0]["stoppedAt"])
        self.assertEqual(d.request("DELETE", path).status, 400)


class TokenReviews(http.server.BaseHTTPRequestHandler):
    """A Kubernetes API that knows three tokens."""
    KNOWN = {"t-admin": ("alice", ["finops-admins", "system:authenticated"]), "t-read": ("bob", ["finops", "system:authenticated"]),
             "t-other": ("carol", ["system:authenticated"])}
    asked = []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        token = body["spec"]["token"]
        self.asked.append((self.path, self.headers.get("Authorization"), token))
        user = self.KNOWN.get(token)
        status = {"authenticated": bool(user), "user": {"username": user[0], "groups": user[1]} if user else {}}
        out = json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)

    def log_message(self, *args):
        pass


class LogIn(unittest.TestCase):
    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def setUp(self):
        import tempfile
        t = tempfile.TemporaryDirectory(prefix="gw-auth-")
        self.addCleanup(t.cleanup)
        self.dir = t.name

    def start(self, config, *args):
        d = Daemon("--demo", "--config", self.write("gpuwise.yaml", "apiVersion: gpuwise.dev/v1\nkind: Config\n" + config), *args, ready=False)
        self.addCleanup(d.stop)
        d.wait_ready()
        return d

    def test_tokens(self):
        reader, admin = self.write("reader", "r3ad-me\n"), self.write("admin", "adm1n")
        d = self.start("auth:\n  tokens:\n    - {name: ci, role: read, tokenFile: %s}\n    - {name: root, role: admin, tokenFile: %s}\n" % (reader, admin))
        for header in (None, "Bearer nonsense", "Bearer ", "Bearer", "Basic cjNhZC1tZQ==", "r3ad-me", "Bearer r3ad-me2", "Bearer r3ad-m"):
            r = d.get("/api/v1/report", **({"Authorization": header} if header else {}))
            self.assertEqual(r.status, 401, header)
            self.assertIn("Bearer", r.headers["WWW-Authenticate"])
        for scheme in ("Bearer", "bearer", "BEARER"):
            self.assertEqual(d.get("/api/v1/report", Authorization=scheme + " r3ad-me").status, 200)
        self.assertEqual(d.get("/api/v1/status", Authorization="Bearer r3ad-me").json()["auth"], {"role": "read", "required": True})
        self.assertEqual(d.get("/api/v1/status", Authorization="Bearer adm1n").json()["auth"]["role"], "admin")
        self.assertEqual(d.get("/metrics").status, 401)
        self.assertEqual(d.get("/allocation?window=7d").status, 401)
        for path in ("/healthz", "/readyz", "/", "/api/v1/openapi.json"):  # no data of the fleet's
            self.assertEqual(d.get(path).status, 200, path)
        post = lambda token: d.request("POST", "/api/v1/actions", body='{"id": "release-node/none"}', Content_Type="application/json", Authorization="Bearer " + token)
        self.assertEqual((post("r3ad-me").status, post("adm1n").status), (403, 404))
        # a name that leads here is no danger to who must log in
        self.assertEqual(d.get("/api/v1/status", Authorization="Bearer r3ad-me", Host="gpuwise.example.org").status, 200)

    def test_kubernetes(self):
        TokenReviews.asked.clear()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), TokenReviews)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        kubeconfig = self.write("kubeconfig", "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
                                "clusters: [{name: k, cluster: {server: 'http://127.0.0.1:%d'}}]\nusers: [{name: u, user: {token: own}}]\n" % server.server_address[1])
        d = self.start("auth:\n  tokenReview: {adminGroups: [finops-admins], readGroups: [finops, 'user:dave']}\n", "--kubeconfig", kubeconfig)
        get = lambda token, path="/api/v1/status": d.get(path, Authorization="Bearer " + token)
        self.assertEqual(get("t-admin").json()["auth"]["role"], "admin")
        self.assertEqual(get("t-read").json()["auth"]["role"], "read")
        self.assertEqual(get("t-read", "/api/v1/report").status, 200)
        self.assertEqual(get("t-other").status, 403)
        self.assertEqual(get("t-nobody").status, 401)
        self.assertEqual(get('t-"quoted\\').status, 401)
        asked = len(TokenReviews.asked)
        for _ in range(20):
            self.assertEqual(get("t-admin", "/api/v1/report").status, 200)
            self.assertEqual(get("t-nobody").status, 401)
        self.assertEqual(len(TokenReviews.asked), asked)  # kept for a while
        self.assertEqual({a[0] for a in TokenReviews.asked}, {"/apis/authentication.k8s.io/v1/tokenreviews"})
        self.assertEqual({a[1] for a in TokenReviews.asked}, {"Bearer own"})
        server.shutdown()
        server.server_close()
        r = get("t-new")
        self.assertEqual(r.status, 503)
        self.assertIn("Retry-After", r.headers)

    def test_others_must_log_in(self):
        p = subprocess.run([daemon.GPUWISE, "serve", "--demo", "--listen", "0.0.0.0:0"], capture_output=True, env=daemon.CLEAN, timeout=60)
        self.assertEqual(p.returncode, 12)
        self.assertIn("auth.tokens", p.stderr.decode())
        self.assertEqual(p.stdout, b"")

    def test_broken_token_files(self):
        for text in ("", "\n", "two words", "tab\ttab"):
            config = self.write("gpuwise.yaml", "apiVersion: gpuwise.dev/v1\nkind: Config\nauth: {tokens: [{name: ci, role: read, tokenFile: %s}]}\n" % self.write("token", text))
            p = subprocess.run([daemon.GPUWISE, "serve", "--demo", "--config", config, "--listen", "127.0.0.1:0"], capture_output=True, env=daemon.CLEAN, timeout=60)
            self.assertEqual(p.returncode, 12, p.stderr)
            self.assertIn("'ci'", p.stderr.decode())


if __name__ == "__main__":
    unittest.main()
