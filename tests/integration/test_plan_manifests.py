"""What `plan --export` writes, held against those who will read it: a real API server for the built-in kinds (and for every command
of the READMEs that it can take), the published schemas for the others, kubectl's kustomize for the patches.

The plan is the sample of tests/unit/act/sample.h, with an action of each kind. Schemas are in tests/fixtures/schemas; each says where
its facts are from. Every validator is also shown broken manifests, which it must refuse.
"""
import copy, glob, json, os, re, shlex, shutil, subprocess, tempfile, unittest

import servers

try:
    import jsonschema, yaml
except ImportError as e:
    raise unittest.SkipTest("%s: tools/bootstrap --dev installs it" % e)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("GW_BUILD", os.path.join(ROOT, "build"))
SAMPLE = os.path.join(BUILD, "tests", "integration", "export_sample")
SCHEMAS = os.path.join(ROOT, "tests", "fixtures", "schemas")
KUBECTL = servers.find("kubectl")
ACTIONS = ["01-mig-mig-1", "02-time-slicing-time-1", "03-mps-mps-1", "04-time-slicing-kai-1", "05-time-slicing-hami-1",
           "06-release-node-idle-1", "07-move-cpu-pods-cpu-1", "08-replace-nodes-1", "09-right-size-ml"]


def load(path):
    with open(path) as f:
        return yaml.safe_load(f)


def schema(name):
    with open(os.path.join(SCHEMAS, name + ".json")) as f:
        s = json.load(f)
    jsonschema.Draft7Validator.check_schema(s)
    return jsonschema.Draft7Validator(s)


class Export(unittest.TestCase):
    """Exports the sample once for a class."""

    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.mkdtemp(prefix="gw-export-")
        cls.addClassCleanup(shutil.rmtree, cls.tmp, True)
        cls.dir = os.path.join(cls.tmp, "plan")
        p = subprocess.run([SAMPLE, cls.dir], capture_output=True, text=True, timeout=60)
        if p.returncode or p.stderr:
            raise AssertionError("export_sample: %d %s" % (p.returncode, p.stderr))

    def files(self, pattern):
        found = sorted(glob.glob(os.path.join(self.dir, pattern)))
        self.assertTrue(found, pattern)
        return found

    def readme(self, action):
        with open(os.path.join(self.dir, action, "README.md")) as f:
            return f.read()


def custom_objects(test):
    """(schema, object) for everything of the sample that is no built-in kind."""
    out = []
    for path in test.files("*/manifests/mig-parted.yaml"):
        out.append(("mig-parted-v1", yaml.safe_load(load(path)["data"]["config.yaml"])))
    for path in test.files("*/manifests/device-plugin.yaml"):
        out += [("device-plugin-config-v1", yaml.safe_load(t)) for t in load(path)["data"].values()]
    for name, pattern in (("karpenter-nodepool-v1", "*/manifests/nodepool-*.yaml"), ("vpa-v1", "*/manifests/vpa-*.yaml"),
                          ("descheduler-policy-v1alpha2", "*/hints/descheduler-policy.yaml")):
        out += [(name, load(p)) for p in test.files(pattern)]
    for path in test.files("*/hints/cluster-autoscaler-priorities.yaml"):
        text = load(path)["data"]["priorities"]
        out.append(("autoscaler-priorities", {str(k): v for k, v in yaml.safe_load(text).items()}))
        for key in yaml.safe_load(text):
            test.assertIsInstance(key, int)  # a map of numbers: a quoted key is none
    return out


def broken(obj, path, value="gone"):
    """A copy with one member replaced, or taken away where value is "gone". The path goes through lists by index."""
    o = copy.deepcopy(obj)
    at = o
    for k in path[:-1]:
        at = at[k]
    if value == "gone":
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return o


class Schemas(Export):
    def setUp(self):
        self.objects = custom_objects(self)

    def first(self, name, wanted=lambda o: True):
        return next(o for n, o in self.objects if n == name and wanted(o))

    def test_all_are_valid(self):
        seen = {}
        for name, o in self.objects:
            errors = ["%s: %s" % ("/".join(map(str, e.path)), e.message) for e in schema(name).iter_errors(o)]
            self.assertEqual(errors, [], json.dumps(o, indent=1))
            seen[name] = seen.get(name, 0) + 1
        # mig 1 · time-slicing, mps, replace: 4 configurations each · 3 pools · 3 workloads that VPA can watch · 3 nodes released
        self.assertEqual(seen, {"mig-parted-v1": 1, "device-plugin-config-v1": 12, "karpenter-nodepool-v1": 3, "vpa-v1": 3,
                                "descheduler-policy-v1alpha2": 3, "autoscaler-priorities": 1})

    def test_broken_ones_are_refused(self):
        pool = self.first("karpenter-nodepool-v1", lambda o: "g5-12xlarge" in o["metadata"]["name"])
        mig = self.first("mig-parted-v1")
        entry = next(k for k in mig["mig-configs"] if k != "all-disabled" and mig["mig-configs"][k][0]["mig-enabled"])
        shared = self.first("device-plugin-config-v1", lambda o: "timeSlicing" in o.get("sharing", {}))
        spec = ("spec", "template", "spec")
        cases = {
            "karpenter-nodepool-v1": [
                broken(pool, ("apiVersion",), "karpenter.sh/v1beta1"), broken(pool, spec + ("nodeClassRef", "group")),
                broken(pool, spec + ("requirements", 0, "operator"), "Is"), broken(pool, spec + ("requirements", 0, "values"), []),
                broken(pool, spec + ("requirements", 0, "key"), "karpenter.sh/nodepool"),
                broken(pool, spec + ("taints", 0, "effect"), "NoEntry"), broken(pool, spec + ("expireAfter",), "30d"),
                broken(pool, ("spec", "disruption", "consolidationPolicy"), "WhenUnderutilized"),
                broken(pool, ("spec", "disruption", "consolidateAfter")), broken(pool, ("spec", "disruption", "budgets", 0, "nodes"), "200%"),
                broken(pool, ("spec", "disruption", "budgets", 0, "reasons"), ["Expired"]), broken(pool, ("spec", "weight"), 0),
                broken(pool, ("spec", "limits", "nvidia.com/gpu"), "four"), broken(pool, ("spec", "misspelt"), 1),
                broken(pool, ("spec", "template", "metadata", "labels", "kubernetes.io/hostname"), "x"),
                broken(pool, ("spec", "template", "metadata", "labels", "team"), True), broken(pool, ("metadata", "name"), "Upper")],
            "vpa-v1": [broken(self.first("vpa-v1"), p, v) for p, v in (
                (("spec", "targetRef"), "gone"), (("spec", "updatePolicy", "updateMode"), False), (("spec", "updatePolicy", "updateMode"), "off"),
                (("spec", "resourcePolicy", "containerPolicies", 0, "controlledValues"), "Requests"), (("metadata", "namespace"), "gone"))],
            "mig-parted-v1": [broken(mig, p, v) for p, v in (
                (("version",), 1), (("mig-configs",), {}), (("mig-configs", entry, 0, "devices"), "some"),
                (("mig-configs", entry, 0, "devices"), ["0"]), (("mig-configs", entry, 0, "mig-devices"), "gone"),
                (("mig-configs", entry, 0, "mig-enabled"), False), (("mig-configs", entry, 0, "mig-devices", "1g.10gb"), 0),
                (("mig-configs", entry, 0, "mig-devices", "1g.10gb.me"), 1), (("mig-configs", entry, 0, "gpu"), 0))],
            "device-plugin-config-v1": [broken(shared, p, v) for p, v in (
                (("version",), "gone"), (("sharing", "timeSlicing", "resources"), []), (("sharing", "mps"), {"resources": []}),
                (("sharing", "timeSlicing", "resources", 0, "replicas"), 1), (("sharing", "timeSlicing", "resources", 0, "name"), "gpu"),
                (("sharing", "timeSlicing", "renameByDefault"), "yes"), (("sharing", "timeSlicing", "strategy"), "x"))],
            "descheduler-policy-v1alpha2": [broken(self.first("descheduler-policy-v1alpha2"), p, v) for p, v in (
                (("apiVersion",), "descheduler/v1alpha1"), (("profiles",), []), (("profiles", 0, "plugins"), "gone"),
                (("profiles", 0, "pluginConfig", 1, "args", "includeTaints"), ["x"]), (("profiles", 0, "pluginConfig", 1, "args", "excludedTaints"), ["x"]),
                (("profiles", 0, "plugins", "deschedule", "enabled"), "RemovePodsViolatingNodeTaints"))],
            "autoscaler-priorities": [{"high": [".*"]}, {"10": ".*"}, {}],
        }
        self.assertEqual(set(cases), {os.path.basename(p)[:-5] for p in glob.glob(SCHEMAS + "/*.json")})
        for name, objects in cases.items():
            for o in objects:
                self.assertFalse(schema(name).is_valid(o), "%s takes %s" % (name, json.dumps(o)))

    def test_what_they_say(self):
        """The plan's facts, worked out from the sample by hand."""
        mig = self.first("mig-parted-v1")["mig-configs"]
        label = load(self.files("01-*/nodes/mig-1.yaml")[0])["metadata"]["labels"]["nvidia.com/mig.config"]
        self.assertEqual(mig[label], [{"devices": [0], "mig-enabled": True, "mig-devices": {"1g.10gb": 2, "3g.40gb": 1}},
                                      {"devices": [1], "mig-enabled": True, "mig-devices": {"2g.20gb": 1, "3g.40gb": 1}}])
        back = load(self.files("01-*/back/nodes/mig-1.yaml")[0])["metadata"]["labels"]["nvidia.com/mig.config"]
        self.assertEqual(back, "all-1g.10gb")  # the label that the node had: an entry of the map that ours took the place of
        self.assertEqual(set(mig), {"all-disabled", label})
        plugin = load(self.files("02-*/manifests/device-plugin.yaml")[0])
        label = load(self.files("02-*/nodes/time-1.yaml")[0])["metadata"]["labels"]["nvidia.com/device-plugin.config"]
        self.assertEqual(yaml.safe_load(plugin["data"][label]), {"version": "v1", "sharing": {"timeSlicing": {
            "renameByDefault": True, "failRequestsGreaterThanOne": True, "resources": [{"name": "nvidia.com/gpu", "replicas": 4}]}}})
        self.assertEqual(yaml.safe_load(plugin["data"]["default"]), {"version": "v1"})
        label = load(self.files("03-*/nodes/mps-1.yaml")[0])["metadata"]["labels"]["nvidia.com/device-plugin.config"]
        self.assertEqual(yaml.safe_load(plugin["data"][label])["sharing"]["mps"]["resources"], [{"name": "nvidia.com/gpu", "replicas": 2}])
        self.assertEqual(load(self.files("02-*/back/nodes/time-1.yaml")[0])["metadata"]["labels"], {"nvidia.com/device-plugin.config": None})
        # every action of a plan brings the same map: applying one must not take another's entries away
        maps = [load(p) for p in self.files("*/manifests/device-plugin.yaml")]
        self.assertEqual(maps, [maps[0]] * 3)
        pools = {p["metadata"]["name"]: p["spec"] for n, p in self.objects if n == "karpenter-nodepool-v1"}
        big = pools["gpuwise-g5-12xlarge-on-demand"]
        self.assertEqual(big["limits"], {"nvidia.com/gpu": "4"})
        self.assertEqual(big["template"]["spec"]["nodeClassRef"], {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "gpu-class"})
        self.assertEqual(big["template"]["spec"]["taints"], [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}])
        self.assertEqual(big["template"]["metadata"]["labels"], {"team": "on", "example.com/rev": "1e3"})
        self.assertEqual({r["key"]: r["values"] for r in big["template"]["spec"]["requirements"]}, {
            "node.kubernetes.io/instance-type": ["g5.12xlarge"], "karpenter.sh/capacity-type": ["on-demand"],
            "topology.kubernetes.io/region": ["us-east-1"]})
        self.assertIn("nvidia.com/device-plugin.config", pools["gpuwise-g5-xlarge-spot-us-east-1b"]["template"]["metadata"]["labels"])


def container(**resources):
    return {"name": "server", "image": "registry.example.com/server:1", "resources": resources}


def workload(kind, ns, name, *containers, version="apps/v1", **spec):
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": list(containers)}}
    body = {"selector": {"matchLabels": {"app": name}}, "template": template}
    if kind == "StatefulSet":
        body["serviceName"] = name
    if kind == "CronJob":
        template["spec"]["restartPolicy"] = "Never"
        body = {"schedule": "0 0 * * *", "jobTemplate": {"spec": {"template": template}}}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": ns}, "spec": {**body, **spec}}


GPU = {"nvidia.com/gpu": "1"}
CHAT = dict(limits={**GPU, "memory": "64Gi", "cpu": "16"}, requests={"memory": "64Gi", "cpu": "16"})
NIGHTLY = dict(requests={"cpu": "8", "memory": "1Gi"})


@unittest.skipUnless(KUBECTL, "not here: kubectl")
class Kustomize(Export):
    def build(self, action, *resources):
        """The workloads as a kustomization with the action's Component makes them, by (namespace, name)."""
        d = tempfile.mkdtemp(dir=self.tmp)
        with open(os.path.join(d, "base.yaml"), "w") as f:
            f.write(yaml.safe_dump_all(resources))
        component = os.path.relpath(os.path.join(self.dir, action, "workloads"), d)
        with open(os.path.join(d, "kustomization.yaml"), "w") as f:
            yaml.safe_dump({"resources": ["base.yaml"], "components": [component]}, f)
        p = subprocess.run([KUBECTL, "kustomize", d], capture_output=True, text=True, timeout=60)
        self.assertEqual(p.returncode, 0, p.stderr)
        return {(o["metadata"].get("namespace"), o["metadata"]["name"]): o for o in yaml.safe_load_all(p.stdout)}

    def limits(self, o):
        return o["spec"]["template"]["spec"]["containers"][0]["resources"].get("limits", {})

    def test_only_the_workload_that_is_meant(self):
        other, near = workload("Deployment", "other", "chat", container(limits=GPU)), workload("Deployment", "ml", "chat-2", container(limits=GPU))
        got = self.build("01-mig-mig-1", workload("Deployment", "ml", "chat", container(**CHAT)), other, near)
        self.assertEqual(self.limits(got["ml", "chat"]), {"nvidia.com/mig-1g.10gb": "1", "memory": "64Gi", "cpu": "16"})
        self.assertEqual(got["other", "chat"], other)
        self.assertEqual(got["ml", "chat-2"], near)

    def test_annotations_and_limits_of_kai(self):
        d = workload("Deployment", "ml", "kai", container(limits=GPU))
        d["spec"]["template"]["metadata"]["annotations"] = {"gpu-memory": "1000", "kept": "yes"}
        got = self.build("04-time-slicing-kai-1", d)["ml", "kai"]
        # a third, rounded down, so that three of them fit a board
        self.assertEqual(got["spec"]["template"]["metadata"]["annotations"], {"gpu-fraction": "0.33", "kept": "yes"})
        self.assertEqual(self.limits(got), {})

    def test_hami_beside_the_board(self):
        got = self.build("05-time-slicing-hami-1", workload("Rollout", "ml", "hami", container(limits=GPU), version="argoproj.io/v1alpha1"))
        self.assertEqual(self.limits(got["ml", "hami"]), {"nvidia.com/gpu": "1", "nvidia.com/gpumem": "7676", "nvidia.com/gpucores": "33"})

    def test_sizes(self):
        got = self.build("09-right-size-ml", workload("Deployment", "ml", "chat", container(**CHAT)),
                         workload("CronJob", "ml", "nightly", container(**NIGHTLY), version="batch/v1"))
        spec = got["ml", "chat"]["spec"]["template"]["spec"]
        self.assertEqual(spec["containers"][0]["resources"]["requests"], {"cpu": "3500m", "memory": "20Gi"})
        spec = got["ml", "nightly"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        self.assertEqual(spec["containers"][0]["resources"]["requests"], {"cpu": "8", "memory": "1536Mi", "ephemeral-storage": "10Gi"})

    def test_manifests_build(self):
        built = 0
        for action in ACTIONS:
            if os.path.exists(os.path.join(self.dir, action, "kustomization.yaml")):
                p = subprocess.run([KUBECTL, "kustomize", os.path.join(self.dir, action)], capture_output=True, text=True, timeout=60)
                self.assertEqual(p.returncode, 0, p.stderr)
                there = [load(f) for f in self.files(action + "/manifests/*")]
                key = lambda o: (o["kind"], o["metadata"]["name"])
                self.assertEqual(sorted(yaml.safe_load_all(p.stdout), key=key), sorted(there, key=key))
                built += 1
        self.assertEqual(built, 5)


MISSING = servers.missing_kube() + ([] if KUBECTL else ["kubectl"])
# what this server cannot take: custom kinds, and waiting for what only an operator does
NOT_HERE = re.compile(r"clusterpolicies\.nvidia\.com|nodepools\.karpenter\.sh|rollouts\.argoproj\.io|^kubectl (wait|rollout) |^aws |^gpuwise |apply -k")
WORKLOADS = [("Deployment", "ml", "chat", container(**CHAT)), ("StatefulSet", "dev", "notebook", container(limits=GPU)),
             ("Deployment", "ml", "embed", container(limits=GPU)), ("ReplicaSet", "ml", "old", container(limits=GPU)),
             ("Deployment", "ml", "kai", container(limits={**GPU, "cpu": "1"})), ("CronJob", "ml", "nightly", container(**NIGHTLY)),
             ("Deployment", "ml", "twice", container(limits=GPU, requests=GPU))]
PATH = {"Deployment": "/apis/apps/v1/namespaces/%s/deployments", "StatefulSet": "/apis/apps/v1/namespaces/%s/statefulsets",
        "ReplicaSet": "/apis/apps/v1/namespaces/%s/replicasets", "CronJob": "/apis/batch/v1beta1/namespaces/%s/cronjobs"}
NODES = ["mig-1", "time-1", "mps-1", "idle-1", "cpu-1", "big-1"]
PODS = [("ml", "train-1", "big-1"), ("web", "shop-1", "cpu-1"), ("ml", "old-abcde", "mps-1"), ("ml", "embed-5d5b8c7f9-x2x2x", "mps-1"),
        ("ml", "chat-6c9f7d5b8-abcde", "mig-1"), ("ml", "kai-1", "time-1"), ("ml", "kai-2", "time-1"), ("ml", "hami-1", "time-1"),
        ("dev", "notebook-0", "time-1"), ("dev", "notebook-1", "time-1")]


@unittest.skipIf(MISSING, "not here: " + ", ".join(MISSING))
class Server(Export):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kube = servers.start_kube()
        cls.addClassCleanup(cls.kube.stop)
        cls.config = cls.kube.kubeconfig()
        for ns in ("ml", "dev", "web", "nvidia"):
            cls.kube.create("/api/v1/namespaces", metadata={"name": ns})
        for n in NODES:
            cls.kube.create("/api/v1/nodes", metadata={"name": n})
        cls.before = {}
        for kind, ns, name, c in WORKLOADS:
            version = "batch/v1beta1" if kind == "CronJob" else "apps/v1"
            cls.before[kind, ns, name] = cls.kube.create(PATH[kind] % ns, **workload(kind, ns, name, c, version=version))
        for ns, name, node in PODS:
            cls.kube.create("/api/v1/namespaces/%s/pods" % ns, metadata={"name": name},
                            spec={"nodeName": node, "containers": [{"name": "c", "image": "x"}]})

    def sh(self, command, action=None, ok=True):
        """A command line as a user types it, in the action's folder, with kubectl bound to the server."""
        env = {**os.environ, "KUBECONFIG": self.config, "HOME": self.tmp, "PATH": os.path.dirname(KUBECTL) + ":" + os.environ["PATH"]}
        p = subprocess.run(["bash", "-c", "set -o pipefail\n" + command], capture_output=True, text=True, timeout=120, env=env,
                           cwd=os.path.join(self.dir, action) if action else self.tmp)
        if ok:
            self.assertEqual(p.returncode, 0, "%s\n%s%s" % (command, p.stdout, p.stderr))
        return p

    def test_manifests_of_built_in_kinds(self):
        n = 0
        for path in self.files("*/manifests/*.yaml") + self.files("*/hints/*.yaml"):
            if load(path)["apiVersion"] != "v1":
                continue
            p = self.sh("kubectl apply --server-side --field-manager=gpuwise --dry-run=server -o json -f " + shlex.quote(path))
            self.assertEqual(json.loads(p.stdout)["data"], load(path)["data"])
            n += 1
        self.assertEqual(n, 5)
        for action in ("01-mig-mig-1", "02-time-slicing-time-1", "03-mps-mps-1"):
            self.sh("kubectl apply --dry-run=server -k .", action)

    def test_the_server_refuses_what_is_broken(self):
        for change in (lambda o: o["data"].update({"not a key": "x"}), lambda o: o["data"].update({"list": ["x"]}),
                       lambda o: o["metadata"].update({"name": "Upper Case"}), lambda o: o["metadata"]["labels"].update({"a": "no/value"})):
            o = load(self.files("02-*/manifests/device-plugin.yaml")[0])
            change(o)
            path = os.path.join(self.tmp, "broken.yaml")
            with open(path, "w") as f:
                yaml.safe_dump(o, f)
            self.assertNotEqual(self.sh("kubectl apply --dry-run=server -f " + path, ok=False).returncode, 0, o)

    def test_node_labels(self):
        for path in self.files("*/nodes/*.yaml") + self.files("*/back/nodes/*.yaml"):
            p = self.sh("kubectl patch node/%s --type=merge --patch-file=%s --dry-run=server -o json" % (os.path.basename(path)[:-5], shlex.quote(path)))
            want = load(path)["metadata"]["labels"]
            got = json.loads(p.stdout)["metadata"].get("labels", {})
            self.assertEqual({k: got.get(k) for k in want}, want)

    def template(self, kind, ns, name):
        spec = self.kube.call("GET", PATH[kind] % ns + "/" + name)["spec"]
        return spec["jobTemplate"]["spec"]["template"] if kind == "CronJob" else spec["template"]

    def commands(self, action, section):
        """The lines of the code blocks of a section; one that ends in a pipe goes on in the next."""
        text = self.readme(action).split("\n## " + section, 1)[1].split("\n## ", 1)[0]
        lines = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.S)).replace("|\n", "| ").replace("\\\n", "").split("\n")
        return [x for x in lines if x.strip() and not x.startswith("#")]

    def test_patches_there_and_back(self):
        """For real: what the server then holds, and that the way back leads back."""
        asked = lambda t: t["spec"]["containers"][0]["resources"]
        want = {("01-mig-mig-1", "Deployment", "ml", "chat"): {"limits": {"nvidia.com/mig-1g.10gb": "1", "memory": "64Gi", "cpu": "16"}, "requests": CHAT["requests"]},
                ("02-time-slicing-time-1", "StatefulSet", "dev", "notebook"): {"limits": {"nvidia.com/gpu.shared": "1"}},
                ("03-mps-mps-1", "Deployment", "ml", "embed"): {"limits": {"nvidia.com/gpu.shared": "1"}},
                ("03-mps-mps-1", "ReplicaSet", "ml", "old"): {"limits": {"nvidia.com/gpu.shared": "1"}},
                ("04-time-slicing-kai-1", "Deployment", "ml", "kai"): {"limits": {"cpu": "1"}},
                ("09-right-size-ml", "Deployment", "ml", "chat"): {"limits": CHAT["limits"], "requests": {"cpu": "3500m", "memory": "20Gi"}},
                ("09-right-size-ml", "CronJob", "ml", "nightly"): {"requests": {"cpu": "8", "memory": "1536Mi", "ephemeral-storage": "10Gi"}}}
        for action in sorted({k[0] for k in want}):
            of = [k[1:] for k in want if k[0] == action]
            was = {k: self.template(*k) for k in of}
            for line in self.commands(action, "Steps"):
                if line.startswith("kubectl patch") and not NOT_HERE.search(line) or line.startswith("kubectl rollout "):
                    self.sh(line, action)
            for k in of:
                self.assertEqual(asked(self.template(*k)), want[(action, *k)], k)
            if action.startswith("04"):
                self.assertEqual(self.template(*of[0])["metadata"]["annotations"], {"gpu-fraction": "0.33"})
            for line in self.commands(action, "The way back"):
                if line.startswith("kubectl patch") and not NOT_HERE.search(line):
                    self.sh(line, action)
            for k in of:
                now = self.template(*k)
                if not now["metadata"].get("annotations", True):
                    del now["metadata"]["annotations"]
                self.assertEqual(now, was[k], k)

    def test_a_patch_of_the_wrong_container_is_refused_whole(self):
        sidecar = {"name": "proxy", "image": "x", "resources": {"limits": {"cpu": "1"}}}
        cases = [("01-mig-mig-1", "deployment-ml-chat.yaml", sidecar, container(**CHAT)),
                 ("09-right-size-ml", "deployment-ml-chat.size.yaml", container(requests={"cpu": "15", "memory": "64Gi"}), sidecar)]
        for i, (action, patch, *containers) in enumerate(cases):
            made = self.kube.create(PATH["Deployment"] % "ml", **workload("Deployment", "ml", "sidecar-%d" % i, *containers))
            p = self.sh("kubectl patch deployment/sidecar-%d --namespace=ml --type=json --patch-file=workloads/%s" % (i, patch), action, ok=False)
            self.assertNotEqual(p.returncode, 0)
            now = self.kube.call("GET", PATH["Deployment"] % "ml" + "/sidecar-%d" % i)
            self.assertEqual(now["spec"], made["spec"])

    def test_a_template_that_names_the_gpu_twice(self):
        """The patch of the limits is refused, the one for both is taken, as the README says."""
        patch = "kubectl patch deployment/twice --namespace=ml --type=json --dry-run=server -o json --patch-file=workloads/deployment-ml-chat"
        self.assertNotEqual(self.sh(patch + ".yaml", "01-mig-mig-1", ok=False).returncode, 0)
        got = json.loads(self.sh(patch + ".requests.yaml", "01-mig-mig-1").stdout)
        one = {"nvidia.com/mig-1g.10gb": "1"}
        self.assertEqual(got["spec"]["template"]["spec"]["containers"][0]["resources"], {"limits": one, "requests": one})

    def test_every_command_is_understood(self):
        """All commands of all READMEs that this server can take, without effect."""
        dry = {"patch", "cordon", "uncordon", "label", "annotate", "taint", "drain", "delete"}
        done = {}
        for action in ACTIONS:
            for section in ("Steps", "The way back"):
                for line in self.commands(action, section):
                    if NOT_HERE.search(line) or "--patch-file=back/" in line:
                        continue
                    words = shlex.split(line, comments=True)
                    if words[0] == "printf":
                        # policy/v1 is of Kubernetes 1.22; the server at hand has the same object as v1beta1
                        line = line.replace("policy/v1", "policy/v1beta1").replace("/eviction -f", "/eviction?dryRun=All -f")
                        verb = "evict"
                    else:
                        self.assertEqual(words[0], "kubectl", line)
                        verb = words[1]
                        self.assertIn(verb, dry | {"get"}, line)
                        if verb in dry:
                            # the pods here have no controller, which wants --force
                            more = " --dry-run=server" + (" --force" if verb == "drain" else "")
                            line = line.replace("kubectl " + verb, "kubectl " + verb + more, 1)
                    if line.endswith(":NoSchedule-"):  # as the README says: there is no taint yet
                        self.assertIn("not found", self.sh(line, action, ok=False).stderr)
                    else:
                        self.sh(line, action)
                    done[verb] = done.get(verb, 0) + 1
        self.assertEqual(set(done), dry | {"get", "evict"}, done)

    def test_eviction_is_real(self):
        """The eviction that a README spells, for real: the pod stays with the dry run that the README spells, and goes without."""
        line = next(x for x in self.commands("07-move-cpu-pods-cpu-1", "Steps") if x.startswith("printf"))
        self.kube.create("/api/v1/namespaces", metadata={"name": "web-2"})
        self.kube.create("/api/v1/namespaces/web-2/pods", metadata={"name": "shop-1"}, spec={"containers": [{"name": "c", "image": "x"}]})
        line = line.replace("policy/v1", "policy/v1beta1").replace('"namespace":"web"', '"namespace":"web-2"').replace("namespaces/web/", "namespaces/web-2/")
        self.sh(re.sub(r"(/api/\S*/eviction)", r"'\1?dryRun=All'", line))
        self.kube.call("GET", "/api/v1/namespaces/web-2/pods/shop-1")
        self.sh(line)
        with self.assertRaises(OSError):
            self.kube.call("GET", "/api/v1/namespaces/web-2/pods/shop-1")


class Text(Export):
    def test_actions_and_their_files(self):
        self.assertEqual(sorted(os.listdir(self.dir)), sorted(ACTIONS + ["README.md"]))
        with open(os.path.join(self.dir, "README.md")) as f:
            page = f.read()
        for action in ACTIONS:
            self.assertIn("](%s/README.md)" % action, page)
            text = self.readme(action)
            named = set(re.findall(r"^\| `([^`]+)` \|", text, re.M)) | {"README.md"}
            there = {os.path.relpath(os.path.join(d, f), os.path.join(self.dir, action))
                     for d, _, files in os.walk(os.path.join(self.dir, action)) for f in files}
            self.assertEqual(named, there)
            for section in ("Steps", "How to see that it worked", "The way back", "Evidence"):
                self.assertIn("\n## %s\n" % section, text)
            for path in re.findall(r"(?:--patch-file=|-f )([^\s-][^\s]*)", text):
                self.assertIn(path, there)

    def test_no_dry_run_that_evicts(self):
        """kubectl ignores --dry-run beside --raw: no README may send an eviction that way."""
        raw = 0
        for action in ACTIONS:
            text = self.readme(action)
            tip = re.search(r"Commands are for a shell in this folder\.(.*)", text).group(1)
            self.assertEqual(text.count("--dry-run=server"), 1)
            listed = tip.split("take `--dry-run=server`")[0]
            self.assertEqual(set(re.findall(r"`(?:kubectl )?(\w+)`", listed)),
                             {"apply", "patch", "label", "annotate", "taint", "cordon", "uncordon", "drain", "delete"})
            for block in re.findall(r"```sh\n(.*?)```", text, re.S):
                self.assertNotIn("--dry-run", block)
            evicts = "create --raw /api" in text
            self.assertEqual(evicts, "`kubectl create --raw` ignores that option and evicts" in tip, action)
            self.assertEqual(evicts, "/eviction?dryRun=All'`" in tip, action)
            self.assertEqual(evicts, "`--dry-run` has no effect on these commands: they evict." in text, action)
            raw += evicts
        self.assertEqual(raw, 7)  # all but release-node and right-size move pods

    def before(self, text, *parts):
        at = [text.index(p) for p in parts]
        self.assertEqual(at, sorted(at), parts)

    def test_the_way_back_has_an_order(self):
        """Nodes, boards, requests, and only then new pods: a rollout that comes first would wait for ever."""
        back = lambda action: self.readme(action).split("\n## The way back")[1].split("\n## ")[0]
        mig = back("01-mig-mig-1")
        self.before(mig, '"name":"OLD-NAME"', "kubectl cordon node/mig-1", "kubectl drain node/mig-1", "mig.config=all-1g.10gb ",
                    "kubectl wait ", "--patch-file=back/", "kubectl uncordon node/mig-1")
        self.assertNotIn("gpuwise-", mig)
        shared = back("02-time-slicing-time-1")
        self.before(shared, "kubectl drain node/time-1", "device-plugin.config-\n", '"name":"OLD-NAME"', "--patch-file=back/",
                    "kubectl uncordon node/time-1")
        moved = back("08-replace-nodes-1")
        self.before(moved, "kubectl uncordon node/big-1", "gpuwise-release=true:NoSchedule-", "kubectl delete nodepools")

    def test_what_a_map_replaces(self):
        text = self.readme("01-mig-mig-1")
        self.before(text, "`default-mig-parted-config`", "{.spec.migManager.config.name}", "{.spec.mig.strategy}",
                    "one setting for the cluster", '"name":"gpuwise-mig-parted"')

    def test_the_descheduler_and_the_room(self):
        for action, fit in (("06-release-node-idle-1", True), ("07-move-cpu-pods-cpu-1", True), ("08-replace-nodes-1", False)):
            profile = load(self.files(action + "/hints/descheduler-policy.yaml")[0])["profiles"][0]
            args = next(c["args"] for c in profile["pluginConfig"] if c["name"] == "DefaultEvictor")
            self.assertEqual(args["nodeFit"], fit, action)
            self.assertIn("`nodeFit: %s`" % str(fit).lower(), self.readme(action))

    def test_prices(self):
        text = self.readme("08-replace-nodes-1").split("\n## Prices\n")[1].split("\n## ")[0]
        rows = [[c.strip() for c in x.split("|")[1:-1]] for x in text.splitlines() if x.startswith("|")]
        self.assertEqual(rows, [["", "node", "capacity", "an hour of one", "price from"], ["---"] * 5,
                                ["ends", "1 × big-1", "on-demand", "$98.32", "aws list, 2025-06-01"],
                                ["begins", "1 × g5.12xlarge", "on-demand", "$5.67", "the price list"],
                                # one of two is shared, and so of a pool of its own
                                *[["begins", "1 × g5.xlarge", "spot", "not known", "no price list has this type there"]] * 2])

    def test_same_bytes_again(self):
        again = os.path.join(self.tmp, "again")
        subprocess.run([SAMPLE, again], check=True, timeout=60)
        p = subprocess.run(["diff", "-r", self.dir, again], capture_output=True, text=True, timeout=60)
        self.assertEqual((p.returncode, p.stdout), (0, ""))

    def test_everything_parses(self):
        for path in self.files("*/**/*.yaml") + self.files("*/*/*.yaml"):
            self.assertIsNotNone(load(path), path)
        for path in self.files("*/action.json"):
            with open(path) as f:
                self.assertEqual(json.load(f)["kind"], "Action")


if __name__ == "__main__":
    unittest.main()
