"""A pattern of many alternatives, written so that their common beginnings are looked at once.

``detain|detention|deport`` becomes ``de(?:t(?:ain|ention)|port)``. It finds the same; an engine
that tries every alternative at every place is several times faster with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

PIECE = re.compile(r"\\.|\[(?:\\.|[^\]])*\]|\{\d+(?:,\d*)?\}|.", re.DOTALL)

Tree = dict[str, "Tree"]
"""What may come first → what may follow it; an empty key where an alternative ends."""


def prefix_tree(pattern: str) -> str:
    """``pattern`` without flags, anchors or groups that capture."""
    tree: Tree = {}
    for alternative in _alternatives(pattern):
        node = tree
        for atom in alternative:
            node = node.setdefault(atom, {})
        node[""] = {}
    return _written(tree)


def _alternatives(pattern: str) -> Iterator[list[str]]:
    """Each as letters, classes and groups, with their repetition."""
    atoms: list[str] = []
    depth = 0
    for piece in PIECE.findall(pattern):
        if not depth and piece == "|":
            yield atoms
            atoms = []
        elif depth or (atoms and piece[0] in "*+?{"):
            atoms[-1] += piece
        else:
            atoms.append(piece)
        depth += (piece == "(") - (piece == ")")
    yield atoms


def _written(tree: Tree) -> str:
    ways = [atom + _written(after) if atom else "" for atom, after in tree.items()]
    return ways[0] if len(ways) == 1 else f"(?:{'|'.join(ways)})"
