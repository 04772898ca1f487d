"""figures -- what becomes of many runs: medians with their range, ratios of runs side by side.

A ratio is taken between two runs of the same turn, which stood side by side in time; the median of
those ratios is the figure, not the ratio of the medians: what slows the machine down for a while
slows both runs of a turn.
"""

import csv
import json
import statistics

# name, upper side (target, figure), lower side, what is wanted
RATIOS = (
    ("rate: engine / PostgreSQL", ("engine", "settlements_per_s"),
     ("postgresql", "settlements_per_s"), ">= 10"),
    ("rate: engine / bare", ("engine", "settlements_per_s"), ("bare", "settlements_per_s"),
     ">= 0.6"),
    ("shard CPU: bare / engine", ("bare", "shard_ns"), ("engine", "shard_ns"), ">= 0.3"),
    ("process CPU: bare / engine", ("bare", "process_ns"), ("engine", "process_ns"), ""),
    ("p50: engine / bare", ("engine", "p50_us"), ("bare", "p50_us"), ""),
    ("p99: engine / bare", ("engine", "p99_us"), ("bare", "p99_us"), "<= 2"),
    ("device bytes: engine / bare", ("engine", "device_bytes_each"),
     ("bare", "device_bytes_each"), ""),
)

REACHED = 0.95  # Under that share of what was offered, a rate was not reached.

RUN_FIELDS = ("turn", "target", "settlements_per_s", "p50_us", "p99_us", "p999_us", "records",
              "errors", "shard_ns", "process_ns", "device_bytes_each", "client_cpu_s")


def spread(values):
    """Median, least and greatest; None when there is none."""
    values = [value for value in values if value is not None]
    if not values:
        return None
    return {"median": statistics.median(values), "least": min(values), "greatest": max(values)}


def per_record(result, used, records):
    """A run's row: what the load said, and what the server used for each record."""
    row = {name: result.get(name) for name in RUN_FIELDS if name in result}
    row["records"] = records
    for name, whole in (("shard_ns", "shard_cpu_ns"), ("process_ns", "process_cpu_ns"),
                        ("device_bytes_each", "device_bytes")):
        row[name] = round(used[whole] / records, 1) if records and used[whole] else None
    return row


def value_of(runs, turn, target, figure):
    for run in runs:
        if run["turn"] == turn and run["target"] == target:
            return run.get(figure)
    return None


def ratio(runs, upper, lower):
    """Spread of upper / lower over the turns that have both."""
    pairs = [(value_of(runs, turn, *upper), value_of(runs, turn, *lower))
             for turn in sorted({run["turn"] for run in runs})]
    return spread([above / below for above, below in pairs if above is not None and below])


def holds(wanted, value):
    """Whether a ratio is what is wanted; None when nothing is."""
    if not wanted:
        return None
    sign, bound = wanted.split()
    return value >= float(bound) if sign == ">=" else value <= float(bound)


def ratios(runs):
    rows = []
    for name, upper, lower, wanted in RATIOS:
        found = ratio(runs, upper, lower)
        if found is not None:
            rows.append({"ratio": name, **found, "wanted": wanted,
                         "holds": holds(wanted, found["median"])})
    return rows


def curve_ratios(runs):
    """Engine over bare loop at each rate and form that both reached, by quantile."""
    rows = []
    steps = dict.fromkeys((run["form"], run["offered_per_s"]) for run in runs)
    for form, rate in steps:
        here = [run for run in runs if (run["form"], run["offered_per_s"]) == (form, rate)
                and run["settlements_per_s"] >= REACHED * rate]
        for quantile in ("p50_us", "p99_us", "p999_us"):
            found = ratio(here, ("engine", quantile), ("bare", quantile))
            if found is not None:
                rows.append({"form": form, "offered_per_s": rate, "quantile": quantile[:-3],
                             **found})
    return rows


def medians(runs):
    """target -> figure -> spread."""
    found = {}
    for target in dict.fromkeys(run["target"] for run in runs):
        found[target] = {}
        for figure in RUN_FIELDS[2:]:
            of_target = spread([run.get(figure) for run in runs if run["target"] == target])
            if of_target is not None:
                found[target][figure] = of_target
    return found


def number(value):
    """A number for people: grouped, with as many digits as it deserves."""
    if abs(value) >= 100 or value == int(value):
        return "{:,.0f}".format(value)
    return "{:.2f}".format(value)


def table(head, rows):
    """Lines of a table; the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [head] + rows) for i in range(len(head))]
    return ["  ".join(cell.rjust(width) if i else cell.ljust(width)
                      for i, (cell, width) in enumerate(zip(row, widths))).rstrip()
            for row in [head] + rows]


def spread_text(found):
    if found is None:
        return "-"
    return "%s (%s-%s)" % tuple(number(found[name]) for name in ("median", "least", "greatest"))


def tables(runs):
    """Both tables as lines: figures by target, then ratios."""
    found = medians(runs)
    lines = table([""] + list(found),
                  [[figure] + [spread_text(found[target].get(figure)) for target in found]
                   for figure in RUN_FIELDS[2:]])
    lines += [""]
    answer = {True: "holds", False: "does not hold", None: ""}
    lines += table(["ratio", "median", "least", "greatest", "wanted", ""],
                   [[row["ratio"], *("%.2f" % row[name] for name in ("median", "least",
                                                                      "greatest")),
                     row["wanted"], answer[row["holds"]]] for row in ratios(runs)])
    return lines


def curve_table(runs):
    """Lines: engine over bare loop along the curve."""
    return table(["engine / bare", "offered/s", "quantile", "median", "least", "greatest"],
                 [[row["form"], number(row["offered_per_s"]), row["quantile"],
                   *("%.2f" % row[name] for name in ("median", "least", "greatest"))]
                  for row in curve_ratios(runs)])


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1, ensure_ascii=False)
        file.write("\n")


def write_csv(path, fields, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fields, extrasaction="ignore", restval="")
        writer.writeheader()
        writer.writerows(rows)
