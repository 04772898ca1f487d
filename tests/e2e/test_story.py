"""The story of docs/wallet-story.md is what the programs say: docs/examples/wallet-story.sh is run
and its commands and answers are compared with the document's. With --update as the only argument
the document's blocks are written anew from a run."""

import os
import re
import subprocess
import sys
import unittest

import harness
import wire_client as wire

SCRIPT = wire.ROOT / "docs/examples/wallet-story.sh"
STORY = wire.ROOT / "docs/wallet-story.md"
BLOCK = re.compile(r"^```\n(\$ .*?)^```$", re.MULTILINE | re.DOTALL)

# What depends on the machine or on how messages fell into blocks, not on the story.
LOOSE = [(re.compile(r"took [\d,]+ us"), "took N us"),
         (re.compile(r"^(shards?\b.*|wallets: .*)$", re.MULTILINE),
          lambda found: re.sub(r"\d+", "N", found.group(0)))]


def commands_of(text):
    """Each command with its answer."""
    commands = []
    for line in text.splitlines():
        if line.startswith("$ "):
            commands.append(line)
        elif commands:
            commands[-1] += "\n" + line
    return [command.rstrip() for command in commands]


def said_by_the_document(text):
    return [command for block in BLOCK.findall(text) for command in commands_of(block)]


def said_by_the_programs():
    environment = dict(os.environ, QINGFEN=harness.qingfen(), QINGFEND=harness.qingfend())
    done = subprocess.run(["bash", str(SCRIPT)], capture_output=True, text=True, env=environment,
                          timeout=harness.RUN_S, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise AssertionError("the story ended with %d\n%s\n%s" % (
            done.returncode, done.stdout[-2000:], done.stderr[-2000:]))
    told = "\n".join(line for line in done.stdout.splitlines() if not line.startswith("== "))
    return commands_of(told)


def loose(command):
    for pattern, instead in LOOSE:
        command = pattern.sub(instead, command)
    return command


class TestStory(unittest.TestCase):
    maxDiff = None

    def test_document(self):
        told = said_by_the_document(STORY.read_text(encoding="utf-8"))
        said = said_by_the_programs()
        for written, real in zip(told, said):
            self.assertEqual(loose(real), loose(written))
        self.assertEqual(len(said), len(told), "commands in the run and in the document")


def update():
    said = said_by_the_programs()

    def block(found):
        count = len(commands_of(found.group(1)))
        mine, said[:count] = said[:count], []
        return "```\n%s\n```" % "\n".join(mine)

    text = BLOCK.sub(block, STORY.read_text(encoding="utf-8"))
    STORY.write_text(text, encoding="utf-8")
    if said:
        sys.exit("the document has no block for: %s" % said[0])


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        update()
    else:
        unittest.main()
