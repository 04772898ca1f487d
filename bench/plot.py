#!/usr/bin/python3
"""Results of tools/compare.sh and `qingfen load` as SVG, with nothing but Python's own library.

Usage: plot.py latency LATENCY.json OUT.svg
       plot.py throughput COMPARE.json OUT.svg
       plot.py percentiles OUT.svg [--unit us|ms|ns] [--note TEXT] NAME=FILE.hgrm ...

latency      p50 and p99 over the offered rate, one panel for each form of the load; hollow where
             the offered rate was not reached
throughput   settlements per second as bars, with the least and greatest of the runs
percentiles  latency over percentile, of the files that HdrHistogram's tools write; --unit is that
             of their values
"""

import json
import math
import re
import statistics
import sys
import textwrap
from xml.sax.saxutils import escape

FONT = "font-family='system-ui, sans-serif'"
INK, GREY, RULE = "#1a1a1a", "#5f5f5f", "#e2e2e2"
# Told apart by all eyes, on paper too.
COLOURS = {"engine": "#0072B2", "postgresql": "#D55E00", "bare": "#6b6b6b"}
OTHERS = ("#0072B2", "#D55E00", "#6b6b6b", "#009E73", "#CC79A7")
NAMES = {"engine": "Qingfen", "postgresql": "PostgreSQL 15", "bare": "bare loop"}
FORMS = {"single": "one settlement a message", "batched": "batched"}
HALF_BAR = 46
TEXT_WIDTH = 6.6  # Of a character of the small text, in pixels.


class Drawing:
    """Lines of SVG, with the few shapes that are needed. Pixels from the upper left."""

    def __init__(self, width, height, title, about):
        self.width, self.height = width, height
        self.parts = ["<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' width='%d' "
                      "height='%d' role='img'>" % (width, height, width, height),
                      "<title>%s</title>" % escape(title),
                      "<rect width='100%' height='100%' fill='#ffffff'/>"]
        self.text(24, 32, title, size=18, bold=True)
        lines = textwrap.wrap(about, int((width - 48) / (TEXT_WIDTH * 0.9)))
        for number, line in enumerate(lines):
            self.text(24, height - 12 - 15 * (len(lines) - 1 - number), line, size=11, colour=GREY)

    def text(self, x, y, text, size=12, colour=INK, anchor="start", bold=False, turn=None):
        turned = " transform='rotate(%d %.1f %.1f)'" % (turn, x, y) if turn else ""
        self.parts.append("<text x='%.1f' y='%.1f' font-size='%d' fill='%s' text-anchor='%s' %s%s%s>"
                          "%s</text>" % (x, y, size, colour, anchor, FONT,
                                         " font-weight='600'" if bold else "", turned,
                                         escape(text)))

    def line(self, x1, y1, x2, y2, colour=RULE, width=1.0, dash=""):
        self.parts.append("<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' stroke='%s' "
                          "stroke-width='%.1f'%s/>" % (x1, y1, x2, y2, colour, width, _dash(dash)))

    def path(self, points, colour, dash=""):
        way = " ".join("%s%.1f %.1f" % ("L" if i else "M", x, y)
                       for i, (x, y) in enumerate(points))
        self.parts.append("<path d='%s' fill='none' stroke='%s' stroke-width='2' "
                          "stroke-linejoin='round'%s/>" % (way, colour, _dash(dash)))

    def dot(self, x, y, colour, hollow=False):
        self.parts.append("<circle cx='%.1f' cy='%.1f' r='3.5' fill='%s' stroke='%s' "
                          "stroke-width='1.5'/>" % (x, y, "#ffffff" if hollow else colour, colour))

    def bar(self, x, y, width, height, colour):
        self.parts.append("<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f' fill='%s'/>" %
                          (x, y, width, height, colour))

    def legend(self, x, y, entries):
        """(text, colour, dash) in a row."""
        for text, colour, dash in entries:
            self.line(x, y - 4, x + 26, y - 4, colour, 2, dash)
            self.text(x + 32, y, text, size=12)
            x += 32 + TEXT_WIDTH * len(text) + 22

    def save(self, path):
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(self.parts + ["</svg>"]) + "\n")


def _dash(dash):
    return " stroke-dasharray='%s'" % dash if dash else ""


class Axis:
    """Values onto pixels; powers of ten are the marks of a logarithmic one."""

    def __init__(self, least, greatest, begin, end, log=True):
        self.log, self.begin, self.end = log, begin, end
        if log:
            # 1 / (1 - 0.9999) is a little above ten thousand.
            least = math.floor(math.log10(least) + 1e-6)
            greatest = math.ceil(math.log10(greatest) - 1e-6)
            greatest = max(greatest, least + 1)
        self.least, self.greatest = least, greatest

    def place(self, value):
        at = math.log10(value) if self.log else value
        share = (at - self.least) / (self.greatest - self.least)
        return self.begin + share * (self.end - self.begin)

    def marks(self):
        if self.log:
            return [10.0 ** power for power in range(self.least, self.greatest + 1)]
        step = 10 ** math.floor(math.log10(self.greatest))
        step = step if self.greatest / step >= 4 else step / 2 if self.greatest / step >= 2 \
            else step / 5
        return [i * step for i in range(int(self.greatest / step) + 1)]


def short(value):
    """A number as people say it on an axis: 20 k, 2 M, 0.1."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size:
            return "%g %s" % (value / size, unit)
    return "%g" % value


def machine_text(found):
    keys = ("cores", "cpu", "kernel", "file_system", "disk", "disk_write_cache", "sync_p50_us",
            "commit", "date")
    known = {key: found.get(key, "?") for key in keys}
    known["date"] = str(known["date"])[:10]
    return ("%(date)s, %(cores)s cores of %(cpu)s shared by client and server, loopback, Linux "
            "%(kernel)s, %(file_system)s on %(disk)s (%(disk_write_cache)s, a 4 KiB sync takes "
            "%(sync_p50_us)s us), commit %(commit)s." % known)


def frame(drawing, x_axis, y_axis, x_title, y_title):
    """Rules, marks and titles of a panel whose axes are both in it."""
    left, right, bottom, top = x_axis.begin, x_axis.end, y_axis.begin, y_axis.end
    for value in y_axis.marks():
        y = y_axis.place(value)
        drawing.line(left, y, right, y)
        drawing.text(left - 8, y + 4, short(value), size=11, colour=GREY, anchor="end")
    for value in x_axis.marks():
        x = x_axis.place(value)
        drawing.line(x, bottom, x, top)
        drawing.text(x, bottom + 18, short(value), size=11, colour=GREY, anchor="middle")
    drawing.line(left, bottom, right, bottom, GREY)
    drawing.text((left + right) / 2, bottom + 38, x_title, anchor="middle")
    if y_title:
        drawing.text(left - 50, (top + bottom) / 2, y_title, anchor="middle", turn=-90)


# -- latency ---------------------------------------------------------------------------------------

def curves(runs):
    """(form, target) -> [(rate, p50 ms, p99 ms, reached)], medians over the turns."""
    found = {}
    for run in runs:
        steps = found.setdefault((run["form"], run["target"]), {})
        steps.setdefault(run["offered_per_s"], []).append(run)
    return {key: [(rate,
                   statistics.median(run["p50_us"] for run in steps[rate]) / 1000,
                   statistics.median(run["p99_us"] for run in steps[rate]) / 1000,
                   statistics.median(run["settlements_per_s"] for run in steps[rate])
                   >= 0.95 * rate)
                  for rate in sorted(steps)] for key, steps in found.items()}


def draw_latency(result):
    found = curves(result["runs"])
    rates = [point[0] for points in found.values() for point in points]
    times = [max(point[i], 0.001) for points in found.values() for point in points for i in (1, 2)]
    drawing = Drawing(1040, 500, "Latency over offered rate, each answer after its sync",
                      machine_text(result["machine"]) + " Open loop, latency from the time at "
                      "which a settlement was due; medians of %d runs of %d s."
                      % (result["settings"]["runs"], result["settings"]["seconds"]))
    targets = [name for name in NAMES if any(target == name for _, target in found)]
    drawing.legend(76, 62, [(NAMES[name], COLOURS[name], "") for name in targets]
                   + [("p50", INK, ""), ("p99", INK, "6 4")])
    drawing.dot(690, 58, INK, hollow=True)
    drawing.text(702, 62, "offered rate not reached")
    for number, form in enumerate(FORMS):
        left = 76 + number * 490
        x_axis = Axis(min(rates), max(rates), left, left + 440)
        y_axis = Axis(min(times), max(times), 390, 104)
        frame(drawing, x_axis, y_axis, "settlements offered per second",
              "latency, ms" if number == 0 else "")
        drawing.text(left, 92, FORMS[form], bold=True)
        for target in targets:
            points = found.get((form, target), [])
            for quantile, dash in ((1, ""), (2, "6 4")):
                places = [(x_axis.place(point[0]), y_axis.place(max(point[quantile], 0.001)))
                          for point in points]
                if places:
                    drawing.path(places, COLOURS[target], dash)
                for point, (x, y) in zip(points, places):
                    drawing.dot(x, y, COLOURS[target], hollow=not point[3])
    return drawing


# -- throughput ------------------------------------------------------------------------------------

def draw_throughput(result):
    found = [(target, figures["settlements_per_s"])
             for target, figures in result["medians"].items()]
    settings = result["settings"]
    drawing = Drawing(720, 460, "Settlements per second, as fast as each takes them",
                      machine_text(result["machine"]) + " Medians of %d runs of %d s in turns, with "
                      "the least and greatest; frames of %d, %d shards; PostgreSQL: batches of %d, "
                      "%d connections." % (settings["runs"], settings["seconds"], settings["batch"],
                                           settings["shards"], settings["peer_batch"],
                                           settings["peer_connections"]))
    axis = Axis(0, max(spread["greatest"] for _, spread in found) * 1.08, 370, 70, log=False)
    for value in axis.marks():
        drawing.line(90, axis.place(value), 696, axis.place(value))
        drawing.text(82, axis.place(value) + 4, short(value), size=11, colour=GREY, anchor="end")
    drawing.text(28, 220, "settlements per second", anchor="middle", turn=-90)
    step = 606 / len(found)
    for number, (target, spread) in enumerate(found):
        middle = 90 + step * (number + 0.5)
        top = axis.place(spread["median"])
        drawing.bar(middle - HALF_BAR, top, 2 * HALF_BAR, axis.begin - top, COLOURS[target])
        drawing.line(middle, axis.place(spread["least"]), middle, axis.place(spread["greatest"]),
                     INK, 1.5)
        drawing.text(middle, axis.place(spread["greatest"]) - 8,
                     "{:,.0f}".format(spread["median"]), anchor="middle", bold=True)
        drawing.text(middle, axis.begin + 20, NAMES[target], anchor="middle")
    drawing.line(90, axis.begin, 696, axis.begin, GREY)
    return drawing


# -- percentiles -----------------------------------------------------------------------------------

HGRM_LINE = re.compile(r"^\s*([\d.]+)\s+([01]\.\d+)\s+(\d+)(?:\s+([\d.]+|inf(?:inity)?))?\s*$",
                       re.IGNORECASE)


def read_hgrm(text):
    """[(value, percentile 0..1)] of the lines of a percentile distribution."""
    found = [(float(match.group(1)), float(match.group(2)))
             for match in map(HGRM_LINE.match, text.splitlines()) if match]
    if not found:
        raise SystemExit("plot: no line of a percentile distribution in the file")
    return found


def draw_percentiles(files, per_ms, note):
    """`files`: name -> text. The last point, the greatest value, stands where its rank is."""
    found = {}
    for name, text in files.items():
        points = [(1 / (1 - share), value / per_ms) for value, share in read_hgrm(text)
                  if share < 1]
        found[name] = [(x, y) for x, y in points if y > 0]
    everything = [point for points in found.values() for point in points]
    if not everything:
        raise SystemExit("plot: nothing above zero to draw")
    drawing = Drawing(760, 470, "Latency by percentile", note)
    x_axis = Axis(1, max(x for x, _ in everything), 84, 730)
    y_axis = Axis(min(y for _, y in everything), max(y for _, y in everything), 380, 90)
    for value in y_axis.marks():
        drawing.line(84, y_axis.place(value), 730, y_axis.place(value))
        drawing.text(76, y_axis.place(value) + 4, short(value), size=11, colour=GREY, anchor="end")
    for value in x_axis.marks():
        x = x_axis.place(value)
        drawing.line(x, 380, x, 90)
        label = "%.10g %%" % (100 - 100 / value)
        drawing.text(x, 398, label, size=11, colour=GREY, anchor="middle")
    drawing.text(407, 418, "percentile of all settlements", anchor="middle")
    drawing.text(28, 235, "latency, ms", anchor="middle", turn=-90)
    drawing.line(84, 380, 730, 380, GREY)
    drawing.legend(84, 66, [(name, OTHERS[i % len(OTHERS)], "") for i, name in enumerate(found)])
    for i, points in enumerate(found.values()):
        drawing.path([(x_axis.place(x), y_axis.place(y)) for x, y in points],
                     OTHERS[i % len(OTHERS)])
    return drawing


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main(words):
    if len(words) == 3 and words[0] == "latency":
        draw_latency(read_json(words[1])).save(words[2])
    elif len(words) == 3 and words[0] == "throughput":
        draw_throughput(read_json(words[1])).save(words[2])
    elif len(words) >= 3 and words[0] == "percentiles":
        unit, note, files = "us", "", {}
        rest = iter(words[2:])
        for word in rest:
            if word == "--unit":
                unit = next(rest, "")
            elif word == "--note":
                note = next(rest, "")
            else:
                name, equals, path = word.partition("=")
                if not equals:
                    raise SystemExit("plot: '%s' is not NAME=FILE" % word)
                with open(path, encoding="utf-8") as file:
                    files[name] = file.read()
        per_ms = {"ns": 1e6, "us": 1e3, "ms": 1.0}.get(unit)
        if per_ms is None:
            raise SystemExit("plot: --unit is ns, us or ms")
        draw_percentiles(files, per_ms, note).save(words[1])
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
