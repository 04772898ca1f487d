"""client -- a sender in a process of its own, to be killed with the engine.

    client.py HOST PORT HOME FILE

FILE has a settlement a line, in hex. Each acknowledgement goes to stdout as soon as it is known, its
place in the file and the reply in hex: what stands there was acknowledged, whatever becomes of us.
"""

import os
import sys

import load  # noqa: F401 -- finds the modules of tests/e2e
import wire_client as wire

GROUP = 8


def main(host: str, port: str, home: str, path: str) -> None:
    with open(path, encoding="ascii") as file:
        messages = [wire.settlement.SetlPost.FromString(bytes.fromhex(line)) for line in file]
    os.write(1, b"begin\n")
    with wire.Client(host, int(port)) as client:
        client.hello(0, home=int(home))
        for start in range(0, len(messages), GROUP):
            group = messages[start:start + GROUP]
            for place, number in enumerate(client.post_many(group), start):
                reply = client.take(number)
                os.write(1, b"%d %s\n" % (place, reply.SerializeToString().hex().encode()))


if __name__ == "__main__":
    main(*sys.argv[1:])
