from __future__ import annotations

import pytest

from workshop.dataflow import names_of


@pytest.mark.parametrize(
    ("source", "uses", "defines"),
    [
        ("y = x + 1", {"x"}, {"y"}),
        ("x = 1\ny = x", set(), {"x", "y"}),
        ("import torch.nn as nn\nnn.Linear", set(), {"nn"}),
        ("def f(a):\n    b = a\n    return b + g", {"g"}, {"f"}),
        ("def f():\n    global n\n    n = 1", set(), {"f", "n"}),
        ("[i for i in rows if i > low]", {"rows", "low"}, set()),
        ("checks.show(lambda: check(model))", {"checks", "check", "model"}, set()),
        ("class A(B):\n    x = y\n    def m(self):\n        return z", {"B", "y", "z"}, {"A"}),
        ("total += 1", {"total"}, {"total"}),
        ("for row in rows:\n    last = row", {"rows"}, {"row", "last"}),
        ("for row in row:\n    pass", {"row"}, {"row"}),
        ("for a[i], (b, c) in rows:\n    b + d", {"a", "i", "rows", "d"}, {"b", "c"}),
        ("with f() as g, h(g):\n    x = 1\n    y = x", {"f", "h"}, {"g", "x", "y"}),
        ("if a:\n    x = 1\nelse:\n    y = x\nz = x", {"a", "x"}, {"x", "y", "z"}),
        ("for i in n:\n    t = t + i", {"n", "t"}, {"i", "t"}),
        ("while a:\n    a = f(a)", {"a", "f"}, {"a"}),
        ("def f():\n    n = 0\n    n += 1\n    return n", set(), {"f"}),
        ("def f():\n    global n\n    n += 1", {"n"}, {"f", "n"}),
        ("class A:\n    n = 0\n    n += 1", set(), {"A"}),
        ("if a:\n    n += 1", {"a", "n"}, {"n"}),
        ("if a:\n    def f():\n        n = 0\n        n += 1", {"a"}, {"f"}),
    ],
)
def test_names_are_seen_as_the_compiler_sees_them(
    source: str, uses: set[str], defines: set[str]
) -> None:
    names = names_of(source)
    assert names.defines == defines
    assert names.uses == uses
