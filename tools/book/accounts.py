"""Works out the numbers of docs/explanation/past-one-account.md.

`accounts.py` writes them into the page. `accounts.py --check` changes nothing, and fails if the page has others. A test runs it.

The page has a pair of comments around each part that this program writes. All other text is written by hand. It repeats no number that
this program works out.
"""

import math
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = "docs/explanation/past-one-account.md"
MENDED_BY = "run `make docs`"


def found(file, pattern, what):
    """The number in the first group of `pattern` in a file of the project."""
    match = re.search(pattern, (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    if not match:
        raise SystemExit(f"tools/book/accounts.py: {file} no longer has {what}. Change the pattern in tools/book/accounts.py, and {MENDED_BY}.")
    return float(match[1].replace(",", "").replace("_", ""))


def default(parameter):
    """The default of a parameter of the stack."""
    return found("template.yaml", rf"^  {parameter}:\n    Type: Number\n    Default: (\d+)$", f"the parameter {parameter} with a default")


def functions(vendor):
    """How many functions a vendor has in the stack."""
    match = re.search(rf"^  Fn::ForEach::{vendor}Functions:\n    - Function\n    - \[(.*)\]$", (ROOT / "template.yaml").read_text(encoding="utf-8"), re.MULTILINE)
    if not match:
        raise SystemExit(f"tools/book/accounts.py: template.yaml no longer has the list {vendor}Functions. Change the pattern in tools/book/accounts.py, and {MENDED_BY}.")
    return len(match[1].split(","))


# What the project says. Each number is read where it is kept.

# Seconds that a token lives, if the client wishes no shorter life.
LIFE = default("MaxTokenTtlSeconds")
# A token is renewed between these parts of its life.
EARLIEST, LATEST = (
    found("docs/explanation/renewal.md", pattern, "the span of renew_at for 10 minutes and more") / 100
    for pattern in (r"^\| 10 minutes and more \| between ([\d.]+) %", r"^\| 10 minutes and more \| between [\d.]+ % and ([\d.]+) %"))
# Chat's SDK warns after this part of its token's life, and then the adapters renew it.
CHAT_WARNS = 0.5
# The busiest second of the first renewals, in the simulation of a million clients that came together.
SIMULATED_PEAK = found("docs/explanation/renewal.md", r"^\| most, after the first second \| [\d,]+ \| ([\d,]+) \|$", "the peak with the spread")
# Milliseconds that Lambda bills for an answer.
BILLED = found("docs/explanation/performance.md", r"^\| billed for an answer, ms \| ([\d.]+) \|", "the row `billed for an answer, ms`")
# Dollars for a million tokens in a day.
MILLION = found("docs/explanation/performance.md", r"^\| \*\*a day\*\* \| \*\*([\d.]+)\*\* \|", "the row `a day` of the bill")
# Requests a second, and requests at once, that a route takes.
RATE_LIMIT, BURST_LIMIT = default("RateLimit"), default("BurstLimit")
# Seconds after which an environment reads the vendor's secret, and the issuer's keys, again.
SECRET_TTL = default("CredentialsTtlSeconds")
KEYS_TTL = found("docs/reference/settings.md", r"^\| `JWT_KEYS_TTL_SECONDS` \|.*\| `(\d+)` \|$", "the default of JWT_KEYS_TTL_SECONDS")
# Requests for the issuer's keys each time: its configuration, and the keys (shared/service/src/identity/issuer/fetch.rs).
KEYS_READS = 2
# Seconds that a client waits at most after a failure. The wait is random, so it is half of this on average.
LONGEST_BACKOFF = found("clients/web/src/clock.ts", r"^const LONGEST_BACKOFF = ([\d_]+);$", "LONGEST_BACKOFF") / 1000
# Token functions of a stack with both vendors and no switch set.
FUNCTIONS = functions("Agora") + functions("Zego")

# AWS's default quotas, each for one account in one Region. The links stand under "Sources" in the page, November 2026.

# Requests a second of all APIs together, and requests at once. In some Regions the first is smaller.
GATEWAY, GATEWAY_BURST, GATEWAY_SMALL = 10_000, 5_000, 2_500
# Executions at the same time, and requests a second for each of them.
CONCURRENCY, PER_EXECUTION = 1_000, 10
# New environments of a function in a number of seconds.
NEW_ENVIRONMENTS, IN_SECONDS = 1_000, 10
# Calls of PutLogEvents a second.
LOG_CALLS = 5_000
# Calls of GetSecretValue a second.
SECRET_CALLS = 10_000
# Sign-ins and refreshed tokens a second, in Cognito's category UserAuthentication.
COGNITO = 120

# What nobody has measured here.

# Seconds until a new environment has answered. Our own part is about a tenth. The rest is Lambda's, and an estimate.
START = 0.2
# The part of a quota that a plan uses. The rest is for retries and for traffic that is not spread evenly.
PLANNED = 0.7

CLIENTS = {"1 million": 1_000_000, "100 million": 100_000_000}
# The clients of an event come in this many seconds.
EVENT = 600
REGIONS = 4


def busiest(mean, seconds):
    """The requests in the busiest of this many seconds, if requests come independently of each other: the median of that peak.

    Requests in a second are then a Poisson variable. It is the smallest number that no second exceeds with a chance of one half.
    """
    within = 0.5 ** (1 / seconds)
    # From here up, in logarithms, because the first terms are too small for a float. What is left out is below 1e-15.
    number = max(0, math.floor(mean - 9 * math.sqrt(mean)))
    total = 0.0
    while True:
        total += math.exp(number * math.log(mean) - mean - math.lgamma(number + 1))
        if total >= within:
            return number
        number += 1


# Seconds between two renewals, on average, and the number of seconds over which renewals are spread.
INTERVAL = LIFE * (EARLIEST + LATEST) / 2
SPREAD = round(LIFE * (LATEST - EARLIEST)) + 1


def settled(clients):
    """Requests a second, on average, after the clients came at random moments."""
    return clients / INTERVAL


def settled_peak(clients):
    return busiest(settled(clients), 3600)


def together(clients):
    """Requests a second, on average, while clients that came in the same second renew for the first time."""
    return clients / SPREAD


def together_peak(clients):
    return busiest(together(clients), SPREAD)


CASES = [(size, name, peak(clients)) for size, clients in CLIENTS.items()
         for name, peak in (("settled", settled_peak), ("came together", together_peak))]
if abs(together_peak(1_000_000) / SIMULATED_PEAK - 1) > 0.02:
    raise SystemExit(f"tools/book/accounts.py works out {together_peak(1_000_000):,} requests in the busiest second, "
                     f"and docs/explanation/renewal.md has {SIMULATED_PEAK:,.0f} from the simulation. One of them is wrong: "
                     "run `make bench-renewals`, and compare.")


def environments(rate):
    """The most environments that there can be: as many as the quota allows. The quota must allow one for ten requests a second."""
    return max(CONCURRENCY, rate / PER_EXECUTION)


# Each limit with its default, its unit, and what a rate of requests uses of it.
LIMITS = [
    ("`RateLimit` of the route", RATE_LIMIT, "requests a second", lambda rate: rate),
    ("Cognito, if its pool signs users in", COGNITO, "sign-ins and refreshes a second", lambda rate: rate),
    ("CloudWatch Logs, `PutLogEvents`", LOG_CALLS, "calls a second", lambda rate: rate),
    ("API Gateway", GATEWAY, "requests a second", lambda rate: rate),
    ("Lambda, requests", CONCURRENCY * PER_EXECUTION, "requests a second", lambda rate: rate),
    ("Lambda, new environments of a function", NEW_ENVIRONMENTS, f"in {IN_SECONDS} seconds", lambda rate: rate * START),
    ("Lambda, executions at the same time", CONCURRENCY, "executions", lambda rate: rate * BILLED / 1000),
    ("Secrets Manager, `GetSecretValue`", SECRET_CALLS, "calls a second", lambda rate: environments(rate) / SECRET_TTL),
]
LIMITS.sort(key=lambda limit: -limit[3](CASES[0][2]) / limit[1])


def rounded(value):
    """A number for people: no digits that nobody needs."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"


def percent(part):
    return f"{rounded(100 * part)} %"


def times(part):
    """How many times a default quota is needed. Bold if it is too small."""
    if part > 1:
        return f"**{part:,.0f}**" if part >= 10 else f"**{part:.1f}**"
    return f"{part:.4f}" if part < 0.001 else f"{part:.3f}" if part < 0.1 else f"{part:.2f}"


def duration(seconds):
    if seconds < 120:
        return f"{rounded(seconds)} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.0f} hours" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def dollars(value):
    return f"${value:,.0f}" if value >= 20 else f"${value:.2f}"


def table(head, rows, numbers=True):
    """The columns after the first are numbers, or texts."""
    yield "| " + " | ".join(head) + " |"
    yield "|---|" + ("--:|" if numbers else "---|") * (len(head) - 1)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def by_size(work):
    return [work(clients) for clients in CLIENTS.values()]


def accounts(rate, quota=GATEWAY):
    """How many pairs of account and Region a rate of requests needs."""
    return math.ceil(rate / (PLANNED * quota))


def pairs(rate):
    needed = accounts(rate)
    return "one account in one Region" if needed == 1 else f"{needed} pairs of account and Region"


def short():
    million, hundred = CLIENTS.values()
    yield f"* **1 million clients** are {settled(million):,.0f} requests a second on average, and {together_peak(million):,} in the busiest second after an outage."
    yield f"  With AWS's default quotas they need {pairs(together_peak(million))}. Raise `RateLimit` and `BurstLimit`, because the stack's default is {RATE_LIMIT:,.0f} a second."
    yield f"* **100 million clients** are {settled(hundred):,.0f} on average, and {together_peak(hundred):,} after an outage. With default quotas they need"
    yield f"  {pairs(settled_peak(hundred))} in quiet hours, and {pairs(together_peak(hundred))} after an outage. So ask for higher quotas, in several Regions."
    yield f"* **What breaks first**: {LIMITS[0][0]}, then {LIMITS[1][0]}. What breaks last: {LIMITS[-1][0]}."


def requests():
    row = lambda name, work: [name, *(f"{value:,.0f}" for value in by_size(work))]
    yield from table(["requests a second", *CLIENTS], [
        row("settled: on average", settled),
        row("settled: busiest second of an hour", settled_peak),
        row(f"came in {EVENT // 60} minutes: first tokens", lambda clients: clients / EVENT),
        row(f"came in {EVENT // 60} minutes: first renewals", lambda clients: clients / max(EVENT, SPREAD)),
        row("came together: the first tokens, if all of them got through", lambda clients: clients),
        row("came together: first renewals, on average", together),
        row("came together: first renewals, busiest second", together_peak),
        row("Chat, settled: on average", lambda clients: clients / (LIFE * CHAT_WARNS)),
        row(f"Chat, came in {EVENT // 60} minutes: each renewal", lambda clients: clients / EVENT),
        row("Chat, came together: each renewal", lambda clients: clients),
    ])


def limits():
    yield from table(["limit", "default", *(f"{size}, {name}" for size, name, _ in CASES)],
                     [[name, f"{quota:,.0f} {unit}", *(times(used(rate) / quota) for _, _, rate in CASES)] for name, quota, unit, used in LIMITS])


def plan():
    row = lambda name, work: [name, *(f"{work(rate):,.0f}" for _, _, rate in CASES)]
    asked = lambda rate: rate / PLANNED
    yield from table(["", *(f"{size}, {name}" for size, name, _ in CASES)], [
        row("requests in the busiest second", lambda rate: rate),
        row("pairs of account and Region, with default quotas", accounts),
        row(f"the same, where API Gateway's default is {GATEWAY_SMALL:,}", lambda rate: accounts(rate, GATEWAY_SMALL)),
        row("in one Region: API Gateway's quota", lambda rate: max(GATEWAY, math.ceil(asked(rate)))),
        row("in one Region: Lambda's quota of executions", lambda rate: max(CONCURRENCY, math.ceil(asked(rate) / PER_EXECUTION))),
        row(f"in each of {REGIONS} Regions: API Gateway's quota", lambda rate: max(GATEWAY, math.ceil(asked(rate) / REGIONS))),
        row(f"in each of {REGIONS} Regions: Lambda's quota of executions", lambda rate: max(CONCURRENCY, math.ceil(asked(rate) / REGIONS / PER_EXECUTION))),
        row(f"in each of {REGIONS} Regions: `RateLimit`", lambda rate: math.ceil(asked(rate) / REGIONS)),
    ])


def crowd():
    fronts = [
        ("the stack's own `RateLimit` and `BurstLimit`", RATE_LIMIT, BURST_LIMIT),
        ("one account in one Region, default quotas", GATEWAY, GATEWAY_BURST),
        (f"{REGIONS} Regions, default quotas", REGIONS * GATEWAY, REGIONS * GATEWAY_BURST),
    ]
    many = accounts(together_peak(max(CLIENTS.values())))
    fronts.append((f"{many} pairs of account and Region, default quotas", many * GATEWAY, many * GATEWAY_BURST))
    yield from table(["until the last client has its first token, at the earliest", *CLIENTS],
                     [[name, *by_size(lambda clients: duration(max(1, (clients - burst) / rate)))] for name, rate, burst in fronts])


def reads():
    counts = [100, CONCURRENCY, math.ceil(environments(CASES[-1][2]) / 1000) * 1000]
    yield from table(["environments", "calls of Secrets Manager a second", "reads at the issuer a second, with a verifier of ours"],
                     [[f"{count:,}", rounded(count / SECRET_TTL), rounded(KEYS_READS * count / KEYS_TTL)] for count in counts])


def starts():
    per_second = NEW_ENVIRONMENTS / IN_SECONDS
    yield f"A function gets at most {NEW_ENVIRONMENTS:,} new environments in {IN_SECONDS} seconds. While all {FUNCTIONS} functions grow as fast as that, they make {FUNCTIONS * per_second:,.0f} calls of"
    yield f"Secrets Manager a second: {percent(FUNCTIONS * per_second / SECRET_CALLS)} of the quota. To use up the quota with refreshes alone, you would need {SECRET_CALLS * SECRET_TTL:,.0f} environments."


def waiting():
    million = CLIENTS["1 million"]
    yield f"After some failures, a client waits {LONGEST_BACKOFF / 2:.0f} seconds on average, {LONGEST_BACKOFF:.0f} at most. So a million waiting clients send about {million / (LONGEST_BACKOFF / 2):,.0f} requests a second, and"
    yield "API Gateway turns most of them away. The tokens come as fast as the quota allows."


def provisioned():
    needed = math.ceil(together_peak(CLIENTS["1 million"]) / PLANNED / PER_EXECUTION)
    yield f"For a million clients that came together, `ProvisionedPeak={needed}` is enough for each function. The stack gives that many to each"
    yield f"of its {FUNCTIONS} functions: {FUNCTIONS * needed:,} executions, so the account's quota of {CONCURRENCY:,} must be raised first."


def money():
    row = lambda name, work: [name, *by_size(work)]
    day = lambda clients: settled(clients) * 86_400
    cost = lambda tokens: dollars(tokens / 1e6 * MILLION)
    yield from table(["", *CLIENTS], [
        row("tokens in an hour", lambda clients: f"{settled(clients) * 3600 / 1e6:,.1f} million"),
        row(f"an hour, at ${MILLION:.2f} a million", lambda clients: cost(settled(clients) * 3600)),
        row("a day, if all of them stay for 24 hours", lambda clients: cost(day(clients))),
        row("a month of 30 such days", lambda clients: cost(30 * day(clients))),
    ])


def inputs():
    yield from table(["number", "value", "where it comes from"], [
        ["life of a token", f"{LIFE:,.0f} s", "`MaxTokenTtlSeconds` in `template.yaml`"],
        ["a client renews after", f"{percent(EARLIEST)} to {percent(LATEST)} of it", "[Renewal](renewal.md)"],
        ["a Chat client renews after", f"{percent(CHAT_WARNS)} of it", "[Clients](../reference/clients.md#when-sdks-warn)"],
        ["time of an answer", f"{BILLED} ms", "[Performance](performance.md#what-a-million-tokens-a-day-cost)"],
        ["time of a start", f"{START * 1000:.0f} ms", "an estimate: [our part](performance.md#cold-start) is measured, Lambda's is not"],
        ["a million tokens in a day", f"${MILLION:.2f}", "[Performance](performance.md#what-a-million-tokens-a-day-cost)"],
        ["an environment reads the secret every", f"{SECRET_TTL:,.0f} s", "`CredentialsTtlSeconds` in `template.yaml`"],
        ["an environment reads the issuer's keys every", f"{KEYS_TTL:,.0f} s", "`JWT_KEYS_TTL_SECONDS` in [Settings](../reference/settings.md)"],
        ["part of a quota that a plan uses", percent(PLANNED), "a choice: the rest is for retries and uneven traffic"],
    ], numbers=False)


PARTS = {part.__name__: part for part in (short, requests, limits, plan, crowd, waiting, reads, starts, provisioned, money, inputs)}


def renewed(page):
    """The page with what this program works out now."""
    used = re.findall(r"^<!-- computed: (\w+) -->$", page, re.MULTILINE)
    if sorted(used) != sorted(PARTS):
        raise SystemExit(f"{PAGE} must have each of these parts once: {', '.join(PARTS)}. It has: {', '.join(used)}.")
    for name, part in PARTS.items():
        # No other part may begin before the end of this one.
        page, changed = re.subn(rf"(<!-- computed: {name} -->\n)(?:(?!<!-- computed).)*?(<!-- end -->)",
                                lambda match: match[1] + "\n" + "\n".join(part()) + "\n\n" + match[2], page, flags=re.DOTALL)
        if changed != 1:
            raise SystemExit(f"{PAGE}: the part {name} needs the comment `<!-- end -->` after it.")
    return page


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        raise SystemExit("usage: accounts.py [--check]")
    path = ROOT / PAGE
    page = path.read_text(encoding="utf-8")
    text = renewed(page)
    if sys.argv[1:]:
        if text != page:
            here, there = next(pair for pair in zip(page.splitlines() + [""], text.splitlines() + [""]) if pair[0] != pair[1])
            raise SystemExit(f"{PAGE} is old: {MENDED_BY}.\nThe page has: {here}\nNow it is:   {there}")
    elif text != page:
        path.write_text(text, encoding="utf-8")


main()
