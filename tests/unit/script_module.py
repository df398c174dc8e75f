"""Scripts that have no suffix, for tests of their functions."""

import importlib.machinery
import importlib.util
import pathlib
import sys

SCRIPTS = pathlib.Path(__file__).resolve().parent.parent.parent / "scripts"


def loaded(name):
    """The script as a module."""
    loader = importlib.machinery.SourceFileLoader(f"{name}_script", str(SCRIPTS / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # it would lie beside the script
    loader.exec_module(module)
    sys.dont_write_bytecode = written
    return module
