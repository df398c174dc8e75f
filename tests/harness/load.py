"""The load generator against a cluster."""

import pathlib

from .surroundings import BINARY, JWT_AUDIENCE, JWT_ISSUER

LOAD = pathlib.Path(BINARY).with_name("flashsale-load")


def load_command(cluster, **options):
    """`flashsale-load run` against all instances of a cluster; options as keywords, `_` for `-`, True for one without
    a value."""
    command = [LOAD, "run", "--url", ",".join(f"http://127.0.0.1:{port}" for port in cluster.ports),
               "--admin-url", f"http://127.0.0.1:{cluster.instances[0].admin_port}",
               "--admin-token", cluster.admin_token, "--jwt-secret", cluster.jwt_secret,
               "--jwt-issuer", JWT_ISSUER, "--jwt-audience", JWT_AUDIENCE, "--postgres-url", cluster.postgres_url]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}"] + ([] if value is True else [value])
    return [str(part) for part in command]
