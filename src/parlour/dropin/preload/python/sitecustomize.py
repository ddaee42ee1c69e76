"""Loaded by every Python under `parlour run` or `parlour env`: lets two clients heed their environment.

aiohttp uses the proxy of the environment only if a program asks for it. twilio before 7.9.1 sends requests
without the authorities that REQUESTS_CA_BUNDLE names. This file runs in the Python of the application, which
may be an old one, and needs nothing but its standard library.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))


def heed_proxy(module):
    original = module.ClientSession.__init__

    def __init__(self, *arguments, **options):
        options.setdefault("trust_env", True)
        original(self, *arguments, **options)

    module.ClientSession.__init__ = __init__


def heed_authorities(module):
    original = module.Session.send

    def send(self, request, **options):
        if self.trust_env and self.verify is True:
            options.setdefault("verify", os.environ.get("REQUESTS_CA_BUNDLE") or True)
        return original(self, request, **options)

    module.Session.send = send


CHANGES = {"aiohttp.client": heed_proxy, "requests.sessions": heed_authorities}


class Finder(importlib.abc.MetaPathFinder):
    """Finds the modules as Python does, and changes them once they are loaded."""

    def find_spec(self, name, path=None, target=None):
        change = CHANGES.get(name)
        spec = None if change is None else importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            change(module)

        spec.loader.exec_module = exec_module
        return spec


def load_other_sitecustomize():
    """Run the file that this one stands in front of, if there is one."""
    others = [folder for folder in sys.path if os.path.abspath(folder or ".") != FOLDER]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


if os.environ.get("HTTPS_PROXY"):
    sys.meta_path.insert(0, Finder())
load_other_sitecustomize()
