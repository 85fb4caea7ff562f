"""Runs every check in the guest, in order. Prints a JSON line for each when it ends."""

import importlib
import json
import sys
import time
import traceback

import host
import modules

ONLY = "vigia.checks="  # on the kernel's command line: only this module, after the first


def functions(module):
    return [(name.removeprefix("check_"), function) for name, function in vars(module).items()
            if name.startswith("check_")]


def wanted():
    for word in host.read("/proc/cmdline").decode().split():
        if word.startswith(ONLY):
            return modules.TESTS[0], word.removeprefix(ONLY)
    return modules.TESTS


def main():
    for name in wanted():
        for check, function in functions(importlib.import_module(name)):
            started = time.monotonic()
            result = {"check": f"{name}:{check}"}
            host.forget_messages()
            try:
                told = function()
                result |= {"outcome": "passed", "told": told}
            except host.Skipped as reason:
                result |= {"outcome": "skipped", "text": str(reason)}
            except BaseException:
                result |= {"outcome": "failed", "text": traceback.format_exc()[-4000:]}
            alarms = host.alarms()
            if alarms:
                result |= {"outcome": "failed",
                           "text": result.get("text", "") + "the kernel said:\n" + alarms}
            result["seconds"] = round(time.monotonic() - started, 2)
            print(json.dumps(result), flush=True)
    print(json.dumps({"check": "all", "outcome": "passed"}), flush=True)
    sys.stdout.flush()


main()
