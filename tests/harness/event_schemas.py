"""What asyncapi.yaml says of each event, as JSON Schemas to hold real events against."""

import functools
import pathlib

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]


@functools.lru_cache(maxsize=1)
def documents():
    return {name: yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
            for name in ("asyncapi.yaml", "openapi.yaml")}


@functools.lru_cache(maxsize=1)
def validators():
    """By the type of the event."""
    base = "file:///"
    store = {base + name: document for name, document in documents().items()}
    resolver = jsonschema.RefResolver(base + "asyncapi.yaml", store[base + "asyncapi.yaml"], store=store)
    messages = documents()["asyncapi.yaml"]["components"]["messages"]
    return {message["name"]: jsonschema.Draft202012Validator(
        message["payload"], resolver=resolver, format_checker=jsonschema.FormatChecker())
        for message in messages.values()}


def check_event(event):
    """Raises AssertionError unless it is as the document says."""
    validator = validators().get(event.get("type"))
    assert validator is not None, f"asyncapi.yaml has no message {event.get('type')}"
    wrong = [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
             for error in validator.iter_errors(event)]
    assert not wrong, f"{event}: {wrong}"
