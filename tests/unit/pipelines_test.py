"""Holds the pipelines of four continuous integrations against each other and against the scripts that they call.

Each file is read by a parser of its format and held to a schema of the keys that it uses; what jobs do is then looked
at in one form for all: a job has commands and artefacts. Each rule is a function of a tree's root that returns its
breaches as lines "path: what", and is itself tested against planted breaches. Nothing here asks a server.

Run: /usr/bin/python3 tests/unit/pipelines_test.py
"""

import dataclasses
import functools
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

import jsonschema
import yaml

import planted_breaches
from planted_breaches import ROOT, expect_none, read

GITHUB = ".github/workflows/ci.yml"
GITLAB = ".gitlab-ci.yml"
CIRCLE = ".circleci/config.yml"
JENKINS = "Jenkinsfile"
GROOVY = shutil.which("groovy")
# What a pipeline may do besides calling a script: nothing of the project's.
OTHER_COMMANDS = {(JENKINS, "rm -rf build")}


@dataclasses.dataclass
class Job:
    commands: list
    artefacts: list
    images: list  # and actions: whatever comes from elsewhere by name and version


# --- formats ---------------------------------------------------------------------------------------------------------

class UniqueKeys(yaml.SafeLoader):
    """YAML in which no key stands twice: of two, readers take the last and say nothing."""


def unique_mapping(loader, node):
    keys = [loader.construct_object(key) for key, _ in node.value]
    for key in keys:
        if keys.count(key) > 1:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key} stands twice", node.start_mark)
    return loader.construct_mapping(node, deep=True)


UniqueKeys.add_constructor("tag:yaml.org,2002:map", unique_mapping)


def closed(required, optional=None):
    """Schema of an object with these keys and no others."""
    return {"type": "object", "additionalProperties": False, "required": list(required),
            "properties": {**required, **(optional or {})}}


def map_of(schema):
    return {"type": "object", "minProperties": 1, "additionalProperties": schema}


def list_of(schema):
    return {"type": "array", "minItems": 1, "items": schema}


TEXT = {"type": "string", "minLength": 1}
NUMBER = {"type": "integer", "minimum": 1}
DURATION = {"type": "string", "pattern": "^[0-9]+[mh]$"}

GITHUB_STEP = {"oneOf": [
    closed({"run": TEXT}, {"name": TEXT}),
    closed({"uses": {"const": "actions/checkout@v4"}}),
    closed({"uses": {"const": "actions/upload-artifact@v4"}, "with": closed({"name": TEXT, "path": TEXT})},
           {"if": {"enum": ["failure()", "always()"]}})]}
GITHUB_SCHEMA = closed({
    "name": TEXT,
    # The key `on`, to YAML 1.1.
    True: closed({"push": closed({"branches": list_of(TEXT)}), "pull_request": {"type": "null"}}),
    "permissions": closed({"contents": {"const": "read"}}),
    "jobs": map_of(closed(
        {"runs-on": {"enum": ["ubuntu-24.04"]}, "timeout-minutes": NUMBER, "steps": list_of(GITHUB_STEP)},
        {"container": {"oneOf": [TEXT, closed({"image": TEXT}, {"options": TEXT})]}})),
}, {"concurrency": closed({"group": TEXT, "cancel-in-progress": {"type": "boolean"}})})

GITLAB_JOB = closed({"stage": TEXT, "script": list_of(TEXT), "timeout": DURATION}, {
    "image": TEXT, "services": list_of(TEXT), "variables": map_of(TEXT),
    "artifacts": closed({"when": {"enum": ["on_success", "on_failure", "always"]}, "expire_in": TEXT,
                         "paths": list_of(TEXT)})})
GITLAB_SCHEMA = {"type": "object", "required": ["workflow", "stages", "default"], "properties": {
    "workflow": closed({"rules": list_of(closed({"if": TEXT}))}),
    "stages": list_of(TEXT),
    "default": closed({"image": TEXT}, {"interruptible": {"type": "boolean"}}),
}, "additionalProperties": GITLAB_JOB}
GITLAB_KEYWORDS = {"workflow", "stages", "default"}

CIRCLE_DOCKER = list_of(closed({"image": TEXT}))
CIRCLE_STEP = {"oneOf": [
    {"enum": ["checkout", "setup_remote_docker"]},
    closed({"run": {"oneOf": [TEXT, closed({"command": TEXT}, {"no_output_timeout": DURATION, "name": TEXT})]}}),
    closed({"store_artifacts": closed({"path": TEXT})})]}
CIRCLE_SCHEMA = closed({
    "version": {"const": 2.1},
    "executors": map_of(closed({"docker": CIRCLE_DOCKER}, {"resource_class": TEXT})),
    "jobs": map_of({"oneOf": [closed({"executor": TEXT, "steps": list_of(CIRCLE_STEP)}),
                              closed({"docker": CIRCLE_DOCKER, "steps": list_of(CIRCLE_STEP)})]}),
    "workflows": map_of(closed({"jobs": list_of(TEXT)})),
})

SCHEMAS = {GITHUB: GITHUB_SCHEMA, GITLAB: GITLAB_SCHEMA, CIRCLE: CIRCLE_SCHEMA}


@functools.lru_cache(maxsize=None)
def parsed(text):
    return yaml.load(text, UniqueKeys)  # noqa: S506 - a SafeLoader


def breaches_of_format(root, path):
    """Of a YAML file: what its parser and its schema say."""
    try:
        document = parsed(read(root, path))
    except yaml.YAMLError as error:
        return [f"{path}: is no YAML: {error}"]
    errors = jsonschema.Draft7Validator(SCHEMAS[path]).iter_errors(document)
    return [f"{path}: {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in errors]


# --- the Jenkinsfile -------------------------------------------------------------------------------------------------

class Malformed(Exception):
    pass


@dataclasses.dataclass
class Block:
    """`name arguments` or `name(arguments)`, with `{ … }` behind it or not: the declarative form has nothing else."""
    name: str
    arguments: list
    blocks: list  # None without braces

    def all(self, name):
        return [block for block in self.blocks or [] if block.name == name]

    def one(self, name):
        found = self.all(name)
        if len(found) != 1:
            raise Malformed(f"{self.name} {' '.join(self.arguments)} has {len(found)} times \"{name}\"")
        return found[0]


JENKINS_TOKEN = re.compile(
    r"\s*(?://[^\n]*\n\s*)*"
    r"(?:(?P<string>'[^'\\\n]*')|(?P<word>\w+)|(?P<sign>[{}(),:=])|(?P<end>$))")


class JenkinsReader:
    """Strings with single quotes and no escapes, words, blocks and calls: no code. Whatever else stands there is
    malformed; Groovy itself reads the file in `scripts/test --all`."""

    def __init__(self, text):
        self.tokens = []
        at = 0
        while at < len(text.rstrip()):
            match = JENKINS_TOKEN.match(text, at)
            if match is None or match.lastgroup == "end":
                raise Malformed(f"line {text.count(chr(10), 0, at) + 1}: {text[at:at + 40].strip()!r}")
            self.tokens.append((match.group(match.lastgroup), match.lastgroup,
                                text.count("\n", 0, match.start(match.lastgroup)) + 1))
            at = match.end()
        self.next = 0

    def peek(self):
        return self.tokens[self.next] if self.next < len(self.tokens) else ("the end", "end", -1)

    def take(self, wanted=None):
        token = self.peek()
        if token[1] == "end" or (wanted is not None and token[0] != wanted):
            raise Malformed(f"line {token[2]}: {token[0]} where {wanted or 'something'} is wanted")
        self.next += 1
        return token

    def file(self):
        block = self.block()
        if self.peek()[1] != "end":
            raise Malformed(f"line {self.peek()[2]}: {self.peek()[0]} behind the pipeline")
        return block

    def block(self):
        name, kind, line = self.take()
        if kind != "word":
            raise Malformed(f"line {line}: {name} where a name is wanted")
        arguments = []
        if self.peek()[0] == "(":
            self.take()
            while self.peek()[0] != ")":
                arguments.append(self.argument())
            self.take(")")
        else:
            while self.peek()[2] == line and self.peek()[0] not in "{}":
                arguments.append(self.argument())
        blocks = None
        if self.peek()[0] == "{" and self.peek()[2] == line:
            self.take()
            blocks = []
            while self.peek()[0] != "}":
                blocks.append(self.block())
            self.take("}")
        return Block(name, arguments, blocks)

    def argument(self):
        """One token; signs between arguments stay as they are. A call as an argument is taken whole."""
        token, kind, line = self.take()
        if kind == "word" and self.peek()[0] == "(":
            parts = [token, self.take()[0]]
            while self.peek()[0] != ")":
                parts.append(self.argument())
            parts.append(self.take()[0])
            return "".join(parts)
        if kind == "sign" and token not in ",:=":
            raise Malformed(f"line {line}: {token} among arguments")
        return token


def string_of(argument):
    if not argument.startswith("'"):
        raise Malformed(f"{argument} where a string is wanted")
    return argument.strip("'")


def jenkins_pipeline(root):
    pipeline = JenkinsReader(read(root, JENKINS)).file()
    if pipeline.name != "pipeline" or pipeline.one("agent").arguments != ["none"]:
        raise Malformed("begins otherwise than with a pipeline of `agent none`")
    return pipeline


JENKINS_ALLOWED = {
    "pipeline": {"agent", "options", "environment", "stages"},
    "options": {"timestamps", "timeout", "disableConcurrentBuilds", "buildDiscarder"},
    "stages": {"stage"}, "parallel": {"stage"}, "stage": {"agent", "steps", "post", "parallel"},
    "agent": {"docker", "label"}, "docker": {"image", "label", "args"}, "steps": {"sh"},
    "post": {"failure", "success", "always", "cleanup"},
    "failure": {"archiveArtifacts"}, "success": {"archiveArtifacts"}, "always": {"archiveArtifacts"}, "cleanup": {"sh"},
}


def unknown_blocks(block):
    """Names that have no business where they stand. An environment has variables."""
    for inner in block.blocks or []:
        if block.name != "environment" and inner.name not in JENKINS_ALLOWED.get(block.name, set()):
            yield f"{JENKINS}: {inner.name} in {block.name}"
        yield from unknown_blocks(inner)


def jenkins_format(root):
    try:
        pipeline = jenkins_pipeline(root)
        jenkins_jobs(root)
        return list(unknown_blocks(pipeline))
    except Malformed as error:
        return [f"{JENKINS}: {error}"]


# --- jobs ------------------------------------------------------------------------------------------------------------

def github_jobs(root):
    jobs = {}
    for name, job in parsed(read(root, GITHUB))["jobs"].items():
        container = job.get("container", [])
        images = [container] if isinstance(container, str) else [container["image"]] if container else []
        jobs[name] = Job([step["run"] for step in job["steps"] if "run" in step],
                         [path for step in job["steps"] if "with" in step for path in step["with"]["path"].split()],
                         images + [step["uses"] for step in job["steps"] if "uses" in step])
    return jobs


def gitlab_jobs(root):
    document = parsed(read(root, GITLAB))
    return {name: Job(job["script"], job.get("artifacts", {}).get("paths", []),
                      [job.get("image", document["default"]["image"])] + job.get("services", []))
            for name, job in document.items() if name not in GITLAB_KEYWORDS}


def circle_jobs(root):
    document = parsed(read(root, CIRCLE))
    jobs = {}
    for name, job in document["jobs"].items():
        docker = job["docker"] if "docker" in job else document["executors"][job["executor"]]["docker"]
        steps = [step for step in job["steps"] if isinstance(step, dict)]
        runs = [step["run"] for step in steps if "run" in step]
        jobs[name] = Job([run if isinstance(run, str) else run["command"] for run in runs],
                         [step["store_artifacts"]["path"] for step in steps if "store_artifacts" in step],
                         [image["image"] for image in docker])
    return jobs


def jenkins_artefacts(stage):
    for post in stage.all("post"):
        for when in post.blocks:
            for archive in when.all("archiveArtifacts"):
                if archive.arguments[:2] != ["artifacts", ":"]:
                    raise Malformed("archiveArtifacts without `artifacts:`")
                for path in string_of(archive.arguments[2]).split(","):
                    yield path.strip().removesuffix("/**")


def jenkins_jobs(root):
    jobs = {}
    for outer in jenkins_pipeline(root).one("stages").all("stage"):
        for stage in outer.one("parallel").all("stage"):
            cleanups = [cleanup for post in stage.all("post") for cleanup in post.all("cleanup")]
            commands = [sh for block in stage.all("steps") + cleanups for sh in block.all("sh")]
            docker = stage.one("agent").all("docker")
            jobs[string_of(stage.arguments[0])] = Job(
                [string_of(sh.arguments[0]) for sh in commands], list(jenkins_artefacts(stage)),
                [string_of(one.one("image").arguments[0]) for one in docker])
    return jobs


JOBS = {GITHUB: github_jobs, GITLAB: gitlab_jobs, CIRCLE: circle_jobs, JENKINS: jenkins_jobs}


def all_jobs(root):
    """(path, name, job); nothing of a file whose form is wrong, which the rules on forms tell."""
    for path, read in JOBS.items():
        if not (jenkins_format(root) if path == JENKINS else breaches_of_format(root, path)):
            for name, job in read(root).items():
                yield path, name, job


# --- rules -----------------------------------------------------------------------------------------------------------

def github_is_well_formed(root):
    """What GitHub Actions reads."""
    return breaches_of_format(root, GITHUB)


def gitlab_is_well_formed(root):
    """What GitLab CI reads; a job's stage is one of the stages."""
    breaches = breaches_of_format(root, GITLAB)
    if breaches:
        return breaches
    document = parsed(read(root, GITLAB))
    return [f"{GITLAB}: {name} is of no known stage" for name, job in document.items()
            if name not in GITLAB_KEYWORDS and job["stage"] not in document["stages"]]


def circle_is_well_formed(root):
    """What CircleCI reads; the workflow runs each job, and each executor is there."""
    breaches = breaches_of_format(root, CIRCLE)
    if breaches:
        return breaches
    document = parsed(read(root, CIRCLE))
    run = [name for workflow in document["workflows"].values() for name in workflow["jobs"]]
    if sorted(run) != sorted(document["jobs"]):
        breaches.append(f"{CIRCLE}: the workflow does not run just the jobs {', '.join(document['jobs'])}")
    for name, job in document["jobs"].items():
        if "executor" in job and job["executor"] not in document["executors"]:
            breaches.append(f"{CIRCLE}: {name} has an executor that is not there")
    return breaches


def jenkins_is_well_formed(root):
    """What the declarative form of Jenkins has, and no code."""
    return jenkins_format(root)


@functools.lru_cache(maxsize=None)
def help_of(script, arguments, _content):
    """(exit code, text) of the script with these arguments and --help behind them, by which it does nothing else."""
    done = subprocess.run([script, *arguments, "--help"], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def breach_of_command(root, command):
    words = shlex.split(command)
    if words[0] == ".ci/run" or not words[0].startswith("scripts/"):
        return "is no call of a script of the project"
    script = os.path.join(root, words[0])
    if not os.access(script, os.X_OK) or not os.path.isfile(script):
        return "calls what is not there, or cannot be run"
    if words[0] == "scripts/install":
        groups = set(re.findall(r"^([a-z]+) ", read(root, "scripts/packages"), re.MULTILINE))
        unknown = set(words[1:]) - groups
        return f"installs {', '.join(sorted(unknown))}, of which scripts/packages has nothing" if unknown else None
    code, text = help_of(script, tuple(words[1:]), read(root, words[0]))
    if code != 0:
        return f"is refused: {text.strip()[:200]}"
    unknown = [word for word in words[1:] if word.startswith("--") and word not in text]
    return f"has an option that {words[0]} --help does not name: {unknown[0]}" if unknown else None


def commands_are_calls_of_scripts(root):
    """A job does nothing but call scripts of the project, with options that they take."""
    breaches = []
    for path, name, job in all_jobs(root):
        own = [command for command in job.commands if (path, command) not in OTHER_COMMANDS]
        if not own:
            breaches.append(f"{path}: {name} calls no script")
        for command in own:
            for line in command.strip().split("\n"):
                what = breach_of_command(root, line)
                if what:
                    breaches.append(f"{path}: {name}: {line!r} {what}")
    return breaches


def artefacts_are_made(root):
    """An artefact is a path that a script which the job calls has in its text."""
    breaches = []
    for path, name, job in all_jobs(root):
        scripts = {command.split()[0] for command in job.commands if command.startswith("scripts/")}
        made = "".join(read(root, script) for script in scripts if os.path.isfile(os.path.join(root, script)))
        for artefact in job.artefacts:
            if not re.search(re.escape(artefact) + r"(?![\w/-])|" + re.escape(artefact) + r"/\$", made):
                breaches.append(f"{path}: {name}: nothing that it calls makes {artefact}")
    return breaches


def versions_are_pinned(root):
    """Images and actions from elsewhere have a version, and the tests run where README says: Debian 12."""
    breaches = []
    for path, name, job in all_jobs(root):
        for image in job.images:
            version = re.split("[:@]", image)[1:]
            if not version or not re.match(r"v?\d", version[0]):
                breaches.append(f"{path}: {name}: {image} has no version")
        if name != "image" and "debian:12" not in job.images:
            breaches.append(f"{path}: {name} does not run on Debian 12")
    return breaches


SECRETS = re.compile(r"\$\{\{\s*secrets\.|\bcredentials\s*\(|\bwithCredentials\b|\bcontext:|\bsecrets:|\bid_tokens:")


def no_secrets(root):
    """No job is given a secret: none needs one, and a pull request runs them all."""
    return [f"{path}: names a secret: {match.group(0)}" for path in JOBS
            for match in SECRETS.finditer(read(root, path))]


def all_do_the_same(root):
    """The four have the same jobs, which run the same commands and keep the same artefacts."""
    known = {}
    for path, name, job in all_jobs(root):
        commands = [command for command in job.commands if (path, command) not in OTHER_COMMANDS]
        # Where artefacts are kept whatever happens, the logs of a run that succeeded are among them.
        known.setdefault(path, {})[name] = (commands, sorted(job.artefacts))
    first = known.get(GITHUB)
    if first is None:
        return []
    return [f"{path}: {name} is not that of {GITHUB}" for path, jobs in known.items()
            for name in sorted(first.keys() | jobs.keys()) if first.get(name) != jobs.get(name)]


RULES = [github_is_well_formed, gitlab_is_well_formed, circle_is_well_formed, jenkins_is_well_formed,
         commands_are_calls_of_scripts, artefacts_are_made, versions_are_pinned, no_secrets, all_do_the_same]


# --- the tree --------------------------------------------------------------------------------------------------------

class TreeTest(unittest.TestCase):
    def test_tree_keeps_the_rules(self):
        expect_none(self, RULES)

    def test_the_jobs_are_seen(self):
        wanted = ["asan", "coverage", "fuzz", "image", "lint", "test", "tsan"]
        for path in JOBS:
            self.assertEqual(wanted, sorted(name for one, name, _ in all_jobs(ROOT) if one == path), path)


GROOVY_PARSES = """
def unit = new org.codehaus.groovy.control.CompilationUnit()
unit.addSource(new File(args[0]))
unit.compile(org.codehaus.groovy.control.Phases.CONVERSION)
"""


@unittest.skipUnless(GROOVY, "there is no groovy here; scripts/test --all installs it")
class GroovyTest(unittest.TestCase):
    """Groovy, in which Jenkins reads the file."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "parse.groovy").write_text(GROOVY_PARSES)

    def parse(self, text):
        (self.folder / JENKINS).write_text(text)
        java = pathlib.Path(shutil.which("java") or "/").resolve()
        return subprocess.run([GROOVY, self.folder / "parse.groovy", self.folder / JENKINS], text=True, timeout=300,
                              capture_output=True, env={**os.environ, "JAVA_HOME": str(java.parent.parent)},
                              check=False)

    def test_groovy_reads_it(self):
        text = read(ROOT, JENKINS)
        done = self.parse(text)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.assertNotEqual(0, self.parse(text.replace("stage('lint') {", "stage('lint' {")).returncode)


# --- the rules themselves --------------------------------------------------------------------------------------------

class PlantedBreachTest(planted_breaches.PlantedChangeTest):
    rules = RULES
    copied = (*JOBS, "scripts", "tests/fuzz", "CMakePresets.json")

    def test_github(self):
        self.catches(github_is_well_formed, GITHUB, "    runs-on: ubuntu-24.04\n", "", "runs-on")
        self.catches(github_is_well_formed, GITHUB, "timeout-minutes: 90", "timeout-minute: 90", "timeout-minute")
        self.catches(github_is_well_formed, GITHUB, "jobs:\n", "jobs:\n\t", "no YAML")
        self.catches(github_is_well_formed, GITHUB, "  test:\n", "  lint:\n", "stands twice")
        self.catches(github_is_well_formed, GITHUB, "contents: read", "contents: write", "read")

    def test_gitlab(self):
        self.catches(gitlab_is_well_formed, GITLAB, "  script:\n    - scripts/test\n", "", "script")
        self.catches(gitlab_is_well_formed, GITLAB, "stage: check", "stage: build", "no known stage")
        self.catches(gitlab_is_well_formed, GITLAB, "when: always", "when: sometimes", "sometimes")
        self.catches(gitlab_is_well_formed, GITLAB, "stages: [check]", "stages: [check", "no YAML")

    def test_circle(self):
        self.catches(circle_is_well_formed, CIRCLE, "jobs: [lint, test,", "jobs: [lint,", "does not run")
        self.catches(circle_is_well_formed, CIRCLE, "executor: debian", "executor: alpine", "not there")
        self.catches(circle_is_well_formed, CIRCLE, "version: 2.1", "version: 2", "2.1")
        self.catches(circle_is_well_formed, CIRCLE, "- store_artifacts: {path", "- store: {path", "store")
        self.catches(circle_is_well_formed, CIRCLE, "- run: {command", "- run: {commands", "commands")

    def test_jenkins(self):
        rule = jenkins_is_well_formed
        self.catches(rule, JENKINS, "  agent none\n", "", "agent")
        self.catches(rule, JENKINS, "stage('lint') {", "stage('lint' {", "{ among arguments")
        self.catches(rule, JENKINS, "stage('lint') {", "stage('lint')", "")
        self.catches(rule, JENKINS, "steps {", "step {", "step in stage")
        self.catches(rule, JENKINS, "sh 'scripts/lint'", "if (x) { sh 'scripts/lint' }", "if in steps")
        self.catches(rule, JENKINS, "sh 'scripts/lint'", 'sh "scripts/lint"', "line ")
        self.catches(rule, JENKINS, "image 'debian:12'", "", "image")
        self.catches(rule, JENKINS, "archiveArtifacts artifacts:", "archiveArtifacts path:", "without")
        self.plant(JENKINS, read(self.root, JENKINS) + "}\n")
        self.assertTrue(jenkins_is_well_formed(self.root))

    def test_commands(self):
        rule = commands_are_calls_of_scripts
        self.catches(rule, GITHUB, "run: scripts/test\n", "run: cmake --build build\n", "no call of a script")
        self.catches(rule, GITLAB, "- scripts/image", "- scripts/images", "not there")
        self.catches(rule, CIRCLE, "--seconds 120", "--second 120", "is refused")
        self.catches(rule, CIRCLE, "--seconds 120", "--seconds soon", "is refused")
        self.catches(rule, JENKINS, "--sanitize tsan", "--sanitize msan", "is refused")
        self.catches(rule, JENKINS, "sh 'scripts/lint'", "sh 'scripts/lint --fast'", "--fast")
        self.catches(rule, JENKINS, "install build lint", "install build linters", "linters")
        os.chmod(os.path.join(self.root, "scripts/image"), 0o644)
        self.assertEqual(len(JOBS), len(rule(self.root)))

    def test_jobs_without_a_script(self):
        self.catches(commands_are_calls_of_scripts, CIRCLE,
                     "      - run: {command: scripts/image, no_output_timeout: 60m}\n", "", "calls no script")

    def test_artefacts(self):
        self.catches(artefacts_are_made, GITHUB, "path: build/test-logs", "path: build/logs", "build/logs")
        self.catches(artefacts_are_made, GITLAB, "build/release/flashsaled", "build/release/flashsale", "makes")
        self.catches(artefacts_are_made, CIRCLE, "build/fuzz-crashes", "build/fuzz", "makes")
        self.catches(artefacts_are_made, JENKINS, "build/coverage/report/**", "build/coverage/html/**", "makes")

    def test_versions(self):
        self.catches(versions_are_pinned, GITHUB, "container: debian:12", "container: debian:latest", "no version")
        self.catches(versions_are_pinned, GITLAB, "docker:27-dind", "docker", "no version")
        self.catches(versions_are_pinned, CIRCLE, "image: debian:12", "image: debian:13", "Debian 12")
        self.catches(versions_are_pinned, JENKINS, "image 'debian:12'", "image 'alpine:3'", "Debian 12")

    def test_secrets(self):
        self.catches(no_secrets, GITHUB, "- run: scripts/lint", "- run: scripts/lint ${{ secrets.TOKEN }}", "secret")
        self.catches(no_secrets, GITLAB, "variables:\n", "variables:\n    X: x\n  secrets:\n", "secret")
        self.catches(no_secrets, JENKINS, "= '1'", "= credentials('x')", "secret")

    def test_sameness(self):
        self.catches(all_do_the_same, CIRCLE, "--sanitize asan", "--sanitize tsan", "asan is not that of")
        self.catches(all_do_the_same, GITLAB, "      - build/fuzz-crashes\n", "", "fuzz is not that of")
        self.catches(all_do_the_same, JENKINS, "stage('image')", "stage('images')", "images is not that of")


if __name__ == "__main__":
    unittest.main()
