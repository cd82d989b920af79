"""Runs there: `python3 first_state.py COMMAND...` waits for the first state, then for the page.

Prints a line of JSON. It needs no package.
"""

import json
import subprocess
import sys
import time
import urllib.request

PAGE = "http://127.0.0.1:8080/"


def main() -> int:
    began_s = time.monotonic()
    agent = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
    assert agent.stdout is not None
    result: dict[str, object] = {}
    for line in agent.stdout:
        record = json.loads(line)
        if record["schema"].startswith("drsn-state/"):
            if not result:
                result |= {"state_s": time.monotonic() - began_s}
                result |= {"page": _page(), "page_s": time.monotonic() - began_s}
            result |= {"decision": record["decision"], "label": record["label"]}
    print(json.dumps(result | {"code": agent.wait()}))
    return 0 if result else 1


def _page() -> int:
    with urllib.request.urlopen(PAGE, timeout=10) as answer:
        return len(answer.read())


if __name__ == "__main__":
    sys.exit(main())
