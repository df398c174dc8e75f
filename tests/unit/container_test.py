"""Holds docker-compose.yml, the Dockerfile and what they build from against each other and against the settings: what
otherwise only shows when somebody builds the images. No network, no Docker engine.

Each rule is a function of a tree's root that returns its breaches as lines "path: what". Every rule is itself tested
against planted breaches, so that none can go blind unnoticed.

Run: /usr/bin/python3 tests/unit/container_test.py
"""

import functools
import os
import re
import shlex
import shutil
import subprocess
import unittest
import urllib.parse

import yaml

import planted_breaches
from planted_breaches import ROOT, expect_none, read

COMPOSE = "docker-compose.yml"
DOCKERFILE = "Dockerfile"
SETTINGS = os.path.join("config", "flashsaled.toml")
BINARY = os.path.join("build", "release", "flashsaled")
# Where a plugin of `docker` is installed without it.
PLUGINS = "/usr/libexec/docker/cli-plugins"
DOCKER_COMPOSE = shutil.which("docker-compose", path=PLUGINS) or shutil.which("docker-compose")
# The release that the names of scripts/packages' group `image` belong to.
IMAGE_RELEASE = "12"


# --- reading -------------------------------------------------------------------------------------------------------

def interpolated(node):
    """What compose makes of a document when nothing is set: ${NAME:-default} is its default."""
    if isinstance(node, dict):
        return {key: interpolated(value) for key, value in node.items()}
    if isinstance(node, list):
        return [interpolated(value) for value in node]
    if isinstance(node, str):
        return re.sub(r"\$\{\w+(?::?-([^}]*))?\}", lambda match: match.group(1) or "", node)
    return node


@functools.lru_cache(maxsize=4)
def parsed(text):
    return interpolated(yaml.safe_load(text))


def compose(root):
    return parsed(read(root, COMPOSE))


def services(root):
    return compose(root)["services"]


def words(value):
    """A command, whichever way it is written."""
    return [str(word) for word in value] if isinstance(value, list) else shlex.split(value or "")


class Stage:
    """One FROM of the Dockerfile with its instructions as (name, text)."""

    def __init__(self, base, name):
        self.base = base
        self.name = name
        self.instructions = []

    def all(self, name):
        return [text for what, text in self.instructions if what == name]

    def copies(self):
        """(options, sources, target) of each COPY and ADD."""
        for text in self.all("COPY") + self.all("ADD"):
            parts = text.split()
            options = [part for part in parts if part.startswith("--")]
            paths = parts[len(options):]
            yield options, paths[:-1], paths[-1]

    def exposed(self):
        return {int(port.split("/")[0]) for text in self.all("EXPOSE") for port in text.split()}

    def environment(self):
        return dict(pair.split("=", 1) for text in self.all("ENV") for pair in shlex.split(text))

    def health_url(self):
        """What the health check asks for; None without one."""
        for text in self.all("HEALTHCHECK"):
            match = re.search(r"http://[^\s\"']+", text)
            return urllib.parse.urlsplit(match.group(0)) if match else None
        return None


def stages(root):
    """{name: Stage} in the file's order."""
    found = {}
    stage = None
    text = re.sub(r"^\s*#[^\n]*\n", "", read(root, DOCKERFILE), flags=re.MULTILINE).replace("\\\n", " ")
    for line in filter(None, map(str.strip, text.split("\n"))):
        name, _, rest = line.partition(" ")
        if name.upper() == "FROM":
            parts = rest.split()
            stage = Stage(parts[0], parts[2] if len(parts) == 3 else str(len(found)))
            found[stage.name] = stage
        else:
            stage.instructions.append((name.upper(), rest.strip()))
    return found


def target_of(root, service):
    """The stage that a service's image is built from, by itself or by another one; None for an image from elsewhere."""
    for one in services(root).values():
        if "build" in one and one.get("image") == service.get("image"):
            return one["build"]["target"]
    return None


def built_services(root):
    """(name, service, its stage) of those that this project builds."""
    all_stages = stages(root)
    for name, service in services(root).items():
        if target_of(root, service) in all_stages:
            yield name, service, all_stages[target_of(root, service)]


def default_stage(root):
    """What is built when nobody names a stage."""
    return list(stages(root).values())[-1]


def settings(root):
    """{variable: default} of every setting, from the comments of the settings file."""
    found = dict(re.findall(r"^# (FLASHSALE_\w+):.*; default (.*)$", read(root, SETTINGS), re.MULTILINE))
    return {name: value.strip('"') for name, value in found.items()}


def package_groups(root):
    """{group: [[package, alternative…]…]}"""
    groups = {}
    for line in read(root, os.path.join("scripts", "packages")).split("\n"):
        if line.strip() and not line.lstrip().startswith("#"):
            group, _, choices = line.partition(" ")
            groups.setdefault(group, []).append(choices.replace("|", " ").split())
    return groups


def ignore_pattern(pattern):
    """A line of .dockerignore as a regular expression (Go's filepath.Match, and ** for any number of folders)."""
    out = ""
    for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern.strip("/")):
        out += {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part, re.escape(part))
    return re.compile(out)


def is_sent(root, path):
    """Whether a path reaches the engine: the last line of .dockerignore that matches it, or a folder above it, wins."""
    sent = True
    parts = path.strip("/").split("/")
    ways = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
    for line in read(root, ".dockerignore").split("\n"):
        line = line.strip()
        if line and not line.startswith("#"):
            pattern = ignore_pattern(line.lstrip("!"))
            if any(pattern.fullmatch(way) for way in ways):
                sent = line.startswith("!")
    return sent


# --- rules ---------------------------------------------------------------------------------------------------------

def accepted_by_compose(root):
    """docker-compose itself takes the file."""
    done = subprocess.run([DOCKER_COMPOSE, "-f", COMPOSE, "config", "-q"], cwd=root, capture_output=True, text=True,
                          timeout=120, check=False,
                          env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")})
    return [] if done.returncode == 0 and not done.stderr else [f"{COMPOSE}: {done.stdout}{done.stderr}"]


def copied_paths(root):
    """What the Dockerfile copies is there, and is sent to the engine; nothing else is sent."""
    breaches = []
    copied = set()
    all_stages = stages(root)
    for stage in all_stages.values():
        for options, sources, _ in stage.copies():
            origin = [option.split("=", 1)[1] for option in options if option.startswith("--from=")]
            if origin:
                if origin[0] not in all_stages:
                    breaches.append(f"{DOCKERFILE}: copies from {origin[0]}, which is no stage")
                continue
            for source in sources:
                copied.add(source.split("/")[0])
                if not os.path.exists(os.path.join(root, source)):
                    breaches.append(f"{DOCKERFILE}: {source} does not exist")
                elif not is_sent(root, source):
                    breaches.append(f".dockerignore: {source} is copied, but not sent")
    for line in read(root, ".dockerignore").split("\n"):
        if line.startswith("!") and line[1:].strip("/").split("/")[0] not in copied:
            breaches.append(f".dockerignore: {line[1:]} is sent, but never copied")
    return breaches


# What commands that call an instance read from their environment.
CLIENT_COMMANDS = ("insight", "events")
CLIENT_VARIABLES = {"FLASHSALE_ADMIN_URL", "FLASHSALE_ADMIN_TOKEN", "FLASHSALE_ADMIN_TOKEN_FILE"}


def known_variables(root):
    """A FLASHSALE_ variable that a service is given is one that its program reads; what the caller's environment may
    change stands in the head of the file."""
    breaches = []
    known = settings(root)
    for name, service in services(root).items():
        program = words(service.get("entrypoint"))[:1]
        is_client = words(service.get("command"))[:1] in ([command] for command in CLIENT_COMMANDS)
        readable = CLIENT_VARIABLES if is_client else set(known)
        for variable in service.get("environment") or {}:
            if not variable.startswith("FLASHSALE_"):
                continue
            if program and program[0].startswith("scripts/"):
                if not re.search(rf"\b{variable}\b", read(root, program[0])):
                    breaches.append(f"{COMPOSE}: {name}: {program[0]} reads no {variable}")
            elif variable not in readable:
                breaches.append(f"{COMPOSE}: {name}: there is no setting {variable}")
    text = read(root, COMPOSE)
    head = re.match(r"(#[^\n]*\n)*", text).group(0)
    for variable in sorted(set(re.findall(r"\$\{(\w+)", text))):
        if not re.search(rf"\b{variable}\b", head):
            breaches.append(f"{COMPOSE}: ${{{variable}}} is not explained in the head of the file")
    return breaches


def published(service):
    """(address, port within the container) of each published port, or the address None for every one."""
    for port in service.get("ports", []):
        parts = str(port).split("/")[0].split(":")
        yield (parts[0] if len(parts) == 3 else None), int(parts[-1])


def server_ports(root, name, service, stage):
    """Of an instance: what it listens on is exposed, and asked by the health check."""
    breaches = []
    environment = service.get("environment") or {}
    ports = {}
    for which in ("HTTP", "ADMIN"):
        variable = f"FLASHSALE_{which}_PORT"
        ports[which] = int(environment.get(variable, settings(root)[variable]))
        if ports[which] not in stage.exposed():
            breaches.append(f"{DOCKERFILE}: {name} listens on {ports[which]}, which is not exposed")
        if environment.get(f"FLASHSALE_{which}_ADDRESS", settings(root)[f"FLASHSALE_{which}_ADDRESS"]) != "0.0.0.0":
            breaches.append(f"{COMPOSE}: {name} listens where no other container comes ({which})")
    url = stage.health_url()
    if url is None or url.port != ports["HTTP"] or url.path != "/readyz":
        breaches.append(f"{DOCKERFILE}: the health check of {name} does not ask for /readyz at {ports['HTTP']}")
    for address, port in published(service):
        if port == ports["ADMIN"] and address != "127.0.0.1":
            breaches.append(f"{COMPOSE}: {name}: the admin port is for the loopback address alone")
    return breaches


def edge_ports(root, name, service, stage):
    """Of the edge, with the configuration that scripts/render_nginx makes: where it listens, and whom it asks."""
    breaches = []
    environment = stage.environment() | (service.get("environment") or {})
    with open(os.path.join(root, "config", "nginx.conf"), encoding="utf-8") as template:
        done = subprocess.run(
            [os.path.join(root, "scripts", "render_nginx"), environment["EDGE_LISTEN"],
             environment["EDGE_RATE_LIMIT"], "stderr", "/dev/stdout", *environment["EDGE_INSTANCES"].split()],
            stdin=template, capture_output=True, text=True, check=False)
    if done.returncode != 0 or "${" in done.stdout:
        return [f"config/nginx.conf: is not filled in: {done.stderr or done.stdout}"]
    listened = {int(port) for port in re.findall(r"^\s*listen (?:\S*:)?(\d+)\b", done.stdout, re.MULTILINE)}
    asked = set(re.findall(r"^\s*server ([^\s{;]+)", done.stdout, re.MULTILINE))
    if listened != stage.exposed():
        breaches.append(f"config/nginx.conf: listens on {sorted(listened)}, exposed is {sorted(stage.exposed())}")
    url = stage.health_url()
    if url is None or url.port not in listened or f"location = {url.path} " not in done.stdout:
        breaches.append(f"{DOCKERFILE}: nothing answers the health check of {name}")
    instances = {f"{other}:{(one.get('environment') or {})['FLASHSALE_HTTP_PORT']}"
                 for other, one, _ in built_services(root) if is_instance(one)}
    if asked != instances:
        breaches.append(f"{COMPOSE}: {name} asks {sorted(asked)}, the instances are {sorted(instances)}")
    return breaches


def is_instance(service):
    return "FLASHSALE_HTTP_PORT" in (service.get("environment") or {}) and service.get("restart") != "no"


def urls_made(root):
    """Those that scripts/prepare_volumes writes for the instances."""
    return [re.sub(r"\$\w+", "x", url)
            for url in re.findall(r'"((?:redis|postgresql|amqp)://[^"]+)"', read(root, PREPARE))]


def ports(root):
    """Whoever listens, is exposed, published, checked or called: the port is the same everywhere."""
    breaches = []
    all_services = services(root)
    for name, service, stage in built_services(root):
        if is_instance(service):
            breaches += server_ports(root, name, service, stage)
        if "EDGE_LISTEN" in stage.environment():
            breaches += edge_ports(root, name, service, stage)
        for _, port in published(service):
            if port not in stage.exposed():
                breaches.append(f"{COMPOSE}: {name} publishes {port}, which its image does not expose")
    listening = {"redis": re.search(r"^port (\d+)", read(root, "config/redis.conf"), re.MULTILINE).group(1),
                 "postgres": re.search(r"^port = (\d+)", read(root, "config/postgresql.conf"),
                                       re.MULTILINE).group(1), "rabbitmq": "5672"}
    for name, service in all_services.items():
        listened = (service.get("environment") or {}).get("COLLECTOR_OTLP_HTTP_HOST_PORT")
        if listened:
            listening[name] = listened.rpartition(":")[2]
    for name, service in all_services.items():
        texts = [str(value) for value in (service.get("environment") or {}).values()]
        texts += words(service.get("entrypoint")) + words(service.get("command"))
        for text in texts + (urls_made(root) if name == "secrets" else []):
            for scheme, default in (("redis", 6379), ("postgresql", 5432), ("amqp", 5672), ("http", 80)):
                if not text.startswith(f"{scheme}://"):
                    continue
                url = urllib.parse.urlsplit(text)
                host, port = url.hostname, url.port or default
                if host not in all_services:
                    breaches.append(f"{COMPOSE}: {name} calls {host}, which is no service")
                elif host in listening and port != int(listening[host]):
                    breaches.append(f"{COMPOSE}: {name} calls {host} at {port}, which listens on {listening[host]}")
                elif (scheme == "http" and host not in listening
                      and str(port) != all_services[host]["environment"]["FLASHSALE_ADMIN_PORT"]):
                    breaches.append(f"{COMPOSE}: {name} calls {host} at {port}, which is not its admin port")
    return breaches


def networks_of(root, name):
    return set(services(root)[name].get("networks", []))


def data_sources(root):
    folder = os.path.join("config", "grafana", "provisioning", "datasources")
    return [source for file in sorted(os.listdir(os.path.join(root, folder)))
            for source in yaml.safe_load(read(root, os.path.join(folder, file)))["datasources"]]


def watching(root):
    """Who looks on reaches whom it asks, and what it is told leads somewhere: Prometheus to what it scrapes, Grafana to
    its data sources, an exemplar to the traces that the instances have sent."""
    breaches = []

    def expect_reach(caller, host, where):
        if host not in services(root):
            breaches.append(f"{where}: {host} is no service")
        elif not networks_of(root, caller) & networks_of(root, host):
            breaches.append(f"{where}: {caller} has no network with {host}")
    scraped = os.path.join("config", "prometheus", "prometheus.yml")
    for job in yaml.safe_load(read(root, scraped))["scrape_configs"]:
        for target in job["static_configs"][0]["targets"]:
            host, _, port = target.partition(":")
            expect_reach("prometheus", host, scraped)
            listens = {service_port for name in [host] if name in services(root)
                       for word in words(services(root)[name].get("command"))
                       for service_port in re.findall(r"^0\.0\.0\.0:(\d+)$", word)}
            if listens and port not in listens:
                breaches.append(f"{scraped}: {host} does not listen on {port}")
    sources = {source["uid"]: source for source in data_sources(root)}
    hosts = {}
    for uid, source in sources.items():
        hosts[uid] = urllib.parse.urlsplit(source["url"]).hostname
        expect_reach("grafana", hosts[uid], f"the data source {source['name']}")
        for leads in source.get("jsonData", {}).get("exemplarTraceIdDestinations", []):
            if sources.get(leads["datasourceUid"], {}).get("type") != "jaeger":
                breaches.append(f"the data source {source['name']}: its exemplars lead to no traces")
            if f"{{{leads['name']}=" not in read(root, os.path.join("src", "telemetry", "open_metrics.cpp")):
                breaches.append(f"the data source {source['name']}: no exemplar has a label {leads['name']}")
    shown = {hosts[uid] for uid, source in sources.items() if source["type"] == "jaeger"}
    for name, service in services(root).items():
        if is_instance(service):
            sent = urllib.parse.urlsplit(service["environment"]["FLASHSALE_TRACING_URL"])
            expect_reach(name, sent.hostname, COMPOSE)
            if {sent.hostname} != shown or sent.path != "/v1/traces":
                breaches.append(f"{COMPOSE}: {name} sends traces to {sent.geturl()}, Grafana shows those of {shown}")
    return breaches


def mounts(root):
    """Files that are mounted exist and cannot be written to; volumes and networks are declared, and used."""
    breaches = []
    document = compose(root)
    used = {"volumes": set(), "networks": set()}
    for name, service in document["services"].items():
        used["networks"].update(service.get("networks", []))
        for mount in service.get("volumes", []):
            source, target, *mode = mount.split(":")
            if not source.startswith((".", "/")):
                used["volumes"].add(source)
            elif not os.path.isfile(os.path.join(root, source)):
                breaches.append(f"{COMPOSE}: {name}: {source} is no file")
            elif mode != ["ro"]:
                breaches.append(f"{COMPOSE}: {name}: {target} can be written to")
    for kind, names in used.items():
        for name in sorted(names ^ set(document.get(kind) or {})):
            breaches.append(f"{COMPOSE}: {kind}: {name} is not both declared and used")
    return breaches


SETTINGS_FOLDER = "/etc/flashsale"
PREPARE = os.path.join("scripts", "prepare_volumes")
# What each store has to be started with; where an image of its own looks for settings is no place of ours.
READS = {"redis": ["redis.conf", "redis_users.acl"], "postgres": ["postgresql.conf"],
         "database": ["make_database", "postgresql_roles.sql"],
         "rabbitmq": ["rabbitmq.conf", "rabbitmq_definitions.json"]}
# A file that another one names.
NAMED_IN = {"rabbitmq_definitions.json": os.path.join("config", "rabbitmq.conf")}


def store_settings(root):
    """The stores are started with the files that scripts/prepare_volumes puts into their volume, and none is mounted
    from the project's directory, where the umask of whoever cloned it decides who may read."""
    breaches = []
    made = set(re.findall(r'"\$settings/([\w.]+)"', read(root, PREPARE)))
    for name, service in services(root).items():
        told = " ".join(words(service.get("entrypoint")) + words(service.get("command")) +
                        [str(value) for value in (service.get("environment") or {}).values()])
        for file in READS.get(name, []):
            if f"{SETTINGS_FOLDER}/{file}" not in (read(root, NAMED_IN[file]) if file in NAMED_IN else told):
                breaches.append(f"{COMPOSE}: {name} does not read {file}")
            if file not in made:
                breaches.append(f"{PREPARE}: makes no {file}")
        if name in READS and f"settings:{SETTINGS_FOLDER}:ro" not in service.get("volumes", []):
            breaches.append(f"{COMPOSE}: {name} does not see {SETTINGS_FOLDER}")
        for mount in service.get("volumes", []):
            if mount.startswith((".", "/")):
                breaches.append(f"{COMPOSE}: {name} mounts {mount.split(':')[0]} of whoever made the directory")
    return breaches


def readable_images(root):
    """What a stage that runs has copied, anybody may read; and it is built once."""
    breaches = []
    for stage in stages(root).values():
        instructions = [(name, text) for name, text in stage.instructions if name in ("COPY", "RUN", "USER")]
        opened = False
        for name, text in instructions:
            opened = opened or (name == "RUN" and "chmod -R a+rX ." in text)
            if name == "COPY" and "--from=" not in text:
                opened = False
            if name == "USER" and not opened:
                breaches.append(f"{DOCKERFILE}: stage {stage.name}: its user may be unable to read what was copied")
    built = [service["image"] for service in services(root).values() if "build" in service]
    for image in set(built):
        if built.count(image) > 1:
            breaches.append(f"{COMPOSE}: {image} is built {built.count(image)} times")
    return breaches


def proxies(root):
    """What calls within the project goes to no proxy that the environment names."""
    breaches = []
    for stage in stages(root).values():
        for text in stage.all("HEALTHCHECK"):
            if "curl" in text and '"--noproxy", "*"' not in text:
                breaches.append(f"{DOCKERFILE}: the health check of stage {stage.name} may go to a proxy")
    if "curl --noproxy '*'" not in read(root, os.path.join("scripts", "demo_sale")):
        breaches.append("scripts/demo_sale: may go to a proxy")
    return breaches


def is_checked(root, service):
    check = service.get("healthcheck")
    if check is not None:
        return not check.get("disable") and bool(check.get("test"))
    target = target_of(root, service)
    return target is not None and stages(root)[target].health_url() is not None


def health(root):
    """Each service either runs for good and says whether it is well, or ends; and whoever needs it waits for that."""
    breaches = []
    all_services = services(root)
    needed = set()
    for name, service in all_services.items():
        for other, how in (service.get("depends_on") or {}).items():
            needed.add(other)
            if other not in all_services:
                breaches.append(f"{COMPOSE}: {name} depends on {other}, which is no service")
                continue
            ends = all_services[other].get("restart") == "no"
            wanted = "service_completed_successfully" if ends else "service_healthy"
            if how["condition"] != wanted:
                breaches.append(f"{COMPOSE}: {name} waits for {other} by {how['condition']}, not {wanted}")
    for name, service in all_services.items():
        if service.get("restart") == "no":
            # The last in a chain has nobody to wait for it, but somebody that it waits for.
            if name not in needed and not service.get("depends_on"):
                breaches.append(f"{COMPOSE}: {name} ends, and nobody waits for that")
        elif not is_checked(root, service):
            breaches.append(f"{COMPOSE}: {name} runs for good without a health check")
    return breaches


def on_demand(root):
    """A service of a profile runs beside the others only when it is asked for: they neither wait for it nor are told of
    it, and it has a bound on its memory."""
    breaches = []
    all_services = services(root)
    optional = {name for name, service in all_services.items() if service.get("profiles")}
    for name, service in all_services.items():
        for other in sorted(optional & set(service.get("depends_on") or {})):
            if not set(service.get("profiles") or []) & set(all_services[other]["profiles"]):
                breaches.append(f"{COMPOSE}: {name} waits for {other}, which may never be started")
        for variable, value in (service.get("environment") or {}).items():
            if name not in optional and any(f"/{other}_url" in str(value) for other in optional):
                breaches.append(f"{COMPOSE}: {name}: {variable} leads to what may never be started")
    breaches += [f"{COMPOSE}: {name} has no mem_limit" for name in sorted(optional)
                 if not all_services[name].get("mem_limit")]
    return breaches


def identities(root):
    """Nothing runs as root, or can become it."""
    breaches = []
    all_stages = stages(root)
    for name, service in services(root).items():
        user = service.get("user")
        if user is None and target_of(root, service) in all_stages:
            users = all_stages[target_of(root, service)].all("USER")
            user = users[-1] if users else None
        if user is None or str(user).split(":")[0] in ("root", "0"):
            breaches.append(f"{COMPOSE}: {name} runs as {user or 'root'}")
        # Kubernetes' runAsNonRoot believes in numbers alone.
        elif target_of(root, service) in all_stages and not re.fullmatch(r"\d+:\d+", str(user)):
            breaches.append(f"{DOCKERFILE}: {name} runs as {user}, which is no number")
        if service.get("privileged"):
            breaches.append(f"{COMPOSE}: {name} is privileged")
        if service.get("cap_drop") != ["ALL"] or service.get("cap_add"):
            breaches.append(f"{COMPOSE}: {name} keeps capabilities")
        if "no-new-privileges:true" not in service.get("security_opt", []):
            breaches.append(f"{COMPOSE}: {name} may gain privileges")
    return breaches


def version(root):
    """The label of the image is the version in CMakeLists.txt."""
    number = re.search(r"project\([^)]*\bVERSION\s+([0-9.]+)", read(root, "CMakeLists.txt")).group(1)
    labels = " ".join(default_stage(root).all("LABEL"))
    stated = re.findall(r"org\.opencontainers\.image\.version=[\"']?([^\"'\s]+)", labels)
    return [] if stated == [number] else [f"{DOCKERFILE}: the image's version is {stated}, not {number}"]


def programs(root):
    """The scripts that a container starts with were copied to where it looks for them, with their execute bit; the
    groups of packages that are installed exist; and curl is there for the health check."""
    breaches = []
    groups = package_groups(root)
    for stage in stages(root).values():
        installed = [group for text in stage.all("RUN")
                     for names in re.findall(r"scripts/install ([\w ]+)", text) for group in names.split()]
        for group in installed:
            if group not in groups:
                breaches.append(f"scripts/packages: has no group {group}")
        packages = [choices[0] for group in installed for choices in groups.get(group, [])]
        if "curl" in " ".join(stage.all("HEALTHCHECK")) and "curl" not in packages:
            breaches.append(f"{DOCKERFILE}: stage {stage.name} has no curl for its health check")
        copied = {os.path.normpath(os.path.join(target, os.path.basename(source)))
                  for _, sources, target in stage.copies() for source in sources}
        called = [program for text in stage.all("CMD") for program in re.findall(r"scripts/\w+", text)]
        called += [words(service["entrypoint"])[0] for _, service, other in built_services(root)
                   if other.name == stage.name and "entrypoint" in service]
        for program in called:
            if program not in copied:
                breaches.append(f"{DOCKERFILE}: stage {stage.name} has no {program}")
            elif not os.access(os.path.join(root, program), os.X_OK):
                breaches.append(f"{program}: cannot be executed")
    return breaches


def bases(root):
    """Stages stand on one release, that of the package names; foreign images are of a stated version."""
    breaches = []
    for stage in stages(root).values():
        if stage.base not in stages(root) and stage.base != f"debian:{IMAGE_RELEASE}-slim":
            breaches.append(f"{DOCKERFILE}: {stage.name} stands on {stage.base}, not on Debian {IMAGE_RELEASE}")
    for name, service in services(root).items():
        target = target_of(root, service)
        if target is None and not re.search(r":v?\d", service["image"]):
            breaches.append(f"{COMPOSE}: {name}: {service['image']} is of no stated version")
        if target is not None and target not in stages(root):
            breaches.append(f"{COMPOSE}: {name}: the Dockerfile has no stage {target}")
    return breaches


def grace(root):
    """Nobody kills an instance that is still draining."""
    known = settings(root)
    breaches = []
    for name, service, _ in built_services(root):
        if not is_instance(service):
            continue
        environment = service["environment"]
        needed_ms = sum(int(environment.get(variable, known[variable]))
                        for variable in ("FLASHSALE_SHUTDOWN_DELAY_MS", "FLASHSALE_SHUTDOWN_DRAIN_TIMEOUT_MS"))
        stated = re.fullmatch(r"(\d+)s", str(service.get("stop_grace_period", "10s")))
        if int(stated.group(1)) * 1000 <= needed_ms:
            breaches.append(f"{COMPOSE}: {name} is killed after {stated.group(0)}, but may take {needed_ms} ms")
    return breaches


def last_values(text, separator):
    """{name: value} of a settings file; of a repeated one the last, as the servers read it."""
    found = {}
    for line in text.split("\n"):
        name, _, value = line.partition(separator)
        if value and not line.startswith("#"):
            found[name.strip()] = value.split("#")[0].strip().strip("'\"")
    return found


DURABLE = {
    "redis.conf": (" ", {"maxmemory-policy": ("noeviction",), "appendonly": ("yes",),
                         "appendfsync": ("everysec", "always"), "no-appendfsync-on-rewrite": ("no",)}),
    "postgresql.conf": ("=", {"fsync": ("on",), "synchronous_commit": ("on",), "full_page_writes": ("on",)}),
}


def durability(root):
    """The stores keep what they are told, in their files and on the command lines that add to them."""
    breaches = []
    for name, (separator, wanted) in DURABLE.items():
        values = last_values(read(root, os.path.join("config", name)), separator)
        for setting, good in wanted.items():
            if values.get(setting) not in good:
                breaches.append(f"config/{name}: {setting} is {values.get(setting)}, not {' or '.join(good)}")
            for service, definition in services(root).items():
                command = " ".join(words(definition.get("command")))
                if re.search(rf"(^|[\s-]){setting}([=\s]|$)", command):
                    breaches.append(f"{COMPOSE}: {service} overrides {setting} of config/{name}")
    return breaches


def run_quietly(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False,
                          env={**os.environ, "LC_ALL": "C.UTF-8"}).stdout


def places_of(path):
    """Where the package database may know a file: also by its place before /usr was merged with /."""
    places = {path, os.path.realpath(path)}
    return places | {place.removeprefix("/usr") for place in places} | {f"/usr{place}" for place in places}


def owners(paths):
    """{path: the packages that it came with} of files on this machine."""
    packages_at = {}
    places = sorted(set().union(*map(places_of, paths)))
    for line in run_quietly("dpkg-query", "-S", *places).split("\n"):
        names, _, place = line.rpartition(": ")
        if names and not line.startswith("diversion"):
            packages_at.setdefault(place, set()).update(name.strip().split(":")[0] for name in names.split(","))
    return {path: set().union(*(packages_at.get(place, set()) for place in places_of(path))) for path in paths}


@functools.lru_cache(maxsize=1)
def installed_packages():
    """{package: (is essential, packages that it needs)}"""
    form = "${Package}\t${Essential}\t${Pre-Depends}, ${Depends}\n"
    known = {}
    for line in run_quietly("dpkg-query", "-W", f"-f={form}").split("\n"):
        if line:
            name, essential, needs = line.split("\t")
            known[name] = (essential == "yes", re.findall(r"(?:^|[,|])\s*([a-z0-9][a-z0-9+.-]+)", needs))
    return known


def with_what_they_need(packages):
    known = installed_packages()
    found, pending = set(), list(packages)
    while pending:
        package = pending.pop()
        if package not in found and package in known:
            found.add(package)
            pending.extend(known[package][1])
    return found


def libraries(root):
    """The group `image` brings every shared library that the server needs. (Those of essential packages are in any
    image.)"""
    group = [choices[0] for choices in package_groups(root)["image"]]
    covered = with_what_they_need(group + [name for name, (essential, _) in installed_packages().items() if essential])
    needed = dict(re.findall(r"^\s+(\S+) => (.+?)(?: \(0x|$)", run_quietly("ldd", os.path.join(root, BINARY)),
                             re.MULTILINE))
    owner = owners([path for path in needed.values() if path.startswith("/")])
    breaches = []
    for name, path in needed.items():
        if path not in owner:
            breaches.append(f"{BINARY}: {name} is {path}")
        elif not owner[path] & covered:
            breaches.append(f"scripts/packages: the image lacks {name} of {' or '.join(owner[path]) or 'no package'}")
    if not needed:
        breaches.append(f"{BINARY}: needs no shared library at all")
    return breaches


RULES = [copied_paths, known_variables, ports, watching, mounts, store_settings, readable_images, proxies, health,
         on_demand, identities, version, programs, bases, grace, durability]


# --- the tree ------------------------------------------------------------------------------------------------------

def release_of_this_machine():
    text = read("/", "etc/os-release")
    fields = dict(line.split("=", 1) for line in text.split("\n") if "=" in line)
    return fields.get("ID", "").strip('"'), fields.get("VERSION_ID", "").strip('"')


needs_compose = unittest.skipIf(DOCKER_COMPOSE is None, "docker-compose is not installed (scripts/install test)")
needs_image_release = unittest.skipIf(release_of_this_machine() != ("debian", IMAGE_RELEASE),
                                      f"the image's package names are those of Debian {IMAGE_RELEASE}")


class TreeTest(unittest.TestCase):
    def test_tree_keeps_the_rules(self):
        expect_none(self, RULES)

    @needs_compose
    def test_compose_accepts_it(self):
        self.assertEqual([], accepted_by_compose(ROOT))

    @needs_image_release
    @unittest.skipUnless(os.path.exists(os.path.join(ROOT, BINARY)), f"{BINARY} is not built")
    def test_the_image_has_every_library(self):
        self.assertEqual([], libraries(ROOT))

    def test_the_files_are_seen(self):
        """A reader that finds nothing would find no breach either."""
        self.assertEqual(["build", "edge", "flashsaled"], list(stages(ROOT)))
        self.assertEqual({8080, 8081}, stages(ROOT)["flashsaled"].exposed())
        self.assertEqual({"redis", "postgres", "secrets", "database", "migrate", "flashsaled-1", "flashsaled-2",
                          "demo-sale", "nginx", "rabbitmq", "prometheus", "alertmanager", "grafana", "jaeger",
                          "insight"},
                         set(services(ROOT)))
        self.assertEqual(["rabbitmq"], services(ROOT)["rabbitmq"]["profiles"])
        self.assertEqual(["redis://flashsale:x@redis:6379/0", "postgresql://flashsale_serve:x@postgres/flashsale",
                          "postgresql://flashsale:x@postgres/flashsale", "amqp://flashsale:x@rabbitmq/"],
                         urls_made(ROOT))
        self.assertEqual(2, sum(1 for _, service, _ in built_services(ROOT) if is_instance(service)))
        self.assertEqual("8080", settings(ROOT)["FLASHSALE_HTTP_PORT"])
        self.assertEqual([["nginx"], ["curl"]], package_groups(ROOT)["edge"])

    def test_what_is_sent_to_the_engine(self):
        for path in ("src/main.cpp", "scripts/run", "CMakeLists.txt"):
            self.assertTrue(is_sent(ROOT, path), path)
        for path in ("build/release/flashsaled", ".flashsale/secrets/jwt_secret", "README.md", ".git/config",
                     "scripts/__pycache__/x.pyc"):
            self.assertFalse(is_sent(ROOT, path), path)


# --- the rules themselves ------------------------------------------------------------------------------------------

class PlantedBreachTest(planted_breaches.PlantedChangeTest):
    rules = RULES + [accepted_by_compose, libraries]
    copied = (COMPOSE, DOCKERFILE, ".dockerignore", "CMakeLists.txt", "CMakePresets.json", "LICENSE", "openapi.yaml",
              "config", "scripts")

    def setUp(self):
        super().setUp()
        for path in ("cmake", "include", "src", "tools/load"):
            os.makedirs(os.path.join(self.root, path))

    @needs_compose
    def test_accepted_by_compose(self):
        self.catches(accepted_by_compose, COMPOSE, "    restart: unless-stopped", "    restarts: always", "restarts")
        self.catches(accepted_by_compose, COMPOSE, "    redis: {condition: service_healthy}", "    redis: healthy",
                     "depends_on")
        # Without `${FLASHSALE_POSTGRES_PASSWORD:-…}`'s default compose warns, and goes on with an empty one.
        self.catches(accepted_by_compose, COMPOSE, "PASSWORD:-development-only}", "PASSWORD}", "not set")

    def test_copied_paths(self):
        self.catches(copied_paths, DOCKERFILE, "COPY src src", "COPY sources src", "sources does not exist")
        self.catches(copied_paths, DOCKERFILE, "COPY --from=build", "COPY --from=builder", "no stage")
        self.catches(copied_paths, ".dockerignore", "!openapi.yaml\n", "", "openapi.yaml is copied, but not sent")
        self.catches(copied_paths, ".dockerignore", "!src\n", "!src\nscripts/inst*\n", "scripts/install is copied")
        self.catches(copied_paths, ".dockerignore", "!src\n", "!src\n!tests\n", "tests is sent, but never copied")

    def test_known_variables(self):
        self.catches(known_variables, COMPOSE, "  FLASHSALE_HTTP_ADDRESS:", "  FLASHSALE_HTTP_ADDRES:", "no setting")
        self.catches(known_variables, SETTINGS, "FLASHSALE_JWT_ISSUER:", "FLASHSALE_JWT_ISSUER_URL:", "no setting")
        token = "FLASHSALE_ADMIN_TOKEN_FILE: /var/lib/flashsale/admin_token\n    restart: "
        self.catches(known_variables, COMPOSE, token + '"no"', "FLASHSALE_ADMIN_TOKENS_FILES: x\n    restart: 'no'",
                     "scripts/demo_sale reads no")
        self.catches(known_variables, COMPOSE, token + "unless-stopped", "FLASHSALE_JWT_ISSUER: x\n    restart: always",
                     "insight: there is no setting")
        self.catches(known_variables, COMPOSE, "${FLASHSALE_BIND:-127.0.0.1}", "${BIND:-127.0.0.1}", "not explained")

    def test_ports(self):
        for old, new, what in (
                ('FLASHSALE_HTTP_PORT: "8080"', 'FLASHSALE_HTTP_PORT: "8090"', "health check"),
                ('FLASHSALE_HTTP_PORT: "8080"', 'FLASHSALE_HTTP_PORT: "8090"', "not exposed"),
                ('FLASHSALE_HTTP_PORT: "8080"', 'FLASHSALE_HTTP_PORT: "8090"', "the instances are"),
                ('FLASHSALE_ADMIN_PORT: "8081"', 'FLASHSALE_ADMIN_PORT: "8080"', "not its admin port"),
                ("FLASHSALE_HTTP_ADDRESS: 0.0.0.0", "FLASHSALE_HTTP_ADDRESS: 127.0.0.1", "no other container"),
                (":8080:8080", ":8080:8888", "does not expose"),
                ("127.0.0.1:8081:8081", "8081:8081", "loopback address alone"),
                ("127.0.0.1:8081:8081", "${FLASHSALE_BIND:-0.0.0.0}:8081:8081", "loopback address alone"),
                ("EDGE_LISTEN: 0.0.0.0:8088", "EDGE_LISTEN: 0.0.0.0:8089", "listens on [8089]"),
                ("EDGE_INSTANCES: flashsaled-1:8080 flashsaled-2:8080", "EDGE_INSTANCES: flashsaled-1:8080",
                 "the instances are"),
                ("http://flashsaled-1:8081", "http://flashsaled:8081", "no service"),
                ("COLLECTOR_OTLP_HTTP_HOST_PORT: 0.0.0.0:4318", "COLLECTOR_OTLP_HTTP_HOST_PORT: 0.0.0.0:4317",
                 "listens on 4317"),
                ):
            with self.subTest(new=new, what=what):
                self.catches(ports, COMPOSE, old, new, what)
        self.catches(ports, PREPARE, "@redis:6379/0", "@redis:6380/0", "listens on 6379")
        self.catches(ports, PREPARE, "@rabbitmq/", "@rabbitmq:5673/", "listens on 5672")
        self.catches(ports, PREPARE, "@postgres/flashsale", "@store/flashsale", "no service")
        self.catches(ports, DOCKERFILE, "EXPOSE 8080 8081", "EXPOSE 8080", "8081, which is not exposed")
        self.catches(ports, DOCKERFILE, "127.0.0.1:8080/readyz", "127.0.0.1:8080/livez", "does not ask for /readyz")
        self.catches(ports, DOCKERFILE, "127.0.0.1:8088/livez", "127.0.0.1:8080/livez", "nothing answers")
        self.catches(ports, "config/nginx.conf", "listen ${EDGE_LISTEN}", "listen 8080", "listens on [8080]")
        self.catches(ports, "config/nginx.conf", "location = /livez", "location = /alive", "nothing answers")
        self.catches(ports, "config/nginx.conf", "${EDGE_LISTEN}", "${EDGE_ADDRESS}", "is not filled in")
        self.catches(ports, "config/redis.conf", "port 6379", "port 6380", "listens on 6380")
        self.catches(ports, "config/postgresql.conf", "port = 5432", "port = 5433", "listens on 5433")

    def test_watching(self):
        exporter = os.path.join("src", "telemetry", "open_metrics.cpp")
        os.makedirs(os.path.dirname(os.path.join(self.root, exporter)))
        shutil.copy(os.path.join(ROOT, exporter), os.path.join(self.root, exporter))
        folder = "config/grafana/provisioning/datasources"
        scraped = "config/prometheus/prometheus.yml"
        self.catches(watching, scraped, "insight:9109", "insights:9109", "is no service")
        self.catches(watching, scraped, "insight:9109", "insight:9110", "does not listen on")
        self.catches(watching, f"{folder}/traces.yml", "http://jaeger:", "http://tempo:", "tempo is no service")
        self.catches(watching, f"{folder}/traces.yml", "uid: flashsale-traces", "uid: traces", "lead to no traces")
        self.catches(watching, f"{folder}/prometheus.yml", "name: trace_id", "name: traceID", "no exemplar has a label")
        self.catches(watching, COMPOSE, "http://jaeger:4318/v1/traces", "http://jaeger:4318/traces", "sends traces to")
        jaeger = 'MEMORY_MAX_TRACES: "20000"\n    tmpfs: [/tmp]\n    networks: '
        self.catches(watching, COMPOSE, jaeger + "[front, watching]", jaeger + "[stores]", "has no network with")

    def test_mounts(self):
        self.catches(mounts, COMPOSE, "redis-data:/data", "./config/valkey.conf:/data:ro", "is no file")
        self.catches(mounts, COMPOSE, "redis-data:/data", "./config/redis.conf:/data", "can be written to")
        self.catches(mounts, COMPOSE, "redis-data:/data", "redis_data:/data", "not both declared and used")
        self.catches(mounts, COMPOSE, "networks: [front]", "networks: [back]", "not both declared and used")

    def test_store_settings(self):
        self.catches(store_settings, COMPOSE, "config_file=/etc/flashsale/postgresql.conf", "x=y", "does not read")
        self.catches(store_settings, COMPOSE, "[redis-server, /etc/flashsale/redis.conf,", "[redis-server,",
                     "does not read")
        self.catches(store_settings, COMPOSE, "--aclfile, /etc/flashsale/redis_users.acl,", "", "does not read")
        self.catches(store_settings, COMPOSE, "settings:/etc/flashsale:ro", "./config/redis.conf:/etc/redis.conf:ro",
                     "redis does not see")
        self.catches(store_settings, COMPOSE, "settings:/etc/flashsale:ro", "./config/redis.conf:/etc/redis.conf:ro",
                     "redis mounts ./config/redis.conf")
        self.catches(store_settings, "config/rabbitmq.conf", "/etc/flashsale/", "/etc/rabbitmq/", "does not read")
        self.catches(store_settings, COMPOSE, "RABBITMQ_CONFIG_FILE: /etc/flashsale/", "RABBITMQ_CONFIG_FILE: /etc/",
                     "rabbitmq does not read rabbitmq.conf")
        self.catches(store_settings, PREPARE, '"$settings/redis.conf"', '"$settings/valkey.conf"',
                     "makes no redis.conf")

    def test_readable_images(self):
        self.catches(readable_images, DOCKERFILE, "RUN chmod -R a+rX .\n", "", "stage edge")
        self.catches(readable_images, DOCKERFILE, "USER 10001:10001", "COPY x x\nUSER 10001:10001", "stage flashsaled")
        self.catches(readable_images, COMPOSE, "  pull_policy: never\n",
                     "  pull_policy: build\n  build: {context: ., target: flashsaled}\n", "is built 6 times")

    def test_proxies(self):
        self.catches(proxies, DOCKERFILE, '"--noproxy", "*", ', "", "stage edge may go")
        self.catches(proxies, os.path.join("scripts", "demo_sale"), "--noproxy '*' ", "", "scripts/demo_sale")

    def test_health(self):
        self.catches(health, COMPOSE, "redis: {condition: service_healthy}", "redis: {condition: service_started}",
                     "waits for redis")
        self.catches(health, COMPOSE, "migrate: {condition: service_completed_successfully}",
                     "migrate: {condition: service_healthy}", "waits for migrate")
        self.catches(health, COMPOSE, "migrate: {condition:", "migration: {condition:", "no service")
        self.catches(health, COMPOSE, '    healthcheck:\n      test: [CMD-SHELL, "redis-cli --user health --pass - '
                     '--no-auth-warning ping | grep -q PONG"]',
                     "    healthcheck:\n      disable: true", "redis runs for good")
        self.catches(health, DOCKERFILE, "HEALTHCHECK --interval=5s --timeout=3s --start-period=10s", "# ",
                     "nginx runs for good")
        self.catches(health, COMPOSE, "services:\n", "services:\n  lonely: {image: 'x:1', restart: 'no'}\n",
                     "nobody waits")

    def test_on_demand(self):
        self.catches(on_demand, COMPOSE, "    redis: {condition: service_healthy}",
                     "    rabbitmq: {condition: service_healthy}", "flashsaled-1 waits for rabbitmq")
        self.catches(on_demand, COMPOSE, "${FLASHSALE_EVENTS_RABBITMQ_URL_FILE:-}", "/var/lib/flashsale/rabbitmq_url",
                     "leads to what may never be started")
        self.catches(on_demand, COMPOSE, "    mem_limit: 768m\n", "", "rabbitmq has no mem_limit")

    def test_identities(self):
        self.catches(identities, DOCKERFILE, "USER 10001:10001\n", "", "flashsaled-1 runs as root")
        self.catches(identities, DOCKERFILE, "USER 33:33", "USER 0:0", "nginx runs as 0")
        self.catches(identities, DOCKERFILE, "USER 33:33", "USER www-data", "which is no number")
        self.catches(identities, DOCKERFILE, "USER 33:33\n", "USER 33:33\nUSER root\n", "nginx runs as root")
        self.catches(identities, COMPOSE, "    user: redis\n", "", "redis runs as root")
        self.catches(identities, COMPOSE, "    user: postgres\n", "    user: postgres\n    privileged: true\n",
                     "privileged")
        self.catches(identities, COMPOSE, "  cap_drop: [ALL]\n", "", "keeps capabilities")
        self.catches(identities, COMPOSE, '  security_opt: ["no-new-privileges:true"]\n', "", "may gain privileges")

    def test_version(self):
        self.catches(version, DOCKERFILE, "image.version=\"", "image.version=\"9", "the image's version")
        self.catches(version, DOCKERFILE, "org.opencontainers.image.version", "org.opencontainers.image.revision", "[]")
        self.catches(version, "CMakeLists.txt", "VERSION 0.1.0", "VERSION 0.1.1", "not 0.1.1")

    def test_programs(self):
        self.catches(programs, DOCKERFILE, "scripts/prepare_volumes ", "", "no scripts/prepare_volumes")
        self.catches(programs, DOCKERFILE, "COPY scripts/render_nginx scripts/run_edge", "COPY scripts/render_nginx",
                     "no scripts/run_edge")
        self.catches(programs, DOCKERFILE, "scripts/install image", "scripts/install images", "no group images")
        self.catches(programs, "scripts/packages", "image  curl\n", "", "no curl")
        os.chmod(os.path.join(self.root, "scripts", "demo_sale"), 0o644)
        self.assertEqual(["scripts/demo_sale: cannot be executed"], programs(self.root))

    def test_bases(self):
        self.catches(bases, DOCKERFILE, "debian:12-slim AS edge", "debian:13-slim AS edge", "not on Debian 12")
        self.catches(bases, COMPOSE, "redis:7-bookworm", "redis:latest", "no stated version")
        self.catches(bases, COMPOSE, "target: edge", "target: nginx", "no stage nginx")

    def test_grace(self):
        self.catches(grace, COMPOSE, "stop_grace_period: 25s", "stop_grace_period: 20s", "is killed after 20s")
        self.catches(grace, COMPOSE, "  stop_grace_period: 25s\n", "", "is killed after 10s")
        self.catches(grace, SETTINGS, "FLASHSALE_SHUTDOWN_DRAIN_TIMEOUT_MS: 0..600000 ms; default 20000",
                     "FLASHSALE_SHUTDOWN_DRAIN_TIMEOUT_MS: 0..600000 ms; default 30000", "may take 31000 ms")

    def test_durability(self):
        for path, old, new, what in (
                ("config/redis.conf", "maxmemory-policy noeviction", "maxmemory-policy allkeys-lru", "allkeys-lru"),
                ("config/redis.conf", "maxmemory-policy noeviction\n", "", "is None"),
                ("config/redis.conf", "appendonly yes", "appendonly yes\nappendonly no", "appendonly is no"),
                ("config/redis.conf", "appendfsync everysec", "appendfsync no", "appendfsync is no"),
                ("config/postgresql.conf", "\nfsync = on", "\nfsync = off", "fsync is off"),
                ("config/postgresql.conf", "synchronous_commit = on", "# synchronous_commit = on", "is None"),
                ("config/postgresql.conf", "full_page_writes = on", "full_page_writes = off", "full_page_writes"),
                (COMPOSE, '-c, "listen_addresses=*"', '-c, "fsync=off"', "overrides fsync"),
                (COMPOSE, "--dir, /data]", '--dir, /data, --appendonly, "no"]', "overrides appendonly")):
            with self.subTest(new=new):
                self.catches(durability, path, old, new, what)

    @needs_image_release
    def test_libraries(self):
        """curl in the server's place: its package is in the group, so nothing is missing until it no longer is."""
        curl = shutil.which("curl")
        os.makedirs(os.path.join(self.root, os.path.dirname(BINARY)))
        os.symlink(os.path.realpath(curl), os.path.join(self.root, BINARY))
        self.catches(libraries, "scripts/packages", "image  libcurl4\nimage  curl\n", "",
                     "the image lacks libcurl.so.4 of libcurl4")
        self.change("scripts/packages", "image  libhiredis0.14", "image  libsomething-else")
        self.assertEqual([], libraries(self.root))


if __name__ == "__main__":
    unittest.main()
