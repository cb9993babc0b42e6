"""Formulas as MathML, which every browser draws: the pages ask no other machine for anything."""

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx


def inline(translator: nodes.NodeVisitor, node: nodes.math) -> None:
    """Write a formula within a sentence."""
    translator.body.append(tex2mathml(node.astext()))  # type: ignore[attr-defined]
    raise nodes.SkipNode


def displayed(translator: nodes.NodeVisitor, node: nodes.math_block) -> None:
    """Write a formula on a line of its own."""
    written = tex2mathml(node.astext(), as_block=True)
    translator.body.append(f'<div style="text-align: center; margin: 1em 0">{written}</div>')  # type: ignore[attr-defined]
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer with Sphinx."""
    app.add_html_math_renderer("mathml", inline_renderers=(inline, None), block_renderers=(displayed, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
