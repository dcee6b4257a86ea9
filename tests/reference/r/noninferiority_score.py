"""Exact rejection probabilities of Farrington & Manning's score test of a difference, by recursion over looks.

The script that made noninferiority.csv divides by a cube of 0 where the cubic's v is exactly 0, and counts such
tables as not rejected. This one, which needs nothing but Python, replaces those rows.

usage: noninferiority_score.py noninferiority.csv > corrected.csv
"""
import csv, sys
from math import acos, comb, copysign, cos, pi, sqrt


def z(xc, nc, xe, ne, d):
    th, p1, p2 = nc / ne, xe / ne, xc / nc
    a, b = 1 + th, -(1 + th + p1 + th * p2 + d * (th + 2))
    c, e = d * d + d * (2 * p1 + th + 1) + p1 + th * p2, -p1 * d * (1 + d)
    v = b**3 / (27 * a**3) - b * c / (6 * a * a) + e / (2 * a)
    u = copysign(sqrt(max(b * b / (9 * a * a) - c / (3 * a), 0)), v)
    w = (pi + acos(max(-1, min(1, v / u**3 if u else 0)))) / 3
    q1 = max(max(0, d), min(min(1, 1 + d), 2 * u * cos(w) - b / (3 * a)))
    q2 = q1 - d
    v = q1 * (1 - q1) / ne + q2 * (1 - q2) / nc
    return (p1 - p2 - d) / sqrt(v) if v > 0 else float('nan')


def pmf(n, p):
    return [comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]


def rejections(control, experimental, pc, pe, stops):
    f, a, b, found = [[1.0]], 0, 0, []
    for k, (nc, ne) in enumerate(zip(control, experimental)):
        qc, qe = pmf(nc - a, pc), pmf(ne - b, pe)
        rows = [[0.0] * (b + 1) for _ in range(nc + 1)]
        for x, row in enumerate(f):
            used = [y for y, p in enumerate(row) if p > 1e-20]
            for i, w in enumerate(qc):
                if used and w > 1e-20:
                    to = rows[x + i]
                    for y in range(used[0], used[-1] + 1):
                        to[y] += w * row[y]
        f = []
        for row in rows:
            out = [0.0] * (ne + 1)
            for y, p in enumerate(row):
                if p > 1e-20:
                    for i, w in enumerate(qe):
                        out[y + i] += p * w
            f.append(out)
        stopped = 0.0
        for x, row in enumerate(f):
            for y in stops[k][x]:
                stopped += row[y]
                row[y] = 0.0
        found.append(stopped)
        a, b = nc, ne
    return found


rows = list(csv.reader(open(sys.argv[1])))
designs = {}
for row in rows[1:]:
    designs.setdefault(row[0], {}).setdefault(row[1], row[2])
for name, d in designs.items():
    if d.get('scale') != 'diff':
        continue
    numbers = lambda key: [float(x) for x in d[key].split()]
    nc, ne = [[int(x) for x in numbers('exact_n_' + arm)] for arm in ('control', 'experimental')]
    pc, pe, margin, bounds = float(d['pc']), float(d['pe']), float(d['margin']), numbers('bounds')
    values = {}
    for prefix in ('score_exact_', 'score_mn_exact_'):
        stops = []
        for k, b in enumerate(bounds):
            factor = sqrt((nc[k] + ne[k] - 1) / (nc[k] + ne[k])) if 'mn' in prefix else 1
            of = range(ne[k] + 1)
            stops.append([[y for y in of if factor * z(x, nc[k], y, ne[k], margin) >= b - 1e-11] for x in range(nc[k] + 1)])
        truths = {'power': (pc, pe), 'type1': (pc, pc + margin), 'type1_control+10': (pc + 0.1, pc + 0.1 + margin), 'equal': (pc, pc)}
        for truth, rates in truths.items():
            if prefix + truth in d:
                found = rejections(nc, ne, *rates, stops)
                values[prefix + truth] = '%.15g' % sum(found)
                values[prefix + truth + '_looks'] = ' '.join('%.15g' % p for p in found)
    for row in rows:
        if row[0] == name and row[1] in values and row[4] == 'ref':
            row[2] = values[row[1]]
csv.writer(sys.stdout, lineterminator='\n').writerows(rows)
