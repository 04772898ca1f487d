#!/usr/bin/env python3
"""Makes tables.c: the constants of the national workload.

The workload itself is integer arithmetic, so that a seed gives the same month on every machine.
What needs logarithms is worked out here, once, and committed:

  amounts  Per class of record a lognormal distribution (sigma, median, cap) as its quantiles at
           i/1024, i = 0..1024, in fen; between two of them the generator goes on straight. The
           ends are set to the 0.0002 quantile and to what gives the last stretch its true mean,
           capped; then all is scaled by one factor, so that the mean of the straight pieces is
           the published mean.
  classes  Per hour of the day the share of each class: inpatients are settled over a flatter day
           than the others, and the day's mean share is what was published.
  flow     Parts per million from insured to treating province, from deploy/workload/flow.csv.

Usage: make_tables.py FLOW_CSV > tables.c
"""
import csv
import math
import sys
from statistics import NormalDist

CELLS = 1024
# name, sigma, median, mean, cap: yuan.
CLASSES = [
    ("inpatient", 1.0, 6210, 10239, 500000),
    ("outpatient", 0.9, 115, 172, 20000),
    ("chronic", 0.7, 329, 420, 20000),
    ("pharmacy", 0.6, 75, 90, 3000),
]
SHARES = [5.14, 57.36, 4.6, 32.9]  # Percent of records.
# Per mille of a day's records per hour; all, and inpatients.
HOURS = [2, 1, 1, 1, 1, 3, 10, 35, 105, 135, 135, 95, 40, 45, 90, 95, 80, 45, 25, 20, 16, 10, 6, 4]
HOURS_IN = [5, 4, 3, 3, 3, 6, 12, 32, 75, 105, 125, 105, 55, 55, 80, 105, 95, 55, 30, 20, 12, 8, 4, 3]


def quantiles(sigma, median, mean, cap):
    normal = NormalDist()
    at = lambda p: median * math.exp(sigma * normal.inv_cdf(p))
    nodes = [at(0.0002)] + [at(i / CELLS) for i in range(1, CELLS)] + [0.0]
    # Mean of the last cell of an untruncated lognormal.
    z = normal.inv_cdf(1 - 1 / CELLS)
    tail = median * math.exp(sigma * sigma / 2) * (1 - normal.cdf(z - sigma)) * CELLS
    nodes[CELLS] = min(2 * tail - nodes[CELLS - 1], cap)
    for _ in range(20):
        middle = sum((a + b) / 2 for a, b in zip(nodes, nodes[1:])) / CELLS
        nodes = [min(x * mean / middle, cap) for x in nodes]
    return [round(x * 100) for x in nodes]


def table(out, name, kind, values, per_line=10):
    out.append("const %s %s = {" % (kind, name))
    for i in range(0, len(values), per_line):
        out.append("    " + ", ".join(str(v) for v in values[i : i + per_line]) + ",")
    out.append("};")


def class_thresholds():
    """Cumulated shares out of 2^32 per hour: inpatient, + outpatient, + chronic."""
    assert sum(HOURS) == 1000 and sum(HOURS_IN) == 1000
    rest = sum(SHARES[1:])
    rows = []
    for all_hour, in_hour in zip(HOURS, HOURS_IN):
        inpatient = SHARES[0] / 100 * in_hour / all_hour
        up = [inpatient]
        for share in SHARES[1:3]:
            up.append(up[-1] + (1 - inpatient) * share / rest)
        rows += [round(x * 2**32) for x in up]
    return rows


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        lines = list(csv.reader(file))
    codes = lines[0][1:]
    assert [line[0] for line in lines[1:]] == codes and len(codes) == 32
    flow = [int(x) for line in lines[1:] for x in line[1:]]
    assert sum(flow) == 1000000 and all(flow[i * 33] == 0 for i in range(32))

    out = ["/* Made by make_tables.py from deploy/workload/flow.csv; how is told there. */",
           '#include "tools/workload/tables.h"', "", "/* clang-format off -- a table is read as a table */"]
    table(out, "workload_flow_ppm[PROVINCE_COUNT * PROVINCE_COUNT]", "uint32_t", flow, 16)
    table(out, "workload_hour_weights[24]", "uint32_t", HOURS, 12)
    table(out, "workload_class_thresholds[24 * 3]", "uint32_t",
          ["%du" % x for x in class_thresholds()], 6)
    values = []
    for name, sigma, median, mean, cap in CLASSES:
        values += quantiles(sigma, median, mean, cap)
    table(out, "workload_amount_quantiles[4 * (WORKLOAD_CELLS + 1)]", "uint32_t", values)
    out.append("/* clang-format on */")
    print("\n".join(out))


main()
