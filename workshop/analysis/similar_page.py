"""Similar submissions side by side, as one page: no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Set

from jinja2 import Environment, StrictUndefined

from workshop.analysis.similar import Cell, Similar

MOST_PAIRS = 200
"""Pairs on a page; more would be too long to read, and to open."""

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Similar submissions: {{ similar.assignment }}</title>
<style>
:root { color-scheme: light dark; --line: #8888; --mark: #ffe08a; --on-mark: #222; }
@media (prefers-color-scheme: dark) { :root { --mark: #6b5200; --on-mark: #fff; } }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 1rem auto; max-width: 90rem; padding: 0 1rem; }
table { border-collapse: collapse; }
th, td { border-bottom: 1px solid var(--line); padding: 0.2rem 0.8rem; text-align: left; }
.scroll { overflow-x: auto; }
.sides { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(28rem, 100%), 1fr)); }
.sides > * { min-width: 0; }
h2 { border-top: 2px solid var(--line); padding-top: 1rem; overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 0.5rem 0; overflow-wrap: anywhere; }
pre { border: 1px solid var(--line); margin: 0 0 1rem; overflow-wrap: anywhere; padding: 0.6rem;
  white-space: pre-wrap; }
mark { background: var(--mark); color: var(--on-mark); }
@media print { pre { break-inside: avoid; } }
</style>
</head>
<body>
<main>
<h1>Similar submissions: {{ similar.assignment }}</h1>
<p>A list to look at, not a verdict. Work can be alike because two learnt together, used the same
source, or because the exercise leaves little choice. Marked is what both have, other names,
comments and layout aside, and only few others in the class. {{ similar.compared }} submissions
were compared. This page is about persons: keep it to those who grade.</p>
{% if not similar.pairs %}<p>No two submissions are nearly the same.</p>{% else %}
{% if similar.pairs|length > most %}<p>The first {{ most }} of {{ similar.pairs|length }} pairs
are shown.</p>{% endif %}
<div class="scroll" tabindex="0" role="region" aria-label="Pairs"><table>
<thead><tr><th scope="col">pair</th><th scope="col">notebook</th>
<th scope="col">share of fingerprints</th><th scope="col">cells</th></tr></thead>
<tbody>
{% for pair in similar.pairs[:most] %}<tr>
<td><a href="#pair-{{ loop.index }}">{{ pair.first.student|shown }}, \
{{ pair.second.student|shown }}</a></td>
<td>{{ pair.first.notebook }}</td>
<td>{{ "%.0f"|format(100 * pair.share) }} % ({{ pair.shared|length }})</td>
<td>{{ pair.cells|map("first")|map(attribute="name")|join(", ")|shown }}</td>
</tr>
{% endfor %}</tbody></table></div>
{% for pair in similar.pairs[:most] %}
<h2 id="pair-{{ loop.index }}">{{ pair.first.student|shown }} and {{ pair.second.student|shown }}:
{{ pair.first.notebook }}, {{ "%.0f"|format(100 * pair.share) }} %</h2>
{% for one, other, count in pair.cells %}<div class="sides">
{% for work, cell in [(pair.first, one), (pair.second, other)] %}<div>
<h3>{{ work.student|shown }}: {{ cell.name|shown }}</h3>
<pre>{% for text, both in cell|passages(pair.shared) %}\
{% if both %}<mark>{{ text|shown }}</mark>{% else %}{{ text|shown }}{% endif %}\
{% endfor %}</pre></div>
{% endfor %}</div>
{% endfor %}{% endfor %}{% endif %}
{% if similar.skipped %}<h2>Not compared</h2>
<ul>{% for each in similar.skipped %}<li>{{ each|shown }}</li>{% endfor %}</ul>{% endif %}
</main>
</body>
</html>
"""


def page(similar: Similar) -> str:
    """The pairs as a page in HTML. Whatever learners wrote is text in it."""
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters |= {"shown": shown, "passages": passages}
    return environment.from_string(_PAGE).render(similar=similar, most=MOST_PAIRS)


def shown(text: str) -> str:
    """A text without characters that steer a terminal, or the direction of writing."""
    return "".join(each if each.isprintable() or each in "\n\t" else "\ufffd" for each in text)


def passages(cell: Cell, shared: Set[int]) -> Iterator[tuple[str, bool]]:
    """The text of a cell in pieces, and whether each is in both cells' fingerprints."""
    end = 0
    for start, stop in _merged(
        (each.start, each.end) for each in cell.fingerprints if each.hash in shared
    ):
        yield cell.source[end:start], False
        yield cell.source[start:stop], True
        end = stop
    yield cell.source[end:], False


def _merged(spans: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans that overlap, as one."""
    begin = end = 0
    for start, stop in sorted(spans):
        if start <= end:
            end = max(end, stop)
        else:
            if end:
                yield begin, end
            begin, end = start, stop
    if end:
        yield begin, end
