#!/usr/bin/env python3
"""Prints the table that cron_test reads: EXPRESSION | ZONE | START | NEXT...

Independent of the code it tests: it walks real time minute by minute and asks
what the clock on the wall shows. Run it again only to add cases.
"""
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

NAMES = [{}, {}, {},
         {n: i + 1 for i, n in enumerate("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split())},
         {n: i for i, n in enumerate("SUN MON TUE WED THU FRI SAT".split())}]
BOUNDS = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]


def values(text, at):
    low, high = BOUNDS[at]
    found = set()
    for part in text.split(","):
        body, _, step = part.partition("/")
        if body == "*":
            first, last = low, high
        else:
            a, dash, b = body.partition("-")
            num = lambda x: NAMES[at].get(x.upper()) if x.upper() in NAMES[at] else int(x)
            first = num(a)
            last = num(b) if dash else (high if step else first)
        for v in range(first, last + 1, int(step or 1)):
            found.add(v % 7 if at == 4 else v)
    return found


def matcher(expression):
    fields = expression.split()
    sets = [values(f, i) for i, f in enumerate(fields)]
    star_day, star_week = fields[2][0] == "*", fields[4][0] == "*"

    def fits(wall):
        if wall.minute not in sets[0] or wall.hour not in sets[1] or wall.month not in sets[3]:
            return False
        day, week = wall.day in sets[2], (wall.isoweekday() % 7) in sets[4]
        return (day and week) if star_day or star_week else (day or week)

    return fits, fields[0][0] == "*" or fields[1][0] == "*"


def runs(expression, zone, start, count, days_max):
    fits, by_wall = matcher(expression)
    tz = ZoneInfo(zone)
    minute = timedelta(minutes=1)
    at = start.replace(second=0) + minute
    before = (at - minute).astimezone(tz)
    found = []
    for _ in range(days_max * 1440):
        wall = at.astimezone(tz)
        naive, last = wall.replace(tzinfo=None), before.replace(tzinfo=None)
        if by_wall:
            hit = fits(wall)
        else:
            hit = fits(wall) and not (wall.fold == 1)
            skipped = last + minute
            while skipped < naive:  # the clock has jumped over these
                hit = hit or fits(skipped)
                skipped += minute
        if hit:
            found.append(at)
            if len(found) == count:
                break
        before, at = wall, at + minute
    return found


CASES = [
    ("* * * * *", 1), ("*/15 * * * *", 1), ("0 * * * *", 1), ("30 */2 * * *", 1), ("5,35 9-17 * * MON-FRI", 4),
    ("0 0 * * *", 4), ("30 2 * * *", 4), ("15 1 * * *", 4), ("0 3 * * *", 4), ("59 23 * * *", 4),
    ("0 9 * * 1-5", 8), ("0 9 * * SUN", 16), ("0 9 * * 7", 16), ("0 12 1 * *", 70), ("0 12 15 * FRI", 16),
    ("30 1 29 2 *", 0), ("0 0 31 * *", 130), ("10-50/20 6 * JAN,JUN *", 0), ("0 6 */2 * *", 6), ("20/20 4 * * *", 4),
    ("0 2 * 3,11 SUN", 0), ("45 0 1-7 * MON", 16), ("0 22 * * 5,6", 10), ("1 1 1 1 *", 0), ("30 2 25-31 3,10 *", 0),
]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]
STARTS = ["2024-03-09T23:30", "2024-10-26T21:15", "2025-03-29T22:45", "2025-11-01T03:05"]

for expression, days in CASES:
    for zone in ZONES:
        for start in STARTS:
            begin = datetime.fromisoformat(start).replace(tzinfo=timezone.utc)
            got = runs(expression, zone, begin, 3 if days else 1, days or 740)
            print(f"{expression} | {zone} | {start} | " + " ".join(g.strftime("%Y-%m-%dT%H:%M") for g in got))
